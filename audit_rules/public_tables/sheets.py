"""Published tables as they come: notices first, a header of several lines, then rows of text."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import polars as pl

from audit_rules.errors import PolicyRefused

_HEADER_WITHIN = 60
_DAY = {"iso": "%Y-%m-%d", "plain": "%Y%m%d"}


class Sheet(NamedTuple):
    """A file, or a member of an archive.

    cells   `row` (the number of the record, as a spreadsheet shows it) and text columns.
    """

    name: str
    cells: pl.DataFrame


class Table(NamedTuple):
    """The rows below the header of a sheet: `row`, and the wanted columns as trimmed text, null if
    empty."""

    name: str
    rows: pl.DataFrame

    def refuse(self, bad: pl.Expr, what: str, remedy: str) -> None:
        """Raise PolicyRefused for the first row for which `bad` is true."""
        found = self.rows.filter(bad.fill_null(False))["row"]
        if found.len():
            raise PolicyRefused(f"{self.name}: row {found[0]}: {what}. {remedy}")


def tables_in(
    sheets: Iterable[Sheet], columns: Mapping[str, str], optional: Mapping[str, str] | None = None
) -> Iterator[Table]:
    """The sheets that have such a table.

    columns    name -> regular expression of the whole header cell in lower case, on one line.
    optional   the same, of columns that may be missing: null then.
    """
    for sheet in sheets:
        found = _table(sheet, columns, optional or {})
        if found is not None:
            yield found


def _table(sheet: Sheet, columns: Mapping[str, str], optional: Mapping[str, str]) -> Table | None:
    texts = sheet.cells.drop("row")
    for number, cells in enumerate(texts.head(_HEADER_WITHIN).iter_rows()):
        header = [" ".join((cell or "").lower().split()) for cell in cells]
        places = {name: _place(header, pattern) for name, pattern in columns.items()}
        if None in places.values():
            continue
        more = {name: _place(header, pattern) for name, pattern in optional.items()}
        below = sheet.cells.slice(number + 1)
        made = [
            _trimmed(texts.columns[place]).alias(name) if place is not None else _none(name)
            for name, place in (places | more).items()
        ]
        return Table(sheet.name, below.select("row", *made))
    return None


def _place(header: Sequence[str], pattern: str) -> int | None:
    return next((i for i, cell in enumerate(header) if re.fullmatch(pattern, cell)), None)


def _trimmed(column: str) -> pl.Expr:
    text = pl.col(column).str.replace_all(r"\s+", " ").str.strip_chars()
    return pl.when(text != "").then(text)


def _none(name: str) -> pl.Expr:
    return pl.lit(None, dtype=pl.String).alias(name)


def plain_day(column: str) -> pl.Expr:
    """A date written 20240701 or 2024-07-01, with or without a time; null if it is neither."""
    text = pl.col(column).str.head(10)
    return pl.coalesce(
        text.str.to_date(_DAY["plain"], strict=False, exact=True),
        text.str.to_date(_DAY["iso"], strict=False, exact=True),
        pl.col(column)
        .str.extract(r"^(\d{1,2}/\d{1,2}/\d{4})")
        .str.to_date("%m/%d/%Y", strict=False),
    )


def iso(day: pl.Expr) -> pl.Expr:
    """A date as text, YYYY-MM-DD."""
    return day.dt.to_string(_DAY["iso"])

"""A sheet with one table: a frozen header that filters, and above it totals by formula."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

import polars as pl
from xlsxwriter.utility import xl_col_to_name
from xlsxwriter.worksheet import Worksheet

from flows.reports.workpaper.cells import Formula, Sheet, SheetColumn, Spreadsheet, is_exact
from flows.reports.workpaper.disposition import DISPOSITIONS, NEED_REASON
from schemas.describe import meaning
from schemas.outcomes import EXCEPTIONS

_HEADER_HEIGHT = 30
TOTAL_ROWS = 2
_COUNTED, _ADDED = 103, 109  # SUBTOTAL of cells that are filled, and their sum, in rows shown


class Table(NamedTuple):
    """A table on a sheet.

    name      of the sheet.
    meant     the result table that says what its columns mean.
    notes     column -> what it means, if no result table has it.
    counted   a column that every row fills: it counts the rows, above the header; empty: no totals.
    summed    columns whose totals stand above the header.
    frozen    how many columns stay in view.
    printed   how many columns are printed; None: all.
    """

    name: str
    columns: tuple[SheetColumn, ...]
    meant: str
    notes: dict[str, str]
    counted: str = ""
    summed: tuple[str, ...] = ()
    frozen: int = 1
    printed: int | None = None

    @property
    def header_row(self) -> int:
        """The row of the header, from 0."""
        return TOTAL_ROWS if self.counted else 0

    def place(self, column: str) -> int:
        """The number of a column, from 0."""
        return [c.name for c in self.columns].index(column)

    def letter(self, column: str) -> str:
        """The letter of a column."""
        letter: str = xl_col_to_name(self.place(column))
        return letter

    def cells(self, column: str, rows: int, sheet: bool = True) -> str:
        """The cells of a column below the header, as a formula names them."""
        letter, first = self.letter(column), self.header_row + 2
        name = f"{self.name}!" if sheet else ""
        return f"{name}${letter}${first}:${letter}${max(rows, 1) + first - 1}"


class Written(NamedTuple):
    """A table that was written: its sheet, and its last row, from 0."""

    sheet: Sheet
    last: int

    @property
    def worksheet(self) -> Worksheet:
        """The sheet itself."""
        return self.sheet.worksheet


def write_table(
    spreadsheet: Spreadsheet, table: Table, rows: pl.DataFrame, hidden: pl.Series | None = None
) -> Written:
    """Write a table with totals above its header; outcomes get their colours.

    rows     as many as the sheet holds.
    hidden   whether each row is hidden, by a filter that the caller adds.
    """
    columns = table.columns
    sheet = spreadsheet.add_sheet(table.name, [c.wide_enough for c in columns])
    shown = rows.select(c.name for c in columns)
    if table.counted:
        _write_totals(sheet, table, shown)
    sheet.write_row(
        [c.title or c.name for c in columns], [c.header for c in columns], _HEADER_HEIGHT
    )
    for i, column in enumerate(columns):
        note = table.notes.get(column.name) or _meaning(table.meant, column.name)
        sheet.worksheet.write_comment(table.header_row, i, note, {"x_scale": 2})
    styles = [c.style for c in columns]
    colours = [i for i, c in enumerate(columns) if c.name == "outcome"]
    hides = [False] * shown.height if hidden is None else hidden.to_list()
    for values, is_hidden in zip(shown.iter_rows(), hides, strict=True):
        for i in colours:
            styles[i] = values[i] if values[i] in EXCEPTIONS else "text"
        sheet.write_row(values, styles, hidden=is_hidden)
    last = table.header_row + max(shown.height, 1)
    sheet.worksheet.autofilter(table.header_row, 0, last, len(columns) - 1)
    sheet.worksheet.freeze_panes(table.header_row + 1, table.frozen)
    sheet.worksheet.repeat_rows(0, table.header_row)
    if table.printed:
        sheet.worksheet.print_area(0, 0, last, table.printed - 1)
    return Written(sheet, last)


def _write_totals(sheet: Sheet, table: Table, rows: pl.DataFrame) -> None:
    """Write two rows: totals of all rows, and of those that the filters show."""
    counted = table.cells(table.counted, rows.height, sheet=False)
    for label, count, add in (
        ("all rows", "ROWS(", "SUM("),
        ("rows shown", f"SUBTOTAL({_COUNTED},", f"SUBTOTAL({_ADDED},"),
    ):
        number = Formula(f"={count}{counted})", rows.height) if rows.height else 0
        values: list[object] = [label, number, *[None] * (len(table.columns) - 2)]
        styles = ["total", "total_count", *["total"] * (len(values) - 2)]
        for name in table.summed:
            place, cells = table.place(name), table.cells(name, rows.height, sheet=False)
            values[place] = total(rows[name], f"={add}{cells})")
            is_money = "money" in table.columns[place].style
            styles[place] = "total_money" if is_money else "total_count"
        sheet.write_row(values, styles)


def total(values: pl.Series, formula: str) -> object:
    """A formula and its result; the sum itself if Excel cannot add these values up exactly."""
    numbers = [value for value in values.to_list() if isinstance(value, Decimal | int | float)]
    known = [Decimal(str(value)) for value in numbers]
    result = sum(known, Decimal(0))
    if all(is_exact(value) for value in [*known, result]):
        return Formula(formula, result)
    return result


def _meaning(table: str, column: str) -> str:
    """What a column of the results means, for the note on its header."""
    means = meaning(table, column)
    return f"{means.description} ({means.unit})." if means.unit else f"{means.description}."


def add_dispositions(written: Written, table: Table, disposition: str, reason: str) -> None:
    """Add the list of dispositions, and mark a disposition whose reason is missing."""
    sheet, first, last = written.worksheet, table.header_row + 1, written.last
    place = table.place(disposition)
    choice = {
        "validate": "list",
        "source": list(DISPOSITIONS),
        "error_title": "Not in the list",
        "error_message": f"Choose {', '.join(DISPOSITIONS)}, or leave the cell empty.",
    }
    sheet.data_validation(first, place, last, place, choice)
    cell, reason_cell = table.letter(disposition), table.letter(reason)
    needs_one = ",".join(f'${cell}{first + 1}="{name}"' for name in NEED_REASON)
    mark(
        written,
        table,
        reason,
        f'=AND(OR({needs_one}),TRIM(${reason_cell}{first + 1})="")',
    )


def mark(written: Written, table: Table, column: str, when: str) -> None:
    """Mark the cells of a column for which a formula about the first row is true."""
    place = table.place(column)
    rule = {
        "type": "formula",
        "criteria": when,
        "format": written.sheet.spreadsheet.style("missing"),
    }
    area: Sequence[int] = (table.header_row + 1, place, written.last, place)
    written.worksheet.conditional_format(*area, rule)

"""The cells of a work-paper that somebody saved, whichever spreadsheet program did."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import fastexcel
import polars as pl

from audit_rules.given_files import read_file
from flows.ledger.decision_file import read_csv

SPREADSHEETS = (".xlsx", ".xlsm", ".xlsb", ".ods")
_MOST_ABOVE = 20  # rows in which the header is looked for


class Unread(NamedTuple):
    """A column that the program does not know, and the first row in which it says something."""

    name: str
    row: int

    @property
    def called(self) -> str:
        """How a message names it."""
        return self.name or "which has no name"


class SavedTable(NamedTuple):
    """The table of a sheet: number of each row -> name of each known column -> trimmed text."""

    rows: dict[int, dict[str, str]]
    unread: tuple[Unread, ...]


class Workbook:
    """A spreadsheet file that is open to be read."""

    def __init__(self, file: Path) -> None:
        """Open a file. Raises OSError and fastexcel.FastExcelError."""
        self._reader = fastexcel.read_excel(read_file(file))

    def has(self, sheet: str) -> bool:
        """Whether there is a sheet of this name."""
        return sheet in self._reader.sheet_names

    def table(self, sheet: str, known: Sequence[str], needed: Sequence[str]) -> SavedTable | None:
        """The table of a sheet whose header has the columns needed; None if there is no such.

        known   the columns that the program writes, of whose names case does not matter.
        """
        loaded = self._reader.load_sheet(sheet, header_row=None, skip_rows=0, dtypes="string")
        frame = loaded.to_polars()
        texts = frame.select(pl.all().cast(pl.String).str.strip_chars().fill_null(""))
        rows = list(texts.iter_rows())
        for place, row in enumerate(rows[:_MOST_ABOVE]):
            names = [name.lower() if name.lower() in known else name for name in row]
            if set(needed) <= set(names):
                below = dict(enumerate(rows[place + 1 :], place + 2))
                return _saved(names, below, known)
        return None


def csv_table(file: Path, known: Sequence[str], needed: Sequence[str]) -> SavedTable:
    """The table of a sheet that was saved as CSV. Raises UsageError if it is none."""
    table = read_csv(file, *needed)
    return _saved(list(table.names), table.rows, known)


def _saved(names: list[str], rows: dict[int, tuple[str, ...]], known: Sequence[str]) -> SavedTable:
    """Rows by the names of their columns; of two columns of one name the second is unread."""
    ours = {name: place for place, name in reversed(list(enumerate(names))) if name in known}
    width = max((len(row) for row in rows.values()), default=0)
    unread = []
    for place in set(range(width)) - set(ours.values()):
        filled = (n for n, row in rows.items() if place < len(row) and row[place])
        first = next(filled, None)
        if first is not None:
            unread.append(Unread(names[place] if place < len(names) else "", first))
    return SavedTable(
        {
            n: {name: row[i] if i < len(row) else "" for name, i in ours.items()}
            for n, row in rows.items()
        },
        tuple(unread),
    )

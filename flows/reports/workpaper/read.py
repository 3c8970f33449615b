"""Read the dispositions of a work-paper back, from whichever spreadsheet program saved it."""

from pathlib import Path
from typing import NamedTuple

import fastexcel
import polars as pl

from flows.errors import UsageError
from flows.ledger.changes import Decision
from flows.reports.workpaper.disposition import (
    DISMISS,
    DISPOSITION,
    EXCEPTION_ID,
    LINES,
    REASON,
    WORDS,
)

SPREADSHEETS = (".xlsx", ".xlsm", ".xlsb", ".ods")
_FIRST_ROW = 2  # of the sheet: the first below the header


class Disposition(NamedTuple):
    """One row of a work-paper that says something; `row` is its number in the spreadsheet."""

    row: int
    exception_id: str
    word: str
    reason: str | None


def read_dispositions(file: Path) -> list[Disposition]:
    """Every row with a disposition. Raises UsageError with the number of a row that does not hold, never with its content."""
    found = []
    for row, (exception_id, word, reason) in enumerate(_rows(file).iter_rows(), _FIRST_ROW):
        if word is None:
            continue
        said = Disposition(row, exception_id or "", " ".join(word.lower().split()), reason)
        if said.word not in WORDS:
            raise UsageError(
                f"{file.name}, row {row}: no disposition that is known. Choose {', '.join(WORDS)}, or leave the cell blank."
            )
        if not said.exception_id:
            raise UsageError(
                f"{file.name}, row {row}: a disposition without an exception_id. Take the row from the work-paper again."
            )
        found.append(said)
    _hold_together(file, found)
    return found


def _rows(file: Path) -> pl.DataFrame:
    """The three columns that count, as trimmed text; null where blank."""
    try:
        sheet = fastexcel.read_excel(file).load_sheet(LINES, dtypes="string")
        columns = sheet.to_polars().select(EXCEPTION_ID, DISPOSITION, REASON)
    except (fastexcel.FastExcelError, OSError, pl.exceptions.ColumnNotFoundError):
        raise UsageError(
            f"{file.name} is no work-paper: it needs a sheet {LINES} with {EXCEPTION_ID}, {DISPOSITION} and {REASON} in its "
            "first row. Give exceptions.xlsx of a run, as saved."
        ) from None
    trimmed = pl.all().cast(pl.String).str.strip_chars()
    return columns.select(trimmed).select(pl.when(pl.all() != "").then(pl.all()))


def _hold_together(file: Path, found: list[Disposition]) -> None:
    """Raises UsageError where an exception stands in two rows that say different things."""
    said: dict[str, Disposition] = {}
    for each in found:
        first = said.setdefault(each.exception_id, each)
        if (first.word, first.reason) != (each.word, each.reason):
            raise UsageError(
                f"{file.name}, rows {first.row} and {each.row}: one exception, two dispositions. Leave one."
            )


def dismissals(file: Path, reason: str | None) -> list[Decision]:
    """The rows that say `dismiss`, as decisions; `reason` stands in where a row has none.

    Raises UsageError where there is no such row, where one has no reason, and as `read_dispositions` does.
    """
    found = [each for each in read_dispositions(file) if each.word == DISMISS]
    if not found:
        raise UsageError(
            f"{file.name}: no row says {DISMISS}. Choose it in the column {DISPOSITION} of the sheet {LINES}, and save."
        )
    for each in found:
        if not (each.reason or reason):
            raise UsageError(
                f"{file.name}, row {each.row}: {DISMISS} without a reason. Write one into {REASON}, or give --reason."
            )
    return [Decision(each.exception_id, each.reason or reason) for each in found]

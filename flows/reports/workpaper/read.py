"""Read the dispositions back from a work-paper, whichever spreadsheet program saved it."""

from pathlib import Path
from typing import NamedTuple

import fastexcel
import polars as pl

from audit_rules.given_files import read_file
from flows.errors import UsageError
from flows.ledger.decisions import Decision, read_csv
from flows.reports.workpaper.disposition import (
    DISMISS,
    DISPOSITION,
    DISPOSITIONS,
    EXCEPTION_ID,
    LINES,
    REASON,
)

SPREADSHEETS = (".xlsx", ".xlsm", ".xlsb", ".ods")
_FIRST_ROW = 2  # of the sheet: the first below the header


class RowDisposition(NamedTuple):
    """A row of a work-paper with a disposition; `row` is its number in the spreadsheet."""

    row: int
    exception_id: str
    disposition: str
    reason: str | None


def read_dispositions(file: Path) -> list[RowDisposition]:
    """Read every row with a disposition.

    Raises UsageError with the number of a row that is wrong, never with its content.
    """
    found = []
    for row, (exception_id, text, reason) in enumerate(_rows(file).iter_rows(), _FIRST_ROW):
        if text is None:
            continue
        disposition = " ".join(text.lower().split())
        if disposition not in DISPOSITIONS:
            raise UsageError(
                f"{file.name}, row {row}: unknown disposition. "
                f"Choose {', '.join(DISPOSITIONS)}, or leave the cell empty."
            )
        if not exception_id:
            raise UsageError(
                f"{file.name}, row {row}: a disposition without an exception_id. "
                "Copy the row from the work-paper again."
            )
        found.append(RowDisposition(row, exception_id, disposition, reason))
    _refuse_contradictions(file, found)
    return found


def is_workpaper(file: Path) -> bool:
    """Whether a file is a work-paper: a spreadsheet, or its sheet of lines saved as CSV.

    Raises UsageError if it is neither a spreadsheet nor CSV.
    """
    if file.suffix.lower() in SPREADSHEETS:
        return True
    rows = read_csv(file)
    return bool(rows) and DISPOSITION in rows[0]


def _rows(file: Path) -> pl.DataFrame:
    """The columns exception_id, disposition and reason as trimmed text; null if empty."""
    if file.suffix.lower() not in SPREADSHEETS:
        names = (EXCEPTION_ID, DISPOSITION, REASON)
        texts = [[row.get(name) or None for name in names] for row in read_csv(file)]
        return pl.DataFrame(texts, schema=dict.fromkeys(names, pl.String), orient="row")
    try:
        sheet = fastexcel.read_excel(read_file(file)).load_sheet(LINES, dtypes="string")
        columns = sheet.to_polars().select(EXCEPTION_ID, DISPOSITION, REASON)
    except (fastexcel.FastExcelError, OSError, pl.exceptions.ColumnNotFoundError):
        raise UsageError(
            f"{file.name} is not a work-paper: it needs a sheet {LINES} with {EXCEPTION_ID}, "
            f"{DISPOSITION} and {REASON} in its first row. Give exceptions.xlsx of a run, as saved."
        ) from None
    trimmed = pl.all().cast(pl.String).str.strip_chars()
    return columns.select(trimmed).select(pl.when(pl.all() != "").then(pl.all()))


def _refuse_contradictions(file: Path, found: list[RowDisposition]) -> None:
    """Raise UsageError if two rows of one exception say different things."""
    firsts: dict[str, RowDisposition] = {}
    for each in found:
        first = firsts.setdefault(each.exception_id, each)
        if (first.disposition, first.reason) != (each.disposition, each.reason):
            raise UsageError(
                f"{file.name}, rows {first.row} and {each.row}: "
                "two dispositions for one exception. Keep one of them."
            )


def dismissals(file: Path, reason: str | None) -> list[Decision]:
    """Read the rows with `dismiss` as decisions; `reason` is for rows that have none.

    Raises UsageError if there is no such row or one has no reason, and as read_dispositions does.
    """
    found = [each for each in read_dispositions(file) if each.disposition == DISMISS]
    if not found:
        raise UsageError(
            f"{file.name}: no row has the disposition {DISMISS}. "
            f"Choose it in the column {DISPOSITION} of the sheet {LINES}, and save."
        )
    for each in found:
        if not (each.reason or reason):
            raise UsageError(
                f"{file.name}, row {each.row}: {DISMISS} without a reason. "
                f"Write one into {REASON}, or give --reason."
            )
    return [Decision(each.exception_id, each.reason or reason) for each in found]

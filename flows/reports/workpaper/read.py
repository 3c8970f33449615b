"""Read the dispositions back from a work-paper, whichever spreadsheet program saved it."""

from pathlib import Path

import fastexcel
import polars as pl

from audit_rules.given_files import read_file
from flows.errors import UsageError
from flows.ledger.decision_file import read_csv
from flows.ledger.written_decisions import WrittenDecision
from flows.reports.workpaper.disposition import DISPOSITION, EXCEPTION_ID, LINES, REASON
from flows.reports.workpaper.lines import COLUMNS

SPREADSHEETS = (".xlsx", ".xlsm", ".xlsb", ".ods")
_FIRST_ROW = 2  # of the sheet: the first below the header
_NAMELESS = "__unnamed__"
_READ = (EXCEPTION_ID, DISPOSITION, REASON)
_OURS = {name for c in COLUMNS for name in (c.name, c.title)}


def is_workpaper(file: Path) -> bool:
    """Whether a file is a work-paper: a spreadsheet, or its sheet of lines saved as CSV.

    Raises UsageError if it is neither a spreadsheet nor CSV.
    """
    return file.suffix.lower() in SPREADSHEETS or DISPOSITION in read_csv(file).names


def read_workpaper(file: Path, problems: list[str]) -> list[WrittenDecision]:
    """Read every row with a disposition.

    Adds a sentence to `problems` for each row and column that says something else, with the number
    of the row, never with its content. Raises UsageError if it is not a work-paper.
    """
    columns = _columns(file)
    read = []
    for number in sorted(columns[EXCEPTION_ID]):
        place = f"{file.name}, row {number}"
        exception_id, action, reason = (columns[name][number] for name in _READ)
        if action and not exception_id:
            problems.append(
                f"{place}: a disposition without an exception_id. "
                "Copy the row from the work-paper again."
            )
        elif action:
            read.append(
                WrittenDecision(
                    place=place, exception_id=exception_id, action=action, reason=reason
                )
            )
        elif reason:
            problems.append(f"{place}: {REASON} without a disposition. Choose one, or clear it.")
    for name, cells in columns.items():
        filled = [number for number, cell in sorted(cells.items()) if cell]
        if filled and name not in _OURS:
            called = "which has no name" if name.lower().startswith(_NAMELESS) else name
            problems.append(
                f"{file.name}, row {filled[0]}: the column {called} is not read. Put what it says "
                f"into {REASON}, or remove it."
            )
    return read


def _columns(file: Path) -> dict[str, dict[int, str]]:
    """Name of each column -> number of each row -> its trimmed text; empty text if it is empty."""
    if file.suffix.lower() not in SPREADSHEETS:
        table = read_csv(file)
        named = {name: table.column(name) for name in (*_READ, *table.names)}
        beyond = {
            number: " ".join(row[len(table.names) :]).strip() for number, row in table.rows.items()
        }
        return {name or _NAMELESS: cells for name, cells in named.items()} | (
            {f"{_NAMELESS}beyond": beyond} if any(beyond.values()) else {}
        )
    try:
        sheet = fastexcel.read_excel(read_file(file)).load_sheet(LINES, dtypes="string")
        frame = sheet.to_polars()
        frame.select(_READ)
    except (fastexcel.FastExcelError, OSError, pl.exceptions.ColumnNotFoundError):
        raise UsageError(
            f"{file.name} is not a work-paper: it needs a sheet {LINES} with {EXCEPTION_ID}, "
            f"{DISPOSITION} and {REASON} in its first row. Give exceptions.xlsx of a run, as saved."
        ) from None
    texts = frame.select(pl.all().cast(pl.String).str.strip_chars().fill_null(""))
    return {
        name.lower() if name.lower() in _OURS else name: dict(
            enumerate(texts[name].to_list(), _FIRST_ROW)
        )
        for name in texts.columns
    }

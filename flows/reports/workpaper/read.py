"""Read the dispositions back from a work-paper, whichever spreadsheet program saved it."""

from collections.abc import Sequence
from pathlib import Path

import fastexcel

from flows.errors import UsageError
from flows.ledger.decision_file import read_csv
from flows.ledger.written_decisions import WrittenDecision, dollars_of
from flows.reports.workpaper.disposition import (
    CONFIRMED,
    DISPOSITION,
    DUE,
    EXCEPTION_ID,
    EXCEPTION_IDS,
    EXCEPTIONS_BEFORE,
    EXCEPTIONS_SHEET,
    NOTE,
    OWNER,
    REASON,
    WORKLIST,
)
from flows.reports.workpaper.lines import COLUMNS
from flows.reports.workpaper.sheets import SPREADSHEETS, SavedTable, Workbook, csv_table
from flows.reports.workpaper.worklist import TABLE
from schemas.notes import counted

_OF_EXCEPTIONS = (EXCEPTION_ID, DISPOSITION, REASON)
_OF_LINES = (EXCEPTION_IDS, DISPOSITION, NOTE)
_KNOWN_OF_EXCEPTIONS = tuple({name for c in COLUMNS for name in (c.name, c.title) if name})
_KNOWN_OF_LINES = tuple({name for c in TABLE.columns for name in (c.name, c.title) if name})
_AT_RISK = "amount_at_risk"


class Saved:
    """The two tables of a work-paper in which people write; None: it has no such sheet."""

    def __init__(self, file: Path) -> None:
        """Read a work-paper, or its sheet of exceptions saved as CSV.

        Raises UsageError if it is neither.
        """
        self.lines: SavedTable | None = None
        self.exceptions: SavedTable | None = None
        if file.suffix.lower() not in SPREADSHEETS:
            self.exceptions = csv_table(file, _KNOWN_OF_EXCEPTIONS, (EXCEPTION_ID, DISPOSITION))
            return
        try:
            book = Workbook(file)
            has_lines = book.has(WORKLIST)
            if has_lines:
                self.lines = book.table(WORKLIST, _KNOWN_OF_LINES, _OF_LINES)
            name = EXCEPTIONS_SHEET if book.has(EXCEPTIONS_SHEET) else EXCEPTIONS_BEFORE
            has_exceptions = book.has(name)
            if has_exceptions:
                self.exceptions = book.table(name, _KNOWN_OF_EXCEPTIONS, _OF_EXCEPTIONS)
        except (fastexcel.FastExcelError, OSError):
            raise _not_a_workpaper(file) from None
        is_torn = (has_lines and not self.lines) or (has_exceptions and not self.exceptions)
        if is_torn or not (has_lines or has_exceptions):
            raise _not_a_workpaper(file)


def _not_a_workpaper(file: Path) -> UsageError:
    return UsageError(
        f"{file.name} is not a work-paper: it needs a sheet {WORKLIST} with "
        f"{', '.join(_OF_LINES)} in its header, or a sheet {EXCEPTIONS_SHEET} with "
        f"{', '.join(_OF_EXCEPTIONS)}. Give exceptions.xlsx of a run, as saved."
    )


def is_workpaper(file: Path) -> bool:
    """Whether a file is a work-paper: a spreadsheet, or its sheet of exceptions saved as CSV.

    Raises UsageError if it is neither a spreadsheet nor CSV.
    """
    return file.suffix.lower() in SPREADSHEETS or DISPOSITION in read_csv(file).names


def read_workpaper(
    file: Path, problems: list[str], remarks: list[str] | None = None
) -> list[WrittenDecision]:
    """Read every row with a disposition. One about a line is about each of its exceptions.

    Adds a sentence to `problems` for each row and column that says something else, with the number
    of the row, never with its content; and to `remarks` one for each column whose content stays in
    the work-paper. Raises UsageError if it is not a work-paper.
    """
    saved = Saved(file)
    read: list[WrittenDecision] = []
    if saved.lines:
        read += _of_lines(f"{file.name}, {WORKLIST} row", saved.lines, problems)
        if remarks is not None:
            remarks += _stays(file.name, saved.lines)
    if saved.exceptions:
        place = f"{file.name}, {EXCEPTIONS_SHEET} row" if saved.lines else f"{file.name}, row"
        read += _of_exceptions(place, saved.exceptions, problems)
    return read


def _of_lines(place: str, table: SavedTable, problems: list[str]) -> list[WrittenDecision]:
    """The decisions of the sheet of lines, one per exception of each line with a disposition."""
    read = []
    for number, row in table.rows.items():
        ids, action = row[EXCEPTION_IDS].split(), row[DISPOSITION]
        if action and not ids:
            problems.append(_without_id(place, number, EXCEPTION_IDS))
        read += [
            WrittenDecision(
                place=f"{place} {number}", exception_id=i, action=action, reason=row[NOTE]
            )
            for i in ids
            if action
        ]
    _add_unread(place, table, NOTE, problems)
    return read


def _of_exceptions(place: str, table: SavedTable, problems: list[str]) -> list[WrittenDecision]:
    """The decisions of the sheet of exceptions."""
    read = []
    for number, row in table.rows.items():
        exception_id, action = row[EXCEPTION_ID], row[DISPOSITION]
        reason = row.get(REASON, "")
        if action and not exception_id:
            problems.append(_without_id(place, number, EXCEPTION_ID))
        elif action:
            read.append(
                WrittenDecision(
                    place=f"{place} {number}",
                    exception_id=exception_id,
                    action=action,
                    reason=reason,
                )
            )
        elif reason:
            problems.append(
                f"{place} {number}: {REASON} without a disposition. Choose one, or clear it."
            )
    _add_unread(place, table, REASON, problems)
    return read


def _without_id(place: str, number: int, column: str) -> str:
    article = "an " if column == EXCEPTION_ID else ""
    return (
        f"{place} {number}: a disposition without {article}{column}. "
        "Copy the row from the work-paper again."
    )


def _add_unread(place: str, table: SavedTable, instead: str, problems: list[str]) -> None:
    problems += [
        f"{place} {unread.row}: the column {unread.called} is not read. Put what it says "
        f"into {instead}, or remove it."
        for unread in table.unread
    ]


def _stays(name: str, table: SavedTable) -> list[str]:
    """What the ledger has no place for, as sentences."""
    rows = table.rows.values()
    notes = sum(bool(row[NOTE] and not row[DISPOSITION]) for row in rows)
    filled = {c: sum(bool(row.get(c)) for row in rows) for c in (OWNER, DUE, CONFIRMED)}
    said = [f"{column} of {counted(n, 'row')}" for column, n in filled.items() if n]
    said += [f"{NOTE} without a disposition of {counted(notes, 'row')}"] if notes else []
    if not said:
        return []
    sentences = [
        f"{name}: not in the ledger, but kept in the work-paper and carried into the next one: "
        f"{', '.join(said)}."
    ]
    other = sum(_is_other(row) for row in rows)
    if other:
        sentences.append(
            f"{name}: in {counted(other, 'row')} {CONFIRMED} is not {_AT_RISK}. Letters ask for "
            "what is at risk."
        )
    return sentences


def _is_other(row: dict[str, str]) -> bool:
    """Whether another amount was confirmed than is at risk."""
    confirmed, at_risk = (row.get(name, "") for name in (CONFIRMED, _AT_RISK))
    return bool(confirmed) and dollars_of(confirmed) != dollars_of(at_risk)


def rows_of(table: SavedTable | None) -> Sequence[tuple[int, dict[str, str]]]:
    """The rows of a table with their numbers; none if there is no table."""
    return list(table.rows.items()) if table else []

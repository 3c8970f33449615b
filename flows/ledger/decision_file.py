"""Read a reviewer's CSV of decisions. Whatever is in it is either read or named as a problem."""

import csv
import io
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from audit_rules.given_files import open_file
from flows.errors import UsageError
from flows.ledger.written_decisions import WrittenDecision

COLUMNS = ("exception_id", "action", "amount", "reason", "decided_by", "decided_on", "until")
_OTHER_NAMES = {"when": "decided_on"}
_OF_A_RESULT = "rule_id"  # a column that every table of exceptions has, and no list of decisions
_FIRST_ROW = 2  # of a spreadsheet: the first below the header


class CsvTable(NamedTuple):
    """A CSV: names of columns in lower case, and trimmed cells.

    rows   number of the row as a spreadsheet shows it -> its cells, without rows that are empty.
    """

    names: tuple[str, ...]
    rows: dict[int, tuple[str, ...]]

    def column(self, name: str) -> dict[int, str]:
        """Number of each row -> its cell in a column; empty if there is no such column."""
        if name not in self.names:
            return dict.fromkeys(self.rows, "")
        place = self.names.index(name)
        return {n: row[place] if place < len(row) else "" for n, row in self.rows.items()}


def read_csv(path: Path, *needed: str) -> CsvTable:
    """Read a reviewer's CSV. Raises UsageError if it is not CSV or lacks a column.

    needed   the columns that it must have; exception_id if none is named.
    """
    columns = needed or ("exception_id",)
    try:
        with io.TextIOWrapper(open_file(path), encoding="utf-8-sig", newline="") as stream:
            header, *rows = [tuple(cell.strip() for cell in row) for row in csv.reader(stream)] or [
                ()
            ]
    except (OSError, UnicodeError, csv.Error):
        raise UsageError(
            f"{path.name} cannot be read as CSV. Give a UTF-8 file with a column "
            f"{' and a column '.join(columns)}."
        ) from None
    names = tuple(name.lower() for name in header)
    filled = {n: row for n, row in enumerate(rows, _FIRST_ROW) if any(row)}
    missing = [column for column in columns if column not in names]
    if filled and missing:
        raise UsageError(f"{path.name}: no column {missing[0]}. Add it.")
    return CsvTable(names, filled)


def read_decision_csv(path: Path, problems: list[str]) -> list[WrittenDecision]:
    """Read a CSV with the columns COLUMNS, of which only exception_id is required.

    Adds a sentence to `problems` for each column and row that is not read. Raises UsageError, also
    if it is a result of a run, whose reasons are those of the rules.
    """
    table = read_csv(path)
    if table.rows and _OF_A_RESULT in table.names:
        raise UsageError(
            f"{path.name} is a result of a run: it says what the rules found, not what a person "
            "decided. Give a list of exception_id and action, or the work-paper with dispositions."
        )
    table = table._replace(names=tuple(_OTHER_NAMES.get(name, name) for name in table.names))
    problems += _unread_columns(path, table)
    columns = {name: table.column(name) for name in COLUMNS}
    return [
        WrittenDecision(
            place=f"{path.name}, row {number}",
            **{name: cells[number] for name, cells in columns.items()},
        )
        for number in table.rows
    ]


def _unread_columns(path: Path, table: CsvTable) -> list[str]:
    """A sentence for each column that says something which nobody would read."""
    found = []
    for name, times in Counter(table.names).items():
        if name in COLUMNS and times > 1:
            found.append(f"{path.name}: {times} columns are {name}. Keep one of them.")
    for place, name in enumerate(table.names):
        filled = [n for n, row in table.rows.items() if place < len(row) and row[place]]
        if name not in COLUMNS and filled:
            called = f"the column {name}" if name else f"column {place + 1}, which has no name,"
            found.append(
                f"{path.name}, row {filled[0]}: {called} is not one that is read "
                f"({', '.join(COLUMNS)}). Rename or remove it."
            )
    too_long = [n for n, row in table.rows.items() if any(row[len(table.names) :])]
    if too_long:
        found.append(
            f"{path.name}, row {too_long[0]}: more cells than the header has columns. A comma in a "
            "text needs quotation marks around it."
        )
    return found

"""What persons decide about exceptions between runs: to dismiss or to reopen them."""

import csv
import io
from datetime import date
from pathlib import Path
from typing import NamedTuple

import duckdb

from audit_rules.given_files import open_file
from flows import ending
from flows.clock import now, today
from flows.errors import UsageError
from flows.process import system_user
from flows.warehouse.connection import written
from flows.warehouse.journal import DECISION, differences, seal, subject
from flows.warehouse.lock import hold
from flows.warehouse.sql import one
from flows.warehouse.upgrade import upgrade

DISMISS, REOPEN = "dismiss", "reopen"
_OF_A_RESULT = "rule_id"  # a column that every table of exceptions has, and no list of decisions


class Decision(NamedTuple):
    """A decision of a person: about which exception, and why."""

    exception_id: str
    reason: str | None


def read_csv(path: Path) -> list[dict[str, str]]:
    """Read the rows of a reviewer's CSV: name of a column in lower case -> trimmed text.

    Raises UsageError if it is not CSV or has no column exception_id.
    """
    try:
        with io.TextIOWrapper(open_file(path), encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, restkey="", restval="")
            names = [(name or "").strip().lower() for name in reader.fieldnames or ()]
            rows = [
                {
                    name: (row[k] or "").strip()
                    for name, k in zip(names, reader.fieldnames or (), strict=True)
                }
                for row in reader
            ]
    except (OSError, UnicodeError, csv.Error):
        raise UsageError(
            f"{path.name} cannot be read as CSV. Give a UTF-8 file with a column exception_id."
        ) from None
    if rows and "exception_id" not in names:
        raise UsageError(f"{path.name}: no column exception_id. Add it.")
    return rows


def read_decisions(path: Path, reason: str | None) -> list[Decision]:
    """Read a reviewer's CSV: a column exception_id, perhaps one of reasons.

    Raises UsageError, also if it is a result of a run, whose reasons are those of the rules, or if
    two rows give different reasons for one exception.
    """
    rows = read_csv(path)
    if rows and _OF_A_RESULT in rows[0]:
        raise UsageError(
            f"{path.name} is a result of a run: it says what the rules found, not what a person "
            "decided. Give a list of exception_id and reason, or the work-paper with dispositions."
        )
    firsts: dict[str, tuple[int, str]] = {}
    for number, row in enumerate(rows, 2):
        exception_id, own = row["exception_id"].lower(), row.get("reason", "")
        first, earlier = firsts.setdefault(exception_id, (number, own))
        if exception_id and earlier != own:
            raise UsageError(
                f"{path.name}, rows {first} and {number}: two reasons for one exception. "
                "Keep one of them."
            )
    return [Decision(row["exception_id"], row.get("reason") or reason) for row in rows]


def decide(
    warehouse: Path, decisions: list[Decision], action: str, by: str, until: date | None = None
) -> int:
    """Dismiss or reopen exceptions, as the next run will show; returns how many.

    Raises UsageError if an exception is not in the ledger or a reason is missing, and WarehouseBusy
    if a run holds the warehouse.
    """
    if not warehouse.exists():
        raise UsageError(
            f"There is no warehouse {warehouse.name}. "
            "Name one that a run has made with --warehouse."
        )
    if until is not None and until < today():
        raise UsageError("--until is in the past. Give the last day on which the dismissal holds.")
    reasons = {
        d.exception_id.strip().lower(): d.reason for d in decisions if d.exception_id.strip()
    }
    if not reasons:
        raise UsageError(
            "No exception is named. Give exception ids, or a CSV with a column exception_id."
        )
    if not by.strip() or not all(reasons.values()):
        raise UsageError(
            "Who decides and why must be said. "
            "Give --by and --reason, or a reason in each row of the CSV."
        )
    with hold(warehouse):
        upgrade(warehouse)
        with written(warehouse) as connection:
            marks = ", ".join("?" * len(reasons))
            query = f"""SELECT count(DISTINCT exception_id) FROM ledger_event
                        WHERE exception_id IN ({marks})"""
            unknown = len(reasons) - one(connection, query, *reasons)
            if unknown:
                raise UsageError(
                    f"{unknown} of {len(reasons)} exceptions are not in the ledger of "
                    f"{warehouse.name}. Correct them."
                )
            last = connection.execute("SELECT max(as_of) FROM night").fetchall()[0][0]
            number = one(connection, "SELECT max(decision_no) FROM decision")
            connection.execute("BEGIN")
            made = [now(), system_user()]
            for i, (exception_id, reason) in enumerate(reasons.items(), number + 1):
                row = [i, last, exception_id, action, reason, by, until, *made]
                connection.execute("INSERT INTO decision VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
            made_now = range(number + 1, number + 1 + len(reasons))
            seal(connection, action, [subject(DECISION, i) for i in made_now])
            ending.commits()
            connection.execute("COMMIT")
    return len(reasons)


def warn_of_foreign_decisions(
    connection: duckdb.DuckDBPyConnection, warehouse: Path
) -> tuple[str, ...]:
    """What the user of a run must know if another program wrote decisions into its warehouse."""
    if not warehouse.exists():
        return ()
    found = differences(connection, "kept.main", [DECISION])
    foreign = [*found.changed, *found.added, *found.removed]
    if not foreign:
        return ()
    return (
        f"Decisions in the warehouse that are not as they were made: {len(foreign)}. Another "
        "program changed, added or removed them; claims-audit verify --warehouse says which.",
    )

"""What persons decide about exceptions between runs: to dismiss or to reopen them."""

import csv
from datetime import date
from pathlib import Path
from typing import NamedTuple

from flows.clock import today
from flows.errors import UsageError
from flows.warehouse.connection import hold, written
from flows.warehouse.layout import upgrade
from flows.warehouse.sql import one

DISMISS, REOPEN = "dismiss", "reopen"


class Decision(NamedTuple):
    """A decision of a person: about which exception, and why."""

    exception_id: str
    reason: str | None


def read_decisions(path: Path, reason: str | None) -> list[Decision]:
    """Read a reviewer's CSV: a column exception_id, perhaps one of reasons. Raises UsageError."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = [
                {(k or "").strip().lower(): v for k, v in row.items()}
                for row in csv.DictReader(stream)
            ]
    except (OSError, UnicodeError, csv.Error):
        raise UsageError(
            f"{path.name} cannot be read as CSV. Give a UTF-8 file with a column exception_id."
        ) from None
    if rows and "exception_id" not in rows[0]:
        raise UsageError(f"{path.name}: no column exception_id. Add it.")
    return [
        Decision(row["exception_id"] or "", (row.get("reason") or "").strip() or reason)
        for row in rows
    ]


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
            for i, (exception_id, reason) in enumerate(reasons.items(), number + 1):
                row = [i, last, exception_id, action, reason, by, until]
                connection.execute("INSERT INTO decision VALUES (?, ?, ?, ?, ?, ?, ?)", row)
            connection.execute("COMMIT")
    return len(reasons)

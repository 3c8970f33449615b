"""The exception ledger: what each night moved, and what persons decided between nights.

A night is an as-of date. The ledger only moves forward: a run as of an earlier night than the last one is told against
the nights before it, and writes nothing. So the same night again gives the same changes.
"""

import csv
from datetime import date
from pathlib import Path
from typing import NamedTuple

import duckdb
import polars as pl

from flows.clock import today
from flows.errors import UsageError
from flows.plan import Plan
from flows.warehouse.connection import hold, upgrade, written
from flows.warehouse.sql import day, fetched, one, run
from schemas.results import CHANGE, conform

DISMISS, REOPEN = "dismiss", "reopen"
_LONGEST_CHAIN = 20  # of claims that replace each other
FOUND = (
    "exception_id",
    "rule_id",
    "policy_id",
    "claim_source",
    "payer",
    "member_id",
    "claim_id",
    "claim_line_number",
    "outcome",
    "reason",
    "amount_at_risk",
)
"""Columns of an exception that the ledger looks at."""
_ORDER = ("claim_source", "claim_id", "claim_line_number", "rule_id", "exception_id")


class LedgerChanges(NamedTuple):
    """What moved: one row per exception that did, and the night before (None: there was none)."""

    changes: pl.DataFrame
    night_before: date | None


def changes(
    connection: duckdb.DuckDBPyConnection, plan: Plan, run_id: str, exceptions: pl.DataFrame
) -> LedgerChanges:
    """Hold tonight's exceptions against the nights before; what is to be kept of it is left in the workbench."""
    night = plan.request.as_of
    tonight = day(night)
    (before,) = connection.execute(
        f"SELECT max(as_of) FROM every_night WHERE as_of < {tonight}"
    ).fetchall()[0]
    connection.register(
        "exceptions",
        exceptions.select(FOUND).unique("exception_id", keep="first", maintain_order=True),
    )
    connection.execute("CREATE OR REPLACE TABLE run.found AS FROM exceptions")
    connection.unregister("exceptions")
    _note_texts(connection, plan, before)
    run(connection, "ledger/events", night=tonight, longest_chain=str(_LONGEST_CHAIN))
    if one(connection, f"SELECT count(*) FROM every_night WHERE as_of > {tonight}") == 0:
        columns = "* EXCLUDE (previous_outcome, previous_reason, previous_amount_at_risk)"
        connection.execute(
            f"INSERT INTO main.ledger_event BY NAME SELECT {columns} FROM run.event ORDER BY ALL"
        )
        connection.execute("INSERT INTO main.night VALUES (?, ?)", [night, run_id])
    else:
        connection.execute("DELETE FROM main.night_text")
    moved = fetched(
        connection,
        """SELECT e.*, d.reason AS decision_reason, d.decided_by, d.until AS dismissed_until
           FROM run.event e
           LEFT JOIN run.decided d ON d.exception_id = e.exception_id AND e.why IN ('by_person', 'dismissal_expired')""",
    )
    return LedgerChanges(conform(moved.sort(_ORDER, nulls_last=True), CHANGE), before)


def _note_texts(connection: duckdb.DuckDBPyConnection, plan: Plan, before: date | None) -> None:
    """Under which texts tonight was judged, and which policies moved since the night before."""
    for name, sha256 in sorted(plan.texts.by_document().items()):
        connection.execute(
            "INSERT INTO main.night_text VALUES (?, ?, ?)", [plan.request.as_of, name, sha256]
        )
    connection.execute(
        """CREATE OR REPLACE TABLE run.moved_policy AS
           WITH moved AS (SELECT b.name FROM every_night_text b
                          LEFT JOIN main.night_text t ON t.name = b.name AND t.sha256 = b.sha256
                          WHERE b.as_of = ? AND t.name IS NULL)
           SELECT DISTINCT policy_id FROM every_ledger_event
           WHERE policy_id IN (FROM moved) OR EXISTS (FROM moved WHERE name = '')""",
        [before],
    )


def last_night(warehouse: Path) -> date | None:
    """The last night that the ledger of a warehouse knows; None where there is none."""
    if not warehouse.exists():
        return None
    try:
        with duckdb.connect(str(warehouse), read_only=True) as connection:
            return connection.execute("SELECT max(as_of) FROM main.night").fetchall()[0][0]  # type: ignore[no-any-return]
    except duckdb.Error:  # of an earlier version, or no warehouse: whoever opens it next says so
        return None


class Decision(NamedTuple):
    """What a person decides about: an exception, and why."""

    exception_id: str
    reason: str | None


def read_decisions(path: Path, reason: str | None) -> list[Decision]:
    """Decisions of a reviewer's CSV with a column exception_id, and perhaps one of reasons. Raises UsageError."""
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
    """Dismiss or reopen exceptions, to be seen from the next night on; returns how many.

    Raises UsageError where an exception is not in the ledger or a reason is missing, and WarehouseBusy where a run holds
    the warehouse.
    """
    if not warehouse.exists():
        raise UsageError(
            f"There is no warehouse {warehouse.name}. Name one that a run has made with --warehouse."
        )
    if until is not None and until < today():
        raise UsageError(
            "--until lies in the past. Give the last day on which the dismissal holds."
        )
    reasons = {
        d.exception_id.strip().lower(): d.reason for d in decisions if d.exception_id.strip()
    }
    if not reasons:
        raise UsageError(
            "No exception is named. Give exception ids, or a CSV with a column exception_id."
        )
    if not by.strip() or not all(reasons.values()):
        raise UsageError(
            "Who decides and why must be said. Give --by and --reason, or a reason in each row of the CSV."
        )
    with hold(warehouse):
        upgrade(warehouse)
        with written(warehouse) as connection:
            marks = ", ".join("?" * len(reasons))
            query = f"SELECT count(DISTINCT exception_id) FROM ledger_event WHERE exception_id IN ({marks})"
            unknown = len(reasons) - one(connection, query, *reasons)
            if unknown:
                raise UsageError(
                    f"{unknown} of {len(reasons)} exceptions are not in the ledger of {warehouse.name}. Correct them."
                )
            last = connection.execute("SELECT max(as_of) FROM night").fetchall()[0][0]
            number = one(connection, "SELECT max(decision_no) FROM decision")
            connection.execute("BEGIN")
            for i, (exception_id, reason) in enumerate(reasons.items(), number + 1):
                row = [i, last, exception_id, action, reason, by, until]
                connection.execute("INSERT INTO decision VALUES (?, ?, ?, ?, ?, ?, ?)", row)
            connection.execute("COMMIT")
    return len(reasons)

"""What the ledger says now: decisions made in any window count at the next look."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from flows.errors import UsageError
from flows.ledger.read import opened_ledger
from schemas.decisions import CHANGED, REOPENED, REQUEST_RECORDS

_KNOWN = f"""
    SELECT l.exception_id, l.status, l.first_seen, l.decision, l.recovered, l.until,
           coalesce(e.status IN ('{CHANGED}', '{REOPENED}') AND e.night > d.after_night, false)
               AS changed_since
    FROM main.ledger l
    LEFT JOIN (FROM main.ledger_event
               QUALIFY row_number() OVER (PARTITION BY exception_id ORDER BY night DESC) = 1) e
        USING (exception_id)
    LEFT JOIN (FROM main.decision
               QUALIFY row_number() OVER (PARTITION BY exception_id ORDER BY decision_no DESC) = 1)
        d USING (exception_id)
    WHERE l.status <> 'resolved'"""
_MADE = """
    SELECT decision_no, exception_id, action, amount, reason, decided_by, decided_on, until,
           decided_at, system_user
    FROM main.decision ORDER BY decision_no"""


@dataclass(frozen=True)
class LedgerNow:
    """The ledger as of the last night, with the decisions since.

    run_id   the run of the last night.
    known    id of each exception -> status, first_seen, decision, recovered, until, and whether a
             night has changed it since it was decided.
    made     id of each exception -> its decisions, the first one first.
    """

    run_id: str
    known: dict[str, dict[str, Any]]
    made: dict[str, list[dict[str, Any]]]

    def last_decision(self, exception_ids: list[str]) -> int:
        """The number of the last decision about any of some exceptions; 0 without one."""
        return max(
            (d["decision_no"] for i in exception_ids for d in self.made.get(i, ())), default=0
        )


def read_ledger_now(warehouse: Path) -> LedgerNow:
    """Read the ledger of a warehouse. Raises UsageError and WarehouseBusy."""
    with opened_ledger(warehouse) as connection:
        nights = connection.execute("SELECT run_id FROM main.night ORDER BY as_of DESC LIMIT 1")
        last = nights.fetchall()
        if not last:
            raise UsageError(
                f"No night has been run on {warehouse.name}, so there is nothing to review. "
                "Run the audit first: claims-audit run."
            )
        known = {row["exception_id"]: row for row in _rows(connection, _KNOWN)}
        made: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in _rows(connection, _MADE):
            made[row["exception_id"]].append(row)
    return LedgerNow(last[0][0], known, dict(made))


def is_to_decide(known: dict[str, Any] | None, today: date) -> bool:
    """Whether a person has yet to decide about an exception.

    That is so without a decision, after a night has changed what was decided, and if requested
    records should have come.

    known   what the ledger knows of it; None if it does not have it.
    """
    if known is None or known["decision"] is None or known["changed_since"]:
        return True
    return known["decision"] == REQUEST_RECORDS and bool(known["until"] and known["until"] < today)


def _rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = connection.sql(query).pl().to_dicts()
    return found

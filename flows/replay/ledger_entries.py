"""What the ledger knows of the exceptions of one claim, as of a day."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import duckdb

from flows.warehouse.sql import day, literals
from schemas.decisions import DISMISSED, OPEN, REOPEN, SET_ASIDE


@dataclass(frozen=True)
class LedgerEntry:
    """An exception as the last night up to that day left it, and the last decision about it.

    is_shown   whether that night shows the decision already; otherwise the next one will.
    continues  the exception of the claim that its claim replaces, if it was rebilled.
    aside      action, reason, who and day of the last decision that set it aside, if any did.
    """

    status: str
    first_seen: date
    decision: str | None
    reason: str | None
    decided_by: str | None
    decided_on: date | None
    until: date | None
    amount: Any
    is_shown: bool
    continues: str | None = None
    aside: Sequence[Any] = (None, None, None, None)

    def text(self) -> str:
        """The entry as sentences."""
        text = f"Status {self.status}, first found on {self.first_seen}."
        if self.continues:
            text += f" Its claim was rebilled; before, the finding was {self.continues}."
        if self.decision is None:
            return text
        what = "taken back" if self.decision == REOPEN else self.decision.replace("_", " ")
        money = f" {self.amount:,.2f}" if self.amount is not None else ""
        until = f", until {self.until}" if self.until else ""
        made = _made(self.reason, self.decided_by, self.decided_on, until)
        text += f" Latest decision: {what}{money}{made}."
        action, *rest = self.aside
        if self.status == DISMISSED and action and self.decision not in SET_ASIDE:
            text += (
                f" It stays set aside, as before ({action}{_made(*rest)}): nothing is asked for."
            )
        elif self.status == DISMISSED:
            text += " It is set aside: nothing is asked for."
        return text if self.is_shown else f"{text} The next run shows it."


def _made(reason: str | None, by: str | None, on: date | None, until: str = "") -> str:
    """Who decided, when, and why."""
    return f" by {by}{f' on {on}' if on else ''}{until}{f': {reason}' if reason else ''}"


def read_ledger_entries(
    connection: duckdb.DuckDBPyConnection, claim_id: str, as_of: date
) -> Mapping[str, LedgerEntry]:
    """Id of each exception that was found on a claim -> its entry."""
    rows = connection.execute(
        f"""WITH last_night AS (SELECT max(as_of) AS night FROM every_night
                                WHERE as_of <= {day(as_of)}),
            last_event AS (
                FROM every_ledger_event WHERE claim_id = $claim_id AND night <= {day(as_of)}
                QUALIFY row_number() OVER (PARTITION BY exception_id ORDER BY night DESC) = 1),
            last_decision AS (
                FROM every_decision WHERE after_night <= {day(as_of)}
                QUALIFY row_number() OVER (PARTITION BY exception_id ORDER BY decision_no DESC)
                        = 1),
            aside AS (
                FROM every_decision
                WHERE after_night <= {day(as_of)} AND action IN {literals(list(SET_ASIDE))}
                QUALIFY row_number() OVER (PARTITION BY exception_id ORDER BY decision_no DESC)
                        = 1)
            SELECT e.exception_id,
                   CASE WHEN e.night = n.night OR e.status = '{DISMISSED}' THEN e.status
                        ELSE '{OPEN}' END,
                   e.first_seen, d.action, d.reason, d.decided_by, d.decided_on, d.until,
                   d.amount, d.after_night < n.night, e.continues,
                   a.action, a.reason, a.decided_by, a.decided_on
            FROM last_event e CROSS JOIN last_night n
            LEFT JOIN last_decision d USING (exception_id) LEFT JOIN aside a USING (exception_id)
            WHERE e.status <> 'resolved'""",
        {"claim_id": claim_id},
    ).fetchall()
    return {row[0]: replace(LedgerEntry(*row[1:-4]), aside=row[-4:]) for row in rows}

"""The exception ledger: what each run changed since the as-of dates before it.

The ledger only moves forward. A run as of an earlier date than the last one is compared with the
dates before it, and writes nothing. So another run of the same date gives the same changes.
"""

from datetime import date
from pathlib import Path
from typing import NamedTuple

import duckdb
import polars as pl

from audit_rules.errors import AuditError
from audit_rules.policy.library import PolicyLibrary
from flows.judging.frames import KNOWN_CLAIM
from flows.ledger.before import LAST_DECISION, LAST_EVENT, LedgerBefore, let_be_about
from flows.ledger.precision import read_demotions
from flows.plan import Plan
from flows.warehouse.decision_chain import as_decided, rank
from flows.warehouse.files import real_path
from flows.warehouse.run_table import RunTable, sql_columns
from flows.warehouse.sql import day, fetched, run
from flows.warehouse.trouble import opening
from schemas.decisions import DISMISSED, OPEN, REOPEN
from schemas.outcomes import EXCEPTIONS
from schemas.results import CHANGE, CLAIM_LINE, EXCEPTION, LEDGER, conform

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
    "paid_amount",
    "term_id",
)
"""Columns of an exception that the ledger looks at."""
_ORDER = (*CLAIM_LINE, "rule_id", "exception_id")

CURRENT_EXCEPTION = RunTable(
    "current_exception",
    grain="exception that this run found",
    columns=sql_columns({name: EXCEPTION[name] for name in FOUND}),
)
CHANGED_POLICY = RunTable(
    "changed_policy",
    grain="policy whose text, or whose surroundings, differ from the date before",
    columns={"policy_id": "VARCHAR"},
)
EVENT = RunTable(
    "event",
    grain="exception that is new, changed, resolved, reopened or dismissed in this run",
    columns=sql_columns(CHANGE)
    | sql_columns({name: EXCEPTION[name] for name in ("paid_amount", "term_id")})
    | {"night": "DATE", "last_seen": "DATE", "is_undone": "BOOLEAN"},
)
TABLES = (CURRENT_EXCEPTION, CHANGED_POLICY, EVENT)


class LedgerChanges(NamedTuple):
    """What changed: one row per exception that did.

    standing       every exception of this run: exception_id, and the columns LEDGER.
    night_before   the as-of date before this one; None if there is none.
    later_night    the last as-of date in the ledger, if it is after this one: the ledger waits.
    undone         how many exceptions only an earlier run of this date found, and a person has
                   decided about since.
    """

    changes: pl.DataFrame
    standing: pl.DataFrame
    night_before: date | None
    later_night: date | None
    undone: int


def record_changes(
    connection: duckdb.DuckDBPyConnection,
    plan: Plan,
    run_id: str,
    before: LedgerBefore,
    exceptions: pl.DataFrame,
) -> LedgerChanges:
    """Compare this run's exceptions with the dates before, and record what changed."""
    night = day(plan.request.as_of)
    CURRENT_EXCEPTION.store_frame(
        connection,
        exceptions.select(FOUND).unique("exception_id", keep="first", maintain_order=True),
    )
    _record_texts(connection, plan, before.night)
    _see_through_demotions(connection, plan.library)
    run(
        connection,
        "ledger/events",
        reads=(
            LAST_EVENT,
            LAST_DECISION,
            CURRENT_EXCEPTION,
            *KNOWN_CLAIM.values(),
            CHANGED_POLICY,
        ),
        makes=(EVENT,),
        night=night,
        longest_chain=str(_LONGEST_CHAIN),
        as_decided=as_decided("x", "d"),
    )
    (later,) = connection.execute(
        f"SELECT max(as_of) FROM every_night WHERE as_of > {night}"
    ).fetchall()[0]
    if later is None:
        connection.execute(
            f"""INSERT INTO main.ledger_event BY NAME
                SELECT * EXCLUDE (previous_outcome, previous_reason, previous_amount_at_risk,
                                  decision_reason, decided_by, dismissed_until, is_undone)
                FROM {EVENT} ORDER BY ALL"""
        )
        connection.execute("INSERT INTO main.night VALUES (?, ?)", [plan.request.as_of, run_id])
    else:
        connection.execute("DELETE FROM main.night_text")
    changes, undone = _changes(connection)
    return LedgerChanges(changes, _standing(connection), before.night, later, undone)


def _changes(connection: duckdb.DuckDBPyConnection) -> tuple[pl.DataFrame, int]:
    """What changed, and how many are undone, as LedgerChanges has them."""
    found = fetched(connection, f"FROM {EVENT}").sort(_ORDER, nulls_last=True)
    changes = conform(found.filter(~pl.col("is_undone")), CHANGE)
    return changes, found.height - changes.height


def _see_through_demotions(connection: duckdb.DuckDBPyConnection, library: PolicyLibrary) -> None:
    """Let what was set aside while its term was demoted be about the outcome without that.

    Else it would come back when the demotion ends.
    """
    weaker = f"""FROM {LAST_DECISION} d JOIN {CURRENT_EXCEPTION} x USING (exception_id)
        WHERE d.sets_aside AND {rank("x.outcome")} < {rank("d.about_outcome")}"""
    nights = connection.execute(f"SELECT DISTINCT after_night {weaker} ORDER BY ALL").fetchall()
    for (night,) in nights:
        for demoted in read_demotions(connection, library, night):
            found = connection.execute(
                f"""SELECT exception_id {weaker} AND d.after_night = ?
                    AND x.policy_id = ? AND x.term_id = ?""",
                [night, demoted.policy_id, demoted.term_id],
            ).fetchall()
            let_be_about(connection, [exception_id for (exception_id,) in found], EXCEPTIONS[0])


def _standing(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """What the ledger knows of every exception of this run, after this night."""
    found = fetched(
        connection,
        f"""SELECT x.exception_id,
                   CASE WHEN e.status IS NOT NULL THEN e.status
                        WHEN b.status = '{DISMISSED}' THEN b.status ELSE '{OPEN}' END AS status,
                   coalesce(e.first_seen, b.first_seen) AS first_seen,
                   CASE WHEN d.action <> '{REOPEN}' THEN d.action END AS decision
            FROM {CURRENT_EXCEPTION} x
            LEFT JOIN {EVENT} e USING (exception_id)
            LEFT JOIN {LAST_EVENT} b USING (exception_id)
            LEFT JOIN {LAST_DECISION} d USING (exception_id)""",
    )
    return conform(found, {"exception_id": EXCEPTION["exception_id"], **LEDGER})


def with_ledger(exceptions: pl.DataFrame, standing: pl.DataFrame) -> pl.DataFrame:
    """What the rules found, with what the ledger knows.

    standing   as LedgerChanges has it.
    """
    return exceptions.join(
        standing, on="exception_id", how="left", maintain_order="left", validate="m:1"
    )


def _record_texts(connection: duckdb.DuckDBPyConnection, plan: Plan, before: date | None) -> None:
    """Record under which texts this run judged, and find the policies that changed since."""
    for name, sha256 in sorted(plan.texts.by_document().items()):
        connection.execute(
            "INSERT INTO main.night_text VALUES (?, ?, ?)", [plan.request.as_of, name, sha256]
        )
    before_or_never = day(before) if before else "CAST(NULL AS DATE)"
    CHANGED_POLICY.create(
        connection,
        f"""WITH changed AS (SELECT b.name FROM every_night_text b
                             LEFT JOIN main.night_text t ON t.name = b.name AND t.sha256 = b.sha256
                             WHERE b.as_of = {before_or_never} AND t.name IS NULL)
            SELECT DISTINCT policy_id FROM every_ledger_event
            WHERE policy_id IN (FROM changed) OR EXISTS (FROM changed WHERE name = '')""",
    )


def last_night(warehouse: Path) -> date | None:
    """The last as-of date in the ledger of a warehouse; None if there is none."""
    if not warehouse.exists():
        return None
    try:
        with (
            opening(warehouse),
            duckdb.connect(str(real_path(warehouse)), read_only=True) as connection,
        ):
            last: date | None
            ((last,),) = connection.execute("SELECT max(as_of) FROM main.night").fetchall()
            return last
    except (duckdb.Error, AuditError):  # whoever opens it next says why it cannot be read
        return None

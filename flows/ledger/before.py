"""What the ledger knew before an as-of date: all of the past that the changes then depend on."""

from datetime import date
from typing import NamedTuple

import duckdb

from flows.ledger.nights import totals_before
from flows.provenance import digest
from flows.warehouse.run_table import RunTable, sql_columns
from flows.warehouse.sql import day, run
from schemas.results import CHANGE, EXCEPTION

_EVENT = (
    "exception_id",
    "status",
    "first_seen",
    "rule_id",
    "policy_id",
    "payer",
    "member_id",
    "claim_source",
    "claim_id",
    "claim_line_number",
    "outcome",
    "reason",
    "amount_at_risk",
    "continues",
)
_BESIDES = ("paid_amount", "term_id")  # of an event, and in no result of what changed
LAST_EVENT = RunTable(
    "last_event",
    grain="exception that an earlier night found; its last event",
    columns=sql_columns({name: CHANGE[name] for name in _EVENT})
    | sql_columns({name: EXCEPTION[name] for name in _BESIDES})
    | {"night": "DATE"},
)
LAST_DECISION = RunTable(
    "last_decision",
    grain="exception about which a person decided before this night; the last decision",
    columns={
        "after_night": "DATE",
        "exception_id": "VARCHAR",
        "action": "VARCHAR",
        "reason": "VARCHAR",
        "decided_by": "VARCHAR",
        "until": "DATE",
        "sets_aside": "BOOLEAN",
        "about_outcome": "VARCHAR",
        "about_reason": "VARCHAR",
        "about_amount": "DECIMAL(18, 2)",
    },
)
TABLES = (LAST_EVENT, LAST_DECISION)
_DECIDED = """
    SELECT exception_id, after_night, action, amount,
           row_number() OVER (PARTITION BY exception_id ORDER BY decision_no) AS number
    FROM every_decision WHERE after_night < {}"""
"""What verdicts, demotions and sums that came back are made of: not the last decisions alone."""


class LedgerBefore(NamedTuple):
    """What the ledger knew.

    night    the as-of date before; None if there is none.
    digest   a digest of that date, of the texts under which it was judged, of the last event
             and the last decision about each exception, of everything decided before, and of
             what the nights before showed.
    """

    night: date | None
    digest: str


def read_ledger_before(connection: duckdb.DuckDBPyConnection, as_of: date) -> LedgerBefore:
    """Read what the ledger knew before a night; makes LAST_EVENT and LAST_DECISION."""
    (night,) = connection.execute(
        f"SELECT max(as_of) FROM every_night WHERE as_of < {day(as_of)}"
    ).fetchall()[0]
    run(connection, "ledger/before", makes=TABLES, night=day(as_of))
    texts = "SELECT name, sha256 FROM every_night_text WHERE as_of = $night"
    rows = [
        _digest_of_rows(connection, texts, night),
        *(_digest_of_rows(connection, f"FROM {table}") for table in TABLES),
        _digest_of_rows(connection, _DECIDED.format(day(as_of))),
        _digest_of_rows(connection, totals_before(as_of)),
    ]
    return LedgerBefore(night, digest(str(night), *rows))


def let_be_about(
    connection: duckdb.DuckDBPyConnection, exception_ids: list[str], outcome: str
) -> None:
    """Let the last decisions about exceptions be about an outcome: in this run only."""
    connection.execute(
        f"UPDATE {LAST_DECISION} SET about_outcome = ? WHERE list_contains(?, exception_id)",
        [outcome, exception_ids],
    )


def _digest_of_rows(
    connection: duckdb.DuckDBPyConnection, query: str, night: date | None = None
) -> str:
    """A digest of the rows of a query, in any order."""
    named = {"night": night} if "$night" in query else {}
    ((found,),) = connection.execute(
        f"""SELECT sha256(coalesce(string_agg(line, '' ORDER BY line), ''))
            FROM (SELECT sha256(CAST(to_json(t) AS VARCHAR)) AS line FROM ({query}) t)""",
        named,
    ).fetchall()
    return str(found)

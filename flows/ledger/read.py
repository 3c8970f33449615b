"""Read the ledger of a warehouse: every exception ever found, with what was decided about it."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import polars as pl

from flows.warehouse.connection import read_only, refuse_missing
from flows.warehouse.lake import all_rows
from flows.warehouse.layout import create_ledger_view
from flows.warehouse.sql import fetched
from schemas.decisions import RESOLVED, STATUSES
from schemas.tables import CLAIM_TABLES

COLUMNS = (
    *("exception_id", "rule_id", "policy_id", "payer", "claim_source", "claim_id"),
    *("claim_line_number", "first_seen", "last_seen", "status", "outcome", "reason"),
    *("amount_at_risk", "paid_amount", "decision", "decided_by", "decided_on"),
    *("decision_reason", "until", "recovered"),
)
"""The columns of the ledger that are shown: one row per exception."""
EVERY_STATUS = (*STATUSES, RESOLVED)
_LEDGERS = ("night", "ledger_event", "decision", "run_record", "file")


def read_ledger(warehouse: Path, statuses: Collection[str] = ()) -> pl.DataFrame:
    """The ledger as of the last night, with the decisions since: the columns COLUMNS.

    statuses   of which it has the exceptions; all without any.

    Raises UsageError if there is no such warehouse, and WarehouseBusy.
    """
    with opened_ledger(warehouse) as connection:
        found = fetched(connection, f"SELECT {', '.join(COLUMNS)} FROM main.ledger")
    shown = found.filter(pl.col("status").is_in(list(statuses))) if statuses else found
    return shown.sort("rule_id", "payer", "claim_id", "claim_line_number", "exception_id")


@contextmanager
def opened_ledger(warehouse: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A warehouse opened read-only, with the program's own view `main.ledger` of it, and views
    TABLE and `every_TABLE` of what was found, decided and claimed.

    Raises UsageError if there is no such warehouse, and WarehouseBusy.
    """
    refuse_missing(warehouse)
    with read_only(warehouse) as connection:
        sources = {table: f"kept.{table}" for table in _LEDGERS}
        sources |= {table: all_rows(connection, "kept.main", table) for table in CLAIM_TABLES}
        for table, source in sources.items():
            for view in (table, f"every_{table}"):
                connection.execute(f"CREATE VIEW main.{view} AS FROM {source}")
        create_ledger_view(connection)
        yield connection

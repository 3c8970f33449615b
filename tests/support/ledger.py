"""A warehouse with a ledger and nothing else, made without a run; and decisions about it."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl

from flows.summary import Summary
from flows.warehouse.columns import create_table
from flows.warehouse.journal import NIGHT, seal, subject
from flows.warehouse.layout import LEDGERS, SCHEMA_VERSION, create_ledger_view
from flows.warehouse.sql import identifier
from schemas.collecting import UNKNOWN
from schemas.decisions import NEW
from schemas.results import EXCEPTION, conform
from schemas.tables import TABLES
from tests.support.extracts import Row, as_csv, write
from tests.support.nights import night
from tests.support.running import request_for

NIGHT_OF = date(2026, 6, 30)


def exception_id(number: int) -> str:
    """An id of 32 digits whose first eight are those of no other."""
    return f"{number:08x}" + "0" * 24


def event(number: int, **changed: object) -> Row:
    """An exception that the night found: a line of its own, paid 100.00, 40.00 at risk."""
    return {
        "night": NIGHT_OF,
        "exception_id": exception_id(number),
        "status": "new",
        "first_seen": NIGHT_OF,
        "rule_id": "QTY01",
        "policy_id": "cigna-imatinib-quantity",
        "payer": "Cigna",
        "member_id": f"M{number}",
        "claim_source": "pharmacy",
        "claim_id": f"C{number}",
        "claim_line_number": 1,
        "outcome": "recover",
        "reason": "quantity_over_limit",
        "amount_at_risk": Decimal("40.00"),
        "paid_amount": Decimal("100.00"),
        **changed,
    }


def as_new(exceptions: pl.DataFrame) -> pl.DataFrame:
    """What the rules found, as the ledger of a first night knows it, and no law."""
    known = {"status": NEW, "first_seen": NIGHT_OF, "decision": None}
    known |= {"collectable": UNKNOWN, "recoup_by": None, "recoup_term": None}
    return conform(exceptions.with_columns(pl.lit(v).alias(n) for n, v in known.items()), EXCEPTION)


def make_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Create every table and the view of a warehouse in the current database."""
    for table in TABLES.values():
        create_table(connection, table, [column.name for column in table.columns])
    for name, ddl in LEDGERS.items():
        connection.execute(f"CREATE TABLE main.{identifier(name)} ({ddl})")
    connection.execute("INSERT INTO main.meta VALUES (?)", [SCHEMA_VERSION])
    create_ledger_view(connection)


def ledger_warehouse(path: Path, *events: Row) -> Path:
    """Write a warehouse whose ledger holds the events of one night."""
    with duckdb.connect(str(path)) as connection:
        make_tables(connection)
        connection.execute("INSERT INTO main.night VALUES (?, 'r')", [NIGHT_OF])
        frame = pl.DataFrame(list(events))
        connection.register("events", frame)
        connection.execute("INSERT INTO main.ledger_event BY NAME FROM events")
        connection.unregister("events")
        seal(connection, "run", [subject(NIGHT, NIGHT_OF)])
    return path


def rows_of(path: Path, query: str) -> list[tuple[object, ...]]:
    """The rows of a query in a warehouse."""
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(query).fetchall()


def night_of_fills(base: Path, as_of: date, *rows: Row, config: Path | None = None) -> Summary:
    """A night on the warehouse of a folder, with fills to load if there are any."""
    landing = None
    if rows:
        landing = write(base / f"in{as_of}", {"pharmacy_claim.csv": as_csv(list(rows))})
    return night(request_for(landing, base / "out", base / "audit.duckdb", as_of, config))

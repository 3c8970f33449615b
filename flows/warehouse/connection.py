"""The warehouse: every row loaded so far, and the workbench on which one run adds to it.

A run never writes into the warehouse while it works. It loads into a workbench file of its own, with the
warehouse attached read-only, and `keep` adds the new rows in one transaction at the end; the first run's
workbench simply becomes the warehouse. So a run that fails or is killed leaves the warehouse as it was.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import polars as pl

from flows.errors import UsageError, WarehouseBusy
from flows.warehouse.memory import remember
from flows.warehouse.sql import identifier, literal, literals, run
from schemas.tables import TABLES, Column, Kind, Table

SCHEMA_VERSION = 4
_ALWAYS = "DATE '0001-01-01'"  # since when rows are known that were loaded before loads had a night
MEMORY_LIMIT, SPILL_LIMIT = "3GB", "200GB"
_TYPES = {
    Kind.DATE: "DATE",
    Kind.AMOUNT: "DECIMAL(18, 2)",
    Kind.QUANTITY: "DECIMAL(18, 3)",
    Kind.INTEGER: "BIGINT",
}
BOOKKEEPING = {
    "file_no": "INTEGER",
    "row_number": "BIGINT",  # position among the file's readable records, from 1
    "member_hash": "UBIGINT",  # narrows members fast; equal text is always checked as well
    "row_hash": "UBIGINT",  # claims: of the line key; other tables: of every column
    "notes": "VARCHAR",  # COLUMN|WARNING of values that were read with a reservation
    "raw_record": "VARCHAR",  # the text of a row in which something does not hold, until it is quarantined
}
LEDGERS = {
    "meta": "schema_version INTEGER",
    "file": """file_no INTEGER, table_name VARCHAR, name VARCHAR, sha256 VARCHAR, rows_read BIGINT,
               columns VARCHAR[], unknown_columns VARCHAR[], night DATE, load_no INTEGER""",
    "quarantine": "file_no INTEGER, row_number BIGINT, column_name VARCHAR, check_name VARCHAR, raw_record VARCHAR",
    "warning": "file_no INTEGER, column_name VARCHAR, check_name VARCHAR, rows BIGINT, first_row_number BIGINT",
    # the exception ledger: what each night moved (sql/ledger/events.sql), under which texts, and what persons decided between nights
    "night": "as_of DATE, run_id VARCHAR",
    "night_text": "as_of DATE, name VARCHAR, sha256 VARCHAR",
    "ledger_event": """night DATE, exception_id VARCHAR, status VARCHAR, why VARCHAR, first_seen DATE, last_seen DATE,
                       rule_id VARCHAR, policy_id VARCHAR, payer VARCHAR, member_id VARCHAR, claim_source VARCHAR,
                       claim_id VARCHAR, claim_line_number BIGINT, outcome VARCHAR, reason VARCHAR,
                       amount_at_risk DECIMAL(18, 2), continues VARCHAR""",
    "decision": """decision_no INTEGER, after_night DATE, exception_id VARCHAR, action VARCHAR, reason VARCHAR,
                   decided_by VARCHAR, until DATE""",
    # retention: rows of each file that a purge removed; before: the day from which on everything known still stands
    "purge": "before DATE, file_no INTEGER, rows BIGINT",
}
_BY_FILE = (*TABLES, "file", "quarantine", "warning")
OF_A_NIGHT = {"night": "as_of", "night_text": "as_of", "ledger_event": "night"}
"""Tables of which a night has its own rows, and the column that names it: the same night again replaces them."""


@dataclass(frozen=True)
class Workbench:
    """Paths of one run: its own database file, the warehouse it adds to, and a folder for scratch files.

    night   the as-of date: files that were loaded as of a later one are not seen; without it all are.
    whole   whether everything is looked at, whatever the warehouse remembers of the night before.
    """

    database: Path
    warehouse: Path
    scratch: Path
    night: date | None = None
    whole: bool = False


def workbench(warehouse: Path, night: date | None = None) -> Workbench:
    """Where a run works on a warehouse: a folder beside it, on the same file system."""
    work = warehouse.with_name(f".{warehouse.name}.work")
    return Workbench(work / "bench.duckdb", warehouse, work, night)


def sql_type(column: Column) -> str:
    """The DuckDB type in which a column is kept."""
    return _TYPES.get(column.kind, "VARCHAR")


def compared(column: Column, prefix: str = "") -> str:
    """SQL of a column as two rows are compared by it: payer names in any case."""
    name = prefix + identifier(column.name)
    return f"lower({name})" if column.kind == Kind.PAYER else name


@contextmanager
def hold(warehouse: Path) -> Iterator[None]:
    """Hold the warehouse for one run. Raises WarehouseBusy where another run holds it."""
    lock = warehouse.with_name(f".{warehouse.name}.lock")
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise WarehouseBusy(
                f"Another run holds the warehouse {warehouse.name}. Wait for it to end, or name another with --warehouse."
            ) from None
        yield
    finally:
        os.close(descriptor)


@contextmanager
def opened(bench: Workbench, readable: Path | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to the workbench, with the warehouse attached read-only as `kept` where there is one.

    The engine is locked down: no network, no extensions, and no files but the workbench, the warehouse and
    `readable` (the landing folder). Raises WarehouseBusy where the warehouse cannot be opened.
    """
    connection = duckdb.connect(str(bench.database))
    try:
        has_kept = bench.warehouse.exists()
        if has_kept:
            _attach(connection, bench.warehouse, "kept")
        folders = [bench.scratch, *([readable] if readable else [])]
        for setting in (
            f"temp_directory = {literal(str(bench.scratch))}",
            f"max_temp_directory_size = {literal(SPILL_LIMIT)}",
            f"memory_limit = {literal(MEMORY_LIMIT)}",
            "preserve_insertion_order = true",
            "disabled_optimizers = 'type_pushdown'",  # else a failed cast can drop rows
            "enable_progress_bar = false",
            "TimeZone = 'UTC'",
            f"allowed_directories = {literals([str(f) + '/' for f in folders])}",
            "enable_external_access = false",
            "autoinstall_known_extensions = false",
            "autoload_known_extensions = false",
            "python_enable_replacements = false",
            "lock_configuration = true",
        ):
            connection.execute(f"SET {setting}")
        _lay_out(connection, has_kept, bench.night)
        yield connection
    finally:
        connection.close()


def left(connection: duckdb.DuckDBPyConnection, name: str, frame: pl.DataFrame) -> None:
    """Leave a frame as run.NAME, for a later stage or the next night."""
    connection.register("left_frame", frame)
    connection.execute(f"CREATE OR REPLACE TABLE run.{name} AS FROM left_frame")
    connection.unregister("left_frame")


def _attach(connection: duckdb.DuckDBPyConnection, database: Path, name: str) -> None:
    try:
        connection.execute(f"ATTACH {literal(str(database))} AS {name} (READ_ONLY)")
        (version,) = connection.execute(f"SELECT schema_version FROM {name}.main.meta").fetchall()[
            0
        ]
    except duckdb.IOException:
        raise WarehouseBusy(
            f"The warehouse {database.name} cannot be opened: another program holds it, or it is no DuckDB file. Close "
            "that program, or name another warehouse with --warehouse."
        ) from None
    except (duckdb.CatalogException, duckdb.BinderException):
        raise UsageError(
            f"{database.name} is a DuckDB file, but no warehouse of this program. Name another with --warehouse."
        ) from None
    if version != SCHEMA_VERSION:
        raise UsageError(
            f"{database.name} has schema version {version}; this program reads {SCHEMA_VERSION}. Name another warehouse."
        )


def _lay_out(connection: duckdb.DuckDBPyConnection, has_kept: bool, night: date | None) -> None:
    """The tables of this run, and the views `every_TABLE` over the warehouse and this run.

    Their `place` is where the engine keeps a row; the warehouse and this run may each have a row in a place. Where few rows are
    looked for, asking for their places first is fast: the engine then reads the other columns only there.
    """
    connection.execute("CREATE SCHEMA IF NOT EXISTS run")  # what one run derives; never kept
    connection.execute("CREATE TABLE IF NOT EXISTS run.again (table_name VARCHAR, sha256 VARCHAR)")
    for table in TABLES.values():
        create_table(connection, table, [c.name for c in table.columns])
    for name, ddl in LEDGERS.items():
        connection.execute(f"CREATE TABLE IF NOT EXISTS {identifier(name)} ({ddl})")
    connection.execute(
        "INSERT INTO meta SELECT ? WHERE NOT EXISTS (FROM main.meta)", [SCHEMA_VERSION]
    )
    unseen = _loaded_later(connection, night) if has_kept and night else []
    for name in [*TABLES, *LEDGERS]:
        kept = f"kept.main.{identifier(name)}"
        if unseen and name in _BY_FILE:
            kept += f" WHERE file_no NOT IN ({', '.join(map(str, unseen))})"
        sources = [f"main.{identifier(name)}", *([kept] if has_kept else [])]
        chosen = "*, rowid AS place" if name in TABLES else "*"
        union = " UNION ALL BY NAME ".join(f"SELECT {chosen} FROM {s}" for s in sources)
        connection.execute(f"CREATE TEMP VIEW every_{name} AS {union}")


def _loaded_later(connection: duckdb.DuckDBPyConnection, night: date) -> list[int]:
    """Files of the warehouse that were loaded as of a later night and that this run was not given again."""
    rows = connection.execute(
        """SELECT file_no FROM kept.main.file f
           WHERE night > ? AND NOT EXISTS (FROM run.again a WHERE a.table_name = f.table_name AND a.sha256 = f.sha256)""",
        [night],
    )
    return [row[0] for row in rows.fetchall()]


def create_table(connection: duckdb.DuckDBPyConnection, table: Table, names: list[str]) -> None:
    """This run's table with those of its columns, where it is not there yet."""
    columns = {c.name: sql_type(c) for c in table.columns if c.name in names} | BOOKKEEPING
    ddl = ", ".join(f"{identifier(n)} {t}" for n, t in columns.items())
    connection.execute(f"CREATE TABLE IF NOT EXISTS main.{identifier(table.name)} ({ddl})")


def add_columns(connection: duckdb.DuckDBPyConnection, table: Table, names: list[str]) -> None:
    """Add those of the columns that this run's table lacks: rows are stored faster without what no file supplies."""
    name = f"main.{identifier(table.name)}"
    there = {row[0] for row in connection.execute(f"DESCRIBE {name}").fetchall()}
    for column in table.columns:
        if column.name in names and column.name not in there:
            connection.execute(
                f"ALTER TABLE {name} ADD COLUMN {identifier(column.name)} {sql_type(column)}"
            )


def keep(bench: Workbench) -> None:
    """Add this run's rows to the warehouse, in one transaction; afterwards the workbench is gone."""
    if not bench.warehouse.exists():
        with duckdb.connect(str(bench.database)) as connection:
            remember(connection, "run")
        become_warehouse(bench)
        return
    with written(bench.warehouse) as connection:
        _attach(connection, bench.database, "fresh")
        connection.execute("BEGIN")
        connection.execute(
            """UPDATE main.file f SET night = a.as_of
               FROM (SELECT table_name, sha256, ? AS as_of FROM fresh.run.again) a
               WHERE a.table_name = f.table_name AND a.sha256 = f.sha256 AND f.night > a.as_of""",
            [bench.night],
        )
        for name, column in OF_A_NIGHT.items():
            connection.execute(
                f"DELETE FROM main.{name} WHERE {column} IN (SELECT as_of FROM fresh.main.night)"
            )
        for name in [*TABLES, *(n for n in LEDGERS if n != "meta")]:
            connection.execute(
                f"INSERT INTO main.{identifier(name)} BY NAME SELECT * FROM fresh.main.{identifier(name)}"
            )
        remember(connection, "fresh.run")
        connection.execute("COMMIT")


def become_warehouse(bench: Workbench) -> None:
    """Give the workbench's file the warehouse's name, in place of what stood there."""
    connection = duckdb.connect(str(bench.database))
    connection.execute("DROP SCHEMA run CASCADE")
    run(connection, "ledger/view")
    connection.execute("CHECKPOINT")
    connection.close()
    make_durable(bench.database)
    os.replace(bench.database, bench.warehouse)
    make_durable(bench.warehouse.parent)


@contextmanager
def written(warehouse: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that may write. Raises WarehouseBusy where another program has the warehouse open."""
    try:
        connection = duckdb.connect(str(warehouse))
    except duckdb.IOException as error:
        if "lock" not in str(error).lower():
            raise
        raise WarehouseBusy(
            f"Another program has the warehouse {warehouse.name} open. Close it, then run again."
        ) from None
    try:
        yield connection
    finally:
        connection.close()


def upgrade(warehouse: Path) -> None:
    """Bring a warehouse of an earlier version to this one, in one transaction; what is none, `opened` refuses."""
    if not warehouse.exists():
        return
    try:
        with duckdb.connect(str(warehouse)) as connection:
            version = connection.execute("SELECT schema_version FROM main.meta").fetchall()
            if version not in ([(v,)] for v in range(1, SCHEMA_VERSION)):
                return
            connection.execute("BEGIN")
            if version == [(1,)]:
                connection.execute(f"ALTER TABLE main.file ADD COLUMN night DATE DEFAULT {_ALWAYS}")
                connection.execute("ALTER TABLE main.file ADD COLUMN load_no INTEGER DEFAULT 0")
            for name, ddl in LEDGERS.items():
                connection.execute(f"CREATE TABLE IF NOT EXISTS main.{identifier(name)} ({ddl})")
            for name in (
                "remembered",
                "dated_link",
            ):  # the next night looks at everything, and remembers it anew
                connection.execute(f"DROP TABLE IF EXISTS main.{name}")
            run(connection, "ledger/view")
            connection.execute("UPDATE main.meta SET schema_version = ?", [SCHEMA_VERSION])
            connection.execute("COMMIT")
    except (duckdb.IOException, duckdb.CatalogException, duckdb.BinderException):
        return


def make_durable(path: Path) -> None:
    """Wait until a file or folder is on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

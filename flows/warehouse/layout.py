"""The tables of a warehouse and of the workbench on which a run adds to it."""

from collections.abc import Collection
from datetime import date

import duckdb

from flows.warehouse.columns import create_table
from flows.warehouse.decision_chain import as_decided
from flows.warehouse.lake import but, files_in_lake, stored_rows
from flows.warehouse.run_table import RunTable
from flows.warehouse.sql import identifier, literal, run
from schemas.table import Table
from schemas.tables import TABLES

SCHEMA_VERSION = 13
LEDGERS = {
    "meta": "schema_version INTEGER",
    "file": """file_no INTEGER, table_name VARCHAR, name VARCHAR, sha256 VARCHAR, rows_read BIGINT,
               columns VARCHAR[], unknown_columns VARCHAR[], night DATE, load_no INTEGER,
               read_under VARCHAR, given_columns VARCHAR, footer_lines BIGINT, origins VARCHAR""",
    "quarantine": """file_no INTEGER, row_number BIGINT, column_name VARCHAR, check_name VARCHAR,
                     raw_record VARCHAR""",
    "warning": """file_no INTEGER, column_name VARCHAR, check_name VARCHAR, rows BIGINT,
                  first_row_number BIGINT""",
    # how many values a file has in a column with malformed codes
    "value_count": "file_no INTEGER, column_name VARCHAR, rows_with_value BIGINT",
    # the exception ledger: what each run changed (sql/ledger/events.sql), under which texts, and
    # what persons decided in between
    "night": "as_of DATE, run_id VARCHAR",
    "night_text": "as_of DATE, name VARCHAR, sha256 VARCHAR",
    # what each run showed at its top: sums of its worklist (flows/ledger/nights.py)
    "night_total": """as_of DATE, lines BIGINT, recover_amount DECIMAL(38, 2),
                      records_request_amount DECIMAL(38, 2), review_amount DECIMAL(38, 2)""",
    "ledger_event": """night DATE, exception_id VARCHAR, status VARCHAR, why VARCHAR,
                       first_seen DATE, last_seen DATE, rule_id VARCHAR, policy_id VARCHAR,
                       payer VARCHAR, member_id VARCHAR, claim_source VARCHAR, claim_id VARCHAR,
                       claim_line_number BIGINT, outcome VARCHAR, reason VARCHAR,
                       amount_at_risk DECIMAL(18, 2), continues VARCHAR,
                       paid_amount DECIMAL(18, 2), term_id VARCHAR""",
    # append-only, each row chained to the one before: decision_chain.py
    # about_*: what the exception said when it was decided; another run of that date may say more
    "decision": """decision_no INTEGER, after_night DATE, exception_id VARCHAR,
                   about_outcome VARCHAR, about_reason VARCHAR, about_amount DECIMAL(18, 2),
                   action VARCHAR, amount DECIMAL(18, 2), reason VARCHAR, decided_by VARCHAR,
                   decided_on DATE, until DATE, decided_at TIMESTAMP, system_user VARCHAR,
                   previous_sha256 VARCHAR, sha256 VARCHAR""",
    # rows of each file that a purge removed; before: the first day since which nothing was removed;
    # gone: which rows and which texts of quarantined records, as one number
    "purge": "before DATE, file_no INTEGER, rows BIGINT, gone UBIGINT",
    # files with rows that are not in the tables, but in a lake: lake.py
    "lake_file": """file_no INTEGER, table_name VARCHAR, folder VARCHAR, name VARCHAR,
                    rows_before BIGINT, rows BIGINT, sha256 VARCHAR""",
    # the folders of lakes in which there ever were some
    "lake": "home VARCHAR",
    # every run that was kept, with the digests of what it published; results: name -> SHA-256, JSON
    "run_record": """record_no INTEGER, run_id VARCHAR, as_of DATE, version VARCHAR,
                     manifest_sha256 VARCHAR, results VARCHAR, recorded_at TIMESTAMP,
                     system_user VARCHAR""",
    # what was written, when and by whom, each entry chained to the one before: journal.py
    # hashed_by: fingerprint of the engine's hash, if the digest depends on it
    "journal": """entry_no INTEGER, action VARCHAR, subject VARCHAR, content_sha256 VARCHAR,
                  made_at TIMESTAMP, system_user VARCHAR, hashed_by VARCHAR, link VARCHAR,
                  signature VARCHAR""",
}
BY_FILE = (*TABLES, "file", "quarantine", "warning", "value_count", "lake_file")
OF_A_NIGHT = {
    "night": "as_of",
    "night_text": "as_of",
    "night_total": "as_of",
    "ledger_event": "night",
}
"""Tables with rows of each as-of date, and its column: another run of that date replaces them."""

GIVEN_AGAIN = RunTable(
    "given_again",
    grain="file of this run's input whose content is in the warehouse already",
    columns={"table_name": "VARCHAR", "content": "VARCHAR"},  # hash, and what folders add to it
)

READ_AGAIN = RunTable(
    "read_again",
    grain="file of the warehouse that this run reads again, because it was read under another "
    "config; the rows of this run replace those that the warehouse has",
    columns={"file_no": "INTEGER"},
)

READ_STATE = RunTable(
    "read_state",
    grain="the run: one row",
    columns={"state": "VARCHAR"},  # what the warehouse held when the run began; '' without one
)

CONTENT = "concat_ws(' ', f.sha256, f.given_columns)"
"""SQL of what a file `f` holds: its hash, and what its folders add to it."""
NO_STATE = "'' AS state"


def note_given_again(connection: duckdb.DuckDBPyConnection, table: str, content: str) -> None:
    """Note that this run's input has a file whose content is in the warehouse already."""
    connection.execute(f"INSERT INTO {GIVEN_AGAIN} VALUES (?, ?)", [table, content])


def note_read_again(connection: duckdb.DuckDBPyConnection, file_no: int) -> None:
    """Note that this run reads a file of the warehouse again."""
    connection.execute(f"INSERT INTO {READ_AGAIN} VALUES (?)", [file_no])


def note_not_read_again(connection: duckdb.DuckDBPyConnection, file_no: int) -> None:
    """Take that back: the rows that the warehouse has stay."""
    connection.execute(f"DELETE FROM {READ_AGAIN} WHERE file_no = ?", [file_no])


def state_of(schema: str) -> str:
    """SQL of a text that differs as soon as anybody has written into a warehouse."""
    parts = [
        f"(SELECT concat(count(*), ' ', bit_xor(hash(t))) FROM {schema}.{name} t)"
        for name in ("meta", "file", "night", "decision", "purge", "journal")
    ]
    parts.append(f"(SELECT count(*) FROM {schema}.ledger_event)")
    return f"concat_ws(', ', {', '.join(parts)}) AS state"


def lay_out(connection: duckdb.DuckDBPyConnection, has_kept: bool, night: date | None) -> None:
    """Create the tables of this run, and the views `every_TABLE` over the warehouse and this run.

    `place` is where the engine stores a row, or a negative number in a lake; the warehouse and this
    run may each have a row in one place. To find few rows, select their places first: the engine
    then reads the other columns only there. `service_date` of a claim row is written only here.
    """
    if not connection.execute("SHOW TABLES").fetchall():
        for table in TABLES.values():
            create_table(connection, table, [c.name for c in table.columns])
        for name, ddl in LEDGERS.items():
            connection.execute(f"CREATE TABLE {identifier(name)} ({ddl})")
        connection.execute("INSERT INTO main.meta VALUES (?)", [SCHEMA_VERSION])
        GIVEN_AGAIN.create(connection)
        READ_AGAIN.create(connection)
        state = state_of("kept.main") if has_kept else NO_STATE
        READ_STATE.create(connection, f"SELECT {state}")
    left_out = {"main": [], **({"kept.main": _unseen(connection, night)} if has_kept else {})}
    files = {schema: files_in_lake(connection, schema) for schema in left_out}
    for name in [*TABLES, *LEDGERS]:
        sources = []
        for schema, unseen in left_out.items():
            if name in TABLES:
                also = _service_date(TABLES[name])
                sources += stored_rows(schema, name, files[schema], unseen, also)
            else:
                some = but(unseen if name in BY_FILE else [])
                sources.append(f"SELECT * FROM {schema}.{identifier(name)}{some}")
        union = " UNION ALL BY NAME ".join(sources)
        connection.execute(f"CREATE TEMP VIEW every_{name} AS {union}")


def create_ledger_view(connection: duckdb.DuckDBPyConnection) -> None:
    """Create `main.ledger`, the view of every exception ever found, in the current database."""
    run(connection, "warehouse/ledger", as_decided=as_decided("e", "v"))


def _service_date(table: Table) -> str:
    """SQL of the service date that a claim row of `every_TABLE` has besides its own columns."""
    if not table.is_claim:
        return ""
    first, *others = table.service_dates
    service_date = f"coalesce({', '.join(table.service_dates)})" if others else first
    return f", {service_date} AS service_date"


def _unseen(connection: duckdb.DuckDBPyConnection, night: date | None) -> list[int]:
    """Files whose rows in the warehouse this run does not see.

    It reads them again, or a run as of a later date loaded them and they are not in its input.
    """
    rows = connection.execute(
        f"""SELECT file_no FROM kept.main.file f
            WHERE file_no IN (FROM {READ_AGAIN})
               OR (night > ?
                   AND NOT EXISTS (FROM {GIVEN_AGAIN} a
                                   WHERE a.table_name = f.table_name AND a.content = {CONTENT}))
            ORDER BY file_no""",
        [night],
    )
    return [row[0] for row in rows.fetchall()]


def remembered_tables(connection: duckdb.DuckDBPyConnection, schema: str = "main") -> list[str]:
    """Tables of a warehouse that only say what its last run found; its tables are in `schema`."""
    database, _, name = schema.rpartition(".")
    rows = connection.execute(
        f"""SELECT table_name FROM duckdb_tables()
            WHERE database_name = {literal(database) if database else "current_database()"}
              AND schema_name = {literal(name)}
            ORDER BY table_name"""
    )
    return [name for (name,) in rows.fetchall() if name not in TABLES and name not in LEDGERS]


def drop_run_tables(connection: duckdb.DuckDBPyConnection, but: Collection[str] = ()) -> None:
    """Drop from an open workbench what its run derived, except tables with some names."""
    made = connection.execute(
        """SELECT 'VIEW', view_name FROM duckdb_views()
           WHERE database_name = current_database() AND NOT internal
           UNION ALL
           SELECT 'MACRO', function_name FROM duckdb_functions()
           WHERE database_name = current_database() AND NOT internal"""
    ).fetchall()
    for kind, name in made:
        connection.execute(f"DROP {kind} main.{identifier(name)}")
    forget_last_run(connection, but)


def forget_last_run(connection: duckdb.DuckDBPyConnection, but: Collection[str] = ()) -> None:
    """Drop what a warehouse remembers of its last run, so that the next one looks at everything.

    but   names of tables that stay.
    """
    for name in remembered_tables(connection):
        if name not in but:
            connection.execute(f"DROP TABLE main.{identifier(name)}")


def remove_files(connection: duckdb.DuckDBPyConnection, file_nos: list[int]) -> None:
    """Remove from a warehouse everything that was loaded from some files.

    Nothing that the warehouse remembers is valid any more, so it goes too.
    """
    for name in BY_FILE:
        connection.execute(
            f"DELETE FROM main.{identifier(name)} WHERE file_no IN (SELECT unnest(?::INTEGER[]))",
            [file_nos],
        )
    forget_last_run(connection)

"""Bring a warehouse up to date that an earlier version of the program, or of the engine, wrote."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb

from flows.errors import DiskTrouble
from flows.warehouse.connection import opened_for_writing, refuse_other_version
from flows.warehouse.decision_chain import chain_again
from flows.warehouse.files import real_path
from flows.warehouse.hashes import hash_again
from flows.warehouse.journal import (
    DECISION,
    FILE,
    NIGHT,
    RUN,
    Rows,
    digests,
    hashed_otherwise,
    intact,
    memory_subject,
    seal,
    subject,
)
from flows.warehouse.lake import (
    LakeFile,
    changed_files,
    checked_files,
    files_in_lake,
    take_in,
)
from flows.warehouse.lake_folders import (
    Listed,
    listed,
    mark,
    settle_after_a_kill,
    settle_folders,
)
from flows.warehouse.layout import LEDGERS, SCHEMA_VERSION, create_ledger_view, forget_last_run
from flows.warehouse.sql import identifier
from flows.warehouse.trouble import opening

_UPGRADE = "upgrade"  # the journal's word for it
_ALWAYS = "DATE '0001-01-01'"  # as-of date given to rows loaded before schema version 2
_FIRST_WITH_JOURNAL = 6
_BEFORE_LAKES = 12
_ADDED_TO_EVENT = ("paid_amount DECIMAL(18, 2)", "term_id VARCHAR")
_PAID_BEFORE = """
    UPDATE main.ledger_event e SET paid_amount = p.paid_amount
    FROM (SELECT 'medical' AS claim_source, lower(payer) AS payer, claim_id, claim_line_number,
                 max(abs(paid_amount)) AS paid_amount
          FROM main.medical_claim GROUP BY ALL
          UNION ALL
          SELECT 'pharmacy', lower(payer), claim_id, claim_line_number, max(abs(paid_amount))
          FROM main.pharmacy_claim GROUP BY ALL) p
    WHERE e.paid_amount IS NULL AND e.claim_source = p.claim_source AND lower(e.payer) = p.payer
      AND e.claim_id = p.claim_id AND e.claim_line_number = p.claim_line_number"""
"""What was paid for the lines of earlier events: the most that any version of the line was paid."""
_ADDED_TO_DECISION = (
    "about_outcome VARCHAR",
    "about_reason VARCHAR",
    "about_amount DECIMAL(18, 2)",
)
_ABOUT_BEFORE = """
    UPDATE main.decision d
    SET about_outcome = e.outcome, about_reason = e.reason, about_amount = e.amount_at_risk
    FROM (SELECT m.decision_no, v.outcome, v.reason, v.amount_at_risk
          FROM main.decision m ASOF JOIN main.ledger_event v
            ON v.exception_id = m.exception_id AND v.night <= m.after_night) e
    WHERE e.decision_no = d.decision_no AND d.about_outcome IS NULL"""
"""What earlier decisions were about: the last event before them."""
_VALUE_COUNT = "values_checked"  # how its rows were marked among the warnings before version 9
_ALWAYS_SEALED = (FILE, NIGHT, DECISION, RUN)
_JOURNAL_LOOKS_INTO = (
    "value_count",
    "night_total",
    "lake_file",
)  # tables that came after the journal
_ADDED_TO_FILE = (
    "read_under VARCHAR",
    "given_columns VARCHAR",
    "footer_lines BIGINT",
    "origins VARCHAR",
)


def upgrade(warehouse: Path, lake: Path | None = None) -> None:
    """Bring a warehouse of an earlier version up to date, in one transaction.

    lake   that a run uses; there and in lakes that the warehouse has used before, what a killed
           writer has left is put right.

    The next run then looks at everything: what earlier versions remembered is dropped, and so it is
    if the engine hashes otherwise than the one that wrote the warehouse. A file that is a DuckDB
    file of another program is left alone; `opened` refuses it. Raises WarehouseBusy if another
    program has the warehouse open, and DiskTrouble if it cannot be opened.
    """
    real = real_path(warehouse)
    if not warehouse.exists():
        settle_after_a_kill(None, real, lake)
        return
    left: Listed = {}
    with (
        suppress(duckdb.CatalogException, duckdb.BinderException),
        opening(warehouse),
        opened_for_writing(warehouse) as connection,
    ):
        left = _bring_up_to_date(connection, real, lake)
    settle_folders(left, real)


@contextmanager
def opened_up_to_date(warehouse: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a warehouse for writing as `opened_for_writing` does, and bring it up to date first.

    If the block fails, that is not stored either. Raises UsageError as well, if the file is not a
    warehouse, or one of a later version.
    """
    real, left = real_path(warehouse), {}
    with opened_for_writing(warehouse) as connection:
        with opening(warehouse):
            with suppress(duckdb.CatalogException, duckdb.BinderException):
                left = _bring_up_to_date(connection, real)
            refuse_other_version(connection, "main", warehouse)
        yield connection
    settle_folders(left, real)


def _bring_up_to_date(
    connection: duckdb.DuckDBPyConnection, warehouse: Path, lake: Path | None = None
) -> dict[Path, list[LakeFile]]:
    """Returns the folders of a lake that are to be settled when this is stored."""
    version = connection.execute("SELECT schema_version FROM main.meta").fetchall()
    if version == [(SCHEMA_VERSION,)]:
        settle_after_a_kill(connection, warehouse, lake)
        return _hash_again_if_needed(connection, warehouse)
    if version in ([(v,)] for v in range(1, SCHEMA_VERSION)):
        if version == [(_BEFORE_LAKES,)]:
            _add_lake(connection)
        else:
            _lay_out_again(connection, version[0][0])
        return _hash_again_if_needed(connection, warehouse)
    return {}


def _add_lake(connection: duckdb.DuckDBPyConnection) -> None:
    """Give a warehouse the tables of its files in lakes; all else is as it was."""
    connection.execute("BEGIN")
    for name in ("lake_file", "lake"):
        connection.execute(f"CREATE TABLE IF NOT EXISTS main.{name} ({LEDGERS[name]})")
    connection.execute("UPDATE main.meta SET schema_version = ?", [SCHEMA_VERSION])
    connection.execute("COMMIT")


def _lay_out_again(connection: duckdb.DuckDBPyConnection, version: int) -> None:
    """Give a warehouse the tables of this version; what was changed in it must stay visible."""
    connection.execute("BEGIN")
    if version == 1:
        connection.execute(f"ALTER TABLE main.file ADD COLUMN night DATE DEFAULT {_ALWAYS}")
        connection.execute("ALTER TABLE main.file ADD COLUMN load_no INTEGER DEFAULT 0")
    for name in _JOURNAL_LOOKS_INTO:
        connection.execute(f"CREATE TABLE IF NOT EXISTS main.{name} ({LEDGERS[name]})")
    foreign = _foreign(connection) if version >= _FIRST_WITH_JOURNAL else set()
    for column in _ADDED_TO_FILE:
        connection.execute(f"ALTER TABLE main.file ADD COLUMN IF NOT EXISTS {column}")
    for name, ddl in LEDGERS.items():
        connection.execute(f"CREATE TABLE IF NOT EXISTS main.{identifier(name)} ({ddl})")
    connection.execute("ALTER TABLE main.purge ADD COLUMN IF NOT EXISTS gone UBIGINT")
    for column in _ADDED_TO_DECISION:
        connection.execute(f"ALTER TABLE main.decision ADD COLUMN IF NOT EXISTS {column}")
    connection.execute(_ABOUT_BEFORE)
    chain_again(connection, LEDGERS["decision"])
    for column in _ADDED_TO_EVENT:
        connection.execute(f"ALTER TABLE main.ledger_event ADD COLUMN IF NOT EXISTS {column}")
    connection.execute(_PAID_BEFORE)
    counted = f"main.warning WHERE check_name = '{_VALUE_COUNT}'"
    connection.execute(
        f"INSERT INTO main.value_count SELECT file_no, column_name, rows FROM {counted}"
    )
    connection.execute(f"DELETE FROM {counted}")
    forgotten = memory_subject(connection)
    forget_last_run(connection)
    hash_again(connection)
    create_ledger_view(connection)
    seal(connection, _UPGRADE, [*forgotten, *(digests(connection, "main").keys() - foreign)])
    connection.execute("UPDATE main.meta SET schema_version = ?", [SCHEMA_VERSION])
    connection.execute("COMMIT")


def _foreign(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """What is not as the journal says."""
    connection.execute("ALTER TABLE main.journal ADD COLUMN IF NOT EXISTS hashed_by VARCHAR")
    there = list(digests(connection, "main", kinds=_ALWAYS_SEALED, rows=Rows.BEFORE_12))
    return set(there) - set(intact(connection, "main", there, Rows.BEFORE_12))


def _hash_again_if_needed(
    connection: duckdb.DuckDBPyConnection, warehouse: Path
) -> dict[Path, list[LakeFile]]:
    """Hash every row again if the journal has digests of an engine that hashes otherwise.

    Rows and what was remembered of them are found by their hashes. Those of a lake come into the
    warehouse. Returns the folders that they leave. Raises DiskTrouble if they are not as listed.
    """
    if not hashed_otherwise(connection, "main"):
        return {}
    checked_files(connection, "main")  # all are there
    if changed_files(connection, "main"):
        raise DiskTrouble(
            "Files in the lake are not as the warehouse lists them; verify says which. Restore "
            "them from a backup: their rows have to come into the warehouse, because this version "
            "of DuckDB hashes otherwise."
        )
    connection.execute("BEGIN")
    left = mark(connection, files_in_lake(connection, "main"), warehouse)
    take_in(connection)
    hash_again(connection)
    remembered = memory_subject(connection)
    forget_last_run(connection)
    files = connection.execute("SELECT file_no FROM main.file").fetchall()
    seal(connection, _UPGRADE, [*(subject(FILE, number) for (number,) in files), *remembered])
    connection.execute("COMMIT")
    return listed(connection, left.own)

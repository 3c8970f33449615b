"""Keep: add a run's rows to the warehouse, in one transaction."""

import os
from pathlib import Path

import duckdb

from flows.warehouse.connection import Workbench, attach, written
from flows.warehouse.layout import GIVEN_AGAIN, LEDGERS, OF_A_NIGHT
from flows.warehouse.memory import Memory, remember
from flows.warehouse.sql import identifier, run
from schemas.tables import TABLES


def keep(bench: Workbench, memory: Memory) -> None:
    """Add this run's rows to the warehouse; afterwards the workbench's file may be gone.

    memory   which tables of the run the warehouse is to remember.
    """
    if not bench.warehouse.exists():
        with duckdb.connect(str(bench.database)) as connection:
            remember(connection, "run", memory)
        become_warehouse(bench)
        return
    with written(bench.warehouse) as connection:
        attach(connection, bench.database, "fresh")
        connection.execute("BEGIN")
        connection.execute(
            f"""UPDATE main.file f SET night = a.as_of
                FROM (SELECT table_name, sha256, ? AS as_of FROM fresh.{GIVEN_AGAIN}) a
                WHERE a.table_name = f.table_name AND a.sha256 = f.sha256 AND f.night > a.as_of""",
            [bench.night],
        )
        for name, column in OF_A_NIGHT.items():
            connection.execute(
                f"""DELETE FROM main.{name}
                    WHERE {column} IN (SELECT as_of FROM fresh.main.night)"""
            )
        for name in [*TABLES, *(n for n in LEDGERS if n != "meta")]:
            table = f"main.{identifier(name)}"
            connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM fresh.{table}")
        remember(connection, "fresh.run", memory)
        connection.execute("COMMIT")


def become_warehouse(bench: Workbench) -> None:
    """Give the workbench's file the warehouse's name, in place of any file of that name."""
    connection = duckdb.connect(str(bench.database))
    connection.execute("DROP SCHEMA run CASCADE")
    run(connection, "warehouse/ledger")
    connection.execute("CHECKPOINT")
    connection.close()
    make_durable(bench.database)
    bench.database.replace(bench.warehouse)
    make_durable(bench.warehouse.parent)


def make_durable(path: Path) -> None:
    """Wait until a file or folder is on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

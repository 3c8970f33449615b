"""The columns of the tables that hold rows of extracts, and how they are created."""

from collections.abc import Mapping

import duckdb

from flows.warehouse.sql import identifier, one
from schemas.table import Column, Kind, Table

DECIMAL_DIGITS = {Kind.AMOUNT: (18, 2), Kind.QUANTITY: (18, 3)}
"""Digits of a figure of a row, and how many of them are decimals."""
_TYPES = {
    Kind.DATE: "DATE",
    **{kind: f"DECIMAL({digits}, {scale})" for kind, (digits, scale) in DECIMAL_DIGITS.items()},
    Kind.INTEGER: "BIGINT",
}
BOOKKEEPING = {
    "file_no": "INTEGER",
    "row_number": "BIGINT",  # position among the file's readable records, from 1
    "member_hash": "UBIGINT",  # narrows members fast; equal text is always checked as well
    "row_hash": "UBIGINT",  # claims: of the line key; other tables: of every column
    "notes": "VARCHAR",  # COLUMN|WARNING of values that were read with a reservation
    "raw_record": "VARCHAR",  # text of a row that fails a check, until it is quarantined
}
_ROWS_OF_A_GROUP, _BLOCK = 122_880, 256 * 1024
"""Of the engine: rows of a row group, and the bytes of the smallest part of a column there."""


def sql_type(column: Column) -> str:
    """The DuckDB type in which a column is stored."""
    return _TYPES.get(column.kind, "VARCHAR")


def stored_columns(table: Table) -> dict[str, str]:
    """Name and SQL type of every column of a stored table."""
    return {c.name: sql_type(c) for c in table.columns} | BOOKKEEPING


def seen_columns(table: Table) -> dict[str, str]:
    """Name and SQL type of every column of the view `every_TABLE`."""
    added = {"place": "BIGINT"} | ({"service_date": "DATE"} if table.is_claim else {})
    return stored_columns(table) | added


def create_table(connection: duckdb.DuckDBPyConnection, table: Table, names: list[str]) -> None:
    """Create this run's table with some of its columns, unless it exists."""
    wanted = {*names, *BOOKKEEPING}
    columns = _ddl({n: t for n, t in stored_columns(table).items() if n in wanted})
    connection.execute(f"CREATE TABLE IF NOT EXISTS main.{identifier(table.name)} ({columns})")


def _ddl(columns: Mapping[str, str]) -> str:
    return ", ".join(f"{identifier(name)} {type_}" for name, type_ in columns.items())


def add_columns(
    connection: duckdb.DuckDBPyConnection, table: Table, names: list[str], memory: int
) -> None:
    """Add those of the columns that this run's table lacks.

    Rows are stored faster without the columns that no file supplies. Until it is written, an empty
    column takes a block per row group; so they are written as often as the engine's memory asks.

    memory   bytes that the engine has.
    """
    name = f"main.{identifier(table.name)}"
    present = {row[0]: row[1] for row in connection.execute(f"DESCRIBE {name}").fetchall()}
    lacking = [c for c in table.columns if c.name in names and c.name not in present]
    if not lacking:
        return
    rows = one(connection, f"SELECT count(*) FROM {name}")
    if not rows:  # sooner done than adding one column after the other
        ddl = _ddl(present | {c.name: sql_type(c) for c in lacking})
        connection.execute(f"CREATE OR REPLACE TABLE {name} ({ddl})")
        return
    groups = 1 + rows // _ROWS_OF_A_GROUP
    at_once = max(1, memory // 4 // (groups * _BLOCK))
    for first in range(0, len(lacking), at_once):
        columns = lacking[first : first + at_once]
        connection.execute("BEGIN")  # in one transaction, this takes a third of the time
        for column in columns:
            connection.execute(
                f"ALTER TABLE {name} ADD COLUMN {identifier(column.name)} {sql_type(column)}"
            )
        connection.execute("COMMIT")
        if len(columns) == at_once:
            connection.execute("CHECKPOINT")

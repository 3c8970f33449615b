"""Hashes of rows that the engine computes. Another version of the engine may hash otherwise.

The warehouse keeps these hashes in its rows, where they narrow a search, and in its journal, where
they say whether rows are as they were. A fingerprint says whether two hashes can be compared.
"""

import duckdb

from flows.warehouse.sql import identifier
from schemas.table import Column, Kind, Table
from schemas.tables import TABLES

_DIGITS = 16
_FIXED = (
    "'M1'",
    "'a member_id of more letters than are stored in place'",
    "''",
    "CAST(NULL AS VARCHAR)",
    "CAST(-7 AS INTEGER)",
    "CAST(-7 AS BIGINT)",
    "CAST(7 AS UBIGINT)",
    "CAST(7 AS UINTEGER)",
    "CAST(0.5 AS DOUBLE)",
    "CAST(-12.34 AS DECIMAL(18, 2))",
    "CAST(12.345 AS DECIMAL(18, 3))",
    "CAST(12.34 AS DECIMAL(38, 2))",
    "DATE '2026-02-01'",
    "true",
    "['a', NULL]",
    "[{'kind': 'fill', 'day': DATE '2026-02-01'}]",
    "{'claim_id': 'C1', 'claim_line_number': 1}",
)
"""Values of every type that is hashed."""


def fingerprint(connection: duckdb.DuckDBPyConnection) -> str:
    """What the engine's `hash` gives for fixed values, as 16 hexadecimal digits."""
    hashes = [f"hash({value})" for value in _FIXED]
    hashes.append(f"hash({', '.join(_FIXED)})")  # of several values at once
    ((found,),) = connection.execute(
        f"SELECT sha256(concat_ws(' ', {', '.join(hashes)}))"
    ).fetchall()
    return str(found)[:_DIGITS]


def member_hash(has_member: bool) -> str:
    """SQL of the hash of a row's member: it narrows members fast."""
    return "hash(member_id)" if has_member else "0"


def row_hash(table: Table, stored: list[str]) -> str:
    """SQL of a hash: of a claim's line key, so that its versions meet; else of the whole row.

    stored   the columns that the rows have; the others are null.
    """
    if table.is_claim:
        return "hash(claim_id, claim_line_number)"
    columns = [compared(c) if c.name in stored else "NULL" for c in table.columns]
    return f"hash({', '.join(columns)})"


def compared(column: Column, prefix: str = "") -> str:
    """SQL of a column for comparing two rows: payer names in any case."""
    name = prefix + identifier(column.name)
    return f"lower({name})" if column.kind == Kind.PAYER else name


def hash_again(connection: duckdb.DuckDBPyConnection) -> None:
    """Give every row of a warehouse the hashes of this engine, in the current transaction."""
    for table in TABLES.values():
        names = [column.name for column in table.columns]
        connection.execute(
            f"""UPDATE main.{identifier(table.name)}
                SET member_hash = {member_hash("member_id" in names)},
                    row_hash = {row_hash(table, names)}"""
        )

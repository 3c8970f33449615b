"""Hashes of rows that the engine computes. Another version of the engine may hash otherwise.

The warehouse keeps these hashes in its rows, where they narrow a search, and in its journal, where
they say whether rows are as they were. A fingerprint says whether two hashes can be compared.
"""

from collections.abc import Container, Iterable

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
_LINE_KEY = ("claim_id", "claim_line_number")
_fingerprints: dict[str, str] = {}
"""SQL of a fingerprint -> what the engine of this process answered."""


def fingerprint(connection: duckdb.DuckDBPyConnection) -> str:
    """What the engine's `hash` gives for fixed values, as 16 hexadecimal digits."""
    hashes = [f"hash({value})" for value in _FIXED]
    hashes.append(f"hash({', '.join(_FIXED)})")  # of several values at once
    query = f"SELECT sha256(concat_ws(' ', {', '.join(hashes)}))"
    if query not in _fingerprints:
        ((found,),) = connection.execute(query).fetchall()
        _fingerprints[query] = str(found)[:_DIGITS]
    return _fingerprints[query]


def member_hash(has_member: bool) -> str:
    """SQL of the hash of a row's member: it narrows members fast."""
    return "hash(member_id)" if has_member else "0"


def row_hash(table: Table, stored: list[str]) -> str:
    """SQL of a hash: of a claim's line key, so that its versions meet; else of the whole row.

    stored   the columns that the rows have; the others are null.
    """
    if table.is_claim:
        return f"hash({', '.join(_LINE_KEY)})"
    columns = [compared(c) if c.name in stored else "NULL" for c in table.columns]
    return f"hash({', '.join(columns)})"


def sealed(table: Table, stored: Iterable[str], filled: Container[str]) -> str:
    """SQL of a hash of all that a row holds: of its own two hashes, and of what they do not cover.

    filled   the columns in which any row has a value; it is faster without the others.
    """
    covered = (
        {*_LINE_KEY, "member_id"}
        if table.is_claim
        else {c.name for c in table.columns if c.kind != Kind.PAYER}
    )
    columns = (identifier(n) if n in filled else "NULL" for n in sorted({*stored} - covered))
    return f"hash({', '.join(columns)})"


def is_hashed_right(table: Table) -> str:
    """SQL that is true if the two hashes of a row are those of its values."""
    names = [column.name for column in table.columns]
    of_row = f"row_hash = {row_hash(table, names)}"
    if "member_id" not in names:
        return f"({of_row} AND member_hash = 0)"
    return f"""({of_row} AND (member_hash = {member_hash(True)}
                              OR (member_hash = {member_hash(False)} AND member_id IS NULL)))"""


def compared(column: Column, prefix: str = "") -> str:
    """SQL of a column for comparing two rows: payer names in any case."""
    name = prefix + identifier(column.name)
    return f"lower({name})" if column.kind == Kind.PAYER else name


def hash_again(connection: duckdb.DuckDBPyConnection) -> None:
    """Give every row of a warehouse the hashes of this engine, in the current transaction.

    Rows that have them stay as they are.
    """
    for table in TABLES.values():
        names = [column.name for column in table.columns]
        connection.execute(
            f"""UPDATE main.{identifier(table.name)}
                SET member_hash = {member_hash("member_id" in names)},
                    row_hash = {row_hash(table, names)}
                WHERE {is_hashed_right(table)} IS NOT TRUE"""
        )

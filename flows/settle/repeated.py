"""Hashes that several rows have: only such rows can be versions of one line, or exact copies."""

import math

import duckdb
import polars as pl

from flows.warehouse.memory import NEW_FILE
from flows.warehouse.run_table import RunTable
from flows.warehouse.sql import one

REPEATED_HASH = RunTable(
    "repeated_hash",
    grain="row_hash that several of the rows looked at have",
    columns={"row_hash": "UBIGINT"},
)
TABLES = (REPEATED_HASH,)

_AT_A_TIME = 1 << 22  # hashes, about: 32 MiB of them, which are held three times
_HASHES = 1 << 64


def find_repeated_hashes(connection: duckdb.DuckDBPyConnection, rows: str) -> int:
    """Make REPEATED_HASH of the rows of a table. Returns how many rows that has.

    They are sorted outside of the engine: its GROUP BY takes ten times as long. Hashes are spread
    evenly, so a range of them at a time keeps memory small.
    """
    REPEATED_HASH.create(connection)
    count = one(connection, f"SELECT count(*) FROM {rows}")
    parts = math.ceil(count / _AT_A_TIME)
    for part in range(parts):
        first, after = (_HASHES * n // parts for n in (part, part + 1))
        hashes = connection.sql(
            f"SELECT row_hash FROM {rows} WHERE row_hash BETWEEN {first} AND {after - 1}"
        )
        found = hashes.pl().to_series().to_numpy(writable=True)
        found.sort()
        repeated = pl.DataFrame({"row_hash": found[1:][found[1:] == found[:-1]]}).unique()
        if repeated.height:
            REPEATED_HASH.add_frame(connection, repeated)
    return count


def find_hashes_repeated_since(connection: duckdb.DuckDBPyConnection, rows: str) -> None:
    """Make REPEATED_HASH of those hashes that rows of new files have, and other rows as well.

    The engine groups them, as they are few among all.
    """
    REPEATED_HASH.create(
        connection,
        f"""SELECT row_hash FROM {rows}
            WHERE row_hash IN (SELECT row_hash FROM {rows} WHERE file_no IN (FROM {NEW_FILE}))
            GROUP BY row_hash HAVING count(*) > 1""",
    )

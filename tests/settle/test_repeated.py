"""Hashes that several rows have are found whole, a range of hashes at a time."""

import duckdb
import pytest

from flows.settle import repeated
from flows.settle.repeated import (
    REPEATED_HASH,
    find_hashes_repeated_since,
    find_repeated_hashes,
)
from flows.warehouse.memory import NEW_FILE

ROWS = """
    CREATE TABLE t AS
    SELECT hash(i % 40) AS row_hash, i FROM range(55) r(i)
    UNION ALL SELECT CAST(unnest([1, 1, 18446744073709551615, 18446744073709551615]) AS UBIGINT), 0
"""


@pytest.mark.parametrize("at_a_time", [1 << 23, 7])
def test_the_hashes_of_several_rows_are_found(
    monkeypatch: pytest.MonkeyPatch, at_a_time: int
) -> None:
    monkeypatch.setattr(repeated, "_AT_A_TIME", at_a_time)
    with duckdb.connect() as connection:
        connection.execute(f"CREATE SCHEMA run; {ROWS}")
        find_repeated_hashes(connection, "t")
        found = connection.execute(f"FROM {REPEATED_HASH} ORDER BY ALL").fetchall()
        grouped = connection.execute(
            "SELECT row_hash FROM t GROUP BY row_hash HAVING count(*) > 1 ORDER BY ALL"
        ).fetchall()
    assert found == grouped and len(found) == 17


def test_of_a_night_only_hashes_that_a_new_row_has_are_found() -> None:
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA run")
        NEW_FILE.create(connection, "SELECT 2::INTEGER AS file_no")
        connection.execute(
            """CREATE TABLE t AS
               SELECT unnest([1, 1, 2, 3])::UBIGINT AS row_hash, 1 AS file_no
               UNION ALL SELECT unnest([2, 4, 5, 5])::UBIGINT, 2"""
        )
        find_hashes_repeated_since(connection, "t")
        found = connection.execute(f"FROM {REPEATED_HASH} ORDER BY ALL").fetchall()
    assert found == [(2,), (5,)]

"""Hashes that several rows have are found whole, a range of hashes at a time."""

import duckdb
import pytest

from flows.settle import repeated
from flows.settle.repeated import REPEATED_HASH, find_repeated_hashes

ROWS = """
    CREATE TABLE t AS
    SELECT hash(i % 40) AS row_hash, i FROM range(60) r(i)
    UNION ALL SELECT CAST(unnest([1, 1, 18446744073709551615, 18446744073709551615]) AS UBIGINT), 0
"""


@pytest.mark.parametrize("at_a_time", [1 << 23, 7])
def test_the_hashes_of_several_rows_are_found(
    monkeypatch: pytest.MonkeyPatch, at_a_time: int
) -> None:
    monkeypatch.setattr(repeated, "_AT_A_TIME", at_a_time)
    with duckdb.connect() as connection:
        connection.execute(f"CREATE SCHEMA run; {ROWS}")
        find_repeated_hashes(connection, "t", "i < 55")
        found = connection.execute(f"FROM {REPEATED_HASH} ORDER BY ALL").fetchall()
        grouped = connection.execute(
            "SELECT row_hash FROM t WHERE i < 55 GROUP BY row_hash HAVING count(*) > 1 ORDER BY ALL"
        ).fetchall()
    assert found == grouped and len(found) == 17

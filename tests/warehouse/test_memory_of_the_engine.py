"""The engine takes no more memory than a run gives it."""

from math import inf, nan
from pathlib import Path

import duckdb
import polars as pl
import pytest

from flows import memory_limits
from flows.errors import UsageError
from flows.plan import plan
from flows.request import RunRequest
from flows.run_folders import begin
from flows.warehouse import memory
from flows.warehouse.columns import add_columns
from flows.warehouse.connection import Workbench, opened, opened_for_writing
from schemas.tables import TABLES
from tests.support.running import ROOT, request_for

MEDICAL = TABLES["medical_claim"]
MEMORY = 80_000_000
_LIMIT = "SELECT current_setting('memory_limit')"


def _asking_for(gib: float, output: Path) -> RunRequest:
    return request_for(ROOT / "data" / "sample", output, output / "audit.duckdb", memory=gib)


def _limit_of(bytes_: int) -> list[tuple[str]]:
    with duckdb.connect() as connection:
        connection.execute(f"SET memory_limit = '{bytes_}B'")
        return connection.execute(_LIMIT).fetchall()


def test_columns_that_no_file_supplies_fit_into_memory(tmp_path: Path) -> None:
    bench = Workbench(tmp_path / "bench", tmp_path / "audit.duckdb", tmp_path, memory=MEMORY)
    names = [column.name for column in MEDICAL.columns]
    with opened(bench) as connection:
        connection.execute(
            """CREATE OR REPLACE TABLE main.medical_claim AS
               SELECT 'x' AS claim_id FROM range(1_200_000)"""
        )
        add_columns(connection, MEDICAL, names, bench.memory)
        found = connection.sql("FROM main.medical_claim LIMIT 1")
        assert sorted(found.columns) == sorted(names)
        assert [v for row in found.fetchall() for v in row if v is not None] == ["x"]


@pytest.mark.parametrize("at_a_time", [1, 2, 5, 9])
def test_rows_of_files_are_all_added_in_order_however_many_at_a_time(
    at_a_time: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "_AT_A_TIME", at_a_time)
    files = [tmp_path / "0", tmp_path / "none", tmp_path / "1"]
    for file, numbers in zip(files, (range(5), range(0), range(5, 9)), strict=True):
        pl.DataFrame({"n": numbers}, {"n": pl.Int64}).write_parquet(file, row_group_size=2)
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE rows (other VARCHAR, n BIGINT)")
        memory._add_rows(connection, "rows", files)
        assert connection.sql("SELECT n FROM rows").fetchall() == [(n,) for n in range(9)]


def test_stages_and_writers_have_the_memory_of_the_run(tmp_path: Path) -> None:
    made = plan(_asking_for(1.5, tmp_path))
    assert made.bench.memory == memory_limits.engine_bytes(1.5) < memory_limits.engine_bytes()
    begin(made)
    limit = _limit_of(made.bench.memory)
    with opened(made.bench) as connection:
        assert connection.execute(_LIMIT).fetchall() == limit
    with duckdb.connect(made.bench.warehouse):
        pass
    with opened_for_writing(made.bench.warehouse, made.bench.memory) as connection:
        assert connection.execute(_LIMIT).fetchall() == limit


def test_shares_of_the_memory_grow_with_it() -> None:
    assert [memory_limits.rows_at_a_time(gib) for gib in (1, 2, 4)] == [50_000, 100_000, 200_000]
    assert [memory_limits.rows_at_a_time(4, k) for k in (2, 4, 99)] == [100_000, 50_000, 25_000]
    asked = (1.0, 1.5, 2.0, 4.0, 64.0)
    shares = [memory_limits.engine_bytes(gib) for gib in asked]
    assert shares == sorted(set(shares))
    assert all(0 < s < gib * memory_limits.GIB for s, gib in zip(shares, asked, strict=True))


@pytest.mark.parametrize("gib", [0.9, 0, -1, inf, nan, 4 * memory_limits.GIB, 1e308])
def test_an_impossible_memory_is_refused(gib: float, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--memory"):
        plan(_asking_for(gib, tmp_path))

"""What a stage leaves on its workbench is on disk when the stage ends, or the stage fails."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from flows.errors import DiskTrouble, TooManyBadRows, as_user_error
from flows.warehouse.connection import Workbench, opened


def _bench(folder: Path) -> Workbench:
    return Workbench(folder / "bench.duckdb", folder / "audit.duckdb", folder)


@contextmanager
def _files_limited_to(size: int) -> Iterator[None]:
    """No file of this process may grow beyond a size, in bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("refusal", [None, TooManyBadRows("too many")])
def test_a_stage_whose_rows_cannot_be_written_fails(
    tmp_path: Path, refusal: TooManyBadRows | None
) -> None:
    def work() -> None:
        with opened(_bench(tmp_path)) as connection:
            connection.execute("CREATE TABLE run.few AS SELECT hash(range) AS h FROM range(50000)")
            if refusal:
                raise refusal

    with _files_limited_to(100_000), pytest.raises(duckdb.Error) as failed:
        work()
    assert isinstance(as_user_error(failed.value, tmp_path), DiskTrouble)


@pytest.mark.parametrize("refusal", [None, TooManyBadRows("too many")])
def test_the_next_stage_finds_what_a_stage_has_written(
    tmp_path: Path, refusal: TooManyBadRows | None
) -> None:
    try:
        with opened(_bench(tmp_path)) as connection:
            connection.execute("CREATE TABLE run.few AS SELECT 7 AS n")
            if refusal:
                raise refusal
    except TooManyBadRows:
        assert refusal
    assert [p.name for p in tmp_path.iterdir()] == ["bench.duckdb"], "no log"
    with opened(_bench(tmp_path)) as connection:
        assert connection.execute("FROM run.few").fetchall() == [(7,)]

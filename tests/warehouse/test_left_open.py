"""A workbench that one stage leaves open for the next."""

import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from flows import stages
from flows.plan import plan
from flows.warehouse.connection import opened, workbench
from flows.warehouse.left_open import LeftOpen
from tests.support.extracts import good, write
from tests.support.nights import night
from tests.support.running import request_for


def test_what_a_stage_has_written_is_on_disk_when_it_ends(tmp_path: Path) -> None:
    bench = workbench(tmp_path / "audit.duckdb")
    bench.scratch.mkdir()
    with closing(LeftOpen(bench)) as left_open:
        with left_open.opened() as connection:
            connection.execute("CREATE TABLE found AS SELECT 7 AS number")
            connection.execute("CREATE TEMP TABLE passing AS FROM found")
        copy = shutil.copyfile(bench.database, tmp_path / "copy.duckdb")
        with left_open.opened() as connection:  # the same connection
            assert connection.execute("FROM passing").fetchall() == [(7,)]
    with duckdb.connect(str(copy)) as connection:
        assert connection.execute("FROM found").fetchall() == [(7,)]


def _fail(left_open: LeftOpen) -> None:
    with pytest.raises(ZeroDivisionError), left_open.opened():
        raise ZeroDivisionError


@pytest.mark.parametrize("end", [LeftOpen.close, _fail])
def test_it_is_closed_by_close_and_by_a_stage_that_fails_and_opened_again(
    tmp_path: Path, end: Callable[[LeftOpen], None]
) -> None:
    bench = workbench(tmp_path / "audit.duckdb")
    bench.scratch.mkdir()
    with closing(LeftOpen(bench)) as left_open:
        with left_open.opened() as connection, pytest.raises(duckdb.Error), opened(bench):
            pass
        end(left_open)
        with pytest.raises(duckdb.ConnectionException, match="closed"):
            connection.execute("SELECT 1")
        with opened(bench):
            pass
        with left_open.opened() as connection:
            assert connection.execute("SELECT 1").fetchall() == [(1,)]


def test_it_is_closed_while_rules_are_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    judge = stages.judge_parts
    opened_then = []

    def look(*arguments: object) -> None:
        with opened(made.bench):
            opened_then.append(True)
        judge(*arguments)  # type: ignore[arg-type]

    write(tmp_path / "in", {"pharmacy_claim.csv": [good("pharmacy_claim")]})
    request = request_for(tmp_path / "in", tmp_path, tmp_path / "audit.duckdb")
    made = plan(request)
    monkeypatch.setattr(stages, "judge_parts", look)
    night(request)
    assert opened_then == [True]

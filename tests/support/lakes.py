"""A cluster without workers: what is asked of it is worked out in this process, in turn."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from flows.cluster.ask import Cluster, Failed, answer
from flows.errors import passed_on
from flows.intake import read_elsewhere, worker_files
from flows.judging import judge_elsewhere
from flows.provenance import program_and_engines
from flows.request import RunRequest
from flows.warehouse.lake import all_rows
from flows.warehouse.layout import BY_FILE
from schemas.tables import TABLES


def answered(cluster: Cluster, function: Callable[..., Any], some: tuple[Any, ...]) -> Any:
    """What a worker would return, or what the run would raise because of it."""
    found = answer(function, some, str(cluster.lake), program_and_engines())
    if isinstance(found, Failed):
        raise passed_on(found.exit_code, found.message)
    return found


@contextmanager
def _asked_here(
    cluster: Cluster,
    function: Callable[..., Any],
    arguments: Sequence[tuple[Any, ...]],
    ended: Callable[[], None] = lambda: None,
) -> Iterator[Iterator[Any]]:
    def answers() -> Iterator[Any]:
        for some in arguments:
            yield answered(cluster, function, some)
            ended()

    yield answers()


def ask_here(monkeypatch: pytest.MonkeyPatch, fewest_in_lake: int = 1) -> None:
    """Let runs with a cluster ask this process; rows of small extracts stay in the lake, too."""
    monkeypatch.setattr(worker_files, "FEWEST_IN_LAKE", fewest_in_lake)
    for module in (read_elsewhere, judge_elsewhere):
        monkeypatch.setattr(module, "asked_of", _asked_here)


def with_lake(request: RunRequest, lake: Path) -> RunRequest:
    """A request of a run whose rows stay in a lake."""
    return replace(request, cluster="tcp://127.0.0.1:1", lake=lake)


def loaded_tables(connection: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[Any, ...]]]:
    """What an open workbench has loaded, wherever the rows are."""
    rows = {name: all_rows(connection, "main", name) for name in TABLES}
    claims = {name: f"SELECT * EXCLUDE (place) FROM {query}" for name, query in rows.items()}
    lists = {name: f"FROM main.{name}" for name in BY_FILE if name not in (*TABLES, "lake_file")}
    return {
        name: connection.execute(f"{query} ORDER BY ALL").fetchall()
        for name, query in (claims | lists).items()
    }

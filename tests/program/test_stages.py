"""How often the parts of a run open the workbench, and that Prefect runs each stage as a task."""

import ast
import re
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from prefect import Task

from flows import nightly
from flows.warehouse.connection import workbench
from schemas.tables import TABLES
from tests.support.extracts import good, write
from tests.support.nights import night
from tests.support.running import request_for
from tests.support.sources import FLOWS, ROOT, name_of, tree_of
from tests.support.stage_parts import module_of

STAGES = ("load", "validate", "settle", "judge", "report")
KEEPING = "keep"
Opened = dict[str, int]
"""Part of a run -> how often it opened the workbench's file."""


class _Connection:
    """A connection that reports each database it attaches."""

    def __init__(self, real: duckdb.DuckDBPyConnection, report: Callable[[str], None]) -> None:
        self._real = real
        self._report = report

    def execute(self, query: str, *values: Any) -> duckdb.DuckDBPyConnection:
        for database in re.findall(r"(?i)\bATTACH\s+(?:IF NOT EXISTS\s+)?'([^']*)'", query):
            self._report(database)
        return self._real.execute(query, *values)

    def __enter__(self) -> "_Connection":
        return self

    def __exit__(self, *_error: object) -> None:
        self._real.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> list[Opened]:
    """How often each part of a first and of a second run opened the workbench."""
    folder = tmp_path_factory.mktemp("stages")
    warehouse = folder / "audit.duckdb"
    file = workbench(warehouse).database
    runs: list[Opened] = []
    running = ["before"]
    connect = duckdb.connect

    def report(database: str) -> None:
        if Path(database).resolve() == file.resolve():
            runs[-1][running[-1]] += 1

    def reporting(database: str = ":memory:", *options: Any, **more: Any) -> _Connection:
        report(str(database))
        return _Connection(connect(database, *options, **more), report)

    def watched(name: str, part: Callable[..., Any]) -> Callable[..., Any]:
        def called(*values: Any) -> Any:
            running.append(name)
            try:
                return part(*values)
            finally:
                running.pop()

        return called

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(duckdb, "connect", reporting)
        for name in (*(f"{stage}_stage" for stage in STAGES), KEEPING):
            module = module_of(name)
            patch.setattr(module, name, watched(name, getattr(module, name)))
        for number in range(2):
            runs.append(defaultdict(int))
            rows = {f"{t}.csv": [good(t, **_numbered(t, number))] for t in TABLES}
            landing = write(folder / f"in{number}", rows)
            night(request_for(landing, folder / "out", warehouse))
    return runs


def _numbered(table: str, number: int) -> dict[str, str]:
    """Another claim and member for each run, in tables that name them."""
    names = {c.name for c in TABLES[table].columns} & {"claim_id", "member_id"}
    return dict.fromkeys(names, f"of run {number}")


@pytest.mark.slow
@pytest.mark.parametrize("number", [0, 1], ids=["first run", "second run"])
def test_the_workbench_is_opened_four_times(opened: list[Opened], number: int) -> None:
    """What validating has opened, settling and judging take over."""
    opens = ("load_stage", "validate_stage", "report_stage", KEEPING)
    assert opened[number] == dict.fromkeys(opens, 1)


# ---------------------------------------------------------------- each stage is a task


@pytest.mark.parametrize("stage", STAGES)
def test_each_stage_is_a_task_of_prefect(stage: str) -> None:
    task = getattr(nightly, stage)
    assert isinstance(task, Task) and task.name == stage


def _named_in(path: Path) -> set[tuple[str, str, str]]:
    """Stages that a module names: the module, the top-level definition around it, the stage."""
    wanted = {f"{stage}_stage" for stage in STAGES}
    found = set()
    for definition in tree_of(path).body:
        around = definition.name if isinstance(definition, ast.FunctionDef) else "the module"
        for node in ast.walk(definition):
            names = {
                ast.Name: lambda n: [n.id],
                ast.Attribute: lambda n: [n.attr],
                ast.Constant: lambda n: [n.value],  # getattr
                ast.alias: lambda n: [n.name],
            }.get(type(node), lambda _n: [])(node)
            found |= {(name_of(path), around, name) for name in names if name in wanted}
    return found


def test_a_stage_runs_in_its_task_only() -> None:
    """Except in two places that are not part of the flow.

    `run_stages`, which nothing in the program calls, runs all of them without Prefect, and the
    command `validate` runs the first three in a scratch folder.
    """
    found = set().union(*(_named_in(path) for path in FLOWS))
    assert found == {
        *(("flows/nightly.py", stage, f"{stage}_stage") for stage in STAGES),
        *(("flows/stages.py", "run_stages", f"{stage}_stage") for stage in STAGES),
        *(("flows/cli/run.py", "validate", f"{stage}_stage") for stage in STAGES[:3]),
    }
    for path in FLOWS:
        used = {n.attr for n in ast.walk(tree_of(path)) if isinstance(n, ast.Attribute)}
        used |= {n.id for n in ast.walk(tree_of(path)) if isinstance(n, ast.Name)}
        assert used & {"run_stages", "fn", "__wrapped__"} == set(), name_of(path)


def test_the_flow_calls_each_task_once() -> None:
    """Called by its name: anything else, such as `load.fn`, would pass Prefect by."""
    tree = tree_of(ROOT / "flows" / "nightly.py")
    calls = (n.func for n in ast.walk(tree) if isinstance(n, ast.Call))
    called = [f.id for f in calls if isinstance(f, ast.Name) and f.id in STAGES]
    assert sorted(called) == sorted(STAGES)

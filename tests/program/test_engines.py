"""The engines agree: whatever Polars' engine and the threads, a run has the same bytes and rows.

ENGINE_WAREHOUSES says how many random warehouses take part; `make engines` runs 200 of them.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.running import ROOT

pytestmark = pytest.mark.slow

WAREHOUSES = int(os.environ.get("ENGINE_WAREHOUSES", "4"))
REFERENCE = ("in-memory", 1)
OTHERS = (("in-memory", 2), ("in-memory", 8), ("streaming", 1), ("streaming", 2), ("streaming", 8))
"""Polars' engine, and the threads of both engines."""


def _digests(folder: Path, engine: str, threads: int, seeds: range) -> dict[str, str]:
    """The digests of the sample and of random warehouses under one setting."""
    folder.mkdir()
    numbers = [seeds.start, seeds.stop, seeds.step, threads]
    child = subprocess.run(
        [sys.executable, "-m", "tests.support.engine_digests", str(folder), *map(str, numbers)],
        cwd=ROOT,
        env=os.environ | {"POLARS_ENGINE_AFFINITY": engine, "POLARS_MAX_THREADS": str(threads)},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    found: dict[str, str] = json.loads(child.stdout)
    return found


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The digests with one thread and Polars' in-memory engine."""
    return _digests(tmp_path_factory.mktemp("engines") / "all", *REFERENCE, range(WAREHOUSES))


@pytest.mark.parametrize("setting", OTHERS, ids=str)
def test_a_run_has_the_same_results_and_rows_under_every_setting_of_the_engines(
    tmp_path: Path, reference: dict[str, str], setting: tuple[str, int]
) -> None:
    """Each setting runs the sample and its share of the random warehouses."""
    share = range(OTHERS.index(setting), WAREHOUSES, len(OTHERS))
    found = _digests(tmp_path / "some", *setting, share)
    assert len(found) == 1 + len(share)
    assert [name for name in found if found[name] != reference[name]] == []

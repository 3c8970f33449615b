"""The installed program: a real run, and the same run again."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import duckdb
import polars as pl
import pytest

from schemas.results import CHANGE, COVERAGE, EXCEPTION, QUARANTINE, WARNING, WORKLIST
from tests.support.running import ROOT

pytestmark = pytest.mark.slow
PROGRAM = Path(sys.executable).with_name("claims-audit")


def _run(output: Path, settings: dict[str, str]) -> subprocess.CompletedProcess[str]:
    words = ("run", "--input", "data/sample", "--output", output, "--as-of", "2026-06-30")
    return subprocess.run(
        [str(w) for w in (PROGRAM, *words)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | settings,
        check=False,
    )


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of a run with a server of Prefect of its own."""
    output = tmp_path_factory.mktemp("with spaces") / "out put"
    done = _run(output, {"PREFECT_HOME": str(tmp_path_factory.mktemp("prefect"))})
    assert done.returncode == 0, done.stderr
    assert "exceptions on" in done.stdout and done.stderr == ""
    return output


def test_the_results_are_those_that_the_contract_names(output: Path) -> None:
    (folder,) = output.glob("run=*")
    tables = {
        "changes": CHANGE,
        "exceptions": EXCEPTION,
        "worklist": WORKLIST,
        "advisories": WORKLIST,
        "rule_coverage": COVERAGE,
        "quarantine": QUARANTINE,
        "warnings": WARNING,
    }
    for name, columns in tables.items():
        frame = pl.read_parquet(folder / f"{name}.parquet")
        assert dict(frame.schema) == {
            k: v if isinstance(v, pl.DataType) else v() for k, v in columns.items()
        }
        assert duckdb.sql(f"SELECT count(*) FROM '{folder / name}.parquet'").fetchall() == [
            (frame.height,)
        ]
    assert {p.name for p in folder.iterdir()} == {f"{n}.parquet" for n in tables} | {
        "exceptions.csv",
        "exceptions.xlsx",
        "manifest.json",
        "summary.html",
        "timings.json",
    }
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert folder.name == f"run={manifest['run_id']}"
    assert str(output) not in (folder / "manifest.json").read_text(encoding="utf-8")


def test_only_the_owner_can_read_the_results(output: Path) -> None:
    (folder,) = output.glob("run=*")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for path in [*folder.iterdir(), output / "audit.duckdb"]:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name


def test_a_run_made_again_leaves_its_results_alone_and_restores_lost_ones_byte_for_byte(
    output: Path, standing_server: dict[str, str]
) -> None:
    (folder,) = output.glob("run=*")
    before = {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in folder.iterdir()}
    again = _run(output, standing_server)
    assert again.returncode == 0 and "left alone" in again.stdout and "passed over" in again.stdout
    assert {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in folder.iterdir()} == before
    folder.rename(output / "elsewhere")
    assert _run(output, standing_server).returncode == 0
    after = {p.name: p.read_bytes() for p in folder.iterdir() if p.name != "timings.json"}
    assert after == {
        name: content for name, (content, _) in before.items() if name != "timings.json"
    }

"""Once results are published the exit code says so, whatever happens afterwards."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.hostile import CSV, csv, fill
from tests.support.processes import alive, started
from tests.support.running import AS_OF, ROOT

pytestmark = pytest.mark.slow  # starts the whole program many times

RUN = ["run", "--input", "in", "--as-of", AS_OF.isoformat(), "--output"]


@pytest.fixture
def landing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with extracts in `in`."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / CSV).write_bytes(csv(*(fill(n) for n in range(3))))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "prefect"))
    return tmp_path


def _published(output: Path) -> bool:
    (manifest,) = output.glob("run=*/manifest.json")
    assert not list(output.glob(".audit.duckdb.work"))
    return manifest.is_file() and (output / "audit.duckdb").is_file()


BROKEN = {
    "the artifact": {"flows.nightly:create_table_artifact": "fail"},
    "the last stage never returns": {
        "flows.nightly:report": "hang after",
        "flows.watch:_PATIENCE": 2,
    },
    "the summary": {"flows.cli.terminal:show": "fail"},
}


@pytest.mark.parametrize("broken", BROKEN)
def test_e2_a_published_run_has_finished_whatever_breaks_after_it(
    broken: str, landing: Path
) -> None:
    changes = json.dumps(BROKEN[broken])
    with started("tests.support.driven", changes, "mark", *RUN, "out") as process:
        out, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
        assert alive(process.pid) == []
    assert _published(landing / "out")
    assert broken == "the summary" or re.match(r"Audit [0-9a-f]{16} as of", out)
    if broken != "the last stage never returns":
        assert said.startswith("claims-audit: ") and said.count("\n") == 1, said


def test_e2_a_server_that_dies_in_the_last_stage_fails_no_published_run(landing: Path) -> None:
    changes = {
        "prefect": True,
        "flows.report_steps:publish": "lose server",
        "flows.watch:_PATIENCE": 10,
    }
    with started("tests.support.driven", json.dumps(changes), "mark", *RUN, "out") as process:
        out, said = process.communicate(timeout=240)
        assert process.returncode == 0, said
        assert alive(process.pid) == []
    assert "but Prefect did not record the end" in said and said.count("\n") == 1
    assert out.startswith("Audit ") and _published(landing / "out")


def _into(stdout: str, *words: str, **settings: str) -> tuple[int, str]:
    """Exit code and standard error of the program with its output redirected by a shell."""
    line = f'exec "$0" -m tests.support.driven "{{}}" mark "$@" {stdout}'
    done = subprocess.run(
        ["/bin/sh", "-c", line, sys.executable, *words],
        env=os.environ | {"PYTHONPATH": str(ROOT)} | settings,
        capture_output=True,
        check=False,
        text=True,
        errors="replace",
    )
    return done.returncode, done.stderr


FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="has no device that is full")


@pytest.mark.parametrize(
    "stdout", [pytest.param("> /dev/full", marks=FULL), ">&-", "2>&-", ">&- 2>&- <&-"]
)
def test_e2_a_run_needs_nobody_to_listen(stdout: str, landing: Path) -> None:
    code, said = _into(stdout, *RUN, "out")
    assert (code, _published(landing / "out")) == (0, True)
    assert said == "" or re.fullmatch(r"claims-audit: [^\n]*standard output[^\n]*\n", said)


def test_e2_a_path_is_printed_whatever_the_letters_of_the_terminal(landing: Path) -> None:
    for number, encoding in enumerate(("ascii", "latin-1", "utf-16")):
        output = f"out{number}-é-😀"
        assert _into("", *RUN, output, PYTHONIOENCODING=encoding) == (0, "")
        assert _published(landing / output)


@FULL
def test_e2_an_answer_that_cannot_be_printed_is_an_error_and_a_change_that_is_made_is_not(
    landing: Path,
) -> None:
    assert _into("", *RUN, "out")[0] == 0
    warehouse = ["--warehouse", "out/audit.duckdb"]
    for words, code in (
        (["rules"], 8),
        (["explain", "C1", *warehouse], 8),
        (["validate", "--input", "in", "--output", "checked"], 0),
        (["purge", "--before", "2026-01-01", *warehouse], 0),
        (["forget-night", AS_OF.isoformat(), "--yes", *warehouse], 0),
    ):
        ended, said = _into("> /dev/full", *words)
        assert (ended, said.count("\n")) == (code, 1), (words, said)

"""Whatever stops a command, and wherever it is: one sentence, the right code, nothing left."""

import json
import os
import re
import shutil
import signal
from itertools import cycle
from pathlib import Path

import pytest

from schemas.decisions import DISMISS
from tests.support.driven import named
from tests.support.hostile import CSV, csv, fill
from tests.support.nights import night
from tests.support.processes import alive, started, wait_until
from tests.support.running import AS_OF, request_for

pytestmark = [
    pytest.mark.slow,  # starts the whole program many times
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="lists processes in /proc"),
]

RUN = ["run", "--input", "in", "--output", "out", "--as-of", AS_OF.isoformat()]
VALIDATE = ["validate", "--input", "in", "--output", "out"]
WAREHOUSE = ["--warehouse", "out/audit.duckdb"]
DECISION = ["0" * 32, "--by", "me", "--reason", "seen"]
STAGES = [
    (RUN, "flows.plan:plan"),
    (RUN, "flows.intake.load:load_file"),
    (RUN, "flows.stages:settle_stage"),
    (RUN, "flows.stages:judge_parts"),
    (RUN, "flows.report_steps:keep"),
    (RUN, "flows.warehouse.keep:remember"),
    (VALIDATE, "flows.results.publish:make_private"),
    (["explain", "C1", *WAREHOUSE], "flows.replay.explain:read_frames"),
    (["compare", "--policies", "more", *WAREHOUSE], "flows.replay.compare:compare"),
    (["purge", "--before", "2026-01-01", *WAREHOUSE], "flows.warehouse.purge:_copy_what_stays"),
    (["purge", "--before", "2026-01-01", *WAREHOUSE], "flows.warehouse.purge:become_warehouse"),
    (["forget-night", AS_OF.isoformat(), "--yes", *WAREHOUSE], "flows.warehouse.forget:_remove"),
    ([DISMISS, *DECISION, *WAREHOUSE], "flows.ledger.decisions:_resolved"),
    (["lint"], "audit_rules.lint.run:lint"),
]
for _words, _place in STAGES:
    named(_place)  # a function that has moved is missed when tests are collected, not in a slow run
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
NAMES = {signal.SIGTERM: "SIGTERM", signal.SIGINT: "Ctrl-C", signal.SIGHUP: "SIGHUP"}
CASES = [
    (words, place, number) for (words, place), number in zip(STAGES, cycle(SIGNALS), strict=False)
]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a warehouse of one run, and a landing folder for the next."""
    base = tmp_path_factory.mktemp("signals")
    for name, numbers in (("first", range(3)), ("in", range(3, 6))):
        (base / name).mkdir()
        (base / name / CSV).write_bytes(csv(*(fill(n) for n in numbers)))
    (base / "more").mkdir()
    night(request_for(base / "first", base / "out", base / "out" / "audit.duckdb", AS_OF))
    return base


@pytest.fixture
def copy(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of that folder, as the working directory."""
    shutil.copytree(made, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "prefect"))
    return tmp_path / "copy"


def _files(folder: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(folder)): p.read_bytes()
        for p in folder.rglob("*")
        if p.is_file() and p.suffix != ".lock"
    }


def _is_one_sentence(said: str) -> bool:
    return said.startswith("claims-audit: ") and said.count("\n") == 1 and len(said) < 250


def _name(case: object) -> str:
    return case[0] if isinstance(case, list) else str(case).rpartition(":")[2]


@pytest.mark.parametrize(("words", "place", "number"), CASES, ids=_name)
def test_e3_a_signal_at_any_stage_leaves_nothing_but_a_sentence(
    words: list[str], place: str, number: signal.Signals, copy: Path, tmp_path: Path
) -> None:
    before, mark = _files(copy), tmp_path / "reached"
    with started("tests.support.driven", json.dumps({place: "wait"}), str(mark), *words) as process:
        assert wait_until(lambda: mark.exists() or process.poll() is not None)
        assert mark.exists(), process.communicate()
        process.send_signal(number)
        out, said = process.communicate(timeout=60)
        assert process.returncode == 128 + number
        assert alive(process.pid) == []
    assert out == "" and _is_one_sentence(said) and f"Stopped by {NAMES[number]}." in said
    assert _files(copy) == before


def test_e3_a_scheduler_gets_the_reason_as_json(copy: Path, tmp_path: Path) -> None:
    mark, changes = tmp_path / "reached", json.dumps({"flows.stages:judge_parts": "wait"})
    with started("tests.support.driven", changes, str(mark), *RUN, "--json") as process:
        assert wait_until(mark.exists)
        process.terminate()
        out, said = process.communicate(timeout=60)
    answer = json.loads(out)
    assert answer["exit_code"] == 143 and said == f"claims-audit: {answer['error']}\n"


def test_e3_a_signal_while_results_are_published_lets_the_run_finish(
    copy: Path, tmp_path: Path
) -> None:
    mark, changes = tmp_path / "reached", json.dumps({"flows.report_steps:publish": "pause"})
    with started("tests.support.driven", changes, str(mark), *RUN) as process:
        assert wait_until(mark.exists)
        process.send_signal(signal.SIGINT)
        out, said = process.communicate(timeout=60)
        assert (process.returncode, said) == (0, "")
    assert re.match(r"Audit [0-9a-f]{16} as of", out)
    assert len(list((copy / "out").glob("run=*/manifest.json"))) == 2


def _serving(how: str, mark: Path, **more: object) -> list[str]:
    changes = json.dumps({"flows.schedule:serve": how, **more})
    return ["tests.support.driven", changes, str(mark), "serve", "--input", "in", "--output", "out"]


@pytest.mark.parametrize("number", SIGNALS, ids=NAMES.get)
def test_e3_a_signal_lets_serve_end_in_order(
    number: signal.Signals, copy: Path, tmp_path: Path
) -> None:
    mark = tmp_path / "reached"
    words = _serving("end in order", mark)
    with started(*words, PREFECT_API_URL="http://127.0.0.1:9/api") as process:
        assert wait_until(lambda: mark.exists() or process.poll() is not None)
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
        assert alive(process.pid) == []
    assert process.returncode == 128 + number
    assert said == f"claims-audit: Stopped by {NAMES[number]}.\n"
    assert (tmp_path / "reached.ended").exists()


def test_e3_serve_is_killed_if_it_does_not_end_in_order(copy: Path, tmp_path: Path) -> None:
    mark = tmp_path / "reached"
    words = _serving("stay", mark, **{"flows.watch:_PATIENCE": 1})
    with started(*words, PREFECT_API_URL="http://127.0.0.1:9/api") as process:
        assert wait_until(lambda: mark.exists() or process.poll() is not None)
        process.terminate()
        _, said = process.communicate(timeout=60)
        assert alive(process.pid) == []
    assert (process.returncode, said) == (143, "claims-audit: Stopped by SIGTERM.\n")


def test_d8_a_killed_run_leaves_no_process(copy: Path, tmp_path: Path) -> None:
    """The run waits for its temporary server, which is just starting."""
    mark = tmp_path / "reached"
    changes = json.dumps({"prefect": True, "flows.cli.server:_is_healthy": "wait"})
    for number in (signal.SIGKILL, signal.SIGTERM):
        mark.unlink(missing_ok=True)
        with started("tests.support.driven", changes, str(mark), *RUN) as process:
            assert wait_until(mark.exists)
            is_alone = wait_until(lambda: len(alive(process.pid)) == 3)
            assert is_alone, "the watcher, the worker and the server, and nothing they started"
            process.send_signal(number)
            process.wait(60)
            assert wait_until(lambda: not alive(process.pid), 30 if number == signal.SIGKILL else 0)


def test_d8_a_worker_that_is_killed_leaves_nothing_but_a_sentence(
    copy: Path, tmp_path: Path
) -> None:
    before, mark = _files(copy), tmp_path / "reached"
    changes = json.dumps({"flows.report_steps:keep": "wait"})
    with started("tests.support.driven", changes, str(mark), *RUN) as process:
        assert wait_until(mark.exists)
        (worker,) = set(alive(process.pid)) - {process.pid}
        os.kill(worker, signal.SIGKILL)
        out, said = process.communicate(timeout=60)
        assert process.returncode == 70 and alive(process.pid) == []
    assert out == "" and _is_one_sentence(said) and "memory" in said
    assert _files(copy) == before

"""Scratch with rows in it goes with its process, and is swept if the process was killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from flows.warehouse.scratch import passing_scratch
from tests.support.running import ROOT

pytestmark = pytest.mark.slow  # whole runs over hostile input

WORKS = """
import sys, time
from pathlib import Path
from flows.warehouse.scratch import passing_scratch
with passing_scratch(Path(sys.argv[1])) as folder:
    (folder / "rows").write_text("CANARY")
    print("ready", flush=True)
    time.sleep(60)
"""


def _started(near: Path) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", WORKS, str(near)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    child = subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True)
    assert child.stdout and child.stdout.readline() == "ready\n"
    return child


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT], ids=str)
def test_c4_a_signal_leaves_no_scratch(tmp_path: Path, number: signal.Signals) -> None:
    with _started(tmp_path) as child:
        assert list(tmp_path.glob(".claims-audit-*/rows"))
        child.send_signal(number)
    assert child.returncode in (128 + number, -number)
    assert list(tmp_path.iterdir()) == []


def test_c4_scratch_of_a_killed_process_is_swept_and_that_of_a_living_one_stays(
    tmp_path: Path,
) -> None:
    with _started(tmp_path) as living, _started(tmp_path) as killed:
        killed.kill()
        killed.wait()
        assert len(list(tmp_path.iterdir())) == 2
        with passing_scratch(tmp_path / "not made yet") as folder:
            assert folder.parent == tmp_path and len(list(tmp_path.iterdir())) == 2
        living.terminate()
    assert list(tmp_path.iterdir()) == []

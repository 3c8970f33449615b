"""The watcher of a command, without a command: what it makes of what it hears."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows import watch
from flows.watch import Watch


@pytest.fixture
def worker_and_pipe() -> Iterator[tuple[int, int]]:
    """A process that waits, and the pipe that ends with it."""
    reports, pipe = os.pipe()
    with subprocess.Popen(["sleep", "600"], pass_fds=[pipe]) as worker:
        os.close(pipe)
        try:
            yield worker.pid, reports
        finally:
            os.close(reports)
            worker.kill()


@pytest.mark.parametrize(
    ("signals", "code", "name"),
    [
        ((signal.SIGTERM, signal.SIGINT), 143, "SIGTERM"),
        ((signal.SIGINT, signal.SIGTERM, signal.SIGHUP), 130, "Ctrl-C"),
    ],
)
@pytest.mark.parametrize("command", ["run", "serve"])
def test_e3_the_first_of_several_signals_decides_the_exit_code(
    command: str,
    signals: tuple[signal.Signals, ...],
    code: int,
    name: str,
    worker_and_pipe: tuple[int, int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    heard, wake = os.pipe()
    os.write(wake, bytes(signals))
    worker, reports = worker_and_pipe
    assert Watch(worker, reports, -1, heard, [command]).code() == code
    said = capsys.readouterr().err
    assert said.startswith(f"claims-audit: Stopped by {name}.") and said.count("\n") == 1
    for descriptor in (heard, wake):
        os.close(descriptor)


@pytest.mark.parametrize(("is_finished", "code"), [(True, 0), (False, 70)])
def test_e2_a_worker_that_is_killed_once_all_is_done_has_done_all(
    is_finished: bool, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    reports, pipe = os.pipe()
    heard, wake = os.pipe()
    report = json.dumps(
        {"what": "finishes", "message": "late"} if is_finished else {"what": "works"}
    )
    script = f"printf '%s\\n' '{report}'; kill -9 $$"
    with subprocess.Popen(["sh", "-c", script], stdout=pipe) as worker:
        os.close(pipe)
        assert Watch(worker.pid, reports, -1, heard, ["run"]).code() == code
    assert (capsys.readouterr().err == "") == is_finished
    for descriptor in (reports, heard, wake):
        os.close(descriptor)


@pytest.mark.parametrize(
    ("command", "said"), [("run", "It was publishing"), ("dismiss", "give the same command again")]
)
def test_a_worker_that_is_killed_as_it_stores_says_what_was_interrupted(
    command: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (reports, pipe), (answers, agrees), (heard, wake) = (os.pipe() for _ in range(3))
    script = "printf '%s\\n' '{\"what\": \"commits\"}'; kill -9 $$"
    with subprocess.Popen(["sh", "-c", script], stdout=pipe) as worker:
        os.close(pipe)
        assert Watch(worker.pid, reports, agrees, heard, [command]).code() == 70
    assert said in capsys.readouterr().err
    for descriptor in (reports, answers, agrees, heard, wake):
        os.close(descriptor)


_RECORDS = """
import os, signal, sys, time
def stop(*_):
    os.write(1, b'{"what": "commits"}\\n')
    os.read(int(sys.argv[1]), 1)
    os.write(1, b'{"what": "returns", "code": 0}\\n')
    open(sys.argv[2], "w").close()
    os._exit(0)
signal.signal(signal.SIGTERM, stop)
os.write(1, b'{"what": "works"}\\n')
time.sleep(600)
"""


def test_a_queue_that_is_stopped_records_what_it_has_begun_and_has_not_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(watch, "_PATIENCE", 5.0)
    (reports, pipe), (answers, agrees), (heard, wake) = (os.pipe() for _ in range(3))
    words = [sys.executable, "-c", _RECORDS, str(answers), str(tmp_path / "recorded")]
    with subprocess.Popen(words, stdout=pipe, pass_fds=[answers]) as worker:
        os.close(pipe)
        os.read(reports, 100)  # it listens
        os.write(wake, bytes([signal.SIGINT]))
        assert Watch(worker.pid, reports, agrees, heard, ["review"]).code() == 0
    assert (tmp_path / "recorded").exists()
    assert capsys.readouterr().err == "claims-audit: Stopped by Ctrl-C.\n"
    for descriptor in (reports, answers, agrees, heard, wake):
        os.close(descriptor)

"""Charts are drawn by a process of its own, which ends with them and gives its memory back."""

import os
import select
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from flows.errors import Bug
from flows.reports.page import drawing
from tests.support.running import ROOT

LIMIT = 60
"""Seconds."""
MODULES = """
import sys
from flows.reports.page.drawing import draw
import flows.reports.page.write
assert draw([{"mark": "bar", "data": {"values": []}}])[0].startswith("<svg")
print(*sys.modules)
"""


def _named(name: str) -> dict[str, Any]:
    """The specification of a chart in which a name is written."""
    return {"mark": {"type": "text", "text": name}, "data": {"values": [{}]}}


@pytest.fixture
def started() -> Iterator["subprocess.Popen[bytes]"]:
    """The process that draws the next charts."""
    drawing.start_renderer()
    process = drawing._Started.process
    assert process
    yield process
    assert drawing._Started.process is None and process.poll() is not None


def test_each_chart_is_drawn_in_its_place(started: "subprocess.Popen[bytes]") -> None:
    names = [f"chart {n} — ≤ \U0001f600" for n in range(12)]
    drawn = drawing.draw([_named(name) for name in names])
    assert [name in svg for name, svg in zip(names, drawn, strict=True)] == [True] * len(names)
    assert started.returncode == 0


def test_the_encoding_of_the_environment_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "utf-16")
    (svg,) = drawing.draw([_named("chart — ≤")])
    assert "chart — ≤" in svg


def test_starting_it_twice_starts_one(started: "subprocess.Popen[bytes]") -> None:
    drawing.start_renderer()
    assert drawing._Started.process is started
    drawing.draw([])


def test_one_that_is_killed_ends_the_run_with_a_sentence(
    started: "subprocess.Popen[bytes]",
) -> None:
    started.kill()
    with pytest.raises(Bug, match=r"draws charts was ended \(Killed\).*Nothing was published"):
        drawing.draw([_named("x")])


def test_a_chart_that_cannot_be_drawn_says_why(started: "subprocess.Popen[bytes]") -> None:
    with pytest.raises(RuntimeError, match="Traceback"):
        drawing.draw([_named("x"), {"mark": 5}])


def test_it_ends_with_the_process_that_started_it() -> None:
    program = (
        "from flows.reports.page import drawing as d; d.start_renderer();"
        "print(d._Started.process.pid, flush=True); import os; os._exit(0)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout
        number = int(run.stdout.readline())
        run.wait(LIMIT)
    try:
        watched = os.pidfd_open(number)
    except ProcessLookupError:
        return
    assert select.select([watched], [], [], LIMIT)[0]
    os.close(watched)


def test_the_process_that_audits_never_loads_the_renderer() -> None:
    program = [sys.executable, "-c", MODULES]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "altair" in loaded and "vl_convert" not in loaded

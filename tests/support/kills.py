"""Runs in a child process that is killed at a chosen event, or whose files have a size limit.

The children come from a fork server that has imported everything and used nothing, so each starts
in milliseconds. An event is a line of flows/ or audit_rules/ that is about to run. Every stage has
events, and so have the steps of the last stage (report, keep, publish).
"""

import json
import multiprocessing
import os
import resource
import signal
import sys
import threading
from collections.abc import Callable
from multiprocessing.connection import wait
from pathlib import Path
from types import FrameType
from typing import Any

from audit_rules.errors import AuditError
from flows import run_folders, stages
from flows.errors import redacted_errors
from flows.plan import plan
from flows.request import RunRequest
from flows.warehouse.files import make_folder
from flows.warehouse.left_open import LeftOpen
from flows.warehouse.lock import hold
from tests.support.nights import night
from tests.support.running import ROOT

STAGES: tuple[Callable[..., object], ...] = (
    run_folders.begin,
    stages.load_stage,
    stages.validate_stage,
    stages.settle_stage,
    stages.judge_stage,
    stages.report_stage,
)
LATE = ("make_private", "keep", "publish")
"""Functions of the last stage that count as stages."""

_OURS = (str(ROOT / "flows"), str(ROOT / "audit_rules"))
_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(
    ["tests.support.kills", "tests.support.writers", "flows.judging.frames", "audit_rules.rules"]
)

_ONE_AT_A_TIME = threading.Lock()
"""`start` also reads the exit codes of children that other threads wait for, which loses codes."""


def in_child(work: Callable[..., None], *arguments: object) -> int | None:
    """Run a function in a child process; return its exit code, negative for a signal."""
    child = _SERVER.Process(target=work, args=arguments)
    with _ONE_AT_A_TIME:
        child.start()
    wait([child.sentinel])
    with _ONE_AT_A_TIME:
        child.join()
    return child.exitcode


def whole_night(request: RunRequest) -> None:
    """Make a run that nothing disturbs; exit with its code."""
    try:
        night(request)
    except AuditError as error:
        sys.exit(error.exit_code)


def counted_night(request: RunRequest, marks: Path) -> None:
    """Make a run and write a JSON file: the number of events before each stage, and in all."""
    counter = _Counter(None)
    _staged(request, counter)
    marks.write_text(json.dumps(counter.marks | {"end": counter.events}), encoding="utf-8")


def killed_night(request: RunRequest, stage: str, at: int) -> None:
    """Make a run that kills itself at that event of a stage."""
    _staged(request, _Counter(at, stage))


def counted(work: Callable[[Path], None], base: Path, count: Path) -> None:
    """Do some work in a folder, and write the number of its events to a file."""
    counter = _Counter(None)
    counter.enter("work")
    work(base)
    sys.settrace(None)
    count.write_text(str(counter.events), encoding="utf-8")


def killed(work: Callable[[Path], None], base: Path, at: int) -> None:
    """Do some work in a folder that kills its process at that event."""
    _Counter(at).enter("work")
    work(base)


def short_of_disk(request: RunRequest, stage: int, limit: int) -> None:
    """Make a run whose files cannot exceed `limit` bytes from that stage on; exit with its code."""

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    try:
        _staged(request, None, {stage: limited})
    except AuditError as error:
        sys.exit(error.exit_code)


def _staged(
    request: RunRequest,
    counter: "_Counter | None",
    before: dict[int, Callable[[], None]] | None = None,
) -> None:
    """Make the run of nights.night, stage by stage."""
    with redacted_errors(request.output):
        made = plan(request)
        make_folder(request.output)
        with hold(request.warehouse_file):
            bench = LeftOpen(made.bench)
            leave_open = (stages.validate_stage, stages.settle_stage, stages.judge_stage)
            try:
                results: list[Any] = []
                for number, stage in enumerate(STAGES):
                    if before and number in before:
                        before[number]()
                    if counter:
                        counter.enter(stage.__name__)
                    given = {
                        stages.load_stage: (lambda _name: None,),
                        **dict.fromkeys(leave_open, (bench,)),
                        stages.report_stage: tuple(results[1:]),
                    }.get(stage, ())
                    results.append(stage(made, *given))
            finally:
                sys.settrace(None)
                bench.close()
                run_folders.clear_away(made)


class _Counter:
    """Counts events with the interpreter's trace hook, and kills the process at a given one.

    only   the stage whose events count, which then are from 1; others run faster.
    """

    def __init__(self, at: int | None, only: str | None = None) -> None:
        self.events = 0
        self.marks: dict[str, int] = {}
        self._at = at
        self._only = only

    def enter(self, stage: str) -> None:
        self.marks[stage] = self.events
        sys.settrace(self._trace if self._only in (None, stage) else None)

    def _trace(self, frame: FrameType, event: str, _argument: object) -> Any:
        if not frame.f_code.co_filename.startswith(_OURS):
            return None
        if event == "call" and frame.f_code.co_name in LATE:
            self.marks.setdefault(frame.f_code.co_name, self.events)
        if event == "line":
            self.events += 1
            if self.events == self._at:
                os.kill(os.getpid(), signal.SIGKILL)
        return self._trace

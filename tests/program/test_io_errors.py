"""After an I/O error at any file operation of a run, nothing is lost and the next run succeeds."""

import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.faults import whole, with_fault
from tests.support.kills import in_child, whole_night
from tests.support.two_nights import (
    FIRST_AND_LATER,
    Disturbed,
    Nights,
    left,
    make_before,
    request_in,
)

pytestmark = pytest.mark.slow  # makes dozens of runs

POINTS = int(os.environ.get("FAULT_POINTS", "5"))


@FIRST_AND_LATER
def test_an_io_error_at_any_file_operation_loses_nothing(nights: Nights, tmp_path: Path) -> None:
    before = tmp_path / "before"
    make_before(before, nights)
    shutil.copytree(before, tmp_path / "sound")
    log = tmp_path / "operations"
    assert in_child(with_fault, whole, request_in(tmp_path / "sound"), 0, log) == 0
    sound = left(tmp_path / "sound", with_traces=False)
    operations, _ = json.loads(log.read_text())
    assert operations > POINTS

    def fail_and_rerun(point: int) -> list[str]:
        base, said = tmp_path / str(point), tmp_path / f"log{point}"
        shutil.copytree(before, base)
        request = request_in(base)
        start = left(base, with_traces=False)
        code = in_child(with_fault, whole, request, point, said)
        _, failed = json.loads(said.read_text())
        after = left(base, with_traces=False)
        again = in_child(whole_night, request)
        runs = Disturbed(code, after, again, left(base, with_traces=False))
        shutil.rmtree(base)
        wrong = ["nothing failed"] if not failed else []
        return [f"{failed}: {what}" for what in [*wrong, *runs.wrongs(start, sound)]]

    points = sorted({1 + (operations - 1) * n // (POINTS - 1) for n in range(POINTS)})
    with ThreadPoolExecutor(2) as pool:
        answers = zip(points, pool.map(fail_and_rerun, points), strict=True)
        assert {point: wrong for point, wrong in answers if wrong} == {}

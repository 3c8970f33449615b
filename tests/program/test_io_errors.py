"""After an I/O error at any file operation of a run, nothing is lost and the next run succeeds."""

import json
import os
import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from flows.errors import DiskTrouble, InputRefused, UsageError
from flows.request import RunRequest
from tests.support.extracts import Content, write
from tests.support.faults import whole, with_fault
from tests.support.hostile import ANY_ERROR_RATE, CSV, csv, fill
from tests.support.kills import in_child, whole_night
from tests.support.nights import content, published
from tests.support.running import AS_OF, request_for

pytestmark = pytest.mark.slow  # makes dozens of runs

FIRST: Mapping[str, Content] = {CSV: csv(*(fill(n) for n in range(9)), fill(3, quantity="x"))}
SECOND: Mapping[str, Content] = {"pharmacy_claim_2.csv": csv(*(fill(n) for n in range(9, 15)))}
CODES = {0, *(kind.exit_code for kind in (UsageError, InputRefused, DiskTrouble))}
POINTS = int(os.environ.get("FAULT_POINTS", "8"))


def _request(base: Path) -> RunRequest:
    return request_for(
        base / "in", base / "out", base / "out" / "audit.duckdb", AS_OF, base / "config.toml"
    )


def _left(base: Path) -> tuple[object, ...]:
    reports = {n: b for n, b in published(base / "out").items() if not n.endswith("trace.txt")}
    return reports, content(base / "out" / "audit.duckdb")


@pytest.mark.parametrize("nights", [[FIRST], [FIRST, SECOND]], ids=["first night", "later night"])
def test_an_io_error_at_any_file_operation_loses_nothing(
    nights: list[Mapping[str, Content]], tmp_path: Path
) -> None:
    before = tmp_path / "before"
    write(before, {"config.toml": ANY_ERROR_RATE})
    for files in nights[:-1]:
        write(before / "in", files)
        assert in_child(whole_night, _request(before)) == 0
    write(before / "in", nights[-1])
    shutil.copytree(before, tmp_path / "sound")
    log = tmp_path / "operations"
    assert in_child(with_fault, whole, _request(tmp_path / "sound"), 0, log) == 0
    sound, (operations, _) = _left(tmp_path / "sound"), json.loads(log.read_text())
    assert operations > POINTS

    def fail_and_rerun(point: int) -> list[str]:
        base, said = tmp_path / str(point), tmp_path / f"log{point}"
        shutil.copytree(before, base)
        request = _request(base)
        start = _left(base)
        code = in_child(with_fault, whole, request, point, said)
        _, failed = json.loads(said.read_text())
        after = _left(base)
        wrong = {
            "nothing failed": not failed,
            f"exit code {code}": code not in CODES,
            "it failed, but something was published": code and after[0] != start[0],
            "it succeeded with other results": code == 0 and after != sound,
            "it could not be run again": in_child(whole_night, request) != 0,
            "the next run left something else": _left(base) != sound,
        }
        shutil.rmtree(base)
        return [f"{failed}: {what}" for what, is_so in wrong.items() if is_so]

    points = sorted({1 + (operations - 1) * n // (POINTS - 1) for n in range(POINTS)})
    with ThreadPoolExecutor(2) as pool:
        answers = zip(points, pool.map(fail_and_rerun, points), strict=True)
        assert {point: wrong for point, wrong in answers if wrong} == {}

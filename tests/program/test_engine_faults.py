"""After an I/O error anywhere, also in the engines' own files, nothing is lost.

FAULT_POINTS says how many operations fail, one in each run.
"""

import errno
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from flows.errors import DiskTrouble, InputRefused, UsageError
from tests.support.extracts import Content, write
from tests.support.file_operations import Watched, request_in, watched_runs
from tests.support.hostile import ANY_ERROR_RATE, CSV, csv, fill
from tests.support.nights import content, night, published

pytestmark = pytest.mark.slow  # makes dozens of runs

FIRST: Mapping[str, Content] = {CSV: csv(*(fill(n) for n in range(9)), fill(3, quantity="x"))}
SECOND: Mapping[str, Content] = {"pharmacy_claim_2.csv": csv(*(fill(n) for n in range(9, 15)))}
CODES = {0, *(kind.exit_code for kind in (UsageError, InputRefused, DiskTrouble))}
POINTS = int(os.environ.get("FAULT_POINTS", "3"))
ERRORS = (errno.EIO, errno.ENOSPC)


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with watched_runs(tmp_path_factory.mktemp("library")) as runs:
        yield runs


def _left(base: Path) -> tuple[object, ...]:
    reports = {n: b for n, b in published(base / "out").items() if not n.endswith("trace.txt")}
    return reports, content(base / "out" / "audit.duckdb")


@pytest.mark.parametrize("nights", [[FIRST], [FIRST, SECOND]], ids=["first night", "later night"])
def test_an_io_error_in_any_file_of_the_engines_loses_nothing(
    nights: list[Mapping[str, Content]], watched: Watched, tmp_path: Path
) -> None:
    before = tmp_path / "before"
    write(before, {"config.toml": ANY_ERROR_RATE})
    for files in nights[:-1]:
        write(before / "in", files)
        night(request_in(before))
    write(before / "in", nights[-1])
    start = _left(before)
    shutil.copytree(before, tmp_path / "sound")
    code, operations, _ = watched.run(tmp_path / "sound")
    assert code == 0 and operations > POINTS
    sound, wrong, failures = _left(tmp_path / "sound"), [], 0
    last = operations * 19 // 20  # the engines' threads do not always need as many
    for n, at in enumerate(sorted({1 + (last - 1) * n // (POINTS - 1) for n in range(POINTS)})):
        base = tmp_path / str(at)
        shutil.copytree(before, base)
        code, _, failed = watched.run(base, at, ERRORS[n % 2])
        after, failures = _left(base), failures + bool(failed)
        again = watched.run(base).code
        wrongs = {
            f"exit code {code}": code not in CODES,
            "it failed, but something was published": code and after[0] != start[0],
            "it succeeded with other results": code == 0 and after != sound,
            f"it could not be run again: {again}": again != 0,
            "the next run left something else": _left(base) != sound,
        }
        wrong += [f"{at}, {failed}: {what}" for what, is_so in wrongs.items() if is_so]
        shutil.rmtree(base)
    assert wrong == [] and failures > POINTS // 2

"""After an I/O error anywhere, also in the engines' own files, nothing is lost.

FAULT_POINTS says how many operations fail, one in each run.
"""

import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.file_operations import Watched, watched_runs
from tests.support.two_nights import FIRST_AND_LATER, Disturbed, Nights, left, make_before

pytestmark = pytest.mark.slow  # makes dozens of runs

POINTS = int(os.environ.get("FAULT_POINTS", "3"))
ERRORS = (errno.EIO, errno.ENOSPC)


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with watched_runs(tmp_path_factory.mktemp("library")) as runs:
        yield runs


@FIRST_AND_LATER
def test_an_io_error_in_any_file_of_the_engines_loses_nothing(
    nights: Nights, watched: Watched, tmp_path: Path
) -> None:
    before = tmp_path / "before"
    make_before(before, nights)
    start = left(before, with_traces=False)
    shutil.copytree(before, tmp_path / "sound")
    code, operations, _ = watched.run(tmp_path / "sound")
    assert code == 0 and operations > POINTS
    sound, wrong, failures = left(tmp_path / "sound", with_traces=False), [], 0
    last = operations * 19 // 20  # the engines' threads do not always need as many
    for n, at in enumerate(sorted({1 + (last - 1) * n // (POINTS - 1) for n in range(POINTS)})):
        base = tmp_path / str(at)
        shutil.copytree(before, base)
        code, _, failed = watched.run(base, at, ERRORS[n % 2])
        after, failures = left(base, with_traces=False), failures + bool(failed)
        again = watched.run(base).code
        runs = Disturbed(code, after, again, left(base, with_traces=False))
        wrong += [f"{at}, {failed}: {what}" for what in runs.wrongs(start, sound)]
        shutil.rmtree(base)
    assert wrong == [] and failures > POINTS // 2

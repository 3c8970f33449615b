"""After a power cut that loses whatever was not synced, the next run makes everything good.

The file operations of a run are recorded, also those of the engines, and replayed up to a point.
POWER_CUTS says at how many points of each run the power fails, every second one just before a
sync. It also fails before each sync of the warehouse, when a block can be torn.
"""

import os
import shutil
from pathlib import Path

import pytest

from tests.support.file_operations import watched_runs
from tests.support.kills import in_child, whole_night
from tests.support.power_cut import LOST, Disk
from tests.support.two_nights import FIRST_AND_LATER, Nights, left, make_before, request_in

pytestmark = pytest.mark.slow  # makes dozens of runs

CUTS = int(os.environ.get("POWER_CUTS", "3"))
_SAFE = ("fsync", "rename", "unlink")  # operations after which a cut leaves something else
_TORN = LOST[2]


@FIRST_AND_LATER
def test_a_power_cut_that_loses_what_was_not_synced_loses_nothing_that_was_finished(
    nights: Nights, tmp_path: Path
) -> None:
    before, whole, record = tmp_path / "before", tmp_path / "whole", tmp_path / "record"
    make_before(before, nights)
    shutil.copytree(before, whole)
    with watched_runs(tmp_path) as watched:
        assert watched.run(whole, record=record).code == 0
    sound, operations = left(whole), record.read_bytes()
    disk = Disk(before, whole)
    done = list(disk.follow(operations))
    steps = [n for n, (name, _) in enumerate(done) if name in _SAFE]
    syncs = {n: file for n, (name, file) in enumerate(done) if name == "fsync"}
    disk.write_to(tmp_path / "replayed", None)
    assert left(tmp_path / "replayed") == sound, "the record has every operation"
    for lost in LOST:
        base = tmp_path / f"end, {lost}"
        disk.write_to(base, lost)
        assert left(base) == sound, f"a finished run is on disk without {lost} that was not synced"

    cuts = {}
    for i in range(CUTS):
        n = steps[(len(steps) - 1) * (2 * i + 1) // (2 * CUTS)]
        if i % 2 == 0:
            n = max((sync for sync in syncs if sync <= n), default=min(syncs)) - 1
        cuts[n] = LOST[i % len(LOST)]
    cuts |= {n - 1: _TORN for n, file in syncs.items() if file == "audit.duckdb"}
    disk, wrong = Disk(before, whole), []
    for n, (name, _) in enumerate(disk.follow(operations)):
        if n not in cuts:
            continue
        lost = cuts[n]
        base = tmp_path / f"{n}"
        disk.write_to(base, lost, seed=n)
        torn = [p for p in (base / "out").glob("run=*") if not (p / "manifest.json").exists()]
        if torn:
            wrong.append(f"{n}, {name}, without {lost}: half a run under its final name")
        elif in_child(whole_night, request_in(base)) != 0:
            wrong.append(f"{n}, {name}, without {lost}: could not be run again")
        elif left(base) != sound:
            wrong.append(f"{n}, {name}, without {lost}: the next run left something else")
    assert wrong == []

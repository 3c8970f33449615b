"""After a power cut that loses whatever was not synced, the next run makes everything good.

The file operations of a run are recorded, also those of the engines, and replayed up to a point.
POWER_CUTS says at how many points of each run the power fails.
"""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.extracts import Content, write
from tests.support.file_operations import request_in, watched_runs
from tests.support.hostile import ANY_ERROR_RATE, CSV, csv, fill
from tests.support.kills import in_child, whole_night
from tests.support.nights import content, night, published
from tests.support.power_cut import LOST, Disk

pytestmark = pytest.mark.slow  # makes dozens of runs

FIRST: Mapping[str, Content] = {CSV: csv(*(fill(n) for n in range(9)), fill(3, quantity="x"))}
SECOND: Mapping[str, Content] = {"pharmacy_claim_2.csv": csv(*(fill(n) for n in range(9, 15)))}
CUTS = int(os.environ.get("POWER_CUTS", "4"))
_SAFE = ("fsync", "rename", "unlink")  # operations after which a cut leaves something else


def _left(base: Path) -> tuple[object, ...]:
    return published(base / "out"), content(base / "out" / "audit.duckdb")


@pytest.mark.parametrize("nights", [[FIRST], [FIRST, SECOND]], ids=["first night", "later night"])
def test_a_power_cut_that_loses_what_was_not_synced_loses_nothing_that_was_finished(
    nights: list[Mapping[str, Content]], tmp_path: Path
) -> None:
    before, whole, record = tmp_path / "before", tmp_path / "whole", tmp_path / "record"
    write(before, {"config.toml": ANY_ERROR_RATE})
    for files in nights[:-1]:
        write(before / "in", files)
        night(request_in(before))
    write(before / "in", nights[-1])
    shutil.copytree(before, whole)
    with watched_runs(tmp_path) as watched:
        assert watched.run(whole, record=record).code == 0
    sound, operations = _left(whole), record.read_bytes()
    disk = Disk(before, whole)
    steps = [n for n, name in enumerate(disk.follow(operations)) if name in _SAFE]
    disk.write_to(tmp_path / "replayed", None)
    assert _left(tmp_path / "replayed") == sound, "the record has every operation"
    for lost in LOST:
        base = tmp_path / f"end, {lost}"
        disk.write_to(base, lost)
        assert _left(base) == sound, f"a finished run is on disk without {lost} that was not synced"

    chosen = {steps[(len(steps) - 1) * (2 * n + 1) // (2 * CUTS)] for n in range(CUTS)}
    disk, wrong = Disk(before, whole), []
    for n, name in enumerate(disk.follow(operations)):
        if n not in chosen:
            continue
        lost = LOST[sorted(chosen).index(n) % len(LOST)]
        base = tmp_path / f"{n}"
        disk.write_to(base, lost, seed=n)
        torn = [p for p in (base / "out").glob("run=*") if not (p / "manifest.json").exists()]
        if torn:
            wrong.append(f"{n}, {name}, without {lost}: half a run under its final name")
        elif in_child(whole_night, request_in(base)) != 0:
            wrong.append(f"{n}, {name}, without {lost}: could not be run again")
        elif _left(base) != sound:
            wrong.append(f"{n}, {name}, without {lost}: the next run left something else")
    assert wrong == []

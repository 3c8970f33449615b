"""After a run that was killed, or whose disk was full, the next run makes everything good.

Warehouse and reports are then the same as after a run that nothing disturbed.
"""

import json
import shutil
import signal
import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from flows.errors import DiskTrouble
from flows.ledger.decisions import decide
from flows.ledger.written_decisions import Decision
from flows.request import RunRequest
from schemas.decisions import DISMISS, REOPEN
from tests.support.extracts import Content, good, write
from tests.support.hostile import ANY_ERROR_RATE, CSV, csv, fill
from tests.support.kills import (
    LATE,
    STAGES,
    counted_night,
    in_child,
    killed_night,
    short_of_disk,
    whole_night,
)
from tests.support.nights import content, night, published
from tests.support.running import AS_OF, request_for


def _left_behind(output: Path) -> tuple[object, ...]:
    return published(output), content(output / "audit.duckdb")


FIRST_NIGHT: Mapping[str, Content] = {
    "pharmacy_claim.csv": csv(
        *(fill(n, payer="NantHealth" if n % 3 else "Cigna") for n in range(40)),
        fill(1, quantity="x"),
        fill(7),
        "short",
    ),
    "medical_claim.csv.gz": [
        good(
            "medical_claim",
            claim_id=f"I{n}",
            payer="MMM",
            hcpcs_code="J9229",
            claim_line_start_date=f"2026-04-{n + 1:02}",
        )
        for n in range(20)
    ],
    "diagnosis.csv": [
        good("diagnosis", member_id="M2"),
        good("diagnosis", member_id="M", diagnosis_code="no code"),
    ],
    "eligibility.csv": [good("eligibility", member_id=f"M{n}") for n in range(30)],
}
SECOND_NIGHT: Mapping[str, Content] = {
    "pharmacy_claim_2.csv": csv(
        fill(3, paid_amount="-100.00", quantity="-30"), fill(50), fill(7), fill(51, quantity="x")
    ),
    "provider.csv": [good("provider")],
}
LATER_NIGHT: Mapping[str, Content] = {
    "pharmacy_claim_3.csv": csv(
        *(fill(n) for n in range(60, 400)), fill(62, quantity="x"), fill(2), "short"
    ),
    "pharmacy_claim_4.csv": [
        good(
            "pharmacy_claim",
            claim_id="C4b",
            member_id="M4",
            original_claim_id="C4",
            claim_frequency_code="7",
        ),
        good(
            "pharmacy_claim",
            claim_id="C5",
            member_id="M5",
            claim_status="reversed",
            paid_date="2026-06-01",
        ),
        good(
            "pharmacy_claim",
            claim_id="C9",
            member_id="M9",
            paid_amount="200.00",
            paid_date="2026-06-01",
        ),
    ],
    "eligibility_2.csv": [good("eligibility", member_id="M8", enrollment_end_date="2025-12-31")],
    "authorization.csv": [
        good("authorization", member_id="M3"),
        good("authorization", authorization_id="A2", member_id="M7"),
    ],
}
"""Corrections of claims of the first night, a closed enrollment span, and new authorizations.

Exceptions of the nights before it have been decided on.
"""
POINTS = {
    "begin": 1,
    "load_stage": 2,
    "validate_stage": 1,
    "settle_stage": 1,
    "judge_stage": 1,
    "report_stage": 1,
    "make_private": 1,
    "keep": 2,
    "publish": 2,
}
"""The number of kills in each stage."""


@dataclass(frozen=True)
class Undisturbed:
    """An undisturbed run: where it started, what it left, and the first event of each stage."""

    before: Path
    left_behind: tuple[object, ...]
    marks: dict[str, int]

    def points(self) -> list[tuple[str, int]]:
        """Events of a night, evenly spread in each stage; LATE is part of the last."""
        found = []
        ends = list(self.marks.values())[1:]
        for (stage, start), end in zip(self.marks.items(), ends, strict=False):
            wanted, within = POINTS[stage], STAGES[-1].__name__ if stage in LATE else stage
            first = start + 1 - self.marks[within]
            found += [
                (within, first + (end - start - 1) * n // max(wanted - 1, 1)) for n in range(wanted)
            ]
        return found


def _configured(base: Path, night_no: int = 0) -> RunRequest:
    """The run that many nights before the last."""
    config, as_of = base / "config.toml", AS_OF - timedelta(days=night_no)
    return request_for(
        base / "in", base / "out", base / "out" / "audit.duckdb", as_of, config=config
    )


def _undisturbed(base: Path, nights: list[Mapping[str, Content]]) -> Undisturbed:
    """Make every night but the last, with decisions after each; then see what the last leaves."""
    before = base / "before"
    write(before, {"config.toml": ANY_ERROR_RATE})
    for night_no, files in zip(reversed(range(len(nights))), nights, strict=True):
        write(before / "in", files)
        if night_no:
            run = _configured(before, night_no)
            assert in_child(whole_night, run) == 0
            _decide(run.warehouse)
    shutil.copytree(before, base / "run")
    run = _configured(base / "run")
    assert in_child(counted_night, run, base / "marks.json") == 0
    marks = json.loads((base / "marks.json").read_text())
    return Undisturbed(before, _left_behind(run.output), marks)


def _decide(warehouse: Path) -> None:
    """Dismiss every third exception of the ledger, and reopen every second one of these."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        known = [
            Decision(i, "seen")
            for (i,) in connection.execute("SELECT exception_id FROM ledger ORDER BY 1").fetchall()
        ]
    decide(warehouse, known[::3], DISMISS, "a reviewer")
    decide(warehouse, known[::6], REOPEN, "a reviewer")


@pytest.fixture(scope="module")
def later(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """The third night of a warehouse: corrections arrive, and its ledger holds decisions."""
    return _undisturbed(tmp_path_factory.mktemp("later"), [FIRST_NIGHT, SECOND_NIGHT, LATER_NIGHT])


@pytest.fixture(scope="module", params=["first", "later"])
def undisturbed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Undisturbed:
    if request.param == "later":
        night: Undisturbed = request.getfixturevalue("later")
        return night
    return _undisturbed(tmp_path_factory.mktemp("first"), [FIRST_NIGHT])


@pytest.mark.slow
def test_the_later_night_changes_the_ledger_in_every_way(
    later: Undisturbed, tmp_path: Path
) -> None:
    """Otherwise a kill during that night would show little."""
    shutil.copytree(later.before, tmp_path / "run")
    moved = night(_configured(tmp_path / "run")).changes
    assert set(moved) == {"new", "changed", "resolved", "dismissed"}


@pytest.mark.slow
def test_the_next_run_makes_good_whatever_a_killed_run_leaves(
    undisturbed: Undisturbed, tmp_path: Path
) -> None:
    points = undisturbed.points()
    assert list(undisturbed.marks) == [s.__name__ for s in STAGES] + [*LATE, "end"]
    assert len(set(points)) == len(points) == sum(POINTS.values())

    def kill_and_rerun(point: tuple[str, int]) -> str | None:
        base = tmp_path / "-".join(map(str, point))
        shutil.copytree(undisturbed.before, base)
        run = _configured(base)
        reports = set(published(run.output)) if run.output.exists() else set()
        if (code := in_child(killed_night, run, *point)) != -signal.SIGKILL:
            return f"ended with {code} instead of being killed"
        torn = {name.split("/")[0] for name in set(published(run.output)) - reports}
        if any(not (run.output / name / "manifest.json").exists() for name in torn):
            return "left an incomplete run under its final name"
        if in_child(whole_night, run) != 0:
            return "could not be run again"
        if _left_behind(run.output) != undisturbed.left_behind:
            return "ended with another warehouse or other reports"
        shutil.rmtree(base)
        return None

    with ThreadPoolExecutor(2) as pool:
        wrong = {
            point: said
            for point, said in zip(points, pool.map(kill_and_rerun, points), strict=True)
            if said
        }
    assert wrong == {}


# ---------------------------------------------------------------- a full disk

FULL = [
    ("load_stage", 300_000),
    ("validate_stage", 5_000),
    ("settle_stage", 100_000),
    ("judge_stage", 5_000),
    ("report_stage", 4_096),
    ("report_stage", 30_000),
]
"""A stage, and the size that no file may exceed from then on.

The last two limits are reached while the rows are stored in the warehouse.
"""


@pytest.mark.slow
@pytest.mark.parametrize(("stage", "limit"), FULL)
def test_a_full_disk_at_any_stage_changes_nothing_and_the_next_run_succeeds(
    later: Undisturbed, tmp_path: Path, stage: str, limit: int
) -> None:
    shutil.copytree(later.before, tmp_path / "run")
    request = _configured(tmp_path / "run")
    before = _left_behind(request.output)
    number = [s.__name__ for s in STAGES].index(stage)
    assert in_child(short_of_disk, request, number, limit) == DiskTrouble.exit_code
    assert _left_behind(request.output) == before
    assert in_child(whole_night, request) == 0
    assert _left_behind(request.output) == later.left_behind


@pytest.mark.slow
@pytest.mark.parametrize("size", ["100k", "1m", "1800k"])
def test_a_full_file_system_publishes_nothing(tmp_path: Path, size: str) -> None:
    (tmp_path / "out").mkdir()
    write(
        tmp_path,
        {"config.toml": ANY_ERROR_RATE, f"in/{CSV}": csv(*(fill(n) for n in range(3, 400)))},
    )
    request = _configured(tmp_path)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(request.output)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(
            "needs the right to mount a file system; "
            "the tests above reach a full disk through a limit on file sizes"
        )
    try:
        assert in_child(whole_night, request) == DiskTrouble.exit_code
        assert published(request.output) == {} and not request.warehouse.exists()
    finally:
        subprocess.run(["umount", str(request.output)], check=True)

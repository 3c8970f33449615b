"""A command that is killed while it writes leaves the warehouse of before or of after, never half.

Runs are killed in tests/program/test_kills.py, `validate` and `packet` in
tests/results/test_together.py. KILL_POINTS says how often each command is killed here.
"""

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from flows.ledger.decisions import decide
from flows.verify.verify import Evidence, verify
from flows.warehouse.layout import SCHEMA_VERSION
from schemas.decisions import DISMISS
from tests.support.extracts import good, write
from tests.support.hostile import ANY_ERROR_RATE, CSV, csv, fill
from tests.support.kills import counted, in_child, killed
from tests.support.nights import content, night
from tests.support.running import AS_OF, request_for
from tests.support.writers import (
    FIRST_NIGHT,
    WRITERS,
    known_exceptions,
    upgrade_old,
    warehouse_of,
)

pytestmark = pytest.mark.slow  # starts dozens of processes

POINTS = int(os.environ.get("KILL_POINTS", "3"))


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a warehouse of two nights, and a decision on its first exception."""
    base = tmp_path_factory.mktemp("writers")
    old = [good("pharmacy_claim", member_id="old", claim_id="O", dispensing_date="2019-01-01")]
    write(base, {"config.toml": ANY_ERROR_RATE})
    write(base / "in", {CSV: csv(*(fill(n) for n in range(5)), fill(2, quantity="x"))})
    write(base / "in", {"pharmacy_claim_old.csv": old})
    night(
        request_for(
            base / "in", base / "out", warehouse_of(base), FIRST_NIGHT, base / "config.toml"
        )
    )
    decide(warehouse_of(base), known_exceptions(base)[:1], DISMISS, "a reviewer")
    write(base / "in", {"pharmacy_claim_2.csv": csv(*(fill(n) for n in range(5, 9)))})
    night(request_for(base / "in", base / "out", warehouse_of(base), AS_OF))
    return base


@pytest.mark.parametrize("work", WRITERS, ids=lambda work: work.__name__)
def test_a_command_that_is_killed_leaves_the_warehouse_of_before_or_of_after(
    work: Callable[[Path], None], before: Path, tmp_path: Path
) -> None:
    start = tmp_path / "start"
    shutil.copytree(before, start)
    if work is upgrade_old:
        with duckdb.connect(str(warehouse_of(start))) as connection:
            connection.execute("UPDATE main.meta SET schema_version = ?", [SCHEMA_VERSION - 1])
    shutil.copytree(start, tmp_path / "whole")
    count = tmp_path / "count"
    assert in_child(counted, work, tmp_path / "whole", count) == 0
    old, new = content(warehouse_of(start)), content(warehouse_of(tmp_path / "whole"))
    assert old != new
    events = int(count.read_text())
    assert events > POINTS
    seen = []
    for at in sorted({1 + (events - 1) * n // (POINTS - 1) for n in range(POINTS)}):
        base = tmp_path / str(at)
        shutil.copytree(start, base)
        assert in_child(killed, work, base, at) == -signal.SIGKILL
        seen.append(content(warehouse_of(base)))
        assert seen[-1] in (old, new), f"killed at event {at} of {events}"
        if work is not upgrade_old:
            assert verify(Evidence(warehouse=warehouse_of(base))).failed == []
        if seen[-1] == old:
            assert in_child(work, base) == 0
            assert content(warehouse_of(base)) == new, f"done again after event {at}"
        shutil.rmtree(base)
    assert old in seen

"""Any nights: forward, back and again, with decisions, purges, forgotten nights and failures.

The rows of some stay in a lake; a rebuilt warehouse has those of the others there.

NIGHT_SEEDS says how many senders take part; `make nights` runs 1,000 of them.
"""

import os
from collections.abc import Iterator
from datetime import date
from itertools import accumulate
from pathlib import Path

import pytest

from tests.support.any_nights import Machine
from tests.support.few_rules import ask_few
from tests.support.lakes import ask_here

pytestmark = pytest.mark.slow

SEEDS = int(os.environ.get("NIGHT_SEEDS", "10"))
SENDERS = (1, 1, 8) + (40,) * -(-(SEEDS - 10) // 40)
"""How many seeds share each warehouse. Alone, a sender supplies fewer tables."""
FIRST_SEED = tuple(accumulate(SENDERS[:-1], initial=0))
OPERATIONS = 7
FEW = ("AUTH01", "DUP01", "DX01", "GEN01", "QTY01", "SAFE02", "SPEC01")
"""Rules that between them look at every table; DUP01 answers for each audited line."""


@pytest.fixture(autouse=True)
def short_nights(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Few rules, the clock of the nights, and extracts of both sizes if they go into a lake."""
    ask_here(monkeypatch, fewest_in_lake=2)
    ask_few(monkeypatch, *FEW)
    monkeypatch.setattr("flows.ledger.decisions.today", lambda: date(2025, 1, 1))
    yield


@pytest.mark.parametrize(("first", "senders"), list(zip(FIRST_SEED, SENDERS, strict=True)))
def test_any_nights_lose_nothing_and_equal_a_rebuilt_warehouse(
    tmp_path: Path, first: int, senders: int
) -> None:
    machine = Machine.of(tmp_path, list(range(first, first + senders)))
    try:
        machine.play(OPERATIONS)
    finally:
        print("\n".join(machine.log))

"""The SQL of final action compared with a plain program, over many random claims."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from flows.report_steps import MEMORY
from flows.settle.tangled import TangledRow, taken_back
from flows.warehouse import sql
from flows.warehouse.connection import opened
from flows.warehouse.keep import keep
from flows.warehouse.memory import Memory, reuse_last_answers
from tests.support.examples import examples
from tests.support.extracts import Ran, Row, Settled, run
from tests.support.random_claims import (
    NIGHTS,
    RandomRow,
    as_extract,
    for_reference,
    random_history,
)
from tests.support.reference_final_action import Fate, final_action

TABLES = ("medical_claim", "pharmacy_claim")
HISTORIES = examples(4_000, 12_000)


@dataclass(frozen=True)
class Histories:
    """Random histories with the row number of each row in its file, and the files of each night."""

    rows: list[list[tuple[RandomRow, int]]]
    nights: dict[date, dict[str, list[Row]]]


def drawn(count: int, seed: int) -> Histories:
    rnd = random.Random(seed)
    nights: dict[date, dict[str, list[Row]]] = {night: {} for night in NIGHTS}
    rows = []
    for number in range(count):
        numbered = []
        for row in random_history(rnd, number):
            for table in TABLES:
                file = nights[row.night].setdefault(f"{table}_{row.file}.csv", [])
                file.append(as_extract(table, row.cells))
            numbered.append((row, len(file)))
        rows.append(numbered)
    return Histories(rows, nights)


def loaded(folder: Path, histories: Histories, order: Sequence[date]) -> Iterator[Ran]:
    """Run the nights in an order, each building on what the warehouse remembers."""
    for night in order:
        ran = run(folder, histories.nights[night], as_of=night, landing=f"{night}")
        yield ran
        with opened(ran.plan.bench) as connection:
            reuse_last_answers(connection, "")
        keep(ran.plan.bench, Memory(MEMORY.settled, ()))


def figures(table: str, fate: Fate | Settled) -> tuple[object, ...]:
    """What both sides must agree on; figures of history rows only, a fee that is null as 0."""
    name = fate.name if isinstance(fate, Fate) else fate.fate
    if name != "history":
        return name, fate.counted_as
    paid = fate.paid if isinstance(fate, Fate) else fate.paid_amount
    fee = (fate.fee or 0) if table == "pharmacy_claim" else 0
    return name, fate.counted_as, paid, fate.quantity, fee


def assert_as_reference(ran: Ran, histories: Histories, as_of: date) -> None:
    """Every row known on a night has the fate and figures of the reference."""
    for table in TABLES:
        settled = ran.settled_by_night(table)
        wrong = []
        for every in histories.rows:
            rows = [(row, number) for row, number in every if row.night <= as_of]
            fates = final_action(for_reference(table, rows, as_of), as_of)
            got = [settled[row.night, f"{table}_{row.file}.csv", n] for row, n in rows]
            if [figures(table, g) for g in got] != [figures(table, f) for f in fates]:
                wrong.append((rows, got, fates))
        assert not wrong, f"{len(wrong)} histories differ, such as {wrong[0]}"


@pytest.mark.slow
def test_random_claims_settle_as_the_contract_says_night_after_night(tmp_path: Path) -> None:
    histories = drawn(HISTORIES, seed=15)
    keys = {
        (i, row.cells["payer"], row.cells["claim_id"], row.cells["claim_line_number"])
        for i, rows in enumerate(histories.rows)
        for row, _ in rows
    }
    assert len(keys) > 5 * HISTORIES / 3

    for night, ran in zip(NIGHTS, loaded(tmp_path, histories, NIGHTS), strict=True):
        assert_as_reference(ran, histories, night)


@pytest.mark.slow
@pytest.mark.parametrize("order", [(2, 1, 0), (1, 2, 0), (2, 0, 1)])
def test_nights_loaded_in_any_order_settle_alike(order: tuple[int, ...], tmp_path: Path) -> None:
    """A night that is loaded late is of its own as-of date, not of the day it was loaded."""
    histories = drawn(600, seed=16)
    for _ in loaded(tmp_path, histories, [NIGHTS[i] for i in order]):
        pass
    again = run(tmp_path, histories.nights[NIGHTS[0]], as_of=NIGHTS[-1], landing="again")
    assert again.passed_over == len(histories.nights[NIGHTS[0]])
    assert_as_reference(again, histories, NIGHTS[-1])


BREAKS = {
    "pairs": ("ORDER BY p.version)", "ORDER BY -p.version)"),
    "corrections": ("key_no ORDER BY version DESC) = 1", "key_no ORDER BY version) = 1"),
    "fates": ("AND NOT is_gone AND NOT is_replaced", "AND NOT is_gone"),
    "special_rows": ("ORDER BY paid_rank, f.file_rank", "ORDER BY f.file_rank, paid_rank"),
    "affected_claims": (
        "pair AS (FROM claim_pair UNION FROM content_pair",
        "pair AS (FROM claim_pair",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", BREAKS)
def test_broken_sql_differs_from_the_reference(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right, wrong = BREAKS[name]
    text = sql.text(f"settle/{name}")
    assert right in text
    whole = sql.statements
    monkeypatch.setattr(
        sql,
        "statements",
        lambda n: [s.replace(right, wrong) if n == f"settle/{name}" else s for s in whole(n)],
    )
    histories = drawn(600, seed=17)
    with pytest.raises(AssertionError, match="histories differ"):
        for night, ran in zip(NIGHTS, loaded(tmp_path, histories, NIGHTS), strict=True):
            assert_as_reference(ran, histories, night)


@pytest.mark.slow
def test_one_key_of_many_rows_takes_time_in_proportion(tmp_path: Path) -> None:
    """A claim id that stands for a whole file: versions, replacements and reversals of one line."""
    cells = random_history(random.Random(1), 0)[0].cells | {
        "payer": "Cigna",
        "claim_id": "0.1",
        "claim_line_number": "1",
        "member_id": "0.M",
        "person_id": None,
        "service": "2026-01-05",
        "product": "one",
        "dispensing_fee": None,
        "claim_status": None,
        "claim_frequency_code": None,
        "original_claim_id": None,
    }
    kinds: list[Row] = [
        {"paid_amount": "100.00", "quantity": "30"},
        {"paid_amount": "-100.00", "quantity": "-30"},
        {"paid_amount": None, "quantity": None, "claim_status": "reversed"},
        {"paid_amount": "80", "claim_frequency_code": "7", "original_claim_id": "0.1"},
        {"claim_id": "0.2", "claim_frequency_code": "7", "original_claim_id": "0.1"},
    ]
    first = date(2020, 1, 1)
    rows = [
        RandomRow(
            cells
            | {"plan": f"{i}", "paid_date": str(first + timedelta(i // 10))}
            | kinds[i * 7 % 23 % len(kinds)],
            NIGHTS[0],
            "a",
        )
        for i in range(20_000)
    ]
    files = {f"{table}_a.csv": [as_extract(table, row.cells) for row in rows] for table in TABLES}
    one_key = Histories([[(row, i) for i, row in enumerate(rows, 1)]], {NIGHTS[0]: files})
    for ran in loaded(tmp_path, one_key, NIGHTS[:1]):
        settled = ran.settled("pharmacy_claim")
    fates = Counter(found.fate for found in settled.values())
    assert sum(fates.values()) == len(rows) and fates["history"] <= 2


def test_pairing_of_tangled_reversals_takes_time_in_proportion() -> None:
    day = date(2026, 1, 1)
    rows = [
        TangledRow(
            1, i, day + timedelta(i // 1000), Decimal(i % 3), i % 4 > 1, i % 8 == 7, i % 5 == 0
        )
        for i in range(100_000)
    ]
    taken = taken_back(rows)
    assert sum(not rows[i].is_reversal for i in taken) * 2 == len(taken)

"""Fills of two drugs in turn, compared with trying every row of fills."""

import random
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any, NamedTuple

import polars as pl
import pytest

from audit_rules.facts.fills_in_turn import fills_in_turn

DAYS, SHARED, FILLS = 75, 8, 4
OTHERS = ("dasatinib", "sunitinib")
START = date(2026, 1, 1)


class _Fill(NamedTuple):
    person: str
    ingredient: str
    service_date: date
    days_supply: int

    @property
    def end(self) -> date:
        return self.service_date + timedelta(days=self.days_supply)


def _some_fills(pick: random.Random) -> list[_Fill]:
    span = pick.choice([40, 120, 200])
    return [
        _Fill(
            pick.choice("PPQ"),
            pick.choice(["imatinib", "imatinib", *OTHERS]),
            START + timedelta(days=pick.randrange(span)),
            pick.choice([0, 5, 10, 30, 30, 45, 90, 120]),
        )
        for _ in range(pick.randrange(2, 25))
    ]


def _share(one: _Fill, two: _Fill) -> bool:
    shared = min(one.end, two.end) - max(one.service_date, two.service_date)
    return one.service_date != two.service_date and shared.days >= SHARED


def _most(judged: _Fill, fills: list[_Fill], other: str, forwards: bool) -> int:
    """The most fills in turn that follow the judged one, or go before it."""
    here, steps = [judged], 0
    drugs = (other, judged.ingredient)
    while True:
        here = [
            f
            for f in fills
            if f.ingredient == drugs[steps % 2]
            and abs((f.service_date - judged.service_date).days) <= DAYS
            and any(_share(h, f) and (f.service_date > h.service_date) == forwards for h in here)
        ]
        if not here or steps == FILLS:
            return steps
        steps += 1


def _expected(fills: list[_Fill]) -> set[tuple[int, str, date]]:
    """Line, ingredient and date of every fill of the other drug that is shown."""
    found = set()
    for number, judged in enumerate(fills):
        own = [f for f in fills if f.person == judged.person and f.days_supply > 0]
        if judged.ingredient != "imatinib" or judged.days_supply <= 0:
            continue
        for other in OTHERS:
            if sum(_most(judged, own, other, way) for way in (True, False)) + 1 >= FILLS:
                found |= {
                    (number, other, f.service_date)
                    for f in own
                    if f.ingredient == other
                    and abs((f.service_date - judged.service_date).days) <= DAYS
                }
    return found


@pytest.mark.parametrize("seed", range(40))
def test_fills_in_turn_are_those_that_trying_every_row_of_fills_finds(seed: int) -> None:
    fills = _some_fills(random.Random(seed))
    frame = pl.DataFrame(fills, schema=["person", "ingredient", "service_date", "days_supply"])
    frame = frame.with_row_index("row_id").with_columns(
        drug="ingredient", supply_end=pl.Series([f.end for f in fills])
    )
    dossier: Any = SimpleNamespace(fills=frame.lazy(), crowded_persons=frozenset())
    asked = frame.filter(drug="imatinib").with_columns(
        policy_id=pl.lit("p"),
        days=pl.lit(DAYS),
        shared_days=pl.lit(SHARED),
        fills=pl.lit(FILLS),
        ingredients=pl.lit(list(OTHERS)),
    )

    found = fills_in_turn(dossier, asked.lazy()).collect()

    assert set(found.select("row_id", "ingredient", "service_date").rows()) == _expected(fills)

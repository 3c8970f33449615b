"""Which claims name each other, compared with walking from name to name."""

import random

import polars as pl
import pytest

from audit_rules.engine.claim_links import NAMED, linked

Names = set[tuple[str, str]]
PLACES = ("medical", "P1", "cigna"), ("pharmacy", "P1", "cigna")


def _walked(first: str, names: Names) -> set[str]:
    """Every claim that is named from one on, itself if in a circle."""
    reached: set[str] = set()
    front = [first]
    while front:
        here = front.pop()
        named = {b for a, b in names if a == here} - reached
        reached |= named
        front += named
    return reached


def _frame(rows: list[tuple[str, ...]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=dict.fromkeys(NAMED, pl.String), orient="row")


def _some_names(pick: random.Random, claims: int, most: int) -> Names:
    """Each claim names some others: earlier ones mostly, so that most chains are not circles."""
    found = set()
    for n in range(claims):
        for _ in range(pick.randrange(most + 1)):
            other = pick.randrange(claims) if pick.random() < 0.2 else pick.randrange(n + 1)
            if other != n:
                found.add((f"c{n}", f"c{other}"))
    return found


@pytest.mark.parametrize("seed", range(60))
def test_a_claim_is_linked_to_all_that_it_names_by_way_of_others(seed: int) -> None:
    pick = random.Random(seed)
    claims = pick.randrange(2, 14)
    by_place = {place: _some_names(pick, claims, pick.choice([1, 1, 2, 3])) for place in PLACES}
    named = _frame([(*place, *pair) for place, names in by_place.items() for pair in sorted(names)])
    every = [
        (*place, f"c{a}", f"c{b}")
        for place in PLACES
        for a in range(claims)
        for b in range(claims)
        if a != b
    ]
    expected = {row for row in every if row[4] in _walked(row[3], by_place[row[0], row[1], row[2]])}

    found = linked(_frame(every), named) if named.height else _frame([])

    assert set(found.rows()) == expected


def test_a_claim_in_a_long_chain_is_linked_to_the_first() -> None:
    """Each claim was joined to every one before it, as many times as the chain is long."""
    size = 3000
    named = _frame([(*PLACES[0], f"c{n + 1}", f"c{n}") for n in range(size)])
    asked = _frame(
        [(*PLACES[0], f"c{size}", "c0"), (*PLACES[0], "c0", f"c{size}"), (*PLACES[0], "c7", "c7b")]
    )

    assert linked(asked, named).rows() == [(*PLACES[0], f"c{size}", "c0")]

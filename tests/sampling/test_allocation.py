"""How a sample is shared out among strata."""

import random
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import get_args

import polars as pl
import pytest

from audit_rules.errors import AuditError
from flows.sampling.allocation import Allocation, read_sizes, shared_out


def _frame(amounts: Mapping[str, Sequence[int]]) -> pl.DataFrame:
    """A frame of strata with these amounts, in dollars."""
    rows = [(stratum, Decimal(amount)) for stratum, own in amounts.items() for amount in own]
    return pl.DataFrame(
        rows, schema={"stratum": pl.String, "paid_amount": pl.Decimal(18, 2)}, orient="row"
    )


def test_proportional_sizes_follow_the_units() -> None:
    frame = _frame({"a": [1] * 155, "b": [1] * 62, "c": [1] * 93})
    assert shared_out(frame, 40, "proportional", "paid_amount") == {"a": 20, "b": 8, "c": 12}


def _variance(strata: Iterable[tuple[Sequence[int], int]]) -> Fraction:
    """The variance of the total that is estimated from these amounts and sizes."""
    found = Fraction(0)
    for own, n in strata:
        units, total = len(own), sum(own)
        spread = Fraction(units * sum(y * y for y in own) - total**2, units * max(units - 1, 1))
        found += units * (units - n) * spread / n
    return found


@pytest.mark.parametrize("seed", range(30))
def test_the_sizes_of_neyman_have_the_smallest_variance_of_all(seed: int) -> None:
    choose = random.Random(seed)
    amounts = {
        name: [
            choose.randrange(10 ** choose.randrange(1, 4)) for _ in range(choose.randrange(3, 9))
        ]
        for name in "abc"
    }
    size = choose.randrange(6, sum(map(len, amounts.values())))
    found = shared_out(_frame(amounts), size, "neyman", "paid_amount")
    ranges = [range(2, len(own) + 1) for own in amounts.values()]
    every = [sizes for sizes in product(*ranges) if sum(sizes) == size]
    best = min(_variance(zip(amounts.values(), sizes, strict=True)) for sizes in every)
    assert _variance(zip(amounts.values(), found.values(), strict=True)) == best


def test_a_stratum_that_is_drawn_whole_gets_no_more() -> None:
    frame = _frame({"a": [1, 2, 3, 4], "b": [0, 10**6]})
    for how in get_args(Allocation):
        assert shared_out(frame, 5, how, "paid_amount") == {"a": 3, "b": 2}


def test_each_stratum_has_two_units_or_all_that_it_has() -> None:
    frame = _frame({"big": range(1000), "one": [7], "three": [1, 2, 3], "flat": [5] * 50})
    for how in ("proportional", "neyman"):
        sizes = shared_out(frame, 20, how, "paid_amount")  # type: ignore[arg-type]
        assert sum(sizes.values()) == 20
        assert sizes["one"] == 1 and sizes["three"] >= 2 and sizes["flat"] >= 2
    assert shared_out(frame, frame.height, "neyman", "paid_amount") == {
        **{"big": 1000, "flat": 50, "one": 1, "three": 3}
    }


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("stratum,size\na,2\nb,2\n", None),
        ("stratum,size\na,2\n", "lacks 1 of the 2 strata"),
        ("stratum,size\na,2\nb,2\nc,2\n", "row 4: the stratum is not one of the frame"),
        ("stratum,size\na,2\na,2\n", "row 3: the stratum is there twice"),
        ("stratum,size\na,2.5\nb,2\n", "row 2: size is not a whole number"),
        ("stratum,size\na,2\nb,9\n", "row 3: size 9 is more than the 4 units"),
        ("stratum,size\na,2\nb,1\n", "of a single unit no variance can be estimated"),
        ("stratum\na\n", "no column size"),
    ],
)
def test_sizes_of_a_file_fit_the_strata_or_are_refused(
    tmp_path: Path, text: str, says: str | None
) -> None:
    path = tmp_path / "sizes.csv"
    path.write_text(text, encoding="utf-8")
    frame = _frame({"a": [1, 2, 3], "b": [1, 2, 3, 4]})
    if says is None:
        assert read_sizes(path, frame) == {"a": 2, "b": 2}
        return
    with pytest.raises(AuditError, match=says):
        read_sizes(path, frame)

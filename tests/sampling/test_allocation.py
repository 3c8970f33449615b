"""How a sample is shared out among strata."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import product
from pathlib import Path

import polars as pl
import pytest

from audit_rules.errors import AuditError
from flows.sampling.allocation import read_sizes, shared_out


def _frame(amounts: Mapping[str, Sequence[int]]) -> pl.DataFrame:
    """A frame of strata with these amounts, in dollars."""
    rows = [(stratum, Decimal(amount)) for stratum, own in amounts.items() for amount in own]
    return pl.DataFrame(
        rows, schema={"stratum": pl.String, "paid_amount": pl.Decimal(18, 2)}, orient="row"
    )


def test_proportional_sizes_follow_the_units() -> None:
    frame = _frame({"a": [1] * 155, "b": [1] * 62, "c": [1] * 93})
    assert shared_out(frame, 40, "proportional", "paid_amount") == {"a": 20, "b": 8, "c": 12}


def test_the_sizes_of_neyman_have_the_smallest_variance_of_all() -> None:
    amounts = {"a": [0, 50, 100, 900, 40], "b": [5, 5, 6, 5, 7, 5], "c": [10, 400, 20, 30]}
    frame = _frame(amounts)
    found = shared_out(frame, 9, "neyman", "paid_amount")

    def variance(sizes: Sequence[int]) -> float:
        strata = zip(amounts.values(), sizes, strict=True)
        return sum(
            len(own) ** 2 * (1 - n / len(own)) * (pl.Series(own).var() or 0) / n  # type: ignore[operator]
            for own, n in strata
        )

    every = [s for s in product(*(range(2, len(a) + 1) for a in amounts.values())) if sum(s) == 9]
    assert len(every) > 5
    assert variance([*found.values()]) == min(map(variance, every))


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

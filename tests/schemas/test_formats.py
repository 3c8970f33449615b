"""Codes as senders write them: modifiers that are two, or have a character too many."""

import polars as pl
import pytest

from schemas.formats import modifiers


@pytest.mark.parametrize(
    ("written", "counts_as"),
    [
        (["JW", None], ["JW"]),
        (["JWRT", None], ["JW", "RT"]),
        (["JW", "RT59"], ["59", "JW", "RT"]),
        (["JW1", "JZX"], ["JW", "JZ"]),
        (["JW-", "J"], ["J", "JW"]),
        (["RTX", "JWRTX"], ["JW", "RTX"]),
        ([None, None], []),
    ],
)
def test_two_modifiers_in_one_are_two_and_a_malformed_jw_or_jz_counts(
    written: list[str | None], counts_as: list[str]
) -> None:
    row = pl.DataFrame([written], ["one", "other"], orient="row").cast(pl.String)

    assert row.select(modifiers(["one", "other"])).item().to_list() == counts_as

"""The n-th smallest of many stretches of one series at once, compared with sorting each."""

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from audit_rules.engine.order_statistics import nth_smallest

values_and_stretches = st.lists(st.integers(0, 40), min_size=1, max_size=30).flatmap(
    lambda values: st.tuples(
        st.just(values),
        st.lists(
            st.tuples(st.integers(0, len(values) - 1), st.integers(1, len(values))), max_size=8
        ),
    )
)


@settings(max_examples=60, deadline=None)
@given(values_and_stretches)
def test_every_place_of_every_stretch_is_what_sorting_gives(
    drawn: tuple[list[int], list[tuple[int, int]]],
) -> None:
    values, stretches = drawn
    asked = [
        (start, min(start + length, len(values)), nth)
        for start, length in stretches
        for nth in range(min(length, len(values) - start))
    ]
    columns = [pl.Series([row[n] for row in asked], dtype=pl.Int64) for n in range(3)]
    found = nth_smallest(pl.Series(values), *columns)
    assert found.to_list() == [sorted(values[start:end])[nth] for start, end, nth in asked]


def test_no_stretch_and_no_value_are_no_answer() -> None:
    nothing = pl.Series([], dtype=pl.Int64)
    assert nth_smallest(nothing, nothing, nothing, nothing).to_list() == []

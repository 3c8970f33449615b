"""Rows of many files are put in one order, some at a time."""

from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.judging.sorted_files import merged

ORDER = ("name", "number")
SCHEMA = {"name": pl.String, "number": pl.Int64, "facts": pl.List(pl.Int64)}
FILES = st.lists(
    st.lists(st.tuples(st.sampled_from(["a", "b", "ä", "", None]), st.integers(0, 3) | st.none())),
    min_size=1,
    max_size=5,
)


@settings(max_examples=60, deadline=None)
@given(FILES, st.integers(1, 7), st.booleans())
def test_the_rows_of_all_files_come_in_one_order_some_at_a_time(
    files: list[list[tuple[str | None, int | None]]], most: int, is_sorted: bool
) -> None:
    frames = [
        pl.DataFrame(
            [(*key, [place, row]) for row, key in enumerate(keys)], schema=SCHEMA, orient="row"
        )
        for place, keys in enumerate(files)
    ]
    if is_sorted:
        frames = [frame.sort(ORDER, nulls_last=True, maintain_order=True) for frame in frames]
    with TemporaryDirectory() as folder:
        paths = [Path(folder) / f"[{number}].parquet" for number in range(len(frames))]
        for frame, path in zip(frames, paths, strict=True):
            frame.write_parquet(path, row_group_size=2)
        found = list(merged(paths, ORDER, most))
    whole = pl.concat(frames).sort(ORDER, nulls_last=True, maintain_order=True)
    assert pl.concat(found).equals(whole)
    assert all(0 < rows.height <= most for rows in found) or whole.is_empty()

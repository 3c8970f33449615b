"""Rows of many Parquet files put in order, some at a time."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl


def merged(files: Sequence[Path], order: Sequence[str], most: int) -> Iterator[pl.DataFrame]:
    """The rows of all files in one order, so many at a time.

    Nulls come last, and equal rows in the order of their files. Only the columns of the order are
    in memory for all rows; of files that are in this order already, few rows besides.
    """
    keys = [
        pl.read_parquet(file, columns=list(order), glob=False)
        .with_row_index("row")
        .with_columns(file=pl.lit(number, dtype=pl.UInt32))
        for number, file in enumerate(files)
    ]
    every = pl.concat(keys).sort(order, nulls_last=True, maintain_order=True).select("file", "row")
    nothing = pl.scan_parquet(files[0], glob=False).clear().collect()
    for start in range(0, max(1, every.height), most):
        by_file = every.slice(start, most).with_row_index("place").sort("file", "row")
        found = [
            _rows(files[number], of_file["row"])
            for (number,), of_file in by_file.group_by(["file"], maintain_order=True)
        ]
        rows = pl.concat([nothing, *found]).with_columns(by_file["place"])
        yield rows.sort("place").drop("place")


def _rows(file: Path, numbers: pl.Series) -> pl.DataFrame:
    """Rows of a file by their numbers, which increase."""
    first, last = numbers[0], numbers[-1]
    near = pl.scan_parquet(file, glob=False).slice(first, last - first + 1).collect()
    return near.select(pl.all().gather(numbers - first))

"""Exceptions as CSV are written some rows at a time; the text is that of all rows at once."""

from io import BytesIO
from pathlib import Path

import polars as pl
import pytest

from flows.results import csv

ROWS = pl.DataFrame(
    {
        "id": [f"={n}" if n % 3 else f"a, {n}" for n in range(10)],
        "codes": [["x"] * (n % 3) if n % 4 else None for n in range(10)],
        "facts": [[{"kind": "line", "value": f'"{n}"'}] for n in range(10)],
    }
)


@pytest.mark.parametrize("rows", [ROWS, ROWS.head(4), ROWS.clear()], ids=len)
def test_rows_written_some_at_a_time_are_the_rows_written_at_once(
    rows: pl.DataFrame, tmp_path: Path
) -> None:
    whole, file = BytesIO(), tmp_path / "rows.parquet"
    csv.write_csv(whole, rows)
    assert whole.getvalue().count(b"\n") == 1 + rows.height
    rows.write_parquet(file, row_group_size=4)
    csv.write_csv(tmp_path / "rows.csv", pl.scan_parquet(file))
    assert (tmp_path / "rows.csv").read_bytes() == whole.getvalue()

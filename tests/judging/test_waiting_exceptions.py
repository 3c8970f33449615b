"""Exceptions that wait in files are read some at a time by whoever writes them as results."""

from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from flows.judging.judge_part import ROW_GROUP
from flows.judging.standing import COMPARED, with_all_columns
from schemas.results import EXCEPTION, JUDGED


def test_exceptions_with_all_columns_wait_in_small_row_groups(tmp_path: Path) -> None:
    number = 2 * ROW_GROUP + 1
    texts = pl.Series("rationale", [f"because of {row}" for row in range(number)])
    rows = pl.DataFrame(schema=EXCEPTION).clear(number).with_columns(texts)
    rows.select(list(JUDGED)).write_parquet(tmp_path / "000000.parquet")
    left = [name for name in JUDGED if name not in COMPARED]
    shown = with_all_columns(rows.drop(left), tmp_path)
    assert shown.collect().equals(rows)
    (file,) = tmp_path.glob("shown_*.parquet")
    assert pq.read_metadata(file).num_row_groups == -(-number // ROW_GROUP)

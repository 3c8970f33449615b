"""Result tables as CSV that a spreadsheet can open without executing anything."""

from io import BytesIO
from pathlib import Path

import polars as pl

_EXECUTED = r"^[=+\-@\t\r\n]"


def write_csv(file: Path | BytesIO, rows: pl.DataFrame | pl.LazyFrame) -> None:
    """Write a table with lists and structs as JSON text, some rows at a time.

    Text that a spreadsheet would execute gets an apostrophe in front.
    """
    cells = [_cell(name, dtype) for name, dtype in rows.collect_schema().items()]
    rows.lazy().select(cells).sink_csv(file)


def _cell(name: str, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if dtype == pl.String:
        is_executed = column.str.contains(_EXECUTED)
        return pl.when(is_executed).then(pl.lit("'") + column).otherwise(column).alias(name)
    if dtype.is_nested():
        as_json = pl.struct(column.alias("")).struct.json_encode()
        bare = as_json.str.slice(len('{"":')).str.head(-1)
        return pl.when(column.is_not_null()).then(bare).alias(name)
    return column

"""Result tables as CSV that a spreadsheet can open without executing anything."""

from contextlib import nullcontext
from io import BytesIO
from pathlib import Path

import polars as pl

_ROWS = 20_000
_EXECUTED = r"^[=+\-@\t\r\n]"


def write_csv(file: Path | BytesIO, frame: pl.DataFrame) -> None:
    """Write a table with lists and structs as JSON text.

    Text that a spreadsheet would execute gets an apostrophe in front.
    """
    cells = [_cell(name, dtype) for name, dtype in frame.schema.items()]
    with file.open("wb") if isinstance(file, Path) else nullcontext(file) as target:
        for first in range(0, max(1, frame.height), _ROWS):  # as text, rows take far more memory
            text = BytesIO()
            rows = frame.slice(first, _ROWS).select(cells)
            rows.write_csv(text, include_header=first == 0)
            target.write(text.getbuffer())


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

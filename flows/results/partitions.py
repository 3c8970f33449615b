"""A result table split into folders COLUMN=VALUE, as Hive, Spark, DuckDB, Polars and Arrow expect them."""

import re
from pathlib import Path

import polars as pl

from flows.errors import UsageError
from flows.results.tables import write_table

_LONGEST_NAME = 255  # bytes, of every common file system
_PART = "part-0.parquet"


def write_partitions(folder: Path, table: str, frame: pl.DataFrame, column: str) -> None:
    """Write the rows of each value into TABLE/COLUMN=VALUE/part-0.parquet, in their order and without that column.

    The column is never null. Raises UsageError where a value is too long to name a folder.
    """
    for (value,), rows in frame.group_by([column], maintain_order=True):
        name = f"{column}={encoded(str(value))}"
        if len(name.encode()) > _LONGEST_NAME:
            raise UsageError(
                f"A value of {column} is too long to name a folder. Leave --partition-by out."
            )
        (folder / table / name).mkdir(mode=0o700, parents=True)
        write_table(folder / table / name / _PART, table, rows.drop(column))


def encoded(value: str) -> str:
    """A value as Hive writes it in a folder's name: percent signs for every ASCII sign but letters, digits, `-`, `_` and `.`.

    Letters beyond ASCII stay as they are: Spark would read their bytes one by one.
    """
    return re.sub(
        r"[^\w.\-]", lambda sign: f"%{ord(sign[0]):02X}" if sign[0].isascii() else sign[0], value
    )

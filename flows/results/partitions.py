"""A result table split into folders COLUMN=VALUE, as Hive, Spark, DuckDB, Polars and Arrow do."""

import re
from pathlib import Path

import polars as pl

from flows.errors import UsageError
from flows.results.tables import Rows, write_table
from schemas.folding import folded_names

_LONGEST_NAME = 255  # bytes, on every common file system
_PART = "part-0.parquet"


def write_exceptions_by(column: str, folder: Path, payer_names: dict[str, str]) -> None:
    """Write the exceptions in the folder once more, in one folder per value of a column.

    payer_names: folded spelling -> payer id, so that each payer is one folder.
    """
    payer = folded_names(pl.col("payer")).replace(payer_names)
    exceptions = pl.scan_parquet(folder / "exceptions.parquet", glob=False).with_columns(payer)
    write_partitions(folder, "exceptions", exceptions, column)


def write_partitions(folder: Path, table: str, rows: Rows, column: str) -> None:
    """Write the rows of each value, in order and without that column.

    They go into TABLE/COLUMN=VALUE/part-0.parquet. The column is never null.
    Raises UsageError if a value is too long for the name of a folder.
    """
    lazy = rows.lazy()
    for value in lazy.select(pl.col(column).unique().sort()).collect()[column]:
        name = f"{column}={encoded(str(value))}"
        if len(name.encode()) > _LONGEST_NAME:
            raise UsageError(
                f"A value of {column} is too long to name a folder. Leave --partition-by out."
            )
        (folder / table / name).mkdir(mode=0o700, parents=True)
        own = lazy.filter(pl.col(column) == value).drop(column)
        write_table(folder / table / name / _PART, table, own)


def encoded(value: str) -> str:
    """A value as Hive writes it in the name of a folder.

    Every ASCII character except letters, digits, `-`, `_` and `.` is percent-encoded. Letters
    beyond ASCII stay as they are, because Spark would decode their bytes one by one.
    """
    return re.sub(
        r"[^\w.\-]",
        lambda found: f"%{ord(found[0]):02X}" if found[0].isascii() else found[0],
        value,
    )

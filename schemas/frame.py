"""What a frame is: its rows, and its columns with type, unit and meaning, checked."""

from dataclasses import dataclass
from typing import NamedTuple

import polars as pl

from schemas.errors import FrameError


class FrameColumn(NamedTuple):
    """One column of a frame: its Polars type, what it means and in which unit."""

    dtype: pl.DataType
    meaning: str
    unit: str = ""


Columns = dict[str, FrameColumn]


@dataclass(frozen=True)
class Frame:
    """One frame: what a row is, the columns, and the sets of columns that no two rows share.

    The order of the columns is free.
    """

    name: str
    grain: str
    columns: Columns
    keys: tuple[tuple[str, ...], ...] = ()


def check_frame(frame: Frame, rows: pl.DataFrame) -> None:
    """Raise FrameError unless the rows have exactly the declared columns, each of its type."""
    wanted = {name: column.dtype for name, column in frame.columns.items()}
    found = dict(rows.schema)
    for name in sorted(wanted.keys() | found.keys()):
        if name not in found:
            raise FrameError(f"frame {frame.name}: column {name} is missing")
        if name not in wanted:
            raise FrameError(f"frame {frame.name}: column {name} is not declared")
        if found[name] != wanted[name]:
            raise FrameError(
                f"frame {frame.name}: column {name} is {found[name]}, not {wanted[name]}"
            )

"""Draw a sample: in each stratum the units with the lowest draw numbers.

The draw number of a unit is a hash of the seed and its id, so every set of units of one size is
as likely as any other, and anybody can draw again without this program.
"""

import hashlib
from collections.abc import Mapping

import polars as pl

FRAME_HASH = (
    "SHA-256, in hexadecimal, of one line per unit of the frame in ascending order of unit_id: "
    "unit_id, a tab, stratum, a line feed; UTF-8"
)
DRAW = (
    "The draw number of a unit is the SHA-256, in hexadecimal, of seed, a colon, and unit_id. In "
    "each stratum the units are put in ascending order of their draw numbers, and the first are "
    "drawn, as many as the stratum has in `sampled`."
)
SAMPLE_HASH = (
    "SHA-256, in hexadecimal, of one line per unit of the sample, by stratum and draw number: "
    "unit_id, a line feed"
)
"""How an independent program computes these."""


def draw_number(seed: int, unit_id: str) -> str:
    """What decides whether a unit is drawn."""
    return hashlib.sha256(f"{seed}:{unit_id}".encode()).hexdigest()


def draw(frame: pl.DataFrame, seed: int, sizes: Mapping[str, int]) -> pl.DataFrame:
    """The drawn rows of a frame, by stratum and draw number, with `sample_number` from 1."""
    numbers = [draw_number(seed, unit) for unit in frame["unit_id"]]
    wanted = pl.col("stratum").replace_strict(dict(sizes), return_dtype=pl.Int64)
    return (
        frame.with_columns(pl.Series("draw_number", numbers, pl.String))
        .sort("stratum", "draw_number")
        .filter(pl.int_range(pl.len()).over("stratum") < wanted)
        .with_row_index("sample_number", offset=1)
    )


def frame_sha256(frame: pl.DataFrame) -> str:
    """The hash of a frame, whatever the order of its rows."""
    rows = frame.select("unit_id", "stratum").sort("unit_id").iter_rows()
    return _sha256("".join(f"{unit}\t{stratum}\n" for unit, stratum in rows))


def sample_sha256(sample: pl.DataFrame) -> str:
    """The hash of a drawn sample, in its order."""
    return _sha256("".join(f"{unit}\n" for unit in sample["unit_id"]))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()

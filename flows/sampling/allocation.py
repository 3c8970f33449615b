"""How many units of each stratum are drawn: shared out, or as a file says.

Sizes are shared out by equal proportions: unit after unit goes to the stratum whose weight,
divided by the square root of n(n+1), is largest; n is what it has. With the weight N x S of Neyman,
that is the integer allocation with the smallest variance (T. Wright, "The equivalence of Neyman
optimum allocation for sampling and equal proportions for apportioning the U.S. House of
Representatives", The American Statistician 66, 2012). Squares are compared, so all is exact.
"""

import heapq
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Literal

import polars as pl

from flows.errors import UsageError
from flows.ledger.decision_file import read_csv

Allocation = Literal["proportional", "neyman"]
_LEAST = 2
"""The fewest units from which the variance of a stratum can be estimated, if it has as many."""


def shared_out(frame: pl.DataFrame, size: int, how: Allocation, measure: str) -> dict[str, int]:
    """Stratum -> how many of its units are drawn, `size` in all. Raises UsageError.

    measure   the amount whose variation counts if `how` is neyman.
    """
    units = units_by_stratum(frame)
    sizes = {stratum: min(_LEAST, count) for stratum, count in units.items()}
    refuse_impossible(size, frame.height, "--size")
    left = size - sum(sizes.values())
    if left < 0:
        raise UsageError(
            f"--size {size} is too small for {len(units)} strata: each needs {_LEAST} units, or "
            f"all of its own. Give at least {sum(sizes.values())}, or fewer strata."
        )
    weights = _squared_weights(frame, how, measure)
    turns = [(-weights[s] / (n * (n + 1)), s) for s, n in sizes.items() if n < units[s]]
    heapq.heapify(turns)
    for _ in range(left):
        _, stratum = heapq.heappop(turns)
        n = sizes[stratum] = sizes[stratum] + 1
        if n < units[stratum]:
            heapq.heappush(turns, (-weights[stratum] / (n * (n + 1)), stratum))
    return sizes


def read_sizes(path: Path, frame: pl.DataFrame) -> dict[str, int]:
    """Read a CSV of stratum and size. Raises UsageError unless it fits the strata of the frame."""
    table = read_csv(path, "stratum", "size")
    units = units_by_stratum(frame)
    sizes: dict[str, int] = {}
    texts = zip(table.column("stratum").items(), table.column("size").values(), strict=True)
    for (row, stratum), text in texts:
        place = f"{path.name}, row {row}"
        if stratum not in units or stratum in sizes:
            problem = "is there twice" if stratum in sizes else "is not one of the frame"
            raise UsageError(f"{place}: the stratum {problem}. {_SEE_STRATA}")
        if not (text.isascii() and text.isdecimal()):
            raise UsageError(f"{place}: size is not a whole number. Correct it.")
        refuse_impossible(int(text), units[stratum], f"{place}: size")
        sizes[stratum] = int(text)
    if len(sizes) < len(units):
        raise UsageError(
            f"{path.name} lacks {len(units) - len(sizes)} of the {len(units)} strata, of which "
            f"then nothing would be known. {_SEE_STRATA}"
        )
    return sizes


_SEE_STRATA = "Draw without --sizes first: the sizes.csv of that sample lists every stratum."


def refuse_impossible(size: int, units: int, what: str) -> None:
    """Raise UsageError if a sample cannot have that size, or could not be estimated from."""
    if size > units:
        raise UsageError(
            f"{what} {size} is more than the {units} units that there are. Give at most {units}."
        )
    if size < min(_LEAST, units):
        raise UsageError(
            f"{what} {size} is too small: of a single unit no variance can be estimated. Give at "
            f"least {_LEAST}, or put strata together."
        )


def units_by_stratum(frame: pl.DataFrame) -> dict[str, int]:
    """Stratum -> how many units it has, in order of the strata."""
    return dict(frame.group_by("stratum").len().sort("stratum").iter_rows())


def _squared_weights(frame: pl.DataFrame, how: Allocation, measure: str) -> Mapping[str, Fraction]:
    """Stratum -> N squared; of neyman times the variance of the measure, in cents."""
    groups = frame.sort("stratum").group_by("stratum", maintain_order=True)
    return {
        str(name): _squared_weight(group[measure].to_list() if how == "neyman" else [], len(group))
        for (name,), group in groups
    }


def _squared_weight(amounts: list[Decimal | None], units: int) -> Fraction:
    if not amounts:
        return Fraction(units**2)
    cents = [int((amount or Decimal(0)).scaleb(2)) for amount in amounts]
    spread = len(cents) * sum(c * c for c in cents) - sum(cents) ** 2
    return Fraction(units**2 * spread, units * max(units - 1, 1))

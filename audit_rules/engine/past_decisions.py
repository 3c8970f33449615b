"""What persons have decided that changes the amounts and the order of a worklist."""

from collections.abc import Mapping
from typing import NamedTuple

import polars as pl

from schemas.results import MONEY, NUMBERED_LINE, Schema


class ReviewCounts(NamedTuple):
    """How many findings of a rule persons have reviewed, and how many of those held."""

    held: int
    reviewed: int


Precision = Mapping[str, ReviewCounts]
"""Rule -> how often its findings held; rules without a reviewed finding are left out."""

RECOVERED: Schema = {
    "exception_id": pl.String,
    "rule_id": pl.String,
    "member_id": pl.String,
    **dict.fromkeys(NUMBERED_LINE, pl.String),
    "claim_line_number": pl.Int64,
    "recovered": MONEY,
}
"""One row per exception for which money came back, with the line that it was on."""


class PastDecisions(NamedTuple):
    """How often findings of each rule held, and what came back (RECOVERED)."""

    precision: Precision
    recovered: pl.DataFrame


NOTHING_DECIDED = PastDecisions({}, pl.DataFrame(schema=RECOVERED))
"""What nobody has decided."""

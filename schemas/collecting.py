"""Whether an amount may still be asked for, and what decides it besides dates and places."""

from typing import Final, Literal

import polars as pl

from schemas.decisions import DISMISSED
from schemas.outcomes import RECORDS_REQUEST, RECOVER

YES: Final = "yes"
NO: Final = "no"
UNKNOWN: Final = "unknown"
COLLECTABLE = (YES, UNKNOWN, NO)
"""Every answer; that of a line is the first that one of its exceptions has."""

Ground = Literal["clerical", "coordination_of_benefits"]
"""What a finding rests on alone, if a law looks at that."""
CLERICAL: Final = "clerical"
"""A slip of the pen: nothing but a code or a modifier is wrong or missing."""
COORDINATION: Final = "coordination_of_benefits"
"""Another payer had to pay, or paid, for the same."""


LETTERS = {"finding": RECOVER, "records": RECORDS_REQUEST}
"""Kind of letter -> the outcome of the findings that it is about."""


def is_asked() -> pl.Expr:
    """Whether the amount of an exception may be asked for: neither dismissed nor barred."""
    return pl.col("status").ne_missing(DISMISSED) & pl.col("collectable").ne_missing(NO)

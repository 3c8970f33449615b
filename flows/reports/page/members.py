"""Short names for members on the page: who has most at stake is Member A."""

from string import ascii_uppercase

import polars as pl

KEY = ("payer", "person_id")


def member_names(worklist: pl.DataFrame) -> pl.DataFrame:
    """One row per payer and person: payer, person_id, member ("Member A", ... "Member Z", "Member AA", ...)."""
    ranked = (
        worklist.group_by(KEY)
        .agg(pl.col("amount_at_risk").sum())
        .sort("amount_at_risk", *KEY, descending=[True, False, False])
    )
    names = [f"Member {_letters(n)}" for n in range(ranked.height)]
    return ranked.select(*KEY, member=pl.Series(names, dtype=pl.String))


def _letters(number: int) -> str:
    """A, B, ... Z, AA, AB, ... of 0, 1, ..."""
    text = ""
    number += 1
    while number:
        number, last = divmod(number - 1, len(ascii_uppercase))
        text = ascii_uppercase[last] + text
    return text

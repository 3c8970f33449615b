"""Short names for members on the page: Member A has the most at stake."""

from string import ascii_uppercase

import polars as pl

from flows.results.totals import totals

KEY = ("payer", "person_id")


def member_names(lines: pl.DataFrame) -> pl.DataFrame:
    """One row per payer and person: payer, person_id, member (Member A, ... Z, AA, AB, ...)."""
    ranked = totals(lines, **{name: pl.col(name) for name in KEY}).sort(
        "amount_at_risk", *KEY, descending=[True, False, False]
    )
    names = [f"Member {_letters(n)}" for n in range(ranked.height)]
    return ranked.select(*KEY, member=pl.Series(names, dtype=pl.String))


def _letters(number: int) -> str:
    """A, B, ... Z, AA, AB, ... for 0, 1, ..."""
    text = ""
    number += 1
    while number:
        number, last = divmod(number - 1, len(ascii_uppercase))
        text = ascii_uppercase[last] + text
    return text

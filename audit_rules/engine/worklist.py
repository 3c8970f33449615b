"""The worklist: per claim line what to do and about how much money, no dollar counted twice.

Several exceptions on one line are about the same dollars: the largest of each outcome counts, of
the weaker outcomes only what exceeds the stronger ones. Lines that
repeat their claim's amount (repeated_amounts.py) are about the same dollars too: one line of the
claim keeps them.
"""

import polars as pl

from schemas.folding import folded_names
from schemas.outcomes import strength
from schemas.results import AMOUNT_COLUMNS, EXCEPTION, LINE_KEY, MONEY, WORKLIST, conform

_AMOUNTS = (*AMOUNT_COLUMNS.values(), "amount_at_risk")
_ZERO = pl.lit(0, dtype=MONEY)


def worklist(exceptions: pl.DataFrame, repeated: pl.DataFrame) -> pl.DataFrame:
    """One row per line with any exception, in their order; `repeated` comes from
    repeated_amounts."""
    rest = [
        c for c in WORKLIST if c in EXCEPTION and c not in (*LINE_KEY, "amount_at_risk", "outcome")
    ]
    lines = exceptions.group_by(LINE_KEY, maintain_order=True).agg(
        *(pl.col(c).first() for c in rest),
        rule_ids=pl.col("rule_id").unique().sort(),
        outcome=pl.col("outcome").sort_by(strength()).first(),
        **{column: _largest(outcome) for outcome, column in AMOUNT_COLUMNS.items()},
    )
    return conform(_counted_once(_without_overlap(lines), repeated), WORKLIST)


def _without_overlap(lines: pl.DataFrame) -> pl.DataFrame:
    """Of the largest amounts of each outcome, what exceeds the stronger outcomes' amounts.

    They add up to amount_at_risk, which is at most what was paid.
    """
    most = _ZERO
    columns: dict[str, pl.Expr] = {}
    for column in AMOUNT_COLUMNS.values():
        here = pl.min_horizontal(pl.col(column), "paid_amount")
        columns[column] = pl.max_horizontal(here - most, _ZERO)
        most = pl.max_horizontal(most, here)
    return lines.with_columns(**columns, amount_at_risk=most)


def _largest(outcome: str) -> pl.Expr:
    return pl.col("amount_at_risk").filter(pl.col("outcome") == outcome).max().fill_null(_ZERO)


def _counted_once(lines: pl.DataFrame, repeated: pl.DataFrame) -> pl.DataFrame:
    """Keep the amounts of one line per repeating claim: the one with most at risk; ties: the
    first."""
    payer_name = folded_names(pl.col("payer"))
    claims = repeated.select(
        "claim_id",
        payer_name=payer_name,
        person_id="person",
        claim_source=pl.lit("medical"),
        repeats=True,
    )
    claim = ["claim_source", "claim_id", "payer_name", "person_id"]
    found = lines.with_columns(payer_name=payer_name).join(
        claims, on=claim, how="left", maintain_order="left", validate="m:1"
    )
    by_amount = pl.col("claim_line_number").sort_by(-pl.col("amount_at_risk"), "claim_line_number")
    keeps = pl.col("repeats").is_null() | (
        pl.col("claim_line_number") == by_amount.first().over(claim)
    )
    return found.with_columns(
        pl.when(keeps).then(pl.col(amount)).otherwise(_ZERO).alias(amount) for amount in _AMOUNTS
    )

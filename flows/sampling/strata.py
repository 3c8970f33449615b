"""Strata: groups of units, by payer, by leading rule, and by bands of an amount."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Literal

import polars as pl

from flows.errors import UsageError
from flows.ledger.written_decisions import amount_of

By = Literal["payer", "rule", "paid_amount", "amount_at_risk"]
AMOUNTS: tuple[By, ...] = ("paid_amount", "amount_at_risk")
ALL = "all"
"""The one stratum of a sample that is not stratified."""
STRATUM = (
    "NAME=VALUE of each of strata_by, joined by a semicolon and a space; `all` if there are none. "
    "VALUE is of payer its entry in payer_strata; of rule the rule_id of the first of "
    "exception_ids; of an amount `under E` below the first edge of bands, `E-F` from an edge to a "
    "cent below the next one, `E and over` from the last one on"
)
"""How an independent program finds the stratum of a unit."""
_CENT = Decimal("0.01")


def read_bands(texts: Sequence[str], by: Sequence[By]) -> tuple[Decimal, ...]:
    """The edges of bands as they were typed, in order.

    Raises UsageError if one is not an amount, or bands and strata do not go together.
    """
    amounts = [name for name in by if name in AMOUNTS]
    if len(amounts) > 1:
        raise UsageError("--by: strata can have bands of one amount only. Give one of them.")
    if bool(amounts) != bool(texts):
        raise UsageError(
            "--bands and --by paid_amount (or amount_at_risk) need each other. Give the amounts at "
            "which a new band begins, such as --bands 500 --bands 5000, or leave out both."
        )
    edges = [amount_of(text) for text in texts]
    known = sorted({edge for edge in edges if edge is not None})
    if len(known) != len(texts):
        raise UsageError(
            "--bands: each is an amount of dollars above zero, such as 500 or 1250.00, and given "
            "once. Correct it."
        )
    return tuple(known)


def with_strata(
    units: pl.DataFrame, by: Sequence[By], bands: Sequence[Decimal], payers: Mapping[str, str]
) -> pl.DataFrame:
    """Units with the column `stratum`, such as `payer=cigna; paid_amount=500.00-4999.99`.

    payers   every name of a payer there is -> what its stratum is called.
    """
    if not by:
        return units.with_columns(stratum=pl.lit(ALL))
    values = {
        "payer": pl.col("payer").replace_strict(dict(payers), return_dtype=pl.String),
        "rule": pl.col("rule_id").fill_null("none"),
        **({name: _band(pl.col(name), bands) for name in AMOUNTS if name in by}),
    }
    parts = [pl.format("{}={}", pl.lit(name), values[name]) for name in by]
    return units.with_columns(stratum=pl.concat_str(parts, separator="; "))


def _band(amount: pl.Expr, edges: Sequence[Decimal]) -> pl.Expr:
    """The band of an amount, as text. An amount at an edge belongs to the band above it."""
    found = pl.lit(f"{edges[-1]:.2f} and over")
    for low, high in reversed(list(pairwise(edges))):
        label = pl.lit(f"{low:.2f}-{high - _CENT:.2f}")
        found = pl.when(amount < high).then(label).otherwise(found)
    found = pl.when(amount < edges[0]).then(pl.lit(f"under {edges[0]:.2f}")).otherwise(found)
    return pl.when(amount.is_null()).then(pl.lit("unknown")).otherwise(found)

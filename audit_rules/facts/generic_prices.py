"""What a generic of the same strength cost near a fill: the price a brand fill is compared with."""

from collections.abc import Sequence

import polars as pl

from audit_rules.engine.arithmetic import rounded_half_up
from audit_rules.engine.dossier import Dossier
from audit_rules.facts.quantity_limits import TABLET
from schemas.paid import is_paid

ASKED_BY = ("ingredient", "strength_mg", "payer_id", "service_date", "price_days")
"""What a price is asked for: a drug and strength, near a day, first at one payer."""


def are_tablets(product: str) -> pl.Expr:
    """Fills of brand, or of generic, tablets."""
    return (pl.col("product") == product) & (pl.col("form") == TABLET)


def with_generic_price(fills: pl.LazyFrame, dossier: Dossier) -> pl.LazyFrame:
    """Brand fills with `own_amount_cents`: what they cost above the dearest generic fill near them.

    Null if there is none or the fill's quantity is unknown.
    """
    dearest = dearest_generics(fills.select(ASKED_BY).unique(), dossier.priced_fills)
    own, generic = drug_cents().cast(pl.Int128), pl.col("generic_cents").cast(pl.Int128)
    above = own * pl.col("generic_milli") - generic * pl.col("quantity_milli")
    return fills.join(dearest, on=ASKED_BY, how="left").with_columns(
        own_amount_cents=rounded_half_up(above.clip(0), pl.col("generic_milli"))
    )


def dearest_generics(asked: pl.LazyFrame, fills: pl.LazyFrame) -> pl.LazyFrame:
    """What is asked for (ASKED_BY), with the dearest generic fill of any person near it.

    Adds generic_cents and generic_milli. Looks within price_days of the day, in the same payer's
    fills, else in any payer's; no row if there is none.
    """
    drug = ["ingredient", "strength_mg"]
    of_each_day = (
        fills.filter(
            are_tablets("generic"), is_paid(pl.col("paid_cents")), pl.col("quantity_milli") > 0
        )
        .select(
            *drug,
            pl.col("payer_id").alias("generic_payer"),
            pl.col("service_date").alias("generic_date"),
            generic_cents=drug_cents(),
            generic_milli="quantity_milli",
        )
        .with_columns(unit_price=pl.col("generic_cents") / pl.col("generic_milli"))
        .pipe(_dearest, [*drug, "generic_payer", "generic_date"])
    )
    distance = (pl.col("generic_date") - pl.col("service_date")).dt.total_days().abs()
    return (
        asked.join(of_each_day, on=drug)  # by day: every pair of fills would be too many
        .filter(distance <= pl.col("price_days"))
        .with_columns(is_same_payer=pl.col("generic_payer") == pl.col("payer_id"))
        .pipe(_dearest, ASKED_BY, "is_same_payer")
        .select(*ASKED_BY, "generic_cents", "generic_milli")
    )


def _dearest(prices: pl.LazyFrame, key: Sequence[str], *first: str) -> pl.LazyFrame:
    """One row per key: the highest unit price, of equal ones the larger fill."""
    return prices.sort(
        *key,
        *first,
        "unit_price",
        "generic_milli",
        descending=[False] * len(key) + [True] * (len(first) + 2),
    ).unique(list(key), keep="first", maintain_order=True)


def drug_cents() -> pl.Expr:
    """Paid for the drug itself: the dispensing fee left out, at least nothing."""
    return (pl.col("paid_cents") - pl.col("fee_cents").fill_null(0)).clip(0)

"""What a generic of the same strength cost near a fill: the price a brand fill is held against."""

import polars as pl

from audit_rules.dossier import Dossier
from audit_rules.limits import TABLET
from audit_rules.rule import rounded_half_up


def generic_tablets(dossier: Dossier) -> pl.LazyFrame:
    """History fills of generic tablets, any person."""
    return dossier.fills.filter(pl.col("product") == "generic", pl.col("form") == TABLET)


def with_generic_price(fills: pl.LazyFrame, dossier: Dossier) -> pl.LazyFrame:
    """Brand fills with `own_amount_cents`: what they cost above the dearest generic fill near them.

    Looks within price_days of the fill, in the same payer's fills, else in any payer's; null where there is none
    or the fill's quantity is unknown.
    """
    drug, asked_by = ["ingredient", "strength_mg"], ["ingredient", "strength_mg", "payer_id", "service_date", "price_days"]
    of_each_day = (
        generic_tablets(dossier)
        .filter(pl.col("paid_cents") > 0, pl.col("quantity_milli") > 0)
        .select(
            *drug, pl.col("payer_id").alias("generic_payer"), pl.col("service_date").alias("generic_date"),
            generic_cents=drug_cents(), generic_milli="quantity_milli",
        )
        .with_columns(unit_price=pl.col("generic_cents") / pl.col("generic_milli"))
        .pipe(_dearest, [*drug, "generic_payer", "generic_date"])
    )  # fmt: skip
    distance = (pl.col("generic_date") - pl.col("service_date")).dt.total_days().abs()
    dearest = (
        fills.select(asked_by).unique()  # every fill beside every other would be too many
        .join(of_each_day, on=drug)
        .filter(distance <= pl.col("price_days"))
        .with_columns(is_same_payer=pl.col("generic_payer") == pl.col("payer_id"))
        .pipe(_dearest, asked_by, "is_same_payer")
        .select(*asked_by, "generic_cents", "generic_milli")
    )  # fmt: skip
    own, generic = drug_cents().cast(pl.Int128), pl.col("generic_cents").cast(pl.Int128)
    above = own * pl.col("generic_milli") - generic * pl.col("quantity_milli")
    return fills.join(dearest, on=asked_by, how="left").with_columns(
        own_amount_cents=rounded_half_up(above.clip(0), pl.col("generic_milli"))
    )


def _dearest(prices: pl.LazyFrame, key: list[str], *first: str) -> pl.LazyFrame:
    """One row per key: the highest unit price, of equal ones the larger fill."""
    return prices.sort(
        *key, *first, "unit_price", "generic_milli", descending=[False] * len(key) + [True] * (len(first) + 2)
    ).unique(key, keep="first", maintain_order=True)


def drug_cents() -> pl.Expr:
    """Paid for the drug itself: the dispensing fee left out, at least nothing."""
    return (pl.col("paid_cents") - pl.col("fee_cents").fill_null(0)).clip(0)

"""What a generic of the same strength cost near a fill: the price a brand fill is held against."""

import polars as pl

from audit_rules.dossier import Dossier
from audit_rules.limits import TABLET
from audit_rules.rule import ON, rounded_half_up


def generic_tablets(dossier: Dossier) -> pl.LazyFrame:
    """History fills of generic tablets, any person."""
    return dossier.fills.filter(pl.col("product") == "generic", pl.col("form") == TABLET)


def with_generic_price(fills: pl.LazyFrame, dossier: Dossier) -> pl.LazyFrame:
    """Brand fills with `own_amount_cents`: what they cost above the dearest generic fill near them.

    Looks within price_days of the fill, in the same payer's fills, else in any payer's; null where there is none
    or the fill's quantity is unknown.
    """
    priced = (
        generic_tablets(dossier)
        .filter(pl.col("paid_cents") > 0, pl.col("quantity_milli") > 0)
        .select(
            "ingredient", "strength_mg", pl.col("payer_id").alias("generic_payer"),
            pl.col("service_date").alias("generic_date"), generic_cents=drug_cents(),
            generic_milli="quantity_milli",
        )
    )  # fmt: skip
    day = pl.col("service_date")
    distance = (pl.col("generic_date") - day).dt.total_days().abs()
    near = fills.join(priced, on=["ingredient", "strength_mg"]).filter(distance <= pl.col("price_days"))
    unit_price = pl.col("generic_cents") / pl.col("generic_milli")
    dearest = (
        near.with_columns(is_same_payer=pl.col("generic_payer") == pl.col("payer_id"), unit_price=unit_price)
        .sort(*ON, "is_same_payer", "unit_price", "generic_milli", descending=[False, False, True, True, True])
        .unique(list(ON), keep="first", maintain_order=True)
        .select(*ON, "generic_cents", "generic_milli")
    )
    own, generic = drug_cents().cast(pl.Int128), pl.col("generic_cents").cast(pl.Int128)
    above = own * pl.col("generic_milli") - generic * pl.col("quantity_milli")
    return fills.join(dearest, on=list(ON), how="left").with_columns(
        own_amount_cents=rounded_half_up(above.clip(0), pl.col("generic_milli"))
    )


def drug_cents() -> pl.Expr:
    """Paid for the drug itself: the dispensing fee left out, at least nothing."""
    return (pl.col("paid_cents") - pl.col("fee_cents").fill_null(0)).clip(0)

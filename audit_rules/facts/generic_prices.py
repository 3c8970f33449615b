"""What a generic of the same strength cost near a fill: the price a brand fill is compared with."""

import polars as pl

from audit_rules.engine.arithmetic import rounded_half_up
from audit_rules.engine.dossier import Dossier
from audit_rules.facts.quantity_limits import TABLET
from schemas.days import days_after, days_before
from schemas.paid import is_paid

ASKED_BY = ("ingredient", "strength_mg", "payer_id", "service_date", "price_days")
"""The columns that a price depends on: drug and strength, and the fills near a day, those of the
same payer first."""
_SCALE = 1000
_CLAIM = {
    "generic_claim_id": "claim_id",
    "generic_line": "claim_line_number",
    "generic_ndc": "ndc_code",
}
_HIGHEST = ("unit_price", "generic_milli")
_DEAREST = (*_HIGHEST, "generic_date", "generic_payer", "generic_claim_id", "generic_line")
"""Order of generic fills: highest unit price, then the larger fill, then the earliest."""
PRICE = (
    "is_same_payer",
    "generic_fills",
    "generic_cents",
    "generic_milli",
    "generic_date",
    *_CLAIM,
)
"""The columns found: the fill with the highest unit price, and how many fills there were."""


def are_tablets(product: str) -> pl.Expr:
    """Fills of brand, or of generic, tablets."""
    return (pl.col("product") == product) & (pl.col("form") == TABLET)


def with_generic_price(fills: pl.LazyFrame, dossier: Dossier) -> pl.LazyFrame:
    """Brand fills with PRICE, and `own_amount_cents`: what they cost above the dearest generic fill
    near them.

    Null if no such fill is near, or if the fill's quantity is not positive. own_price and
    generic_price say in words what a tablet cost.
    """
    is_fill = pl.col("claim_source") == "pharmacy"
    dearest = dearest_generics(
        fills.select(ASKED_BY).unique(), dossier.priced_lines.filter(is_fill)
    )
    own, generic = drug_cents().cast(pl.Int128), pl.col("generic_cents").cast(pl.Int128)
    above = own * pl.col("generic_milli") - generic * pl.col("quantity_milli")
    return fills.join(dearest, on=ASKED_BY, how="left").with_columns(
        own_amount_cents=pl.when(pl.col("quantity_milli") > 0).then(
            rounded_half_up(above.clip(0), pl.col("generic_milli"))
        ),
        own_price=price_in_words(drug_cents(), pl.col("quantity_milli")),
        generic_price=price_in_words(pl.col("generic_cents"), pl.col("generic_milli")),
    )


def costs_more_than(ratio: str) -> pl.Expr:
    """Whether a tablet of the fill costs more than that column times the generic's, exactly."""
    scaled = (pl.col(ratio) * _SCALE).round(0).cast(pl.Int128)
    own = drug_cents().cast(pl.Int128) * pl.col("generic_milli") * _SCALE
    return own > pl.col("generic_cents").cast(pl.Int128) * pl.col("quantity_milli") * scaled


def price_in_words(cents: pl.Expr, milli: pl.Expr) -> pl.Expr:
    """Dollars a unit to four decimals; null without a positive quantity."""
    units = milli.clip(1).cast(pl.Int128)
    ten_thousandths = (2 * cents.cast(pl.Int128) * 100 * _SCALE + units) // (2 * units)
    whole, parts = ten_thousandths // 10_000, ten_thousandths % 10_000
    dollars = pl.format("{}.{}", whole, parts.cast(pl.String).str.zfill(4))
    return pl.when(milli > 0).then(dollars.str.replace(r"0{1,2}$", ""))


def dearest_generics(asked: pl.LazyFrame, fills: pl.LazyFrame) -> pl.LazyFrame:
    """What is asked for (ASKED_BY), with the dearest generic fill of any person near it (PRICE).

    Looks within price_days of the day, in the same payer's fills, else in any payer's; no row if
    there is none.
    """
    drug = ["ingredient", "strength_mg"]
    priced = (
        fills.filter(
            are_tablets("generic"), is_paid(pl.col("paid_cents")), pl.col("quantity_milli") > 0
        )
        .select(
            *drug,
            pl.col("payer_id").alias("generic_payer"),
            pl.col("service_date").alias("generic_date"),
            generic_cents=drug_cents(),
            generic_milli="quantity_milli",
            **{name: pl.col(column) for name, column in _CLAIM.items()},
        )
        .with_columns(unit_price=pl.col("generic_cents") / pl.col("generic_milli"))
    )
    dearest_first = priced.sort(_DEAREST, descending=[name in _HIGHEST for name in _DEAREST])
    placed = dearest_first.with_row_index("place")
    of_each_day = placed.group_by(*drug, "generic_payer", "generic_date").agg(
        pl.col("place").min(), generic_fills=pl.len().cast(pl.Int64)
    )
    day = pl.col("service_date")
    days = pl.date_ranges(days_before(day, "price_days"), days_after(day, "price_days"))
    near = (
        asked.with_columns(generic_date=days)  # by day: every pair of fills would be too many
        .explode("generic_date")
        .join(of_each_day, on=[*drug, "generic_date"])
        .group_by(*ASKED_BY, is_same_payer=pl.col("generic_payer") == pl.col("payer_id"))
        .agg(pl.col("place").min(), pl.col("generic_fills").sum())
    )
    return (
        near.sort(*ASKED_BY, "is_same_payer")
        .unique(ASKED_BY, keep="last", maintain_order=True)
        .join(placed.drop(drug), on="place")
        .select(*ASKED_BY, *PRICE)
    )


def drug_cents() -> pl.Expr:
    """Paid for the drug itself: the dispensing fee left out, at least nothing."""
    return (pl.col("paid_cents") - pl.col("fee_cents").fill_null(0)).clip(0)

"""Tablet fills and the quantity limits in force for each."""

import polars as pl

from audit_rules.engine.rule import ON, PolicyBook
from audit_rules.engine.scope import in_force
from audit_rules.policy.terms.fills import QuantityLimit

TABLET = "tablet"
_RETAIL, _HOME_DELIVERY = "retail", "home_delivery"


def tablet_fills(lines: pl.LazyFrame) -> pl.LazyFrame:
    """Fills of tablets: pharmacy lines only, no capsules."""
    return lines.filter(pl.col("claim_source") == "pharmacy", pl.col("form") == TABLET)


def unknown_as_retail(fills: pl.LazyFrame) -> pl.LazyFrame:
    """Fills whose unknown channel counts as retail, the lower limit."""
    return fills.with_columns(pl.col("channel").fill_null(_RETAIL))


def with_limits(fills: pl.LazyFrame, book: PolicyBook) -> pl.LazyFrame:
    """Fills with retail_ceiling, and ceiling and standard_days of their channel.

    An unknown channel has the ceiling of home delivery. Needs has_inducer. Fills of a strength
    without a limit in force fall away.
    """
    limits = in_force(
        fills.select(*ON, "strength_mg", "service_date", "has_inducer"),
        book.terms(QuantityLimit),
        on=["strength_mg"],
    )
    raised = (
        pl.when(pl.col("has_inducer"))
        .then(pl.coalesce("limit_with_inducer", "limit"))
        .otherwise("limit")
    )
    by_channel = limits.select(
        *ON, "term_id", "citation", "channel", "standard_days", ceiling=raised
    )
    retail = by_channel.filter(pl.col("channel") == _RETAIL).select(*ON, retail_ceiling="ceiling")
    return (
        fills.with_columns(limit_channel=pl.col("channel").fill_null(_HOME_DELIVERY))
        .join(by_channel.rename({"channel": "limit_channel"}), on=[*ON, "limit_channel"])
        .join(retail, on=list(ON), how="left")
    )

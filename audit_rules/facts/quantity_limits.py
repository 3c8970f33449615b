"""Tablet fills and the quantity limits in force for each."""

import polars as pl

from audit_rules.engine.dossier import Dossier
from audit_rules.engine.rule import ON, PolicyBook
from audit_rules.engine.scope import in_force
from audit_rules.policy.terms.fills import QuantityLimit

TABLET = "tablet"
"""The form of a fill whose tablets are counted."""
_RETAIL, _HOME_DELIVERY = "retail", "home_delivery"


def tablet_fills(lines: pl.LazyFrame) -> pl.LazyFrame:
    """Fills of tablets: pharmacy lines only, no capsules."""
    return lines.filter(pl.col("claim_source") == "pharmacy", pl.col("form") == TABLET)


def unknown_as_retail(fills: pl.LazyFrame) -> pl.LazyFrame:
    """Fills whose unknown channel counts as retail, the lower limit."""
    return fills.with_columns(pl.col("channel").fill_null(_RETAIL))


def with_limits(fills: pl.LazyFrame, book: PolicyBook) -> pl.LazyFrame:
    """Fills with retail_ceiling, and ceiling, ceiling_with_inducer and standard_days of their
    channel.

    ceiling_with_inducer   null if the strength has no higher limit.

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
        *ON,
        "term_id",
        "citation",
        "channel",
        "standard_days",
        ceiling=raised,
        ceiling_with_inducer="limit_with_inducer",
    )
    retail = by_channel.filter(pl.col("channel") == _RETAIL).select(*ON, retail_ceiling="ceiling")
    return (
        fills.with_columns(limit_channel=pl.col("channel").fill_null(_HOME_DELIVERY))
        .join(by_channel.rename({"channel": "limit_channel"}), on=[*ON, "limit_channel"])
        .join(retail, on=list(ON), how="left")
    )


def raised_by_override(
    lines: pl.LazyFrame, fills: pl.LazyFrame, granted: pl.LazyFrame, book: PolicyBook
) -> pl.LazyFrame:
    """Tablet fills whose quantity is above their ceiling but for an approval of more: row_id and
    policy_id.

    fills     the inducer fills of each line; granted: the approvals of a higher quantity.
    """
    without = with_limits(
        unknown_as_retail(tablet_fills(lines)).with_columns(has_inducer=pl.lit(False)), book
    )
    quantity = pl.col("quantity").cast(pl.Float64)
    return (
        without.filter(pl.col("ceiling_with_inducer").is_not_null(), quantity > pl.col("ceiling"))
        .join(granted.select(ON), on=list(ON), how="semi")
        .join(fills.select(ON), on=list(ON), how="anti")
        .select(ON)
    )


def without_repeats(fills: pl.LazyFrame, dossier: Dossier) -> pl.LazyFrame:
    """Fills, or lines, without those that are or may be duplicates of an earlier one."""
    return fills.join(dossier.repeats, on="row_id", how="anti")

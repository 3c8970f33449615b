"""Daily dose of a fill: what it supplies over the days it lasts, kept as an exact fraction."""

import polars as pl

from audit_rules.engine.arithmetic import thousandths
from audit_rules.engine.dossier import Dossier
from audit_rules.engine.rule import ON
from audit_rules.facts.quantity_limits import tablet_fills


def with_daily_dose(fills: pl.LazyFrame) -> pl.LazyFrame:
    """Fills with supplied_ng and supply_millidays, whose quotient is the daily dose.

    An unknown quantity supplies nothing; days that are unknown or not positive give null.
    """
    days = thousandths(pl.col("days_supply"))
    supplied = pl.col("quantity_milli").fill_null(0).cast(pl.Int128) * thousandths(
        pl.col("strength_mg")
    )
    return fills.with_columns(supplied_ng=supplied, supply_millidays=pl.when(days > 0).then(days))


def mg_per_day(supplied_ng: pl.Expr, supply_millidays: pl.Expr) -> pl.Expr:
    """Milligrams per day, as a number to show or to sort by."""
    return supplied_ng.cast(pl.Float64) / (supply_millidays.cast(pl.Float64) * 1000)


def other_strength_fills(dossier: Dossier, fills: pl.LazyFrame) -> pl.LazyFrame:
    """Each fill's latest fill of another strength whose supply covers its date, at any payer.

    At most one row per line and policy, with other_ng and other_millidays; of two on one date the
    smaller daily dose.
    """
    asked = fills.select(
        *ON, "person", "ingredient", own_strength_mg="strength_mg", day="service_date"
    )
    found = asked.join(
        tablet_fills(dossier.fills).drop("row_id"), on=["person", "ingredient"]
    ).filter(
        pl.col("strength_mg") != pl.col("own_strength_mg"),
        pl.col("service_date") <= pl.col("day"),
        pl.col("day") < pl.col("supply_end"),
    )
    window = thousandths(
        (pl.col("supply_end") - pl.col("service_date")).dt.total_days()
    )  # the default if days are unknown
    dosed = with_daily_dose(found).with_columns(
        other_ng=pl.col("supplied_ng"), other_millidays=pl.coalesce("supply_millidays", window)
    )
    order = [*ON, "service_date", "dose", "claim_id", "claim_line_number", "payer_id"]
    return (
        dosed.with_columns(dose=mg_per_day(pl.col("other_ng"), pl.col("other_millidays")))
        .sort(order, descending=[name == "service_date" for name in order])
        .unique(list(ON), keep="first", maintain_order=True)
    )

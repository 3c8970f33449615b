"""Daily dose of a fill: what it supplies over the days it lasts, kept as an exact fraction."""

import polars as pl

from audit_rules.engine.arithmetic import thousandths
from audit_rules.engine.dossier import Dossier
from audit_rules.engine.nearest import Facts, Window, around, counting_none
from audit_rules.engine.rule import ON
from audit_rules.facts.quantity_limits import tablet_fills
from schemas.days import days_before


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
    window = thousandths(
        (pl.col("supply_end") - pl.col("service_date")).dt.total_days()
    )  # the default if days are unknown
    dosed = with_daily_dose(tablet_fills(dossier.fills).drop("row_id")).with_columns(
        other_ng=pl.col("supplied_ng"), other_millidays=pl.coalesce("supply_millidays", window)
    )
    dosed = dosed.with_columns(
        dose=mg_per_day(pl.col("other_ng"), pl.col("other_millidays")),
        last_day=days_before(pl.col("supply_end"), pl.lit(1)),
    )
    smallest = ("dose", "claim_id", "claim_line_number", "payer_id")
    is_other = pl.col("strength_mg") != pl.col("own_strength_mg")
    same = ("person", "ingredient")
    facts = Facts(dosed, same, "service_date", "last_day", smallest, ("strength_mg",), is_other)
    day = pl.col("day")
    order = [*ON, "service_date", *smallest]
    return (
        around(dossier, asked, facts, Window(closes=day, at=day))
        .sort(order, descending=[name == "service_date" for name in order])
        .unique(list(ON), keep="first", maintain_order=True)
        .pipe(counting_none)
    )

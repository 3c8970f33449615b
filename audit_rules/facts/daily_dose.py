"""Daily dose of a fill: what it supplies over the days it lasts, kept as an exact fraction.

To it comes what the latest fill of the other strength supplies, if both are taken together.
"""

import polars as pl

from audit_rules.engine.answers import Answer
from audit_rules.engine.arithmetic import SCALE, exceeds, thousandths
from audit_rules.engine.dossier import Dossier
from audit_rules.engine.nearest import Facts, Window, around, counting_none
from audit_rules.engine.rule import ON
from audit_rules.engine.scope import with_flag
from audit_rules.facts.quantity_limits import tablet_fills
from audit_rules.facts.windows import first_in
from schemas.days import days_after, days_before
from schemas.outcomes import NOT_EVALUABLE

DOSE_IS_MISSING = (
    Answer(pl.col("quantity_milli").is_null(), NOT_EVALUABLE, "quantity_missing"),
    Answer(pl.col("supply_millidays").is_null(), NOT_EVALUABLE, "days_supply_missing"),
)
"""The first rows of every rule that asks for the daily dose of a fill."""


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
    """Each fill's latest fill of another strength whose supply covers its date, at any payer, if
    both are taken together.

    Together: it was dispensed within other_days_before, or its strength is dispensed again within
    other_days_after; else the dose was changed.

    At most one row per line and policy, with other_ng and other_millidays; of two on one date the
    smaller daily dose.
    """
    asked = fills.select(
        *ON,
        "person",
        "ingredient",
        "other_days_before",
        "other_days_after",
        own_strength_mg="strength_mg",
        day="service_date",
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
    latest = (
        around(dossier, asked, facts, Window(closes=day, at=day))
        .sort(order, descending=[name == "service_date" for name in order])
        .unique(list(ON), keep="first", maintain_order=True)
        .pipe(counting_none)
    )
    again = first_in(
        latest.with_columns(
            opens=days_after(day, pl.lit(1)), closes=days_after(day, "other_days_after")
        ),
        dosed,
        by=("ingredient", "strength_mg"),
    )
    is_recent = pl.col("service_date") >= days_before(day, "other_days_before")
    return latest.pipe(with_flag, "is_refilled", again).filter(is_recent | pl.col("is_refilled"))


def with_total_dose(fills: pl.LazyFrame, others: pl.LazyFrame) -> pl.LazyFrame:
    """Fills with their own daily dose, and other_ng and other_millidays of the other strength."""
    other = others.select(*ON, "other_ng", "other_millidays")
    return (
        fills.pipe(with_daily_dose)
        .join(other, on=list(ON), how="left")
        .with_columns(pl.col("other_ng").fill_null(0), pl.col("other_millidays").fill_null(1))
        .with_columns(
            total_mg=mg_per_day(pl.col("supplied_ng"), pl.col("supply_millidays"))
            + mg_per_day(pl.col("other_ng"), pl.col("other_millidays")),
            with_other=pl.when(pl.col("other_ng") > 0)
            .then(pl.lit(" with those of the other strength"))
            .otherwise(pl.lit("")),
        )
    )


def is_above(limit_mg: pl.Expr, tolerance: pl.Expr) -> pl.Expr:
    """Whether the total dose is above the limit times a tolerance, compared exactly."""
    tolerated = thousandths(limit_mg) * thousandths(tolerance)
    return exceeds(_compared(pl.Int128, tolerated), _compared(pl.Float64, tolerated))


def reaches(limit_mg: pl.Expr) -> pl.Expr:
    """Whether the total dose is the limit or more, compared exactly."""
    limit = thousandths(limit_mg) * SCALE
    least, total = _compared(pl.Int128, limit), _compared(pl.Float64, limit)
    return ~exceeds((least[1], least[0]), (total[1], total[0]))


def _compared(kind: type[pl.Int128 | pl.Float64], limit: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """The total dose and a limit in millionths of a milligram, as fractions of one denominator."""
    own_ng, own_days, other_ng, apart, most = (
        figure.cast(kind)
        for figure in (
            pl.col("supplied_ng"),
            pl.col("supply_millidays"),
            pl.col("other_ng"),
            pl.col("other_millidays"),
            limit,
        )
    )
    return (own_ng * apart + other_ng * own_days) * SCALE, most * own_days * apart

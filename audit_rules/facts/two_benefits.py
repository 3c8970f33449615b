"""Paid fills that may be the same supply as a medical line."""

import polars as pl

from audit_rules.engine.arithmetic import SCALE, divided, from_thousandths, thousandths
from audit_rules.engine.dossier import Dossier
from audit_rules.engine.nearest import Facts, Window, around
from audit_rules.engine.rule import ON
from schemas.days import days_after, days_before
from schemas.paid import is_paid

_LINE_MG = from_thousandths(pl.col("line_milli")) * pl.col("unit_mg")
_TERM = (
    "unit_mg",
    "supply_days",
    "tolerance",
    "vial_days",
    "cover_days",
    "month_days",
    "most_mg",
)


def same_supply(dossier: Dossier, lines: pl.LazyFrame) -> pl.LazyFrame:
    """Fills of the drug at the same payer near each line that supply as much; one row per line,
    policy and fill."""
    day, in_facility = pl.col("day"), pl.col("in_facility")
    after = pl.when(in_facility).then(day).otherwise(days_after(day, "supply_days"))
    room = _LINE_MG * pl.col("tolerance") + _DUST
    facts = Facts(
        _fills(dossier),
        ("person", "payer_id", "ingredient"),
        within=("fill_mg", _LINE_MG - room, _LINE_MG + room),
    )
    return around(
        dossier, _asked(lines, "payer_id"), facts, Window(days_before(day, "supply_days"), after)
    )


_ANY_DOSE = pl.lit(float("inf"))
_DUST = 1e-9
"""Milligrams: less than any tablet, more than floats lose."""


def vials(dossier: Dossier, lines: pl.LazyFrame) -> pl.LazyFrame:
    """Fills of the drug of each line shortly before it, at any payer."""
    day = pl.col("day")
    facts = Facts(_fills(dossier), ("person", "ingredient"))
    return around(dossier, _asked(lines), facts, Window(days_before(day, "vial_days"), day))


def overlapping(dossier: Dossier, lines: pl.LazyFrame) -> pl.LazyFrame:
    """Fills of the drug whose supply covers each line's date and cover_days more, at any payer,
    but not of another strength if both together are a usual dose."""
    day = pl.col("day")
    is_other = pl.col("strength_mg") != pl.col("line_strength_mg")
    usual = pl.col("most_mg") + _DUST - _LINE_MG / pl.col("month_days")
    facts = Facts(
        _fills(dossier),
        ("person", "ingredient"),
        until="last_day",
        classes=("strength_mg",),
        within=("mg_a_day", pl.when(is_other).then(usual).otherwise(0).fill_null(0), _ANY_DOSE),
    )
    window = Window(closes=day, at=days_after(day, "cover_days"))
    return around(dossier, _asked(lines), facts, window)


def _asked(lines: pl.LazyFrame, *also: str) -> pl.LazyFrame:
    in_facility = pl.col("place_of_service_code").is_in(pl.col("facility_places"))
    return lines.select(
        *ON,
        "person",
        *also,
        *_TERM,
        ingredient="drug",
        line_strength_mg="strength_mg",
        line_milli="quantity_milli",
        in_facility=in_facility.fill_null(False),
        day="service_date",
    )


def _fills(dossier: Dossier) -> pl.LazyFrame:
    """Paid fills with fill_mg, mg_a_day (an unknown quantity adds nothing) and the last day that
    they supply."""
    strength = thousandths(pl.col("strength_mg")).cast(pl.Float64)
    mg = divided(pl.col("quantity_milli").cast(pl.Float64) * strength, SCALE * SCALE)
    days = (pl.col("supply_end") - pl.col("service_date")).dt.total_days()
    exact_days = pl.when(pl.col("days_supply") > 0).then(pl.col("days_supply")).otherwise(days)
    return (
        dossier.fills.filter(is_paid(pl.col("paid_cents")))
        .drop("row_id")
        .with_columns(
            fill_mg=mg,
            mg_a_day=mg.fill_null(0) / exact_days.cast(pl.Float64),
            last_day=days_before(pl.col("supply_end"), pl.lit(1)),
        )
    )

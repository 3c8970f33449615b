"""HCPCS units of an infusion drug: what one date bills, which line carries it, what a dose
needs."""

import polars as pl

from audit_rules.engine.arithmetic import exact_sum, thousandths
from audit_rules.engine.dossier import Dossier
from audit_rules.engine.rule import ON

_NANO = 10**9
_PLACE = ("policy_id", "person", "payer_id", "service_date")


def first_lines(lines: pl.LazyFrame) -> pl.LazyFrame:
    """The first line of each policy, person, payer and date, by claim_id and line."""
    return lines.sort(*_PLACE, "claim_id", "claim_line_number").unique(
        list(_PLACE), keep="first", maintain_order=True
    )


def carrying_lines(dossier: Dossier, lines: pl.LazyFrame) -> pl.LazyFrame:
    """One line per policy, person, payer and date: the one of a listed code with most units.

    Ties go to the lowest claim_id, then line. It carries what is found for the date. Lines that are
    or may be duplicates carry nothing.
    """
    order = [*_PLACE, "quantity_milli", "claim_id", "claim_line_number"]
    return (
        lines.filter(pl.col("hcpcs_code").is_in(pl.col("hcpcs")))
        .join(dossier.repeats, on="row_id", how="anti")
        .sort(order, descending=[name == "quantity_milli" for name in order], nulls_last=True)
        .unique(list(_PLACE), keep="first", maintain_order=True)
    )


def billed_lines(dossier: Dossier, carrying: pl.LazyFrame) -> pl.LazyFrame:
    """Every history line of the listed codes on the date and at the payer, unpaid and waste
    included, but no duplicates."""
    asked = carrying.select(*ON, "person", "payer_id", "service_date", "hcpcs")
    found = asked.join(_billed(dossier), on=["person", "payer_id", "service_date"])
    return found.filter(pl.col("hcpcs_code").is_in(pl.col("hcpcs")))


def _billed(dossier: Dossier) -> pl.LazyFrame:
    return dossier.services.join(dossier.repeats, on="row_id", how="anti").drop("row_id")


def units_milli() -> pl.Expr:
    """The units of a group of lines, added up; null if no line has any: unknown is not zero."""
    units = pl.col("quantity_milli")
    return pl.when(units.count() > 0).then(exact_sum(units))


def whole_vials(surface_m2: pl.Expr, mg_per_m2: pl.Expr, vial_mg: pl.Expr) -> pl.Expr:
    """Vials that a dose takes, rounded up exactly: 2.25 m2 at 0.8 mg is two vials of 0.9 mg."""
    surface = (surface_m2.cast(pl.Float64) * _NANO).round(0).cast(pl.Int128)
    dose, vial = surface * thousandths(mg_per_m2), thousandths(vial_mg) * _NANO
    return (dose + vial - 1) // vial

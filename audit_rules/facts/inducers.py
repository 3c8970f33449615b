"""CYP3A4 inducers on file near a fill: they raise the imatinib limits."""

import polars as pl

from audit_rules.engine.dossier import Dossier
from audit_rules.engine.rule import ON, PolicyBook
from audit_rules.engine.scope import in_force, with_flag
from audit_rules.facts.authorizations import APPROVED, covering
from audit_rules.policy.terms.fills import Inducer
from schemas.days import days_after, days_before


def inducer_fills(dossier: Dossier, lines: pl.LazyFrame, book: PolicyBook) -> pl.LazyFrame:
    """Fills of a listed ingredient whose supply is near the service date; one row per line and
    fill."""
    listed = book.terms(Inducer).explode("ingredients").rename({"ingredients": "ingredient"})
    asked = in_force(lines.select(*ON, "person", "service_date"), listed)
    found = asked.join(dossier.fills, on=["person", "ingredient"], suffix="_fill")
    day = pl.col("service_date")
    touches = (pl.col("service_date_fill") <= days_after(day, "days_after")) & (
        pl.col("supply_end") > days_before(day, "days_before")
    )
    return found.filter(touches).select(
        *ON,
        "claim_source",
        "claim_id",
        "claim_line_number",
        "ndc_code",
        "quantity",
        "ingredient",
        pl.col("service_date_fill").alias("service_date"),
    )


def overrides(dossier: Dossier, lines: pl.LazyFrame, book: PolicyBook) -> pl.LazyFrame:
    """Approvals whose override says that an inducer is taken; one row per line and
    authorization."""
    terms = book.terms(Inducer).select("policy_id", "override", "term_from", "term_to")
    approved = covering(dossier, lines).filter(pl.col("status") == APPROVED)
    return in_force(approved.rename({"override": "granted"}), terms).filter(
        pl.col("granted") == pl.col("override")
    )


def with_inducer(lines: pl.LazyFrame, fills: pl.LazyFrame, granted: pl.LazyFrame) -> pl.LazyFrame:
    """Lines with `has_inducer`, true if a fill or an override says so."""
    return with_flag(lines, "has_inducer", pl.concat([fills.select(*ON), granted.select(*ON)]))

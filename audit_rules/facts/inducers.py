"""CYP3A4 inducers on file near a fill: they raise the imatinib limits."""

import polars as pl

from audit_rules.engine.authorizations import APPROVED, covering
from audit_rules.engine.dossier import Dossier
from audit_rules.engine.nearest import Facts, Window, around
from audit_rules.engine.rule import ON, PolicyBook
from audit_rules.engine.scope import in_force, with_flag
from audit_rules.policy.terms.fills import Inducer
from schemas.days import days_after, days_before
from schemas.results import CLAIM_LINE


def inducer_fills(dossier: Dossier, lines: pl.LazyFrame, book: PolicyBook) -> pl.LazyFrame:
    """Fills of a listed ingredient whose supply is near the service date; one row per line and
    fill."""
    listed = book.terms(Inducer).explode("ingredients").rename({"ingredients": "ingredient"})
    asked = in_force(lines.select(*ON, "person", "service_date"), listed)
    shown = (*CLAIM_LINE, "ndc_code", "quantity", "service_date")
    last_day = days_before(pl.col("supply_end"), pl.lit(1))
    fills = dossier.fills.select("person", "ingredient", *shown, last_day=last_day)
    facts = Facts(fills, ("person", "ingredient"), until="last_day")
    earliest = days_before(pl.col("day"), "days_before")
    return around(
        dossier,
        asked.rename({"service_date": "day"}),
        facts,
        Window(days_after(earliest, pl.lit(1)), days_after(pl.col("day"), "days_after")),
        Window(closes=earliest, at=earliest),
    )


def overrides(dossier: Dossier, lines: pl.LazyFrame, book: PolicyBook) -> pl.LazyFrame:
    """Approvals whose override says that an inducer is taken; one row per line and
    authorization."""
    terms = book.terms(Inducer).select(
        "policy_id", "term_from", "term_to", asked_override="override"
    )
    return covering(
        dossier,
        in_force(lines, terms),
        pl.col("status") == APPROVED,
        says=("override", "asked_override"),
    )


def with_inducer(lines: pl.LazyFrame, fills: pl.LazyFrame, granted: pl.LazyFrame) -> pl.LazyFrame:
    """Lines with `has_inducer`, true if a fill or an override says so."""
    return with_flag(lines, "has_inducer", pl.concat([fills.select(*ON), granted.select(*ON)]))

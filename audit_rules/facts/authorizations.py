"""Authorizations that cover a line: same person, payer and drug, and its product or any."""

import polars as pl

from audit_rules.engine.dossier import Dossier
from audit_rules.engine.rule import ON, PolicyBook
from audit_rules.engine.scope import in_force
from audit_rules.policy.terms.persons import Authorization

APPROVED, DENIED = "approved", "denied"


def under_the_clause(lines: pl.LazyFrame, book: PolicyBook) -> pl.LazyFrame:
    """Lines with the authorization clause of their policy; no product if the clause asks for
    none."""
    return in_force(lines, book.terms(Authorization)).with_columns(
        product=pl.when("by_product").then("product")
    )


def of_the_drug(dossier: Dossier, lines: pl.LazyFrame) -> pl.LazyFrame:
    """Every decision for a line's person, payer and drug; one row per line, policy and decision."""
    asked = lines.select(
        *ON, "person", "payer_id", "drug", "service_date", pl.col("product").alias("line_product")
    )
    return asked.join(dossier.authorizations, on=["person", "payer_id", "drug"])


def covering(dossier: Dossier, lines: pl.LazyFrame) -> pl.LazyFrame:
    """Those of them that cover the line on its service date, whatever their status."""
    fits = (pl.col("product").is_null() | (pl.col("product") == pl.col("line_product"))).fill_null(
        True
    )
    day = pl.col("service_date")
    return of_the_drug(dossier, lines).filter(
        fits, pl.col("start_date") <= day, day <= pl.col("end_date")
    )

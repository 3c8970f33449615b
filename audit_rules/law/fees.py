"""Fills whose dispensing fee may not be asked for, because a clause bars it.

Only an amount of a whole payment holds the fee: any other is computed without it.
"""

import polars as pl

from audit_rules.law.binding import LINE, bound_rows
from audit_rules.law.clauses import NoDispensingFee
from audit_rules.law.library import LawLibrary
from audit_rules.law.places import Places
from schemas.outcomes import FULL_PAID
from schemas.results import LINE_KEY

FEE_TERM = "fee_term"


def with_fee_term(exceptions: pl.DataFrame, law: LawLibrary, places: Places) -> pl.DataFrame:
    """Exceptions with FEE_TERM: the clause that certainly bars the fee which the amount holds.

    exceptions   payer, plan, claim_source, service_date, amount_basis.
    """
    clauses = law.of_kind(NoDispensingFee)
    rows = exceptions.with_row_index("row")
    whole = rows.filter(claim_source="pharmacy", amount_basis=FULL_PAID)
    bound = bound_rows(whole.select("row", *LINE, "service_date"), clauses, places)
    terms = dict(enumerate(clause.term_id for clause in clauses))
    certain = bound.filter("is_certain").group_by("row").agg(pl.col("clause").min())
    named = certain.select(
        "row", pl.col("clause").replace_strict(terms, return_dtype=pl.String).alias(FEE_TERM)
    )
    return rows.join(named, on="row", how="left", maintain_order="left").drop("row")


def lines_without_fee(exceptions: pl.DataFrame, law: LawLibrary, places: Places) -> pl.DataFrame:
    """LINE_KEY of each line that is asked for whole, and whose fee a clause bars."""
    found = with_fee_term(exceptions, law, places).drop_nulls(FEE_TERM)
    return found.select(LINE_KEY).unique(maintain_order=True)

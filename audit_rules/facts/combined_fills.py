"""Fills of other drugs that a term names, near a line: known by NDC."""

import polars as pl

from audit_rules.engine.dossier import Dossier
from audit_rules.engine.nearest import Facts, Window, around
from audit_rules.engine.rule import ON, PolicyBook
from audit_rules.policy.terms.base import Term
from schemas.days import days_before


def covering_fills(
    dossier: Dossier,
    asked: pl.LazyFrame,
    inferred_ndcs: frozenset[str],
    more_than: str | None = None,
) -> pl.LazyFrame:
    """The person's fills of an ingredient of the term, in any form, that cover the line's date.

    inferred_ndcs   NDCs that nobody has verified: their fills are looked up apart, so that the
                    nearest fills of either kind are found (`is_inferred`).
    more_than   a column with days; if given, only fills with a longer days' supply.
    """
    also = [more_than] if more_than else []
    wanted = (
        asked.select(*ON, "person", *also, day="service_date", ingredient="ingredients")
        .explode("ingredient")
        .join(pl.LazyFrame({"is_inferred": [False, True]}), how="cross")
    )
    last_day = days_before(pl.col("supply_end"), pl.lit(1))
    fills = dossier.fills.drop("row_id").with_columns(
        last_day=last_day,
        supplied_days=pl.col("days_supply").cast(pl.Float64),
        is_inferred=pl.col("ndc_code").is_in(inferred_ndcs),
    )
    same = ("person", "ingredient", "is_inferred", *also)
    if more_than:
        fills = fills.join(asked.select(more_than).unique(), how="cross").filter(
            pl.col("supplied_days") > pl.col(more_than)
        )
    facts = Facts(fills, same, until="last_day")
    return around(dossier, wanted, facts, Window(closes=pl.col("day"), at=pl.col("day")))


def unknown_ingredients(book: PolicyBook, kind: type[Term]) -> pl.LazyFrame:
    """Listed ingredients without an NDC in the reference tables: their fills are not recognised."""
    listed = (
        book.terms(kind)
        .select("policy_id", ingredient="ingredients")
        .explode("ingredient")
        .unique()
    )
    unknown = listed.join(
        book.reference.ndc.lazy().select("ingredient"), on="ingredient", how="anti"
    )
    return unknown.select("policy_id", reason=pl.format("ingredient_unknown:{}", "ingredient"))

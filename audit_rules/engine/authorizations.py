"""Authorizations that cover a line: same person, payer and drug, and its product or any."""

from dataclasses import replace

import polars as pl

from audit_rules.engine.dossier import Dossier
from audit_rules.engine.nearest import Facts, Window, around
from audit_rules.engine.rule import ON, PolicyBook
from audit_rules.engine.scope import in_force
from audit_rules.policy.terms.persons import Authorization
from schemas.days import days_before
from schemas.outcomes import NO_POLICY

APPROVED, DENIED = "approved", "denied"
_SAME = ("person", "payer_id", "drug")
_OF_NO_LINE = ""
"""The word of decisions whose own word no line has."""


def under_the_clause(lines: pl.LazyFrame, book: PolicyBook) -> pl.LazyFrame:
    """Lines with the authorization clause of their policy; no product if the clause asks for
    none."""
    is_of_form = pl.col("form").is_in(pl.col("forms")).fill_null(False)
    is_of_code = pl.col("hcpcs_code").is_in(pl.col("codes")).fill_null(False)
    is_left_out = pl.col("form").is_in(pl.col("forms_left_out")).fill_null(False)
    is_asked = (pl.col("forms").list.len() == 0) | is_of_form | (is_of_code & ~is_left_out)
    return (
        in_force(lines, book.terms(Authorization))
        .filter(is_asked)
        .with_columns(product=pl.when("by_product").then("product"))
    )


def approvals(dossier: Dossier, book: PolicyBook) -> pl.LazyFrame:
    """Approved decisions that cover an audited line, whatever its policy says of authorizations.

    One row per line and decision; policy_id is the name of none.
    """
    lines = dossier.lines.pipe(_by_product, book).with_columns(policy_id=pl.lit(NO_POLICY))
    return covering(dossier, lines, pl.col("status") == APPROVED)


def _by_product(lines: pl.LazyFrame, book: PolicyBook) -> pl.LazyFrame:
    """Lines without a product if their drug has only one: any decision on the drug covers them."""
    drugs = book.library.versions().select("policy_id", drug="policy_drug").unique()
    whole = book.terms(Authorization).filter(~pl.col("by_product")).join(drugs, on="policy_id")
    is_whole = pl.col("drug").is_in(whole.select("drug").unique().collect()["drug"].implode())
    return lines.with_columns(product=pl.when(~is_whole).then("product"))


def covering(
    dossier: Dossier,
    lines: pl.LazyFrame,
    *which: pl.Expr,
    says: tuple[str, str] | None = None,
) -> pl.LazyFrame:
    """Decisions for a line's person, payer, drug and product that cover its service date.

    which   conditions over the decisions.
    says    a column of the decision and one of the line that must be equal, if given.

    One row per line, policy and decision.
    """
    is_any = pl.col("product_said").is_null()
    fits = (is_any | (pl.col("product_said") == pl.col("line_product"))).fill_null(True)
    if says:
        fits = fits & (pl.col(f"{says[0]}_said") == pl.col(says[1]))
    words = {"product": "line_product"} | ({says[0]: says[1]} if says else {})
    classes = tuple(f"{word}_said" for word in words)
    decisions = _decisions(dossier, *which, date="start_date", classes=classes, fits=fits)
    day = pl.col("day")
    asked = _asked(lines, *([says[1]] if says else []))
    for word, of_line in words.items():
        decisions = replace(decisions, frame=_with_said(decisions.frame, word, asked, of_line))
    return around(dossier, asked, decisions, Window(closes=day, at=day))


def _with_said(
    decisions: pl.LazyFrame, word: str, asked: pl.LazyFrame, of_line: str
) -> pl.LazyFrame:
    """Decisions with `{word}_said`: their word if some line has it, one word for all the others,
    because senders may use a great many; null if they have none."""
    said = f"{word}_said"
    words = asked.select(pl.col(of_line).alias(word)).drop_nulls().unique()
    named = decisions.join(words.with_columns(pl.col(word).alias(said)), on=word, how="left")
    is_other = pl.col(said).is_null() & pl.col(word).is_not_null()
    return named.with_columns(
        pl.when(is_other).then(pl.lit(_OF_NO_LINE)).otherwise(said).alias(said)
    )


def of_no_drug(dossier: Dossier, lines: pl.LazyFrame, book: PolicyBook) -> pl.LazyFrame:
    """Decisions for a line's person and payer that span its service date, for no drug we know."""
    drugs = book.library.versions().select(drug="policy_drug").unique()
    unknown = dossier.authorizations.join(drugs, on="drug", how="anti")
    order = ("start_date", "authorization_id", "drug", "product", "status")
    facts = Facts(unknown, ("person", "payer_id"), "start_date", "end_date", order)
    day = pl.col("day")
    asked = lines.select(*ON, "person", "payer_id", day="service_date")
    return around(dossier, asked, facts, Window(closes=day, at=day))


def ended(dossier: Dossier, lines: pl.LazyFrame, *which: pl.Expr) -> pl.LazyFrame:
    """Decisions for a line's person, payer and drug that ended before its service date."""
    decisions = _decisions(dossier, *which, date="end_date")
    return around(
        dossier, _asked(lines), decisions, Window(closes=days_before(pl.col("day"), pl.lit(1)))
    )


def _asked(lines: pl.LazyFrame, *also: str) -> pl.LazyFrame:
    return lines.select(*ON, *_SAME, *also, day="service_date", line_product="product")


def _decisions(
    dossier: Dossier,
    *which: pl.Expr,
    date: str,
    classes: tuple[str, ...] = (),
    fits: pl.Expr | None = None,
) -> Facts:
    frame = dossier.authorizations.filter(*which) if which else dossier.authorizations
    order = ("start_date", "authorization_id", "product", "status")
    return Facts(frame, _SAME, date, "end_date", order, classes, fits)

"""THER01 -- Were two kinase inhibitors dispensed in turn, each before the last was used up?

review            the fill is one of several in turn of this drug and one other, each sharing days
                  of supply with the next (`two_kinase_inhibitors`).
pass              no such fills.
not_applicable    no fill, or no clause was in force.
Cannot see        tablets that were left over when one drug replaced the other, and drugs whose NDCs
                  no table here holds: the coverage names each such ingredient, with no lines
                  (`ingredient_unknown`).
"""

import polars as pl

from audit_rules.engine.answers import Answer, answer
from audit_rules.engine.dossier import Dossier
from audit_rules.engine.evidence import fill_evidence
from audit_rules.engine.rule import ON, PolicyBook, Rule, RuleAnswers
from audit_rules.engine.scope import in_force
from audit_rules.facts.combined_fills import unknown_ingredients
from audit_rules.facts.fills_in_turn import fills_in_turn
from audit_rules.policy.terms.fills import ConcurrentTherapy
from schemas.outcomes import FULL_PAID, REVIEW
from schemas.results import AGAINST

RULE = Rule(
    id="THER01",
    name="therapy.concurrent_tki",
    asks=(ConcurrentTherapy,),
    basis=FULL_PAID,
    approved_care=True,
    speaks_without_lines=True,
    says={
        "two_kinase_inhibitors": (
            "Around {service_date} {drug} and {others} were dispensed in turn, {number} fills or"
            " more, each {shared_days} days or more before the one before it was used up. Whether"
            " both were taken at the same time, a person must judge."
        ),
    },
)


def evaluate(dossier: Dossier, lines: pl.LazyFrame, book: PolicyBook) -> RuleAnswers:
    """Judge every fill of the drug; one answer per fill and policy."""
    fills = lines.filter(pl.col("claim_source") == "pharmacy")
    asked = in_force(fills, book.terms(ConcurrentTherapy))
    found = fills_in_turn(dossier, asked)
    others = found.group_by(*ON).agg(others=pl.col("ingredient").unique().sort().str.join(", "))
    answers = (
        asked.join(others, on=list(ON), how="left")
        .with_columns(number="fills")
        .pipe(answer, [Answer(pl.col("others").is_not_null(), REVIEW, "two_kinase_inhibitors")])
    )
    return RuleAnswers(
        answers, [fill_evidence(found, AGAINST)], unknown_ingredients(book, ConcurrentTherapy)
    )

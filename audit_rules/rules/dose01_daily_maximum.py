"""DOSE01 -- Is the daily dose above what the document calls the maximum?

The dose is the fill's own, plus that of the latest fill of the other strength whose supply covers
the date.
review            beyond the maximum for children (`above_pediatric_maximum`), beyond what was ever
                  studied (`above_studied_maximum`), or beyond the label without an inducer on file
                  (`above_label_maximum`).
pass              within them, with a tolerance for packs that do not divide evenly.
not_evaluable     the quantity (`quantity_missing`) or the days' supply (`days_supply_missing`) is
                  missing.
not_applicable    no tablets, or the clause was not in force on the dispensing date.
Cannot see        what the patient took; an inducer given in hospital, bought over the counter, or
                  taken as a supplement.
"""

import polars as pl

from audit_rules.engine.answers import Answer, answer
from audit_rules.engine.dossier import Dossier
from audit_rules.engine.evidence import authorization_evidence, fill_evidence
from audit_rules.engine.rule import PolicyBook, Rule, RuleAnswers
from audit_rules.engine.scope import in_force
from audit_rules.facts.daily_dose import (
    DOSE_IS_MISSING,
    is_above,
    other_strength_fills,
    with_total_dose,
)
from audit_rules.facts.inducers import inducer_fills, overrides, with_inducer
from audit_rules.facts.quantity_limits import tablet_fills
from audit_rules.policy.terms.fills import DailyDose, Inducer
from schemas.outcomes import NONE, REVIEW
from schemas.results import AGAINST, FOR

RULE = Rule(
    id="DOSE01",
    name="dose.daily_maximum",
    asks=(DailyDose, Inducer),
    basis=NONE,
    counts=("mg a day", "mg a day"),
    says={
        "above_pediatric_maximum": (
            "The tablets come to {observed} mg a day{with_other} at age {age}; {allowed} mg is the "
            "maximum for children."
        ),
        "above_studied_maximum": (
            "The tablets come to {observed} mg a day{with_other}; no dose above {allowed} mg"
            " was studied."
        ),
        "above_label_maximum": (
            "The tablets come to {observed} mg a day{with_other}; {allowed} mg is the maximum, and"
            " no inducer is on file near {service_date}."
        ),
    },
)


def evaluate(dossier: Dossier, lines: pl.LazyFrame, book: PolicyBook) -> RuleAnswers:
    """Judge every fill of tablets of known strength; one answer per fill and policy."""
    fills = tablet_fills(lines).filter(pl.col("strength_mg").is_not_null())
    inducers, granted = inducer_fills(dossier, fills, book), overrides(dossier, fills, book)
    asked = in_force(fills, book.terms(DailyDose)).pipe(with_inducer, inducers, granted)
    others = other_strength_fills(dossier, asked)
    observed, tolerance = pl.col("total_mg"), pl.col("tolerance")
    pediatric, studied, label = pl.col("pediatric_mg"), pl.col("studied_mg"), pl.col("label_mg")
    is_child = pl.col("age") < pl.col("adult_age")

    def above(maximum: pl.Expr, reason: str, when: pl.Expr) -> Answer:
        return Answer(when & is_above(maximum, tolerance), REVIEW, reason, observed, maximum)

    answers = with_total_dose(asked, others).pipe(
        answer,
        [
            *DOSE_IS_MISSING,
            above(pediatric, "above_pediatric_maximum", is_child),
            above(studied, "above_studied_maximum", pl.lit(True)),
            above(label, "above_label_maximum", ~pl.col("has_inducer")),
        ],
    )
    evidence = [
        fill_evidence(others, AGAINST),
        fill_evidence(inducers, FOR),
        authorization_evidence(granted, FOR),
    ]
    return RuleAnswers(answers, evidence)

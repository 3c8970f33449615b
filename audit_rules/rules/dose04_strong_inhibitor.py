"""DOSE04 -- Is the daily dose high alongside a drug that keeps imatinib in the body?

advisory          the supply of such a drug covers the fill, and the daily dose is one that the
                  document lowers then (`strong_inhibitor`): a hint, nothing to recover.
pass              the dose is lower.
not_evaluable     the quantity (`quantity_missing`) or the days' supply (`days_supply_missing`) is
                  missing.
not_applicable    no fill of such a drug for longer than a short course covers the date, no tablets,
                  or the clause was not in force.
Cannot see        whether the dose was lowered because of it; a drug given in hospital.
"""

import polars as pl

from audit_rules.engine.answers import Answer, answer
from audit_rules.engine.dossier import Dossier
from audit_rules.engine.evidence import fill_evidence
from audit_rules.engine.rule import ON, PolicyBook, Rule, RuleAnswers
from audit_rules.engine.scope import in_force, with_flag
from audit_rules.facts.combined_fills import covering_fills, unknown_ingredients
from audit_rules.facts.daily_dose import (
    DOSE_IS_MISSING,
    other_strength_fills,
    reaches,
    with_total_dose,
)
from audit_rules.facts.quantity_limits import tablet_fills
from audit_rules.policy.terms.fills import DailyDose, StrongInhibitor
from schemas.outcomes import ADVISORY, NONE, NOT_APPLICABLE
from schemas.results import AGAINST

RULE = Rule(
    id="DOSE04",
    name="dose.strong_inhibitor",
    asks=(StrongInhibitor, DailyDose),
    basis=NONE,
    counts=("mg a day", "mg a day"),
    speaks_without_lines=True,
    says={
        "strong_inhibitor": (
            "The tablets come to {observed} mg a day{with_other}, and the supply of {inhibitors} on"
            " file covers {service_date}. It keeps imatinib in the body longer, so the policy's"
            " dosing text lowers the dose; this is a hint from {allowed} mg a day on."
        ),
    },
)


def evaluate(dossier: Dossier, lines: pl.LazyFrame, book: PolicyBook) -> RuleAnswers:
    """Judge every fill of tablets of known strength; one answer per fill and policy."""
    fills = tablet_fills(lines).filter(pl.col("strength_mg").is_not_null())
    dosing = book.terms(DailyDose).select(
        "policy_id", "term_from", "term_to", "other_days_before", "other_days_after"
    )
    asked = in_force(fills, dosing).drop("term_from", "term_to")
    asked = in_force(asked, book.terms(StrongInhibitor))
    others = other_strength_fills(dossier, asked)
    inhibitors = covering_fills(dossier, asked, book.reference.inferred_ndcs, "more_than_days")
    named = inhibitors.group_by(*ON).agg(
        inhibitors=pl.col("ingredient").unique().sort().str.join(", ")
    )
    limit = pl.col("daily_mg")
    answers = (
        with_total_dose(asked, others)
        .pipe(with_flag, "has_inhibitor", inhibitors)
        .join(named, on=list(ON), how="left")
        .pipe(
            answer,
            [
                *DOSE_IS_MISSING,
                Answer(~pl.col("has_inhibitor"), NOT_APPLICABLE),
                Answer(reaches(limit), ADVISORY, "strong_inhibitor", pl.col("total_mg"), limit),
            ],
        )
    )
    return RuleAnswers(
        answers,
        [fill_evidence(others, AGAINST), fill_evidence(inhibitors, AGAINST)],
        unknown_ingredients(book, StrongInhibitor),
    )

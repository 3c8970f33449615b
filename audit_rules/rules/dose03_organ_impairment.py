"""DOSE03 -- Is the daily dose high for a patient with severe kidney disease or liver failure?

advisory          a code of such a disease is on file and the daily dose is above the lower end of
                  the document's range (`organ_impairment`): a hint, nothing to recover.
pass              the dose is not above it, or a diagnosis that is treated with more is on file.
not_evaluable     the quantity (`quantity_missing`) or the days' supply (`days_supply_missing`) is
                  missing, or no source of diagnoses was supplied (`diagnosis_extract_missing`).
not_applicable    no such code is on file near the fill, no tablets, or the clause was not in force.
Cannot see        how severe the impairment is, and whether the dose was chosen with it in mind.
"""

import polars as pl

from audit_rules.engine.answers import Answer, answer
from audit_rules.engine.dossier import Dossier
from audit_rules.engine.evidence import diagnosis_evidence, fill_evidence
from audit_rules.engine.rule import PolicyBook, Rule, RuleAnswers
from audit_rules.engine.scope import in_force, with_flag
from audit_rules.facts.daily_dose import (
    DOSE_IS_MISSING,
    is_above,
    other_strength_fills,
    with_total_dose,
)
from audit_rules.facts.diagnoses import around_the_line
from audit_rules.facts.diagnosis_places import dated_codes, latest_of_each_code, with_any_of
from audit_rules.facts.quantity_limits import tablet_fills
from audit_rules.policy.terms.fills import DailyDose, OrganImpairment
from schemas.days import days_before
from schemas.outcomes import ADVISORY, NONE, NOT_APPLICABLE, NOT_EVALUABLE, PASS
from schemas.results import AGAINST, FOR

RULE = Rule(
    id="DOSE03",
    name="dose.organ_impairment",
    asks=(OrganImpairment, DailyDose),
    basis=NONE,
    counts=("mg a day", "mg a day"),
    says={
        "organ_impairment": (
            "The tablets come to {observed} mg a day{with_other}, and a code of severe kidney or"
            " liver disease is on file by {service_date}; the policy's dosing text lowers the"
            " dose for these patients, here compared with {allowed} mg."
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
    asked = in_force(asked, book.terms(OrganImpairment))
    others = other_strength_fills(dossier, asked)
    impaired = dated_codes(
        dossier, asked, "codes", days_before(pl.col("day"), "code_days"), pl.col("day")
    )
    treated = with_any_of(dossier.diagnoses, book.terms(OrganImpairment), "exempt_codes")
    exempt = around_the_line(dossier, treated, asked, book.reference.codes)
    source_missing = pl.lit("any_diagnosis" not in dossier.supplied)
    limit = pl.col("daily_mg")
    answers = (
        with_total_dose(asked, others)
        .pipe(with_flag, "is_impaired", impaired)
        .pipe(with_flag, "is_exempt", exempt)
        .pipe(
            answer,
            [
                *DOSE_IS_MISSING,
                Answer(source_missing, NOT_EVALUABLE, "diagnosis_extract_missing"),
                Answer(~pl.col("is_impaired"), NOT_APPLICABLE),
                Answer(pl.col("is_exempt"), PASS),
                Answer(
                    is_above(limit, pl.col("tolerance")),
                    ADVISORY,
                    "organ_impairment",
                    pl.col("total_mg"),
                    limit,
                ),
            ],
        )
    )
    return RuleAnswers(
        answers,
        [
            fill_evidence(others, AGAINST),
            diagnosis_evidence(impaired, AGAINST),
            diagnosis_evidence(latest_of_each_code(exempt), FOR),
        ],
    )

"""SAFE01 -- Was the drug given again after the liver disease for which it must be stopped?

review            the disease was diagnosed in this course, before this dose
                  (`after_veno_occlusive_disease`).
pass              no such diagnosis on file.
not_applicable    the line is on a date without a dose, or before the clause.
Cannot see        a suspicion that was ruled out, or the disease under a less exact code.
"""

import polars as pl

from audit_rules.engine.answers import Answer, answer
from audit_rules.engine.dossier import Dossier
from audit_rules.engine.evidence import diagnosis_evidence, dose_evidence
from audit_rules.engine.nearest import Facts, Window, around
from audit_rules.engine.rule import ON, PolicyBook, Rule, RuleAnswers
from audit_rules.engine.scope import in_force
from audit_rules.facts.courses import dose_dates, doses_so_far, with_cycle
from audit_rules.policy.terms.doses import AdverseEvent, Course
from schemas.days import days_before
from schemas.outcomes import FULL_PAID, REVIEW
from schemas.results import AGAINST

RULE = Rule(
    id="SAFE01",
    name="safety.veno_occlusive_disease",
    asks=(AdverseEvent, Course),
    basis=FULL_PAID,
    says={
        "after_veno_occlusive_disease": (
            "Veno-occlusive disease of the liver ({found_codes}) is on file from {first_found} on,"
            " before the dose of {service_date} in the same course; the policy says to stop for"
            " good after it."
        ),
    },
)


def evaluate(dossier: Dossier, lines: pl.LazyFrame, book: PolicyBook) -> RuleAnswers:
    """Judge every line on a dose date; one answer per line and policy."""
    doses = dose_dates(dossier, book)
    dosed = with_cycle(in_force(lines, book.terms(AdverseEvent)), doses)
    asked = dosed.select(*ON, "person", "course_start", day="service_date", code="codes").explode(
        "code"
    )
    diagnoses = Facts(dossier.diagnoses, ("person", "code"), "date")
    before = Window(pl.col("course_start"), days_before(pl.col("day"), pl.lit(1)))
    events = around(dossier, asked, diagnoses, before)
    begun = dosed.select(*ON, "person", "course_start", code="codes").explode("code")
    first = begun.sort("course_start").join_asof(
        dossier.diagnoses.select("person", "code", "date").sort("date"),
        left_on="course_start",
        right_on="date",
        by=["person", "code"],
        strategy="forward",
        check_sortedness=False,
    )
    found = (
        events.group_by(*ON)
        .agg(found_codes=pl.col("code").unique().sort().str.join(", "))
        .join(first.group_by(*ON).agg(first_found=pl.col("date").min()), on=list(ON))
    )
    answers = dosed.join(found, on=list(ON), how="left").pipe(
        answer,
        [Answer(pl.col("first_found").is_not_null(), REVIEW, "after_veno_occlusive_disease")],
    )
    return RuleAnswers(
        answers,
        [
            dose_evidence(doses_so_far(dossier, dosed, doses), AGAINST),
            diagnosis_evidence(events, AGAINST),
        ],
    )

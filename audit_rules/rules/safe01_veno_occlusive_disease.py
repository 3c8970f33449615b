"""SAFE01 -- Was the drug given again after the liver disease for which it must be stopped?

review            the disease was diagnosed in this course, before this dose
                  (`after_veno_occlusive_disease`), or since the patient's first dose
                  (`after_veno_occlusive_disease_earlier_course`).
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

_IN_COURSE = "after_veno_occlusive_disease"
_EARLIER = "after_veno_occlusive_disease_earlier_course"

RULE = Rule(
    id="SAFE01",
    name="safety.veno_occlusive_disease",
    asks=(AdverseEvent, Course),
    basis=FULL_PAID,
    says={
        _IN_COURSE: (
            "Veno-occlusive disease of the liver ({course_codes}) is on file, last dated"
            " {course_found}, before the dose of {service_date} in the same course; the"
            " policy says to stop for good after it."
        ),
        _EARLIER: (
            "Veno-occlusive disease of the liver ({ever_codes}) is on file, last dated"
            " {ever_found}, since the patient's first dose and before this course; the policy says"
            " to stop for good after it, and the dose of {service_date} came later."
        ),
    },
)


def evaluate(dossier: Dossier, lines: pl.LazyFrame, book: PolicyBook) -> RuleAnswers:
    """Judge every line on a dose date; one answer per line and policy."""
    doses = dose_dates(dossier, book)
    dosed = with_cycle(in_force(lines, book.terms(AdverseEvent)), doses)
    first_dose = doses.group_by("policy_id", "person").agg(first_dose=pl.col("service_date").min())
    dosed = dosed.join(first_dose, on=["policy_id", "person"])
    events = _events(dossier, dosed, "first_dose")
    found = _last(events, dosed, pl.col("first_dose"), "ever")
    of_course = _last(events, dosed, pl.col("course_start"), "course")
    answers = (
        dosed.join(found, on=list(ON), how="left")
        .join(of_course, on=list(ON), how="left")
        .pipe(
            answer,
            [
                Answer(pl.col("course_found").is_not_null(), REVIEW, _IN_COURSE),
                Answer(pl.col("ever_found").is_not_null(), REVIEW, _EARLIER),
            ],
        )
    )
    return RuleAnswers(
        answers,
        [
            dose_evidence(doses_so_far(dossier, dosed, doses), AGAINST),
            diagnosis_evidence(events, AGAINST),
        ],
    )


def _events(dossier: Dossier, dosed: pl.LazyFrame, since: str) -> pl.LazyFrame:
    """The diagnoses of the disease from that date up to the day before each dose."""
    asked = dosed.select(*ON, "person", since, day="service_date", code="codes").explode("code")
    diagnoses = Facts(dossier.diagnoses, ("person", "code"), "date")
    return around(
        dossier, asked, diagnoses, Window(pl.col(since), days_before(pl.col("day"), pl.lit(1)))
    )


def _last(events: pl.LazyFrame, dosed: pl.LazyFrame, since: pl.Expr, name: str) -> pl.LazyFrame:
    """Lines with the last date of the disease since then, and its codes."""
    starts = dosed.select(*ON, since=since)
    return (
        events.join(starts, on=list(ON))
        .filter(pl.col("date") >= pl.col("since"))
        .group_by(*ON)
        .agg(
            pl.col("date").max().alias(f"{name}_found"),
            pl.col("code").unique().sort().str.join(", ").alias(f"{name}_codes"),
        )
    )

"""REG02 -- Was treatment begun in remission, although the policy covers relapsed or refractory
disease?

Asked of the first dose date of the first course.
records_request   the claim says in remission, no claim near it says active disease or relapse, and
                  no relapsed or refractory disease is on file (`in_remission_at_start`).
review            the same, under a document whose text is less clear (`in_remission_at_start`).
pass              any of these is otherwise.
not_applicable    another date, a hospital stay shortly before in which treatment may have begun, or
                  before the clause.
Cannot see        a relapse that is only in the chart, such as one found by measurable residual
                  disease.
"""

import polars as pl

from audit_rules.engine.answers import Answer, answer
from audit_rules.engine.dossier import Dossier
from audit_rules.engine.evidence import clinical_evidence, diagnosis_evidence
from audit_rules.engine.rule import PolicyBook, Rule, RuleAnswers
from audit_rules.engine.scope import in_force, with_flag
from audit_rules.facts.clinical import facts_on_file
from audit_rules.facts.courses import dose_dates, with_cycle
from audit_rules.facts.diagnosis_places import near_the_line, on_the_claim
from audit_rules.facts.windows import first_in, of_terms
from audit_rules.policy.terms.doses import Course, RemissionAtStart
from schemas.days import days_before
from schemas.outcomes import FULL_PAID, NOT_APPLICABLE, RECORDS_REQUEST, REVIEW
from schemas.results import AGAINST, FOR

RULE = Rule(
    id="REG02",
    name="regimen.in_remission_at_start",
    asks=(RemissionAtStart, Course),
    basis=FULL_PAID,
    says={
        "in_remission_at_start": (
            "The first dose, of {service_date}, was billed with a code of leukemia in remission;"
            " the policy covers relapsed or refractory disease, and no claim near that date and"
            " nothing on file by then shows it."
        ),
    },
    approved_care=True,
    needs={
        "in_remission_at_start": (
            "bone marrow report before the first dose",
            "note that states relapsed or refractory disease",
        )
    },
)


def evaluate(dossier: Dossier, lines: pl.LazyFrame, book: PolicyBook) -> RuleAnswers:
    """Judge every line on the first date of the first course; one answer per line and policy."""
    dosed = with_cycle(in_force(lines, book.terms(RemissionAtStart)), dose_dates(dossier, book))
    first = dosed.filter(pl.col("course_no") == 1, pl.col("service_date") == pl.col("course_start"))
    remissions = on_the_claim(dossier, first, "remission_codes")
    active = near_the_line(dossier, first, "active_codes")
    day = pl.col("service_date")
    stays = first_in(
        first.with_columns(opens=days_before(day, "stay_days"), closes=days_before(day, pl.lit(1))),
        of_terms(
            dossier.services,
            book.terms(RemissionAtStart),
            "stay_places",
            "place_of_service_code",
        ),
        by=("policy_id",),
    )
    is_left = pl.col("evidence_value").is_in(pl.col("shown_mrd_values"))
    residual = facts_on_file(dossier, first, "mrd", fits=is_left)
    has_relapsed = pl.col("evidence_value") == "yes"
    relapses = facts_on_file(dossier, first, "relapsed_refractory", fits=has_relapsed)
    answers = (
        first.pipe(with_flag, "in_remission", remissions)
        .pipe(with_flag, "has_active_disease", active)
        .pipe(with_flag, "has_relapsed", relapses)
        .pipe(with_flag, "had_stay", stays)
        .rename({"outcome": "begun_outcome"})
    )
    begun_in_remission = (
        pl.col("in_remission") & ~pl.col("has_active_disease") & ~pl.col("has_relapsed")
    )
    return RuleAnswers(
        answers.pipe(
            answer,
            [
                Answer(pl.col("had_stay"), NOT_APPLICABLE),
                *(
                    Answer(
                        begun_in_remission & (pl.col("begun_outcome") == outcome),
                        outcome,
                        "in_remission_at_start",
                    )
                    for outcome in (RECORDS_REQUEST, REVIEW)
                ),
            ],
        ),
        [
            diagnosis_evidence(remissions, AGAINST),
            diagnosis_evidence(active, FOR),
            clinical_evidence(relapses, FOR),
            clinical_evidence(residual, FOR),
        ],
    )

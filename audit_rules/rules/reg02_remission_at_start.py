"""REG02 -- Was treatment begun in remission, although the policy covers relapsed or refractory
disease?

Asked of the first dose date of the first course.
records_request   the claim says in remission, no claim near it says active disease or relapse, and
                  no relapsed or refractory disease is on file (`in_remission_at_start`).
pass              any of these is otherwise.
not_applicable    another date, or before the clause.
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
from audit_rules.policy.terms.doses import Course, RemissionAtStart
from schemas.outcomes import FULL_PAID, RECORDS_REQUEST
from schemas.results import AGAINST, FOR

RULE = Rule(
    id="REG02",
    name="regimen.in_remission_at_start",
    asks=(RemissionAtStart, Course),
    basis=FULL_PAID,
    says={
        "in_remission_at_start": (
            "The first dose, of {service_date}, was billed with leukemia in remission; the policy"
            " covers relapsed or refractory disease, and no claim near that date and nothing on"
            " file by then shows it."
        ),
    },
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
    has_relapsed = pl.col("evidence_value") == "yes"
    relapses = facts_on_file(dossier, first, "relapsed_refractory", fits=has_relapsed)
    answers = (
        first.pipe(with_flag, "in_remission", remissions)
        .pipe(with_flag, "has_active_disease", active)
        .pipe(with_flag, "has_relapsed", relapses)
    )
    begun_in_remission = (
        pl.col("in_remission") & ~pl.col("has_active_disease") & ~pl.col("has_relapsed")
    )
    return RuleAnswers(
        answers.pipe(
            answer, [Answer(begun_in_remission, RECORDS_REQUEST, "in_remission_at_start")]
        ),
        [
            diagnosis_evidence(remissions, AGAINST),
            diagnosis_evidence(active, FOR),
            clinical_evidence(relapses, FOR),
        ],
    )

"""CYC01 -- Were more cycles given than allowed without a response?

pass              within the allowed cycles under both counts, or a response (CR, CRi, a remission
                  code) is on file.
review            only the higher count is beyond them (`cycle_count_uncertain`).
recover           beyond them under both counts, and the latest response on file, of the last
                  allowed cycle or later, is PR or NR (`response_not_reached`).
records_request   beyond them under both counts, and nothing on file says how the patient responded
                  by then (`response_not_documented`).
not_applicable    the line is on a date without a dose, or before the clause.
Cannot see        a response that is only in the chart.
"""

import polars as pl

from audit_rules.engine.answers import Answer, answer
from audit_rules.engine.dossier import Dossier
from audit_rules.engine.evidence import clinical_evidence, diagnosis_evidence, dose_evidence
from audit_rules.engine.nearest import Facts, Window, around
from audit_rules.engine.rule import ON, PolicyBook, Rule, RuleAnswers
from audit_rules.engine.scope import in_force, with_flag
from audit_rules.facts.clinical import facts_on_file, latest
from audit_rules.facts.courses import cycle_starts, dose_dates, doses_so_far, with_cycle
from audit_rules.policy.terms.doses import Course, CyclesWithoutResponse
from schemas.days import days_after
from schemas.outcomes import FULL_PAID, PASS, RECORDS_REQUEST, RECOVER, REVIEW
from schemas.results import AGAINST, FOR

RULE = Rule(
    id="CYC01",
    name="cycles.without_response",
    asks=(CyclesWithoutResponse, Course),
    basis=FULL_PAID,
    counts=("cycle", "cycles"),
    says={
        "cycle_count_uncertain": (
            "The dose of {service_date} is in cycle {low} or {high} of the course that began on"
            " {course_start}, depending on how skipped or delayed doses are counted; {allowed}"
            " cycles are allowed before a response."
        ),
        "response_not_reached": (
            "The dose of {service_date} is in cycle {low} of the course that began on"
            " {course_start}; the policy allows {allowed} cycles before a response, and the latest"
            " response on file by then, {last_response} of {responded_on}, is not one that allows"
            " more."
        ),
        "response_not_documented": (
            "The dose of {service_date} is in cycle {low} of the course that began on"
            " {course_start}; the policy allows {allowed} cycles before a response, and none of"
            " cycle {allowed} or later was on file by then."
        ),
    },
    approved_care=True,
    needs={
        "response_not_documented": (
            (
                "bone marrow and blood count report showing CR or CRi, or the note that states the"
                " response"
            ),
        )
    },
)


def evaluate(dossier: Dossier, lines: pl.LazyFrame, book: PolicyBook) -> RuleAnswers:
    """Judge every line on a dose date; one answer per line and policy."""
    doses = dose_dates(dossier, book)
    dosed = with_cycle(in_force(lines, book.terms(CyclesWithoutResponse)), doses)
    is_met, start = (
        pl.col("evidence_value").is_in(pl.col("response_values")),
        pl.col("course_start"),
    )
    met = facts_on_file(dossier, dosed, "response", start, is_met)
    unmet = facts_on_file(dossier, dosed, "response", start, ~is_met)
    last = latest(unmet, kindness=pl.col("evidence_value")).select(
        *ON, last_response="evidence_value", responded_on="evidence_date"
    )
    asked = dosed.select(
        *ON, "person", "course_start", day="service_date", code="remission_codes"
    ).explode("code")
    diagnoses = Facts(dossier.diagnoses, ("person", "code"), "date")
    in_course = Window(days_after(start, pl.lit(1)), pl.col("day"))
    remissions = around(dossier, asked, diagnoses, in_course)

    response = pl.concat([met.select(*ON), remissions.select(*ON)])
    answered = (
        dosed.rename({"allowed": "allowed_cycles"})
        .pipe(with_flag, "response_on_file", response)
        .join(last, on=list(ON), how="left")
        .join(
            cycle_starts(doses, "allowed_cycles").with_columns(
                pl.col("allowed_cycles").cast(pl.Int64)
            ),
            on=["policy_id", "person", "course_no", "allowed_cycles"],
            how="left",
        )
    )
    low, high, most = pl.col("low"), pl.col("high"), pl.col("allowed_cycles")
    is_late = pl.col("responded_on") >= pl.col("allowed_cycles_start")
    answers = answered.pipe(
        answer,
        [
            Answer((high <= most) | pl.col("response_on_file"), PASS),
            Answer(low <= most, REVIEW, "cycle_count_uncertain", high, most),
            Answer(is_late, RECOVER, "response_not_reached", low, most),
            Answer(pl.lit(True), RECORDS_REQUEST, "response_not_documented", low, most),
        ],
    )
    evidence = [
        dose_evidence(doses_so_far(dossier, dosed, doses), AGAINST),
        clinical_evidence(met, FOR),
        clinical_evidence(unmet, AGAINST),
        diagnosis_evidence(remissions, FOR),
    ]
    return RuleAnswers(answers, evidence)

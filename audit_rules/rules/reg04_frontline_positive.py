"""REG04 -- Is the drug the first treatment of Philadelphia-positive disease?

Asked of the first course of patients whose latest status on file is positive. As first treatment
the policy covers the drug for Philadelphia-negative disease.
pass              earlier treatment, a relapse or earlier disease is on file.
records_request   none of these is, although the year before was seen (`frontline_positive`).
not_evaluable     no source of diagnoses was supplied (`diagnosis_extract_missing`), or the year
                  before was not seen whole (`history_too_short`).
not_applicable    no positive status is on file by the service date, a later course, the line is on
                  a date without a dose, or before the clause.
Cannot see        treatment in a study, or paid by someone whose claims are not here.
"""

import polars as pl

from audit_rules.engine.answers import Answer, answer
from audit_rules.engine.dossier import Dossier
from audit_rules.engine.evidence import clinical_evidence, diagnosis_evidence
from audit_rules.engine.rule import ON, PolicyBook, Rule, RuleAnswers
from audit_rules.engine.scope import in_force, with_flag
from audit_rules.facts.clinical import facts_on_file, latest
from audit_rules.facts.courses import dose_dates, with_cycle
from audit_rules.facts.earlier_treatment import (
    diseased_before,
    observed_throughout,
    treated_before,
)
from audit_rules.policy.terms.doses import Course, FrontlinePositive
from schemas.outcomes import FULL_PAID, NOT_APPLICABLE, NOT_EVALUABLE, PASS, RECORDS_REQUEST
from schemas.results import AGAINST, FOR

RULE = Rule(
    id="REG04",
    name="regimen.frontline_positive",
    asks=(FrontlinePositive, Course),
    basis=FULL_PAID,
    approved_care=True,
    says={
        "frontline_positive": (
            "The dose of {service_date} is of the first course, which began on {course_start}, of a"
            " patient whose status of {status_date} is Philadelphia-{status}. As first treatment"
            " the policy covers the drug for negative disease. Nothing that counts as earlier"
            " treatment (a listed cancer drug, infusion, kinase inhibitor or inpatient stay) was"
            " paid for in the {lookback_days} days before the course. No diagnosis of a relapse is"
            " on file up to {lookahead_days} days after the dose, no statement of one up to the"
            " dose, and none of the listed codes of the disease from before those {lookback_days}"
            " days."
        ),
    },
    needs={
        "frontline_positive": (
            "note that states earlier treatment, or relapsed or refractory disease",
            "cytogenetic or molecular report on the Philadelphia chromosome (BCR-ABL1)",
        )
    },
)


def evaluate(dossier: Dossier, lines: pl.LazyFrame, book: PolicyBook) -> RuleAnswers:
    """Judge every line of a first course; one answer per line and policy."""
    terms = book.terms(FrontlinePositive)
    dosed = with_cycle(in_force(lines, terms), dose_dates(dossier, book))
    first = dosed.filter(pl.col("course_no") == 1)
    is_required = pl.col("evidence_value") == pl.col("required_status")
    statuses = latest(facts_on_file(dossier, first, "philadelphia"), kindness=~is_required)
    status = statuses.select(*ON, status="evidence_value", status_date="evidence_date")
    diseased = diseased_before(dossier, first)
    is_relapsed = pl.col("evidence_value").is_in(pl.col("relapse_values"))
    relapses = facts_on_file(dossier, first, "relapsed_refractory", fits=is_relapsed)
    shown = pl.concat([found.select(ON) for found in (*diseased, relapses)])
    is_positive = (pl.col("status") == pl.col("required_status")).fill_null(False)
    answers = (
        first.join(status, on=list(ON), how="left")
        .pipe(with_flag, "was_treated", treated_before(dossier, first, terms))
        .pipe(with_flag, "was_diseased", shown)
        .pipe(with_flag, "was_observed", observed_throughout(dossier, first))
        .pipe(
            answer,
            [
                Answer(
                    pl.lit("any_diagnosis" not in dossier.supplied),
                    NOT_EVALUABLE,
                    "diagnosis_extract_missing",
                ),
                Answer(~is_positive, NOT_APPLICABLE),
                Answer(pl.col("was_treated") | pl.col("was_diseased"), PASS),
                Answer(~pl.col("was_observed"), NOT_EVALUABLE, "history_too_short"),
                Answer(pl.lit(True), RECORDS_REQUEST, "frontline_positive"),
            ],
        )
    )
    return RuleAnswers(
        answers,
        [
            clinical_evidence(statuses, AGAINST),
            *(diagnosis_evidence(found, FOR) for found in diseased),
            clinical_evidence(relapses, FOR),
        ],
    )

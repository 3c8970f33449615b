"""REG03 -- Does the disease lack the gene fusion that the policy's leukemias must have?

Asked of lines whose only indications on file are those leukemias, if a Philadelphia status is.
pass              the latest status is positive, or one after the line is.
records_request   it is negative (`philadelphia_negative`).
not_applicable    no status is on file by the service date, no indication or another one is on file,
                  or no clause was in force.
Cannot see        a result that is only in the chart; another fusion that answers to the drug.
"""

import polars as pl

from audit_rules.engine.answers import Answer, answer
from audit_rules.engine.dossier import Dossier
from audit_rules.engine.evidence import clinical_evidence, diagnosis_evidence
from audit_rules.engine.rule import ON, PolicyBook, Rule, RuleAnswers
from audit_rules.engine.scope import in_force, with_flag
from audit_rules.facts.clinical import facts_on_file, latest
from audit_rules.facts.diagnoses import covered_diagnoses
from audit_rules.facts.diagnosis_places import latest_of_each_code
from audit_rules.facts.windows import first_in
from audit_rules.policy.terms.persons import (
    DiagnosisCodes,
    DiagnosisCoverage,
    PhiladelphiaNegative,
)
from schemas.days import LAST_DAY, days_after
from schemas.outcomes import FULL_PAID, NOT_APPLICABLE, PASS, RECORDS_REQUEST
from schemas.results import AGAINST, FOR

_STATUS = "philadelphia"

RULE = Rule(
    id="REG03",
    name="imatinib.philadelphia_negative",
    asks=(PhiladelphiaNegative, DiagnosisCoverage, DiagnosisCodes),
    basis=FULL_PAID,
    approved_care=True,
    says={
        "philadelphia_negative": (
            "The policy covers this drug for {only} if the disease is Philadelphia-positive; the"
            " latest status by {service_date}, of {status_date}, is {status}, and no later one is"
            " otherwise."
        ),
    },
    needs={
        "philadelphia_negative": (
            "cytogenetic or molecular report on the Philadelphia chromosome (BCR-ABL1)",
        )
    },
)


def evaluate(dossier: Dossier, lines: pl.LazyFrame, book: PolicyBook) -> RuleAnswers:
    """Judge every line with a status on file; one answer per line and policy."""
    asked = in_force(lines, book.terms(PhiladelphiaNegative))
    covered = covered_diagnoses(dossier, lines, book)
    named = covered.group_by(*ON).agg(
        names=pl.col("indication").unique().sort(), only=pl.col("indication").unique().sort()
    )
    is_required = pl.col("evidence_value") == pl.col("required_status")
    statuses = latest(facts_on_file(dossier, asked, _STATUS), kindness=is_required)
    status = statuses.select(*ON, status="evidence_value", status_date="evidence_date")
    later = _later(dossier, asked)
    is_only = pl.col("names").list.set_difference("indications").list.len() == 0
    answers = (
        asked.join(named, on=list(ON), how="left")
        .join(status, on=list(ON), how="left")
        .pipe(with_flag, "has_later", later)
        .with_columns(only=pl.col("only").list.join(" and "))
        .pipe(
            answer,
            [
                Answer(pl.col("status").is_null(), NOT_APPLICABLE),
                Answer(~is_only.fill_null(False), NOT_APPLICABLE),
                Answer((pl.col("status") == pl.col("required_status")) | pl.col("has_later"), PASS),
                Answer(pl.lit(True), RECORDS_REQUEST, "philadelphia_negative"),
            ],
        )
    )
    side = pl.when(is_required).then(pl.lit(FOR)).otherwise(pl.lit(AGAINST))
    return RuleAnswers(
        answers,
        [
            clinical_evidence(statuses, side),
            diagnosis_evidence(latest_of_each_code(covered), AGAINST),
        ],
    )


def _later(dossier: Dossier, asked: pl.LazyFrame) -> pl.LazyFrame:
    """Lines after which a status of the required value is on file."""
    facts = dossier.evidence.filter(pl.col("evidence_code") == _STATUS).rename(
        {"evidence_value": "required_status"}
    )
    windows = asked.with_columns(
        opens=days_after(pl.col("service_date"), pl.lit(1)), closes=pl.lit(LAST_DAY)
    )
    return first_in(windows, facts, "evidence_date", by=("required_status",))

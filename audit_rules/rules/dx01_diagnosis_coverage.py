"""DX01 -- Is a diagnosis on file that the policy covers?

pass              a diagnosis on the claim, or of the person near the service date, is listed or
                  named by the criteria.
review            no covered code is on file, but one about which the document's list and its own
                  words disagree (`listed_code_conflicts`); another neoplasm is on file and the
                  document asks for cancer without a list (`other_cancer`); or there is neither a
                  diagnosis nor any medical service of the person on file (`no_medical_history`).
records_request   the leukemia on file is of the kind the criteria exclude (`bcr_abl_negative`), no
                  cancer is on file (`non_cancer_indication`), only unlisted codes are
                  (`diagnosis_not_listed`), or none (`no_diagnosis_on_file`).
not_evaluable     no source of diagnoses was supplied (`diagnosis_extract_missing`).
Cannot see        a diagnosis that is only in the chart; a code list is illustrative by its own
                  text.
"""

import polars as pl

from audit_rules.engine.answers import Answer, answer
from audit_rules.engine.dossier import Dossier
from audit_rules.engine.evidence import diagnosis_evidence
from audit_rules.engine.rule import ON, PolicyBook, Rule, RuleAnswers
from audit_rules.engine.scope import in_force, with_flag
from audit_rules.facts.diagnoses import (
    around_the_line,
    codes_in_words,
    covered_diagnoses,
    with_standing,
)
from audit_rules.facts.diagnosis_places import latest_of_each_code
from audit_rules.facts.windows import any_near
from audit_rules.policy.terms.persons import DiagnosisCodes, DiagnosisCoverage
from schemas.outcomes import FULL_PAID, NOT_EVALUABLE, PASS, RECORDS_REQUEST, REVIEW
from schemas.results import AGAINST, FOR

_CHART = (
    "chart notes that name the diagnosis treated with this drug",
    "pathology or laboratory report behind the diagnosis",
)

RULE = Rule(
    id="DX01",
    name="diagnosis.coverage",
    asks=(DiagnosisCoverage, DiagnosisCodes),
    basis=FULL_PAID,
    says={
        "listed_code_conflicts": (
            "The policy's list of codes and its own words disagree about a diagnosis on file"
            " ({codes}). A person must judge whether the treated condition is covered."
        ),
        "bcr_abl_negative": (
            "Among the diagnoses on file ({codes}) is a leukemia without the gene fusion that the"
            " criteria require, and none that the policy covers."
        ),
        "other_cancer": (
            "Among the diagnoses on file ({codes}) is a neoplasm, but none that this policy names;"
            " coverage then depends on the label or a compendium."
        ),
        "non_cancer_indication": (
            "No diagnosis of cancer is on file ({codes}); the policy covers this drug for cancer"
            " only."
        ),
        "diagnosis_not_listed": (
            "None of the diagnoses on file ({codes}) is one that the policy lists or names for this"
            " drug."
        ),
        "no_medical_history": (
            "No diagnosis of the patient with a usable code, and no medical service, is on file"
            " from a year before {service_date} to a month after: the claims that would have one"
            " are not here."
        ),
        "no_diagnosis_on_file": (
            "No diagnosis of the patient with a usable code is on file, neither on this claim nor"
            " around {service_date}."
        ),
    },
    approved_care=True,
    needs=dict.fromkeys(
        (
            "bcr_abl_negative",
            "non_cancer_indication",
            "diagnosis_not_listed",
            "no_diagnosis_on_file",
        ),
        _CHART,
    ),
)


def evaluate(dossier: Dossier, lines: pl.LazyFrame, book: PolicyBook) -> RuleAnswers:
    """Judge every line of the policies with a coverage clause; one answer per line and policy."""
    asked = in_force(lines, book.terms(DiagnosisCoverage))
    covered = covered_diagnoses(dossier, lines, book)
    open_lines = asked.join(covered, on=list(ON), how="anti")
    found = (
        around_the_line(dossier, dossier.diagnoses, open_lines, book.reference.codes)
        .pipe(with_standing, book.reference.codes)
        .collect()
        .lazy()
    )

    def any_of(*standings: str) -> pl.Expr:
        return pl.col("standing").is_in(standings).any()

    summary = found.group_by(*ON).agg(
        conflicts=any_of("conflict"),
        is_bcr_abl_negative=any_of("bcr_abl_negative"),
        has_neoplasm=any_of("neoplasm"),
    )
    conflicts = found.filter(pl.col("standing") == "conflict").select(*ON, "code").unique()
    shown = (
        latest_of_each_code(found)
        .join(conflicts.with_columns(conflicts=True), on=[*ON, "code"], how="left")
        .collect()
        .lazy()
    )
    summary = summary.join(codes_in_words(shown), on=list(ON))
    near = open_lines.select(*ON, "person", "lookback_days", "lookahead_days", day="service_date")
    services = any_near(near, dossier.services)
    some_code = pl.col("codes").is_not_null()
    source_missing = pl.lit("any_diagnosis" not in dossier.supplied)
    answers = (
        asked.pipe(with_flag, "is_covered", covered)
        .pipe(with_flag, "has_services", services)
        .join(summary, on=list(ON), how="left")
        .pipe(
            answer,
            [
                Answer(source_missing, NOT_EVALUABLE, "diagnosis_extract_missing"),
                Answer(pl.col("is_covered"), PASS),
                Answer(pl.col("conflicts"), REVIEW, "listed_code_conflicts"),
                Answer(pl.col("is_bcr_abl_negative"), RECORDS_REQUEST, "bcr_abl_negative"),
                Answer(pl.col("cancer_only") & pl.col("has_neoplasm"), REVIEW, "other_cancer"),
                Answer(pl.col("cancer_only") & some_code, RECORDS_REQUEST, "non_cancer_indication"),
                Answer(some_code, RECORDS_REQUEST, "diagnosis_not_listed"),
                Answer(~pl.col("has_services"), REVIEW, "no_medical_history"),
                Answer(pl.lit(True), RECORDS_REQUEST, "no_diagnosis_on_file"),
            ],
        )
    )
    side = pl.when("conflicts").then(pl.lit(FOR)).otherwise(pl.lit(AGAINST))
    return RuleAnswers(answers, [diagnosis_evidence(shown, side)])

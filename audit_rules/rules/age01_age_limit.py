"""AGE01 -- Is the patient younger than the policy covers?

pass              old enough, or an indication is on file that the policy covers at any age.
records_request   under the age from which the policy covers the drug or the indication on file
                  (`under_minimum_age`).
review            a minor before the drug's label had pediatric use
                  (`pediatric_before_revision`), or if the document names adults but makes that no
                  criterion (`adults_named`).
advisory          a minor after the label had pediatric use and before the policy's revision did
                  (`pediatric_before_revision`).
not_evaluable     the birth date is missing or after the service date, or the extracts disagree on
                  it (`birth_date_missing`).
not_applicable    the age belongs to an indication and none is on file, or no clause was in force.
Cannot see        which of several indications the drug was given for, and exceptions granted for a
                  child.
"""

import polars as pl

from audit_rules.engine.answers import Answer, answer
from audit_rules.engine.dossier import Dossier
from audit_rules.engine.evidence import diagnosis_evidence, eligibility_evidence
from audit_rules.engine.rule import ON, PolicyBook, Rule, RuleAnswers
from audit_rules.engine.scope import in_force
from audit_rules.facts.diagnoses import covered_diagnoses
from audit_rules.facts.diagnosis_places import latest_of_each_code
from audit_rules.policy.terms.persons import AgeLimit, DiagnosisCodes, DiagnosisCoverage
from schemas.outcomes import (
    ADVISORY,
    FULL_PAID,
    NOT_APPLICABLE,
    NOT_EVALUABLE,
    PASS,
    RECORDS_REQUEST,
    REVIEW,
)
from schemas.results import AGAINST

_OUTCOMES = (RECORDS_REQUEST, REVIEW, ADVISORY)

RULE = Rule(
    id="AGE01",
    name="age.limit",
    asks=(AgeLimit, DiagnosisCoverage, DiagnosisCodes),
    basis=FULL_PAID,
    says={
        "under_minimum_age": (
            "The patient, born on {birth_date}, was {age} years old on {service_date}; the policy"
            " covers {use} from the age of {under_age}."
        ),
        "pediatric_before_revision": (
            "The patient, born on {birth_date}, was {age} years old on {service_date}. Use under"
            " {under_age} came into the policy with a later revision."
        ),
        "adults_named": (
            "The patient, born on {birth_date}, was {age} years old on {service_date}. The policy"
            " speaks of adults (taken as {under_age} and over) without making that a criterion."
        ),
    },
    approved_care=True,
    needs={
        "under_minimum_age": (
            "record of the patient's date of birth",
            "chart note or approval that supports the use at this age",
        )
    },
)


def evaluate(dossier: Dossier, lines: pl.LazyFrame, book: PolicyBook) -> RuleAnswers:
    """Judge every line of the policies with an age limit; one answer per line and policy."""
    asked = in_force(lines, book.terms(AgeLimit)).rename(
        {"reason": "limit_reason", "outcome": "limit_outcome"}
    )
    covered = covered_diagnoses(dossier, lines, book)
    limited = asked.pipe(_with_indications, covered).pipe(_nearest_limit)

    def under_limit(reason: str, outcome: str) -> Answer:
        is_it = (pl.col("limit_reason") == reason) & (pl.col("limit_outcome") == outcome)
        return Answer(pl.col("is_under") & is_it, outcome, reason)

    answers = limited.pipe(
        answer,
        [
            Answer(pl.col("age").is_null(), NOT_EVALUABLE, "birth_date_missing"),
            Answer(~pl.col("has_use"), NOT_APPLICABLE),
            Answer(pl.col("is_exempt"), PASS),
            *(under_limit(reason, outcome) for reason in RULE.says for outcome in _OUTCOMES),
        ],
    )
    indications = latest_of_each_code(
        covered.join(limited.filter("requires_covered_indication"), on=list(ON), how="semi")
    )
    known = limited.filter(pl.col("birth_date").is_not_null())
    birth = eligibility_evidence(known, AGAINST, "birth_date", pl.lit(None), pl.col("birth_date"))
    return RuleAnswers(answers, [birth, diagnosis_evidence(indications, AGAINST)])


def _with_indications(asked: pl.LazyFrame, covered: pl.LazyFrame) -> pl.LazyFrame:
    """Lines and limits with `has_use` (the limit is for a use on file), `is_exempt`, and `use` in
    words."""
    found = covered.group_by(*ON).agg(
        indications=pl.col("indication").drop_nulls().unique().sort(), is_covered=pl.lit(True)
    )
    needs_indication, indications = pl.col("requires_covered_indication"), pl.col("indications")
    is_exempt = indications.list.set_intersection("exempt_indications").list.len() > 0
    for_these = pl.format("this drug for {}", indications.list.join(" or "))
    return asked.join(found, on=list(ON), how="left").with_columns(
        has_use=~needs_indication | pl.col("is_covered").fill_null(False),
        is_exempt=is_exempt.fill_null(False),
        use=pl.when(needs_indication).then(for_these).otherwise(pl.lit("this drug")),
    )


def _nearest_limit(limited: pl.LazyFrame) -> pl.LazyFrame:
    """The lowest limit per line and policy that the patient is under (`is_under`), else the
    lowest."""
    is_under = (pl.col("age") < pl.col("under_age")).fill_null(False)
    return (
        limited.with_columns(is_under=is_under)
        .sort(*ON, ~pl.col("is_under"), "under_age")
        .unique(list(ON), keep="first", maintain_order=True)
    )

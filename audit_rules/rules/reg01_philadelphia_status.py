"""REG01 -- Was the drug given with a tyrosine kinase inhibitor, for disease that is not known
to be Philadelphia-positive?

Asked of lines whose date is within the supply of such a drug.
pass              the latest Philadelphia status on file is positive.
records_request   that status is negative (`philadelphia_negative`), or none is on file
                  (`philadelphia_status_not_documented`).
review            the same, if every such drug is known only by an unverified NDC.
not_applicable    no such drug covers the date, or the clause was not in force.
Cannot see        whether the two were meant as one treatment; and drugs whose NDCs are in none of
                  our tables: the coverage names each such ingredient, without lines
                  (`ingredient_unknown`).
"""

import polars as pl

from audit_rules.engine.answers import Answer, answer
from audit_rules.engine.dossier import Dossier
from audit_rules.engine.evidence import clinical_evidence, fill_evidence
from audit_rules.engine.rule import ON, PolicyBook, Rule, RuleAnswers
from audit_rules.engine.scope import in_force
from audit_rules.facts.clinical import facts_on_file, latest
from audit_rules.facts.combined_fills import covering_fills, unknown_ingredients
from audit_rules.policy.terms.fills import Combination
from schemas.outcomes import FULL_PAID, PASS, RECORDS_REQUEST, REVIEW
from schemas.results import AGAINST, FOR

_REPORT = ("cytogenetic or molecular report on the Philadelphia chromosome (BCR-ABL1)",)

RULE = Rule(
    id="REG01",
    name="regimen.philadelphia_status",
    asks=(Combination,),
    basis=FULL_PAID,
    speaks_without_lines=True,
    says={
        "philadelphia_negative": (
            "The supply of {combined} on file covers {service_date}; the policy allows the"
            " combination for Philadelphia-positive disease, and the latest status by then, of"
            " {status_date}, is {status}."
        ),
        "philadelphia_status_not_documented": (
            "The supply of {combined} on file covers {service_date}; the policy allows the "
            "combination for Philadelphia-positive disease, and no status is on file by then."
        ),
    },
    approved_care=True,
    needs={"philadelphia_negative": _REPORT, "philadelphia_status_not_documented": _REPORT},
)


def evaluate(dossier: Dossier, lines: pl.LazyFrame, book: PolicyBook) -> RuleAnswers:
    """Judge every line in the supply of a combined drug; one answer per line and policy."""
    asked = in_force(lines, book.terms(Combination))
    fills = covering_fills(dossier, asked, book.reference.inferred_ndcs)
    names, is_proved = pl.col("ingredient").unique().sort().str.join(", "), ~pl.col("is_inferred")
    unproved = pl.format("{} (known by a package code that is not verified)", "combined")
    combined = (
        fills.group_by(*ON)
        .agg(combined=names, is_proved=is_proved.any())
        .with_columns(combined=pl.when("is_proved").then("combined").otherwise(unproved))
    )
    is_required = pl.col("evidence_value") == pl.col("required_status")
    statuses = latest(facts_on_file(dossier, asked, "philadelphia"), kindness=is_required)
    status = statuses.select(*ON, status="evidence_value", status_date="evidence_date")
    has_status, proved = pl.col("status").is_not_null(), pl.col("is_proved")
    answers = (
        asked.join(combined, on=list(ON))
        .join(status, on=list(ON), how="left")
        .pipe(
            answer,
            [
                Answer(pl.col("status") == pl.col("required_status"), PASS),
                Answer(has_status & ~proved, REVIEW, "philadelphia_negative"),
                Answer(has_status, RECORDS_REQUEST, "philadelphia_negative"),
                Answer(~proved, REVIEW, "philadelphia_status_not_documented"),
                Answer(pl.lit(True), RECORDS_REQUEST, "philadelphia_status_not_documented"),
            ],
        )
    )
    side = pl.when(is_required).then(pl.lit(FOR)).otherwise(pl.lit(AGAINST))
    return RuleAnswers(
        answers,
        [fill_evidence(fills, AGAINST), clinical_evidence(statuses, side)],
        unknown_ingredients(book, Combination),
    )

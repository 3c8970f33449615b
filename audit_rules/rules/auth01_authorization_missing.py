"""AUTH01 -- Does an approved authorization cover the line?

pass              an approved authorization for the person, payer, drug and product covers the
                  service date.
records_request   none does: one that covers it was denied (`authorization_denied`), an approved one
                  for the drug ended before (`authorization_expired`), or there is neither
                  (`no_authorization`).
review            the last two if the document does not ask for an authorization outright
                  (`authorization_expired`, `no_authorization`).
not_evaluable     the authorizations supplied hold none of this payer and drug
                  (`authorization_extract_missing`) or begin after the line
                  (`authorization_history_too_short`), or one of the person on that date is for a
                  drug that is not known (`authorization_drug_unknown`).
not_applicable    no clause was in force on the service date, or it does not ask about this product.
Cannot see        an approval that the extract does not hold, or what an approval rested on.
"""

import polars as pl

from audit_rules.engine.answers import Answer, answer
from audit_rules.engine.authorizations import (
    APPROVED,
    DENIED,
    covering,
    ended,
    of_no_drug,
    under_the_clause,
)
from audit_rules.engine.dossier import Dossier
from audit_rules.engine.evidence import authorization_evidence
from audit_rules.engine.rule import ON, PolicyBook, Rule, RuleAnswers
from audit_rules.engine.scope import with_flag
from audit_rules.policy.terms.persons import Authorization
from schemas.outcomes import FULL_PAID, NOT_EVALUABLE, PASS, RECORDS_REQUEST, REVIEW
from schemas.results import AGAINST, FOR

RULE = Rule(
    id="AUTH01",
    name="authorization.missing",
    asks=(Authorization,),
    basis=FULL_PAID,
    says={
        "authorization_denied": (
            "The authorization that covers this line of {service_date} was denied, and no approved"
            " one on file covers it."
        ),
        "authorization_expired": (
            "An approval for this drug ended on {ended_on}; no approved authorization on file"
            " covers this line of {service_date}."
        ),
        "no_authorization": (
            "The policy asks for an authorization; no approved one on file covers this line of"
            " {service_date}."
        ),
    },
    plans_own_acts=("authorization_denied",),
    needs={
        "authorization_denied": ("approval that replaced the denial, with its dates",),
        "authorization_expired": ("approval of the renewal, with its dates",),
        "no_authorization": ("approval that covers the service date",),
    },
)


def evaluate(dossier: Dossier, lines: pl.LazyFrame, book: PolicyBook) -> RuleAnswers:
    """Judge every line whose policy asks for an authorization; one answer per line and policy."""
    asked = under_the_clause(lines, book)
    is_approved, is_denied = pl.col("status") == APPROVED, pl.col("status") == DENIED
    approved, denied = (covering(dossier, asked, is_it) for is_it in (is_approved, is_denied))
    undecided = covering(dossier, asked, ~is_approved & ~is_denied)
    expired = ended(dossier, asked, is_approved)
    unknown = of_no_drug(dossier, asked, book)
    table_missing = pl.lit("authorization" not in dossier.supplied)
    first_start, day = pl.col("first_start_date"), pl.col("service_date")
    is_request = pl.col("missing") == RECORDS_REQUEST

    def missing(when: pl.Expr, reason: str) -> list[Answer]:
        return [
            Answer(when & is_request, RECORDS_REQUEST, reason),
            Answer(when, REVIEW, reason),
        ]

    answers = (
        asked.pipe(with_flag, "is_approved", approved)
        .pipe(with_flag, "is_denied", denied)
        .pipe(with_flag, "has_unknown", unknown)
        .join(dossier.authorization_start, on=["payer_id", "drug"], how="left")
        .join(expired.group_by(*ON).agg(ended_on=pl.col("end_date").max()), on=list(ON), how="left")
        .pipe(
            answer,
            [
                Answer(
                    table_missing | first_start.is_null(),
                    NOT_EVALUABLE,
                    "authorization_extract_missing",
                ),
                Answer(pl.col("is_approved"), PASS),
                Answer(pl.col("is_denied"), RECORDS_REQUEST, "authorization_denied"),
                Answer(day < first_start, NOT_EVALUABLE, "authorization_history_too_short"),
                Answer(pl.col("has_unknown"), NOT_EVALUABLE, "authorization_drug_unknown"),
                *missing(pl.col("ended_on").is_not_null(), "authorization_expired"),
                *missing(pl.lit(True), "no_authorization"),
            ],
        )
    )
    against = (authorization_evidence(found, AGAINST) for found in (denied, undecided, expired))
    return RuleAnswers(answers, [authorization_evidence(approved, FOR), *against])

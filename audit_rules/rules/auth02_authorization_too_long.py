"""AUTH02 -- Did the authorization that covers the line run longer than the policy grants?

advisory          every approved authorization that covers the line began more days before than the
                  policy grants (`authorization_longer_than_policy`): the plan's own slip.
pass              at least one began within them.
not_applicable    no approved authorization covers the line (AUTH01 asks about that), or no clause
                  was in force.
Cannot see        a renewal that was granted without a record of its own.
"""

import polars as pl

from audit_rules.engine.answers import Answer, answer
from audit_rules.engine.dossier import Dossier
from audit_rules.engine.evidence import authorization_evidence
from audit_rules.engine.rule import ON, PolicyBook, Rule, RuleAnswers
from audit_rules.facts.authorizations import APPROVED, covering, under_the_clause
from audit_rules.policy.terms.persons import Authorization
from schemas.outcomes import ADVISORY, NONE
from schemas.results import FOR

RULE = Rule(
    id="AUTH02",
    name="authorization.too_long",
    asks=(Authorization,),
    basis=NONE,
    says={
        "authorization_longer_than_policy": (
            "The latest approval that covers this line of {service_date} began {observed} days"
            " before; the policy grants {allowed} days at a time. The plan approved it, so nothing"
            " is asked of the provider."
        )
    },
)


def evaluate(dossier: Dossier, lines: pl.LazyFrame, book: PolicyBook) -> RuleAnswers:
    """Judge every line that an approved authorization covers; one answer per line and policy."""
    asked = under_the_clause(lines, book)
    approved = covering(dossier, asked, pl.col("status") == APPROVED)
    latest = approved.group_by(*ON).agg(latest_start=pl.col("start_date").max())
    days = (pl.col("service_date") - pl.col("latest_start")).dt.total_days()
    allowed = pl.col("allowed_days")
    answers = asked.join(latest, on=list(ON)).pipe(
        answer,
        [Answer(days > allowed, ADVISORY, "authorization_longer_than_policy", days, allowed)],
    )
    return RuleAnswers(answers, [authorization_evidence(approved, FOR)])

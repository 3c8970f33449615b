"""AUTH02 -- Did the approval that covers the line run longer than the policy grants?

advisory          the date is after the last day that the policy grants of every approval that
                  covers the line (`authorization_longer_than_policy`), or of every approval of the
                  higher quantity that the fill needs (`override_longer_than_policy`): the plan's
                  own slip.
pass              at least one such approval was within its days.
not_applicable    no approved authorization covers the line (AUTH01 asks about that), the fill needs
                  no higher quantity, or no clause was in force.
Cannot see        a renewal that was granted without a record of its own.
"""

import polars as pl

from audit_rules.engine.answers import Answer, answer
from audit_rules.engine.authorizations import APPROVED, covering, under_the_clause
from audit_rules.engine.dossier import Dossier
from audit_rules.engine.evidence import authorization_evidence
from audit_rules.engine.rule import ON, PolicyBook, Rule, RuleAnswers
from audit_rules.engine.scope import in_force
from audit_rules.facts.inducers import inducer_fills, overrides
from audit_rules.facts.quantity_limits import raised_by_override
from audit_rules.policy.terms.persons import ApprovalPeriod
from schemas.days import days_after, years_after
from schemas.outcomes import ADVISORY, NONE
from schemas.results import FOR

_SLIP = (
    " began {observed:day|days} before; the policy grants {allowed} days at a time. The plan"
    " approved it, so nothing is asked of the provider."
)

RULE = Rule(
    id="AUTH02",
    name="authorization.too_long",
    asks=(ApprovalPeriod,),
    basis=NONE,
    counts=("day since the start", "days since the start"),
    says={
        "authorization_longer_than_policy": (
            "The latest approval that covers this line of {service_date}" + _SLIP
        ),
        "override_longer_than_policy": (
            "The latest approval of the quantity on this fill of {service_date}" + _SLIP
        ),
    },
)


def evaluate(dossier: Dossier, lines: pl.LazyFrame, book: PolicyBook) -> RuleAnswers:
    """Judge every line that an approval covers or whose quantity one allowed; one answer per line
    and policy."""
    periods = in_force(lines, book.terms(ApprovalPeriod))
    asked = periods.join(under_the_clause(lines, book).select(ON), on=list(ON), how="semi")
    approved = covering(
        dossier, asked.pipe(_as_authorized, lines, book), pl.col("status") == APPROVED
    )
    drug = _judged(
        asked.filter(~pl.col("of_override")), approved, "authorization_longer_than_policy"
    )
    drug = drug.collect().lazy()
    slipped = drug.filter(pl.col("outcome") == ADVISORY).select("row_id")
    granted = overrides(dossier, lines, book)
    raised = raised_by_override(lines, inducer_fills(dossier, lines, book), granted, book)
    quantity = periods.filter("of_override").join(raised, on=list(ON), how="semi")
    quantity = quantity.join(slipped, on="row_id", how="anti")
    answers = [drug, _judged(quantity, granted, "override_longer_than_policy")]
    evidence = [authorization_evidence(found, FOR) for found in (approved, granted)]
    return RuleAnswers(pl.concat(answers, how="diagonal"), evidence)


def _as_authorized(asked: pl.LazyFrame, lines: pl.LazyFrame, book: PolicyBook) -> pl.LazyFrame:
    """Lines with the product that their authorization must be for."""
    products = under_the_clause(lines, book).select(*ON, "product")
    return asked.drop("product").join(products, on=list(ON))


def _judged(asked: pl.LazyFrame, approved: pl.LazyFrame, reason: str) -> pl.LazyFrame:
    """Compare the service date with the last day of the latest approval of each line."""
    latest = approved.group_by(*ON).agg(latest_start=pl.col("start_date").max())
    start, day = pl.col("latest_start"), pl.col("service_date")
    dated = asked.join(latest, on=list(ON)).with_columns(
        last_day=pl.when(pl.col("years").is_null())
        .then(days_after(start, "days"))
        .otherwise(years_after(start, "years"))
    )
    allowed = (pl.col("last_day") - start).dt.total_days()
    is_late = day > pl.col("last_day")
    return dated.pipe(
        answer, [Answer(is_late, ADVISORY, reason, (day - start).dt.total_days(), allowed)]
    )

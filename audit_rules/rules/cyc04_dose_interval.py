"""CYC04 -- Were doses given closer together than the schedule allows?

review            fewer days since the dose before than the policy asks for (`doses_too_close`), or
                  more doses in the span of one cycle than a cycle has (`too_many_doses`).
pass              neither.
not_applicable    the line is on a date without a dose, or before the clause.
Cannot see        why a dose was moved; a date of service that replaces another on the claim.
"""

import polars as pl

from audit_rules.engine.answers import Answer, answer
from audit_rules.engine.dossier import Dossier
from audit_rules.engine.evidence import dose_evidence
from audit_rules.engine.nearest import Facts, Window, total_around
from audit_rules.engine.rule import ON, PolicyBook, Rule, RuleAnswers
from audit_rules.engine.scope import in_force
from audit_rules.facts.courses import days_since_last, dose_dates, doses_until, with_cycle
from audit_rules.policy.terms.doses import Course, DoseInterval
from schemas.days import days_before
from schemas.outcomes import FULL_PAID, REVIEW
from schemas.results import AGAINST

RULE = Rule(
    id="CYC04",
    name="doses.interval",
    asks=(DoseInterval, Course),
    basis=FULL_PAID,
    says={
        "doses_too_close": (
            "From the dose before to that of {service_date} the days are {observed}; the policy"
            " asks for at least {allowed}."
        ),
        "too_many_doses": (
            "{observed} doses were given from {window_from} to {service_date}; the schedule has"
            " {allowed} in that many days."
        ),
    },
)


def evaluate(dossier: Dossier, lines: pl.LazyFrame, book: PolicyBook) -> RuleAnswers:
    """Judge every line on a dose date; one answer per line and policy."""
    doses = dose_dates(dossier, book)
    window_from = days_before(pl.col("service_date"), "window_days")
    dosed = with_cycle(in_force(lines, book.terms(DoseInterval)), doses).with_columns(
        window_from=window_from
    )
    since_last = days_since_last(doses)
    near = dosed.select(*ON, "person", "window_from", day="service_date")
    counted = total_around(
        dossier,
        near,
        Facts(doses.with_columns(dose=pl.lit(1)), ("policy_id", "person")),
        Window(pl.col("window_from"), pl.col("day")),
        "dose",
    ).rename({"total": "dose_count"})
    gap, count = pl.col("gap_days"), pl.col("dose_count")
    least, most = pl.col("minimum_days"), pl.col("maximum_doses")
    dosed_before = dosed.join(since_last, on=["policy_id", "person", "service_date"])
    answers = dosed_before.join(counted, on=list(ON)).pipe(
        answer,
        [
            Answer(gap < least, REVIEW, "doses_too_close", gap, least),
            Answer(count > most, REVIEW, "too_many_doses", count, most),
        ],
    )
    given = doses_until(dossier, dosed, doses, since="window_from")
    return RuleAnswers(answers, [dose_evidence(given, AGAINST)])

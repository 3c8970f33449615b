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
from audit_rules.engine.rule import ON, PolicyBook, Rule, RuleAnswers
from audit_rules.engine.scope import in_force
from audit_rules.facts.courses import dose_dates, doses_until, with_cycle
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
    given = doses_until(dosed, doses).join(dosed.select(*ON, "window_from"), on=list(ON))
    dose_date, day = pl.col("service_date"), pl.col("day")
    counted = given.group_by(*ON).agg(
        gap_days=(day - dose_date).dt.total_days().filter(dose_date < day).min(),
        dose_count=(dose_date >= pl.col("window_from")).sum(),
    )
    gap, count = pl.col("gap_days"), pl.col("dose_count")
    least, most = pl.col("minimum_days"), pl.col("maximum_doses")
    answers = dosed.join(counted, on=list(ON)).pipe(
        answer,
        [
            Answer(gap < least, REVIEW, "doses_too_close", gap, least),
            Answer(count > most, REVIEW, "too_many_doses", count, most),
        ],
    )
    return RuleAnswers(
        answers, [dose_evidence(given.filter(dose_date >= pl.col("window_from")), AGAINST)]
    )

"""CYC04 -- Were doses or cycles closer together than the schedule allows?

review            fewer days since the dose date before than the policy asks for
                  (`doses_too_close`), or a cycle that begins before the last one can be over
                  (`cycle_too_short`).
pass              neither.
not_applicable    the line is on a date without a dose, or before the clause.
Cannot see        why a dose was moved; a date of service that replaces another on the claim; an
                  infusion that was finished on the next day.
"""

import polars as pl

from audit_rules.engine.answers import Answer, answer
from audit_rules.engine.dossier import Dossier
from audit_rules.engine.evidence import dose_evidence
from audit_rules.engine.rule import ON, PolicyBook, Rule, RuleAnswers
from audit_rules.engine.scope import in_force
from audit_rules.facts.courses import (
    cycle_starts,
    days_since_last,
    dose_dates,
    doses_until,
    with_cycle,
)
from audit_rules.policy.terms.doses import Course, CycleInterval, DoseInterval
from schemas.days import days_before
from schemas.outcomes import FULL_PAID, REVIEW
from schemas.results import AGAINST

RULE = Rule(
    id="CYC04",
    name="doses.interval",
    asks=(CycleInterval, DoseInterval, Course),
    basis=FULL_PAID,
    counts=("day between", "days between"),
    says={
        "doses_too_close": (
            "Days from the dose before to the dose of {service_date}: {observed}. The policy asks"
            " for at least {allowed} from dose to dose."
        ),
        "cycle_too_short": (
            "The dose of {service_date} begins cycle {low} of its course, {observed:day|days} after"
            " the first dose of the cycle before; by the schedule a cycle takes at least {allowed}"
            " days, even if appointments are moved."
        ),
    },
)


def evaluate(dossier: Dossier, lines: pl.LazyFrame, book: PolicyBook) -> RuleAnswers:
    """Judge every line on a dose date; one answer per line and policy."""
    doses = dose_dates(dossier, book)
    dosed = with_cycle(in_force(lines, book.terms(CycleInterval)), doses)
    spacing = in_force(lines.select(*ON, "service_date"), book.terms(DoseInterval)).select(
        *ON, "minimum_days", spacing_id="term_id", spacing_citation="citation"
    )
    before = cycle_starts(doses, "before").with_columns(low=pl.col("before") + 1).drop("before")
    judged = (
        dosed.join(spacing, on=list(ON), how="left")
        .join(days_since_last(doses), on=["policy_id", "person", "service_date"])
        .join(before, on=["policy_id", "person", "course_no", "low"], how="left")
    )
    day, gap = pl.col("service_date"), pl.col("gap_days")
    is_first = day == pl.col("low_start")
    length = (day - pl.col("before_start")).dt.total_days()
    least, minimum = pl.col("least_days"), pl.col("minimum_days")
    answers = judged.pipe(
        answer,
        [
            Answer(gap < minimum, REVIEW, "doses_too_close", gap, minimum),
            Answer(is_first & (length < least), REVIEW, "cycle_too_short", length, least),
        ],
    ).with_columns(
        pl.when(pl.col("reason") == "doses_too_close")
        .then(f"spacing_{name}")
        .otherwise(column)
        .alias(column)
        for name, column in (("id", "term_id"), ("citation", "citation"))
    )
    since = judged.with_columns(
        since=pl.min_horizontal("before_start", days_before(day, "gap_days"))
    ).with_columns(since=pl.col("since").fill_null(day))
    return RuleAnswers(
        answers, [dose_evidence(doses_until(dossier, since, doses, since="since"), AGAINST)]
    )

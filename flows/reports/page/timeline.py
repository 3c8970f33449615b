"""The dose timeline: the doses of every course in which a cycle rule found something."""

from typing import NamedTuple

import polars as pl

from flows.reports.page.members import KEY
from schemas.outcomes import RECORDS_REQUEST, RECOVER, REVIEW, strength

_INTERVAL_RULE = "CYC04"
CYCLE_RULES = ("CYC01", "CYC02", "CYC03", _INTERVAL_RULE)
AT_MOST, AT_LEAST = "≤", "≥"
MOST_COURSES = 16
NO_FINDING = "no finding"
DOSE_OUTCOMES = (RECOVER, RECORDS_REQUEST, REVIEW, NO_FINDING)
"""What the legend of the doses names."""
_NARROW_WEEKS = 1.5
_COURSE = ["payer", "person_id", "policy_id", "course"]
_READ = (
    *KEY,
    *("policy_id", "rule_id", "service_date", "outcome", "observed", "allowed", "amount_at_risk"),
    "evidence",
)


class Timeline(NamedTuple):
    """The doses of the MOST_COURSES courses with the most at stake, and the limits they exceed.

    courses       the number of all courses.

    doses: one row per dose, in order of course and date.
    course_name   the member, with a number if the member has several courses.
    week          weeks since the first dose of the course.
    cycle         "4", or "2 or 4" if it cannot be determined.
    outcome       the strongest of a cycle rule on that date, or NO_FINDING.
    rules         the cycle rules that found something on that date.
    limit         what the clauses allow, if a rule found that the dose is beyond it.
    is_below      whether the cycle's number goes below its mark, because marks are close together.

    limits: one row per course and limit.
    course_name   as in doses.
    week          where the limit is: between the last dose that a number of cycles allows and the
                  next, or the first day on which a dose that came too soon would have been allowed.
    limit         "≤ 3 cycles", "≥ 19 days".
    """

    doses: pl.DataFrame
    limits: pl.DataFrame
    courses: int


def timeline(exceptions: pl.DataFrame | pl.LazyFrame, members: pl.DataFrame) -> Timeline:
    """Lay out the doses of every course in which a cycle rule found something."""
    of_cycles = exceptions.lazy().filter(pl.col("rule_id").is_in(CYCLE_RULES))
    found = of_cycles.select(_READ).collect(engine="streaming")
    doses = _doses(found, members)
    ranked = _ranked_courses(doses)
    shown = ranked.head(MOST_COURSES).select(*_COURSE, "course_name", "rank")
    exceeded = _exceeded(found, doses)
    of_dose = exceeded.group_by(*_COURSE, "date").agg(
        limit=pl.col("limit").unique().sort().str.join(", ")
    )
    named = doses.join(shown, on=_COURSE).join(of_dose, on=[*_COURSE, "date"], how="left")
    rows = named.sort("rank", "week")
    is_dense = (pl.col("week").diff() < _NARROW_WEEKS).any().over("rank")
    is_second = pl.int_range(pl.len()).over("rank") % 2 == 1
    drawn = rows.select(
        "course_name",
        "week",
        "cycle",
        "outcome",
        pl.col("rules", "limit").fill_null(""),
        is_below=is_dense & is_second,
    )
    limits = _limits(exceeded, doses).join(shown, on=_COURSE).sort("rank", "week", "limit")
    return Timeline(drawn, limits.select("course_name", "week", "limit"), ranked.height)


def _exceeded(found: pl.DataFrame, doses: pl.DataFrame) -> pl.DataFrame:
    """One row per dose and limit that it exceeds: the keys, date, allowed, is_interval, limit and
    `until`, the week from which a dose that came too soon would have been allowed.

    A limit over several courses is none of one course.
    """
    is_interval = pl.col("rule_id") == _INTERVAL_RULE
    observed, most = pl.col("observed"), pl.col("allowed")
    is_counted = observed <= pl.col("high").cast(pl.Float64)
    allowed = pl.col("allowed").round().cast(pl.Int64)
    days = pl.format(f"{AT_LEAST} {{}} days", allowed)
    is_one = pl.when(allowed == 1)
    cycles = pl.format(
        f"{AT_MOST} {{}} {{}}", allowed, is_one.then(pl.lit("cycle")).otherwise(pl.lit("cycles"))
    )
    return (
        found.select(*KEY, "policy_id", "rule_id", "observed", "allowed", date="service_date")
        .join(doses, on=[*KEY, "policy_id", "date"])
        .filter(
            pl.when(is_interval).then(observed < most).otherwise((observed > most) & is_counted)
        )
        .select(
            *_COURSE,
            "date",
            "allowed",
            is_interval=is_interval,
            limit=pl.when(is_interval).then(days).otherwise(cycles),
            until=pl.col("week") + (most - observed) / 7,
        )
        .unique()
    )


def _limits(exceeded: pl.DataFrame, doses: pl.DataFrame) -> pl.DataFrame:
    """One row per course and limit, with the week in which the limit is."""
    is_beyond = pl.col("high").cast(pl.Float64) > pl.col("allowed")
    last = pl.col("week").filter(~is_beyond).max()
    first = pl.col("week").filter(is_beyond).min()
    counted = exceeded.filter(~pl.col("is_interval")).select(*_COURSE, "allowed", "limit").unique()
    cycles = (
        counted.join(doses, on=_COURSE)
        .group_by(*_COURSE, "limit")
        .agg(week=(first + last.fill_null(first)) / 2)
    )
    days = exceeded.filter("is_interval").select(*_COURSE, "limit", week="until").unique()
    return pl.concat([cycles, days])


def _doses(found: pl.DataFrame, members: pl.DataFrame) -> pl.DataFrame:
    """One row per dose in the evidence, with what was found on its date and its member's name.

    The evidence holds every dose that a rule counted up to the judged one.
    """
    parts = pl.col("value").str.extract_groups(r"^course (\d+) cycle (\d+) to (\d+)$")
    doses = (
        found.select(*KEY, "policy_id", "evidence")
        .explode("evidence")
        .unnest("evidence")
        .filter(pl.col("kind") == "dose")
        .select(
            *KEY,
            "policy_id",
            "date",
            course=parts.struct[0].cast(pl.Int64),
            low=parts.struct[1],
            high=parts.struct[2],
        )
        .filter(pl.col("course").is_not_null())
        .unique()
        .sort(*_COURSE, "date")
    )
    judged = found.group_by(*KEY, "policy_id", date="service_date").agg(
        outcome=pl.col("outcome").sort_by(strength()).first(),
        rules=pl.col("rule_id").unique().sort().str.join(", "),
        amount=pl.col("amount_at_risk").max(),
    )
    first = pl.col("date").min().over(_COURSE)
    return (
        doses.join(judged, on=[*KEY, "policy_id", "date"], how="left")
        .join(members, on=list(KEY), how="left")
        .with_columns(
            week=(pl.col("date") - first).dt.total_days() / 7,
            cycle=pl.when(pl.col("low") == pl.col("high"))
            .then("low")
            .otherwise(pl.format("{} or {}", "low", "high")),
            outcome=pl.col("outcome").fill_null(NO_FINDING),
            stake=pl.col("amount").sum().over(_COURSE),
        )
    )


def _ranked_courses(doses: pl.DataFrame) -> pl.DataFrame:
    """One row per course, the one with the most at stake first, with its name and rank."""
    courses = doses.group_by(_COURSE).agg(pl.col("stake", "member").first())
    ranked = courses.sort(
        "stake", *_COURSE, descending=[True, False, False, False, False], nulls_last=True
    )
    number = pl.int_range(pl.len()).over("member", order_by=["course", "policy_id"]) + 1
    name = (
        pl.when(pl.len().over("member") > 1)
        .then(pl.format("{} ({})", "member", number))
        .otherwise("member")
    )
    return ranked.with_columns(course_name=name, rank=pl.int_range(pl.len()))

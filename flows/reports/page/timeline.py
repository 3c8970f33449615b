"""The dose timeline: the doses of every course in which a cycle rule found something."""

import polars as pl

from flows.reports.page.members import KEY
from schemas.outcomes import RECORDS_REQUEST, RECOVER, REVIEW, strength

CYCLE_RULES = ("CYC01", "CYC02", "CYC03", "CYC04")
MOST_COURSES = 16
NO_FINDING = "no finding"
DOSE_OUTCOMES = (RECOVER, RECORDS_REQUEST, REVIEW, NO_FINDING)
"""What the legend of the doses names."""
_NARROW_WEEKS = 1.5
_COURSE = ["payer", "person_id", "policy_id", "course"]


def timeline(exceptions: pl.DataFrame, members: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """The doses of the MOST_COURSES courses with the most at stake, and the number of all courses.

    One row per dose, in order of course and date:
    course_name   the member, with a number if the member has several courses.
    week          weeks since the first dose of the course.
    cycle         "4", or "2 or 4" if it cannot be determined.
    outcome       the strongest of a cycle rule on that date, or NO_FINDING.
    rules         the cycle rules that found something on that date.
    is_below      whether the cycle's number goes below its mark, because marks are close together.
    """
    found = exceptions.filter(pl.col("rule_id").is_in(CYCLE_RULES))
    doses = _doses(found, members)
    ranked = _ranked_courses(doses)
    shown = ranked.head(MOST_COURSES).select(*_COURSE, "course_name", "rank")
    rows = doses.join(shown, on=_COURSE).sort("rank", "week")
    is_dense = (pl.col("week").diff() < _NARROW_WEEKS).any().over("rank")
    is_second = pl.int_range(pl.len()).over("rank") % 2 == 1
    return rows.select(
        "course_name",
        "week",
        "cycle",
        "outcome",
        pl.col("rules").fill_null(""),
        is_below=is_dense & is_second,
    ), ranked.height


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

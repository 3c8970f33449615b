"""SCH10 -- Does a dose date keep to the phases that the policy gives for a course?

The finding is on every judged line of the date.
recover           as the policy says: after all phases (`after_last_phase`), in a phase that is over
                  (`phase_too_long`), too soon after the dose before (`doses_too_close`), one too
                  many in its time (`too_many_doses`), or of too many units (`units_over_phase`).
pass              none of these, or excused.
not_evaluable     no units (`quantity_missing`).
not_applicable    a line on no dose date, or not the clause's case.
Cannot see        doses that nobody billed; a course that began before the person was observed.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import NamedTuple

import polars as pl

from audit_rules.engine.arithmetic import SCALE
from audit_rules.engine.rule import Rule
from audit_rules.kinds.counting import POOL, Counting, Pools, pools_of
from audit_rules.kinds.coverage import approvals
from audit_rules.kinds.date_units import over_units
from audit_rules.kinds.evidence import doses_before
from audit_rules.kinds.int10_interval import on_lines
from audit_rules.kinds.setting import FAILS, PASSES, RESULT, KindResult, Setting, as_result
from audit_rules.kinds.windows import span_after, span_start
from audit_rules.policy.language.amounts import Phase, Schedule
from audit_rules.policy.language.sets import NEVER
from audit_rules.policy.language.spans import Span
from schemas.outcomes import FULL_PAID

RULE = Rule(
    id="SCH10",
    name="schedule.of_course",
    asks=(Schedule,),
    basis=FULL_PAID,
    measured=("units_over_phase",),
    says={
        "after_last_phase": (
            "The dose of {service_date} is number {observed} of the course that began on"
            " {course_start}; the policy allows {allowed}."
        ),
        "phase_too_long": (
            "The dose of {service_date} came {observed:day|days} after its phase began, which was"
            " over on {ended_on}."
        ),
        "doses_too_close": (
            "Days from the dose of {previous_date} to that of {service_date}: {observed}. The"
            " policy asks for {allowed} or more."
        ),
        "too_many_doses": (
            "The dose of {service_date} is number {observed} in the time for which the policy"
            " allows {allowed}."
        ),
        "units_over_phase": (
            "{observed:unit was|units were} billed for {service_date}; the policy allows {allowed}."
        ),
    },
)
_LAST = "last"


def test(setting: Setting) -> KindResult:
    """Judge every dose date of a course, then the units of those that keep to the rest."""
    term = setting.term
    assert isinstance(term, Schedule)
    counting = setting.counting(own_payer=False)
    pools = pools_of(setting.ground, _with_gap(counting, term))
    makers = setting.flags.select(maker="ask_no", is_asked="is_asked")
    renewed = _renewals(setting)
    dates = (
        pools.doses.join(makers, on="maker", how="left")
        .join(renewed, on="maker", how="left")
        .sort(*POOL, "day")
    )
    if term.counted == "applies_to":
        dates = dates.filter("is_asked")
    judged = _judged(term, dates)
    lines = on_lines(setting, pools, judged)
    result = _with_units(setting, term, pools, judged, lines)
    return KindResult(result, against=[doses_before(setting.ground, pools, result)])


def _with_gap(counting: Counting, term: Schedule) -> Counting:
    if term.gap is None:
        return counting
    gap = None if term.gap == NEVER else term.gap
    assert gap is None or isinstance(gap, Span)
    return replace(counting, gap=gap)


def _renewals(setting: Setting) -> pl.DataFrame:
    """The start of the latest approval that covers each line: maker, renewed_on."""
    return (
        approvals(setting.ground)
        .group_by(maker="ask_no")
        .agg(renewed_on=pl.col("start_date").max())
    )


class _Course:
    """Where a course is: its phase, the first date of it, and the dates that count."""

    def __init__(self) -> None:
        self.dose = 0
        self.phase = 0
        self.in_phase = 0
        self.first: date | None = None
        self.first_row = 0
        self.counted: list[tuple[date, int]] = []
        self.last: int | None = None


class _Dates(NamedTuple):
    """The columns of dates as lists, and for each phase the days that its spans lead to."""

    day: list[date]
    asked: list[bool]
    renewed: list[date | None]
    within: list[list[date]]
    due: list[list[date]]
    since: list[list[date]]
    over: list[list[date]]
    over_renewed: list[list[date]]


def _days_of(
    dates: pl.DataFrame, spans: Sequence[Span | None], start: str, back: bool
) -> list[list[date]]:
    leads = span_start if back else span_after
    return [
        [] if span is None else dates.select(leads(pl.col(start), span)).to_series().to_list()
        for span in spans
    ]


def _judged(term: Schedule, dates: pl.DataFrame) -> pl.DataFrame:
    """Every date with its phase, and the first of the four tests that fails."""
    phases = term.phase
    columns = _Dates(
        dates["day"].to_list(),
        dates["is_asked"].to_list(),
        dates["renewed_on"].to_list(),
        _days_of(dates, [p.within for p in phases], "day", back=False),
        _days_of(dates, [p.every for p in phases], "day", back=False),
        _days_of(dates, [p.span for p in phases], "day", back=True),
        _days_of(dates, [p.longest for p in phases], "day", back=False),
        _days_of(dates, [p.longest for p in phases], "renewed_on", back=False),
    )
    keys = dates.select(pl.struct(*POOL, "course").alias("key"))["key"].to_list()
    rows, last_key, course = [], None, _Course()
    for row, key in enumerate(keys):
        if key != last_key:
            last_key, course = key, _Course()
        rows.append(_date(term, columns, row, course))
    schema = {
        "phase_no": pl.Int64,
        "reason": pl.String,
        "observed": pl.Float64,
        "allowed": pl.Float64,
        "previous_date": pl.Date,
        "ended_on": pl.Date,
    }
    found = pl.DataFrame(rows, schema=schema, orient="row")
    names = {i: p.name or str(i + 1) for i, p in enumerate(phases)}
    clauses = {i: p.cite for i, p in enumerate(phases) if p.cite}
    number = pl.col("phase_no")
    return pl.concat(
        [dates.select(*POOL, "day", "is_certain"), found], how="horizontal"
    ).with_columns(
        state=pl.when(pl.col("reason").is_null()).then(pl.lit(PASSES)).otherwise(pl.lit(FAILS)),
        is_short=~pl.col("is_certain"),
        phase=number.replace_strict(names, default=None, return_dtype=pl.String),
        clause=number.replace_strict(clauses, default=None, return_dtype=pl.String),
    )


def _date(term: Schedule, dates: _Dates, row: int, course: _Course) -> tuple[object, ...]:
    """Phase and verdict of one date: phase_no, reason, observed, allowed, previous, ended_on."""
    course.dose += 1
    phase = _enter(term.phase, dates, row, course)
    asked = dates.asked[row]
    verdict = _verdict(term, phase, dates, row, course)
    fails = asked and verdict is not None
    if term.against == _LAST or not fails:
        course.counted.append((dates.day[row], row))
        course.last = row
    number = course.phase if phase is not None else None
    if not fails or verdict is None:
        return number, None, None, None, None, None
    return number, *verdict


def _enter(phases: Sequence[Phase], dates: _Dates, row: int, course: _Course) -> Phase | None:
    """The phase that takes the date; None after the last."""
    day = dates.day[row]
    if course.first is None:
        course.first, course.first_row = day, row
    while course.phase < len(phases):
        phase = phases[course.phase]
        is_full = phase.doses is not None and course.in_phase >= phase.doses
        ends = dates.within[course.phase]
        is_over = bool(ends) and course.in_phase > 0 and day >= ends[course.first_row]
        if not is_full and not is_over:
            course.in_phase += 1
            return phase
        course.phase += 1
        course.in_phase, course.first, course.first_row = 0, day, row
    return None


def _verdict(
    term: Schedule, phase: Phase | None, dates: _Dates, row: int, course: _Course
) -> tuple[object, ...] | None:
    """The first test that the date fails: reason, observed, allowed, previous, ended_on."""
    day = dates.day[row]
    if phase is None:
        counts = [p.doses for p in term.phase]
        most = None if None in counts else sum(c or 0 for c in counts)
        return "after_last_phase", course.dose, most, None, None
    at = course.phase
    assert course.first is not None  # a phase has begun
    if phase.longest is not None:
        start, over = course.first, dates.over[at][course.first_row]
        renewed = dates.renewed[row]
        if phase.renewed_by and renewed is not None and renewed > start:
            start, over = renewed, dates.over_renewed[at][row]
        if day >= over:
            return "phase_too_long", _days(course.first, day), None, None, over
    if phase.every is not None and course.last is not None:
        previous, due = dates.day[course.last], dates.due[at][course.last]
        if day < due:
            return "doses_too_close", _days(previous, day), _days(previous, due), previous, None
    if phase.most is not None:
        since = dates.since[at][row]
        number = 1 + sum(counted >= since for counted, _ in course.counted)
        if number > phase.most:
            return "too_many_doses", number, phase.most, None, None
    return None


def _days(first: date, last: date) -> int:
    return (last - first).days


def _with_units(
    setting: Setting, term: Schedule, pools: Pools, judged: pl.DataFrame, lines: pl.DataFrame
) -> pl.DataFrame:
    """Lines of dates that pass so far, with the units of each date against its phase."""
    most = {
        i: round(float(p.units) * SCALE) for i, p in enumerate(term.phase) if p.units is not None
    }
    if not most:
        return lines
    phases = pools.of_asked.join(
        judged.select(*POOL, "day", "phase_no", "is_certain", "phase", "clause"), on=[*POOL, "day"]
    ).select("ask_no", "phase_no", "is_certain", "phase", "clause")
    own = setting.pools(own_payer=True)
    counted = (
        own.counted.join(setting.flags, on="ask_no")
        .join(phases, on="ask_no")
        .filter(~pl.col("is_repeat"))
        .with_columns(
            limit=pl.col("phase_no").replace_strict(most, default=None, return_dtype=pl.Int64)
        )
        .filter(pl.col("limit").is_not_null())
    )
    if term.waste != "in":
        counted = counted.filter(~pl.col("is_waste"))
    if term.counted == "applies_to":
        counted = counted.filter("is_asked")
    over = over_units(counted, "units_over_phase").with_columns(is_short=~pl.col("is_certain"))
    shown = own.of_asked.select("ask_no", "row_id", "pool_no").join(
        over.drop("ask_no", "set_no", "day"), on=["pool_no", "row_id"]
    )
    keeps = lines.filter(pl.col("state") == PASSES)
    units = as_result(
        keeps.select("ask_no", "term_no").join(shown, on="ask_no"),
    ).filter(pl.col("state") != PASSES)
    return pl.concat(
        [lines.join(units, on=["ask_no", "term_no"], how="anti"), units.select(list(RESULT))]
    )

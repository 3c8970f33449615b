"""Earlier dates with a line like the judged one, and the day from which a span is not over."""

from datetime import date

import polars as pl

from audit_rules.counterfactuals.case import Case, Change
from audit_rules.kinds.windows import span_start
from audit_rules.policy.language.spans import Span
from audit_rules.wording import counted
from schemas.days import shifted
from schemas.tables import TABLES


def earlier_dates(
    case: Case, times: int, span: Span | None = None, is_over: bool = False
) -> Change:
    """Lines like this one on earlier dates; the arguments are those of the boundary."""
    latest = shifted(just_within(case.day, span), -is_over)
    return earlier_lines(case, [shifted(latest, -n) for n in range(times)])


def earlier_lines(case: Case, days: list[date]) -> Change:
    """A line like this one on each of the days, the latest first."""
    column = TABLES[case.table].service_dates
    lines = tuple(
        case.repeated(f" {day}", **dict.fromkeys(column, day), paid_amount=case.line["paid_amount"])
        for day in days
    )
    dated = f"on {days[0]}" if len(days) == 1 else f"from {days[-1]} to {days[0]}"
    return Change(
        "the earlier dates on file leave room for this one",
        f"had {counted(len(days), f'earlier {case.what}')} like it been on file, {dated}",
        lines,
        step=len(days),
    )


def just_within(day: date, span: Span | None) -> date:
    """The earliest date from which a span is not over on a day; without a span the day before."""
    if span is None:
        return shifted(day, -1)
    return computed(span_start(pl.lit(day), span))


def computed(day: pl.Expr) -> date:
    """The date that an expression of one date gives."""
    found: date = pl.select(day).item()
    return found

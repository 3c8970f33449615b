"""INT10 -- Does a dose or fill come before the policy allows the next?

The finding is on every judged line of the date.
recover           as the policy says: too soon after the dose before (`doses_too_close`), or with
                  too much of the earlier fills left (`refill_too_soon`).
pass              late enough, the first, or excused.
not_applicable    a line on no dose date, or not the clause's case.
Cannot see        doses that nobody billed.
"""

from collections.abc import Iterable

import polars as pl

from audit_rules.engine.rule import Rule
from audit_rules.kinds.counting import POOL, Pools
from audit_rules.kinds.evidence import doses_before
from audit_rules.kinds.observed import PHARMACY
from audit_rules.kinds.setting import FAILS, PASSES, KindResult, Setting, as_result
from audit_rules.kinds.windows import span_after
from audit_rules.policy.language.amounts import Interval
from audit_rules.policy.language.spans import Span
from schemas.outcomes import FULL_PAID

RULE = Rule(
    id="INT10",
    name="interval.too_short",
    asks=(Interval,),
    basis=FULL_PAID,
    says={
        "doses_too_close": (
            "Days from the dose of {previous_date} to that of {service_date}: {observed}. The"
            " policy asks for {allowed} or more."
        ),
        "refill_too_soon": (
            "Days of the earlier fills that were left on {service_date}: {observed}. The policy"
            " allows a refill with {allowed} left."
        ),
    },
)
_LAST = "last"


def test(setting: Setting) -> KindResult:
    """Judge every dose date, and with it every line of that date."""
    term = setting.term
    assert isinstance(term, Interval)
    pools = setting.pools(own_payer=term.used is not None)
    makers = setting.flags.select(maker="ask_no", is_asked="is_asked")
    dates = pools.doses.join(makers, on="maker", how="left").sort(*POOL, "day")
    if term.counted == "applies_to":
        dates = dates.filter("is_asked")
    if term.least is not None:
        judged = _too_close(term, dates, term.least)
    else:
        judged = _too_soon(term, dates, pools)
    result = on_lines(setting, pools, judged)
    return KindResult(result, against=[doses_before(setting.ground, pools, result)])


def on_lines(setting: Setting, pools: Pools, judged: pl.DataFrame) -> pl.DataFrame:
    """The result of dates on every line of them, waste too, but not on repeats."""
    lines = setting.ground.asked.select("ask_no", "set_no", "is_repeat")
    asked = (
        pools.of_asked.join(lines, on="ask_no")
        .filter(~pl.col("is_repeat"))
        .join(setting.sets, on="set_no")
        .select("ask_no", "term_no", *POOL, "day")
    )
    return as_result(asked.join(judged, on=[*POOL, "day"]))


def spaced(dates: pl.DataFrame, against: str) -> pl.DataFrame:
    """Dates with `before`, the date that each is compared with, and `is_close`.

    dates   sorted by pool, key and day; due: the first day on which the next may come; is_asked.
    """
    keys = dates.select(pl.struct(POOL).alias("key"))["key"].to_list()
    before: list[object] = []
    close: list[bool] = []
    last_key, last, due = None, None, None
    for key, day, next_due, asked in zip(
        keys, dates["day"], dates["due"], dates["is_asked"], strict=True
    ):
        if key != last_key:
            last_key, last, due = key, None, None
        is_close = due is not None and day < due and bool(asked)
        before.append(last)
        close.append(is_close)
        if against == _LAST or not is_close:
            last, due = day, next_due
    return dates.with_columns(
        before=pl.Series(before, dtype=pl.Date), is_close=pl.Series(close, dtype=pl.Boolean)
    )


def _too_close(term: Interval, dates: pl.DataFrame, least: Span) -> pl.DataFrame:
    due = span_after(pl.col("day"), least)
    found = spaced(dates.with_columns(due=due), term.against)
    since = pl.col("before")
    return found.select(
        *POOL,
        "day",
        state=pl.when("is_close").then(pl.lit(FAILS)).otherwise(pl.lit(PASSES)),
        reason=pl.when("is_close").then(pl.lit("doses_too_close")),
        observed=pl.when("is_close").then((pl.col("day") - since).dt.total_days()),
        allowed=pl.when("is_close").then((span_after(since, least) - since).dt.total_days()),
        previous_date="before",
    )


def _too_soon(term: Interval, dates: pl.DataFrame, pools: Pools) -> pl.DataFrame:
    """Fills of one day are one, of the longest days' supply; those left count at the next."""
    days = pl.col("days_supply").cast(pl.Float64)
    supply = (
        pools.counted.filter(pl.col("quantity_milli") > 0, ~pl.col("is_repeat"))
        .group_by(*POOL, "day")
        .agg(supply=pl.when(days > 0).then(days).max())
    )
    is_fill = pools.counted.filter(pl.col("claim_source") == PHARMACY).select(*POOL, "day")
    fills = (
        dates.join(is_fill.unique(), on=[*POOL, "day"], how="semi")
        .join(supply, on=[*POOL, "day"], how="left")
        .sort(*POOL, "day")
    )
    unused = 1 - float(term.used or 0)
    left, most, last = _days_left(
        fills.select(pl.struct(POOL).alias("key"))["key"].to_list(),
        fills["day"],
        fills["supply"],
        fills["is_asked"],
        unused,
        term.carry_over,
    )
    is_soon = pl.col("left") > pl.col("most") + 1e-9
    found = fills.with_columns(
        left=pl.Series(left, dtype=pl.Float64),
        most=pl.Series(most, dtype=pl.Float64),
        before=pl.Series(last, dtype=pl.Date),
    ).with_columns(is_soon=(is_soon & pl.col("is_asked")).fill_null(False))
    return found.select(
        *POOL,
        "day",
        state=pl.when("is_soon").then(pl.lit(FAILS)).otherwise(pl.lit(PASSES)),
        reason=pl.when("is_soon").then(pl.lit("refill_too_soon")),
        observed=pl.when("is_soon").then("left"),
        allowed=pl.when("is_soon").then("most"),
        previous_date="before",
    )


def _days_left(
    keys: list[object],
    days: Iterable[object],
    supplies: Iterable[float | None],
    asked: Iterable[bool],
    unused: float,
    carries: bool,
) -> tuple[list[float], list[float | None], list[object]]:
    """Per date: days of supply that are left, the most that may be, and the fill before."""
    left: list[float] = []
    most: list[float | None] = []
    before: list[object] = []
    last_key: object = None
    end = 0.0
    of_last: float | None = None
    last: object = None
    for key, day, supply, is_asked in zip(keys, days, supplies, asked, strict=True):
        number = float(day.toordinal())  # type: ignore[attr-defined]
        if key != last_key:
            last_key, end, of_last, last = key, 0.0, None, None
        remains = max(0.0, end - number)
        allowed = None if of_last is None else unused * of_last
        left.append(remains)
        most.append(allowed)
        before.append(last)
        is_soon = bool(is_asked) and allowed is not None and remains > allowed + 1e-9
        if not is_soon and supply is not None:
            end = (max(end, number) if carries else number) + supply
            of_last, last = supply, day
    return left, most, before

"""QTY10 -- Is more billed than the policy allows in its period?

Each line is allowed what the limit leaves after earlier lines of its window, so no quantity is
found twice. The finding is on the line that goes over.
recover           as the policy says: more than the limit (`quantity_over_limit`).
pass              within the limit, or excused.
not_evaluable     no quantity (`quantity_missing`), no days' supply (`days_supply_missing`), or a
                  strength that is not known (`strength_missing`).
not_applicable    another benefit, waste that does not count, or not the clause's case.
Cannot see        what was used; quantities of other payers, unless the clause counts them.
"""

from collections.abc import Sequence
from decimal import Decimal

import polars as pl

from audit_rules.engine.arithmetic import SCALE, exceeds, from_thousandths, thousandths
from audit_rules.engine.rule import Rule
from audit_rules.kinds.counting import POOL, Pools
from audit_rules.kinds.evidence import earlier_lines
from audit_rules.kinds.greedy import earlier_parts
from audit_rules.kinds.observed import MEDICAL, PHARMACY
from audit_rules.kinds.setting import FAILS, PASSES, UNKNOWN, KindResult, Setting, as_result
from audit_rules.kinds.truth import NamedEvidence
from audit_rules.kinds.windows import span_start
from audit_rules.policy.language.amounts import Quantity
from audit_rules.policy.language.spans import COURSE, Span
from schemas.outcomes import EXCESS_QUANTITY

RULE = Rule(
    id="QTY10",
    name="quantity.in_period",
    asks=(Quantity,),
    basis=EXCESS_QUANTITY,
    says={
        "quantity_over_limit": (
            "{observed} were billed in the period of the clause; it allows {allowed}."
        ),
    },
)
_BY_ITSELF = ("line", "day_of_supply")
_DOSES = "doses"
_MILLION = 10**6  # mg of a unit are known to a millionth


def test(setting: Setting) -> KindResult:
    """Judge every line that the measure can ask."""
    term = setting.term
    assert isinstance(term, Quantity)
    pools = setting.pools(own_payer=True)
    lines = (
        _with_doses(term, pools)
        .join(setting.flags, on="ask_no", maintain_order="left")
        .filter(_can_be_asked(term))
        .with_columns(own=_own(term), is_free=~pl.col("is_asked") | pl.col("is_excused"))
    )
    if term.counted == "applies_to":
        lines = lines.filter("is_asked")
    limits = _limits(setting)
    members = pools.of_asked.select("ask_no", "row_id", "pool_no").join(
        setting.ground.asked.select("ask_no", "set_no"), on="ask_no"
    )
    asked = members.join(setting.sets, on="set_no")
    of_pools = asked.select("pool_no", "term_no").unique().sort("pool_no", "term_no")
    rows = lines.join(of_pools, on="pool_no").join(limits, on="term_no").sort("order_no")
    judged = _by_dates(term, rows) if term.measure == _DOSES else _by_lines(term, rows)
    shown = asked.join(
        judged.drop("ask_no", "set_no"), on=["pool_no", "row_id", "term_no"], how="inner"
    )
    group = ["term_no", *POOL, *_period(term)]
    judged = judged.with_columns(is_over=pl.col("state") == FAILS)
    return KindResult(as_result(shown), against=_earlier(setting, term, judged, group))


def _earlier(
    setting: Setting, term: Quantity, judged: pl.DataFrame, group: list[str]
) -> Sequence[NamedEvidence]:
    """The earlier lines of a window that is over, unless each line is asked by itself."""
    if term.per in _BY_ITSELF:
        return ()
    return (earlier_lines(setting.ground, judged, group),)


def _with_doses(term: Quantity, pools: Pools) -> pl.DataFrame:
    """The counted lines, and their dose dates if the term asks about them."""
    if term.per != COURSE and term.measure != _DOSES:
        return pools.counted
    numbers = pools.doses.select(*POOL, "day", "maker", "course")
    return pools.counted.join(numbers, on=[*POOL, "day"], how="left", maintain_order="left")


def _limits(setting: Setting) -> pl.DataFrame:
    """The limit of each term in thousandths: term_no, limit, stated."""
    rows = [
        (number, round(float(limit) * SCALE), float(limit))
        for number, term in zip(setting.numbers, setting.terms, strict=True)
        if isinstance(term, Quantity) and (limit := _limit(term)) is not None
    ]
    schema = {"term_no": pl.Int64, "limit": pl.Int64, "stated": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _limit(term: Quantity) -> Decimal | None:
    return term.below if term.most is None else term.most


def _can_be_asked(term: Quantity) -> pl.Expr:
    """Lines of the measure's benefit, without waste that does not count, and no repeats in sums."""
    fits = pl.lit(True)
    if term.measure == "units":
        fits = pl.col("claim_source") == MEDICAL
    if term.is_of_fills:
        fits = pl.col("claim_source") == PHARMACY
    if term.waste != "in":
        fits &= ~pl.col("is_waste")
    if term.per not in _BY_ITSELF:
        fits &= ~pl.col("is_repeat")
    if term.per == COURSE or term.measure == _DOSES:
        fits &= pl.col("maker").is_not_null()
    return fits


def _own(term: Quantity) -> pl.Expr:
    """What each line counts, in thousandths."""
    if term.measure == "fills":
        claim = ["pool_no", "claim_source", "person", "payer_id", "claim_id"]
        return (pl.int_range(pl.len()).over(claim) == 0).cast(pl.Int64) * SCALE
    if term.measure == _DOSES:
        return (pl.col("maker") == pl.col("ask_no")).cast(pl.Int64) * SCALE
    if term.measure == "days_supply":
        return _days()
    if term.measure == "mg":
        strength = (
            pl.when(pl.col("claim_source") == PHARMACY)
            .then("set_strength")
            .otherwise(pl.coalesce("unit_mg", "set_strength"))
        )
        of_one = (strength * _MILLION).round(0).cast(pl.Int128)
        return (pl.col("quantity_milli").cast(pl.Int128) * of_one + _MILLION // 2) // _MILLION
    return pl.col("quantity_milli")


def _days() -> pl.Expr:
    """The days' supply in thousandths of a day; null if it is not positive."""
    days = thousandths(pl.col("days_supply"))
    return pl.when(days > 0).then(days)


def _period(term: Quantity) -> list[str]:
    """The columns that name the window of a line, besides pool, key and term."""
    day = {"date": "day", "calendar month": "month", "calendar year": "year"}
    if isinstance(term.per, Span) or term.per == "lifetime":
        return []
    if term.per == "claim":
        return ["claim_source", "payer_id", "claim_id"]
    return [day.get(term.per, term.per)]


def _by_lines(term: Quantity, rows: pl.DataFrame) -> pl.DataFrame:
    """Every line against what the limit leaves it."""
    since = (
        span_start(pl.col("day"), term.per)
        if isinstance(term.per, Span)
        else pl.lit(None, dtype=pl.Date)
    )
    rows = rows.with_columns(
        since=since,
        month=pl.col("day").dt.strftime("%Y-%m"),
        year=pl.col("day").dt.year(),
    )
    if term.per in _BY_ITSELF:
        rows = rows.with_columns(before=pl.lit(0, dtype=pl.Int64))
    else:
        rows = earlier_parts(rows, ["term_no", *POOL, *_period(term)])
    return rows.with_columns(**_verdict(term)).with_columns(
        excess=pl.when(pl.col("state") == FAILS).then("excess")
    )


def _verdict(term: Quantity) -> dict[str, pl.Expr]:
    own, limit, days = pl.col("own"), pl.col("limit"), _days()
    per_day = term.per == "day_of_supply"
    total = own if per_day else pl.col("before") + own
    is_over = _is_over(term, total) & (own > 0)
    missing = pl.coalesce(
        pl.when(
            pl.col("quantity_milli").is_null() & (term.measure in ("units", "quantity", "mg"))
        ).then(pl.lit("quantity_missing")),
        pl.when(days.is_null() & (per_day or term.measure == "days_supply")).then(
            pl.lit("days_supply_missing")
        ),
        pl.when(own.is_null()).then(pl.lit("strength_missing")),
    )
    is_over &= missing.is_null()
    observed = _float(own) / _float(days) if per_day else from_thousandths(total)
    left = _float(limit) * from_thousandths(days) if per_day else limit - pl.col("before")
    return {
        "state": pl.when(missing.is_not_null())
        .then(pl.lit(UNKNOWN))
        .when(is_over)
        .then(pl.lit(FAILS))
        .otherwise(pl.lit(PASSES)),
        "reason": pl.when(missing.is_not_null())
        .then(missing)
        .when(is_over)
        .then(pl.lit("quantity_over_limit")),
        "observed": pl.when(is_over).then(observed),
        "allowed": pl.when(is_over).then("stated"),
        "excess": own - left.clip(0),
    }


def _is_over(term: Quantity, total: pl.Expr) -> pl.Expr:
    """Whether a total is more than the limit, or reaches it if it is too much by itself.

    Of a day of supply both are multiplied by the days, so that no fraction is rounded.
    """
    limit = pl.col("limit")
    if term.per != "day_of_supply":
        return (total >= limit) if term.below is not None else (total > limit)

    def both(kind: type[pl.Int128 | pl.Float64]) -> tuple[pl.Expr, pl.Expr]:
        return total.cast(kind) * SCALE, limit.cast(kind) * _days().cast(kind)

    exact, close = both(pl.Int128), both(pl.Float64)
    if term.below is not None:
        return ~exceeds((exact[1], exact[0]), (close[1], close[0]))
    return exceeds(exact, close)


def _float(value: pl.Expr) -> pl.Expr:
    return value.cast(pl.Float64)


def _by_dates(term: Quantity, rows: pl.DataFrame) -> pl.DataFrame:
    """Doses: a date counts once, by the line that makes it, and its lines share its fate."""
    key = ["term_no", *POOL, "day"]
    dates = rows.filter(pl.col("maker") == pl.col("ask_no"))
    kept = ("state", "reason", "observed", "allowed", "since", "month", "year")
    judged = _by_lines(term, dates).select(*key, *kept)
    whole = pl.lit(None, dtype=pl.Float64)
    return rows.drop("own").join(judged, on=key).with_columns(own=whole, excess=whole)

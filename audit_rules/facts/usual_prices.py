"""What a unit of a product cost others near a line: the median of their unit prices, exactly.

A price is cents for thousandths of a unit. The median is the mean of the two middle prices, which
are one and the same if the others are odd in number.
"""

import polars as pl

from audit_rules.engine.arithmetic import SCALE, divided, exceeds, thousandths
from audit_rules.engine.order_statistics import nth_smallest
from audit_rules.engine.places import bounds
from audit_rules.facts.generic_prices import drug_cents, price_in_words
from schemas.days import days_after, days_before
from schemas.frames import HISTORY_LINE
from schemas.paid import is_paid

_KEY = ("claim_source", "payer_id", "drug", "product_code", "product")
"""What is compared: lines of one payer, claim table, drug, code and product, or no product."""
_EXACTLY = 10**6
"""Parts of a cent to which a median is put into words."""
_SIDES = ("low", "high")


def with_median_of_others(lines: pl.LazyFrame, asked: pl.LazyFrame) -> pl.LazyFrame:
    """Lines with the median unit price of everybody's other lines within `days`.

    lines   everybody's lines; the asked ones are among them if they have a price.

    Adds others (how many), is_above (more than `ratio` times the median), unit_cents, median_cents,
    unit_dollars and most_dollars (`ratio` times the median), and unit_price and median_price in
    words; null if there is no price.
    """
    every, own = pl.collect_all([lines, asked])
    priced, windows = _windows(every, own.with_row_index("asked_no"))
    found = own.with_row_index("asked_no").join(
        _middle_prices(priced, windows), on="asked_no", how="left", maintain_order="left"
    )
    middle = [SCALE * pl.col(f"{side}_cents") / pl.col(f"{side}_milli") for side in _SIDES]
    has_price = pl.col("quantity_milli") > 0
    return (
        found.lazy()
        .with_columns(
            pl.col("others").fill_null(0),
            unit_cents=pl.when(has_price).then(SCALE * drug_cents() / pl.col("quantity_milli")),
            median_cents=(middle[0] + middle[1]) / 2,
            is_above=has_price & _is_above(),
            unit_price=price_in_words(drug_cents(), pl.col("quantity_milli")),
        )
        .with_columns(
            median_price=price_in_words(
                (pl.col("median_cents") * _EXACTLY).round(0), pl.lit(SCALE * _EXACTLY)
            ),
            unit_dollars=divided(pl.col("unit_cents"), 100),
            most_dollars=divided(pl.col("median_cents") * pl.col("ratio"), 100),
        )
        .drop("asked_no", *(f"{side}_{part}" for side in _SIDES for part in ("cents", "milli")))
    )


def _windows(lines: pl.DataFrame, asked: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Lines with a price in the order of what is compared and of date, each with the rank of its
    price; and for each line asked about the stretch of them in its window, and its own rank."""
    priced = (
        lines.filter(is_paid(pl.col("paid_cents")), pl.col("quantity_milli") > 0)
        .with_columns(cents=drug_cents(), milli="quantity_milli")
        .with_columns(rank=(pl.col("cents") / pl.col("milli")).rank("dense").cast(pl.Int64))
    )
    kinds = priced.select(_KEY).unique(maintain_order=True).with_row_index("key")
    priced = priced.join(kinds, on=_KEY, nulls_equal=True).sort(
        "key", "service_date", maintain_order=True
    )
    own = priced.select(*HISTORY_LINE, own_rank="rank")
    day = pl.col("service_date")
    windows = (
        asked.join(kinds, on=_KEY, nulls_equal=True, maintain_order="left")
        .join(own, on=HISTORY_LINE, how="left", maintain_order="left")
        .select(
            "asked_no",
            "key",
            "own_rank",
            day=day,
            opens=days_before(day, "days"),
            closes=days_after(day, "days"),
        )
    )
    found = bounds(windows, priced.select("key", date=day))
    return priced, windows.with_columns(start=found.start, end=found.end)


def _middle_prices(priced: pl.DataFrame, windows: pl.DataFrame) -> pl.DataFrame:
    """One row per line asked about that has others: asked_no, others, and the two middle prices.

    A line with a price is among the prices of its window, so what is not below its own price is one
    place further on.
    """
    windows = windows.with_columns(
        others=pl.col("end") - pl.col("start") - pl.col("own_rank").is_not_null().cast(pl.Int64)
    ).filter(pl.col("others") > 0)
    lowest = (windows["others"] - 1) // 2
    ranks = {
        f"rank_{n}": nth_smallest(priced["rank"], windows["start"], windows["end"], lowest + n)
        for n in range(3)  # one past the end is never read
    }

    def without_own(first: str, following: str) -> pl.Expr:
        is_beyond = pl.col(first) >= pl.col("own_rank")
        return pl.when(is_beyond).then(following).otherwise(first)

    is_odd = pl.col("others") % 2 == 1
    middle = windows.with_columns(**ranks).select(
        "asked_no",
        "others",
        low=without_own("rank_0", "rank_1"),
        high=pl.when(is_odd)
        .then(without_own("rank_0", "rank_1"))
        .otherwise(without_own("rank_1", "rank_2")),
    )
    price = priced.unique("rank", keep="first", maintain_order=True)  # of equal prices any
    for side in _SIDES:
        named = price.select(
            pl.col("rank").alias(side),
            pl.col("cents").alias(f"{side}_cents"),
            pl.col("milli").alias(f"{side}_milli"),
        )
        middle = middle.join(named, on=side, how="left", maintain_order="left")
    return middle.drop(_SIDES)


def _is_above() -> pl.Expr:
    """Whether cents / quantity > ratio * (low + high) / 2, with both sides as whole numbers."""

    def sides(kind: type[pl.DataType]) -> tuple[pl.Expr, pl.Expr]:
        names = ("quantity_milli", "low_cents", "low_milli", "high_cents", "high_milli")
        milli, low, low_milli, high, high_milli = (pl.col(n).cast(kind) for n in names)
        ratio = thousandths(pl.col("ratio")).cast(kind)
        return (
            drug_cents().cast(kind) * 2 * SCALE * low_milli * high_milli,
            ratio * (low * high_milli + high * low_milli) * milli,
        )

    return exceeds(sides(pl.Int128), sides(pl.Float64))

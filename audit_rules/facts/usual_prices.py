"""What a unit of a product cost others near a line: the median of their unit prices."""

from collections.abc import Iterator

import polars as pl

from audit_rules.engine.places import bounds
from audit_rules.facts.generic_prices import drug_cents, price_in_words
from schemas.days import days_after, days_before
from schemas.paid import is_paid

KEY = ("claim_source", "payer_id", "drug", "product_code", "product")
"""What is compared: lines of one payer, claim table, drug, code and product, or no product."""
_NEARLY = 1 + 1e-12  # a price is above another only if floats cannot have made it so
_MOST_PAIRS = 10_000_000


def with_median_of_others(lines: pl.LazyFrame, asked: pl.LazyFrame) -> pl.LazyFrame:
    """Lines with the median unit price of everybody's other lines within `days`.

    lines   everybody's lines; the asked ones are among them if they have a price.

    Adds unit_cents, median_cents, others (how many), is_above (more than `ratio` times the median),
    unit_dollars and most_dollars (`ratio` times the median), and unit_price and median_price in
    words.
    """
    has_price = (pl.col("quantity_milli") > 0).fill_null(False)
    own = asked.with_columns(unit_cents=pl.when(has_price).then(_unit_cents())).collect()
    wanted = own.select(*KEY, "days", day="service_date").unique()
    found = _window_prices(lines.collect(), wanted)
    judged = own.with_columns(day="service_date").join(
        found, on=[*KEY, "days", "day"], how="left", nulls_equal=True
    )
    price, below, middle, above = map(pl.col, ("unit_cents", "below", "middle", "above"))
    others = pl.col("priced").fill_null(0) - price.is_not_null().cast(pl.Int64)
    # With the line's own price taken out of the window's, what is above it moves down by one.
    upper = pl.when(price > middle).then(middle).otherwise(above)
    lower = pl.when(price > below).then(below).otherwise(middle)
    median = pl.when(others % 2 == 0).then((lower + upper) / 2).otherwise(upper)
    return (
        judged.lazy()
        .with_columns(others=others, median_cents=median)
        .with_columns(
            is_above=price > pl.col("median_cents") * pl.col("ratio") * _NEARLY,
            unit_price=price_in_words(drug_cents(), pl.col("quantity_milli")),
            median_price=(pl.col("median_cents") / 100).round(4).cast(pl.String),
            unit_dollars=price / 100,
            most_dollars=pl.col("median_cents") * pl.col("ratio") / 100,
        )
        .drop("day", "priced", "below", "middle", "above")
    )


def _unit_cents() -> pl.Expr:
    return drug_cents() * 1000 / pl.col("quantity_milli")


def _window_prices(lines: pl.DataFrame, wanted: pl.DataFrame) -> pl.DataFrame:
    """How many lines have a price in each wanted window, and the prices around their middle.

    Adds priced; middle and above, the two middle prices of an even number; of an odd number the
    middle one and those next to it, below and above.
    """
    kinds = wanted.select(KEY).unique().with_row_index("key")
    asked = wanted.join(kinds, on=KEY, nulls_equal=True).with_columns(
        opens=days_before(pl.col("day"), "days"), closes=days_after(pl.col("day"), "days")
    )
    prices = (
        lines.filter(is_paid(pl.col("paid_cents")), pl.col("quantity_milli") > 0)
        .join(kinds, on=KEY, nulls_equal=True)
        .select("key", date="service_date", price=_unit_cents())
        .sort("key", "date")
    )
    found = bounds(asked, prices.select("key", "date"))
    windows = asked.with_columns(start=found.start, priced=found.end - found.start)
    parts = [_around_the_middle(part, prices["price"]) for part in _batches(windows)]
    return pl.concat(parts).drop("key", "opens", "closes", "start")


def _batches(windows: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """The windows in parts whose lines fit into memory."""
    part = (windows["priced"].cum_sum() - windows["priced"]) // _MOST_PAIRS
    numbered = windows.with_columns(part=part)
    for _, rows in numbered.group_by("part", maintain_order=True):
        yield rows.drop("part")
    if windows.is_empty():
        yield windows


def _around_the_middle(windows: pl.DataFrame, prices: pl.Series) -> pl.DataFrame:
    rows = windows.with_row_index("window")
    places = rows.select(
        "window", place=pl.int_ranges("start", pl.col("start") + pl.col("priced"))
    ).explode("place", empty_as_null=False)
    ordered = places.select("window", price=prices.gather(places["place"])).sort("window", "price")
    first = windows["priced"].cum_sum() - windows["priced"]
    middle = first + (windows["priced"] - 1) // 2
    is_odd = pl.col("priced") % 2 == 1

    def at(offset: int) -> pl.Series:
        place = (middle + offset).set(windows["priced"] == 0, None)
        inside = (place >= first) & (place < first + windows["priced"])
        return ordered["price"].gather(place.set(~inside.fill_null(False), None))

    return windows.with_columns(below=at(-1), middle=at(0), above=at(1)).with_columns(
        below=pl.when(is_odd).then("below")
    )

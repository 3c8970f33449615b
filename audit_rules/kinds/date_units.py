"""The units billed for a date against what is allowed on it."""

import polars as pl

from audit_rules.engine.arithmetic import from_thousandths
from audit_rules.kinds.counting import POOL
from audit_rules.kinds.greedy import earlier_parts
from audit_rules.kinds.setting import FAILS, PASSES, UNKNOWN


def over_units(counted: pl.DataFrame, reason: str) -> pl.DataFrame:
    """The lines of dates against the units that `limit` (thousandths) allows on each."""
    rows = counted.sort("order_no").with_columns(
        own=pl.col("quantity_milli"),
        is_free=~pl.col("is_asked") | pl.col("is_excused"),
        since=pl.lit(None, dtype=pl.Date),
    )
    rows = earlier_parts(rows, [*POOL, "day"])
    total = pl.col("before") + pl.col("own")
    is_over = ((total > pl.col("limit")) & (pl.col("own") > 0)).fill_null(False)
    is_null = pl.col("quantity_milli").is_null()
    return rows.with_columns(
        state=pl.when(is_null)
        .then(pl.lit(UNKNOWN))
        .when(is_over)
        .then(pl.lit(FAILS))
        .otherwise(pl.lit(PASSES)),
        reason=pl.when(is_null).then(pl.lit("quantity_missing")).when(is_over).then(pl.lit(reason)),
        observed=pl.when(is_over).then(from_thousandths(total)),
        allowed=pl.when(is_over).then(from_thousandths(pl.col("limit"))),
        excess=pl.when(is_over).then(pl.col("own") - (pl.col("limit") - pl.col("before")).clip(0)),
    )

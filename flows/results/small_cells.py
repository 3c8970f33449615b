"""The aggregate level: counts and sums by rule, outcome, payer and month.

Nothing is shown that concerns fewer than LEAST members. A small value is not blanked, because a
total would give it away. It is combined with other small values, and with larger ones until the
combination is large enough. So each table adds up to its total, and no difference in it is small.
"""

import polars as pl

from flows.results.payers import one_name_per_payer
from schemas.results import AGGREGATE, LINE_KEY, MONEY, conform

LEAST = 11
AGGREGATE_FILE = "aggregate.csv"
OTHER = "other"
"""The value that replaces all those combined."""


def aggregated(
    exceptions: pl.DataFrame, worklist: pl.DataFrame, payer_names: dict[str, str]
) -> pl.DataFrame:
    """One row per dimension (`by`) and value, with lines and amount_at_risk.

    A dimension that concerns fewer than LEAST members in all has no rows.
    """
    lines = exceptions.sort("amount_at_risk", descending=True, nulls_last=True).unique(
        [*LINE_KEY, "outcome"], keep="first", maintain_order=True
    )
    month = pl.col("service_date").dt.strftime("%Y-%m")
    tables = {
        "rule": exceptions.with_columns(value="rule_id"),
        "outcome": lines.with_columns(value="outcome"),
        "payer": worklist.with_columns(value=one_name_per_payer(worklist, payer_names)),
        "month": worklist.with_columns(value=month),
    }
    return conform(pl.concat([_large_enough(table, by) for by, table in tables.items()]), AGGREGATE)


def _large_enough(rows: pl.DataFrame, by: str) -> pl.DataFrame:
    """One dimension, with small values combined."""
    small = _to_combine(rows)
    if 0 < _members(rows, small) < LEAST:
        rows, small = rows.clear(), []
    is_small = pl.col("value").is_in(small)
    return (
        rows.with_columns(value=pl.when(is_small).then(pl.lit(OTHER)).otherwise("value"))
        .group_by("value")
        .agg(
            lines=pl.len().cast(pl.Int64),
            amount_at_risk=pl.col("amount_at_risk").fill_null(pl.lit(0, dtype=MONEY)).sum(),
        )
        .sort(pl.col("value") == OTHER, "value")
        .select(pl.lit(by).alias("by"), "value", "lines", "amount_at_risk")
    )


def _to_combine(rows: pl.DataFrame) -> list[str]:
    """The values that are too small, and the next ones until they are large enough together."""
    counted = (
        rows.group_by("value").agg(members=pl.col("person_id").n_unique()).sort("members", "value")
    )
    values, count = counted["value"].to_list(), 0
    while count < len(values) and (
        counted["members"][count] < LEAST or 0 < _members(rows, values[:count]) < LEAST
    ):
        count += 1
    return values[:count]


def _members(rows: pl.DataFrame, values: list[str]) -> int:
    return rows.filter(pl.col("value").is_in(values))["person_id"].n_unique()

"""The aggregate level: counts and sums by rule, outcome, payer and month, and nothing that concerns fewer than LEAST members.

A small value is not blanked, as a total would give it back: it is put together with other small ones, and with larger ones
until what they make is large enough. So each table adds up to its total, and no difference within it is small.
"""

import polars as pl

from flows.reports.page.figures import OTHER, payer
from schemas.results import AGGREGATE, LINE_KEY, MONEY, conform

LEAST = 11


def aggregated(
    exceptions: pl.DataFrame, worklist: pl.DataFrame, payer_names: dict[str, str]
) -> pl.DataFrame:
    """One row per dimension (`by`) and value: lines and amount_at_risk; `other` stands for values put together.

    A dimension that concerns fewer than LEAST members in all has no rows.
    """
    lines = exceptions.sort("amount_at_risk", descending=True, nulls_last=True).unique(
        [*LINE_KEY, "outcome"], keep="first", maintain_order=True
    )
    month = pl.col("service_date").dt.strftime("%Y-%m")
    tables = {
        "rule": exceptions.with_columns(value="rule_id"),
        "outcome": lines.with_columns(value="outcome"),
        "payer": worklist.with_columns(value=payer(worklist, payer_names)),
        "month": worklist.with_columns(value=month),
    }
    return conform(pl.concat([_large_enough(table, by) for by, table in tables.items()]), AGGREGATE)


def _large_enough(rows: pl.DataFrame, by: str) -> pl.DataFrame:
    counted = (
        rows.group_by("value").agg(members=pl.col("person_id").n_unique()).sort("members", "value")
    )
    values, put_together = counted["value"].to_list(), 0
    while put_together < len(values) and (
        counted["members"][put_together] < LEAST
        or 0 < _members(rows, values[:put_together]) < LEAST
    ):
        put_together += 1
    small = values[:put_together]
    if 0 < _members(rows, small) < LEAST:
        rows, small = rows.clear(), []
    value = (
        pl.when(pl.col("value").is_in(small)).then(pl.lit(OTHER)).otherwise("value").alias("value")
    )
    return (
        rows.with_columns(value)
        .group_by("value")
        .agg(
            lines=pl.len().cast(pl.Int64),
            amount_at_risk=pl.col("amount_at_risk").fill_null(pl.lit(0, dtype=MONEY)).sum(),
        )
        .sort(pl.col("value") == OTHER, "value")
        .select(pl.lit(by).alias("by"), "value", "lines", "amount_at_risk")
    )


def _members(rows: pl.DataFrame, values: list[str]) -> int:
    return rows.filter(pl.col("value").is_in(values))["person_id"].n_unique()

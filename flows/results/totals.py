"""Every total that a run shows: sums of the columns of worklist.parquet. No other module adds up
amounts to be shown.

A line's amounts are in one row of the worklist, so a total counts no dollar twice, and totals by
label add up to the whole.
"""

from collections.abc import Mapping
from decimal import Decimal

import polars as pl

from schemas.results import AMOUNT_COLUMNS, MONEY, TOTAL, WORKLIST

SUMMED = tuple(name for name, dtype in WORKLIST.items() if dtype == MONEY)
"""The columns that are added up."""
AT_RISK = ("amount_at_risk", *AMOUNT_COLUMNS.values())
"""What is at risk, and the three parts that it is the sum of."""
EXPECTED = "expected_amount"
"""What is expected to hold of what is at risk: shown if the two differ."""
SET_ASIDE = ("dismissed_amount", "not_collectable_amount", "recovered_amount")
"""What is not part of what is at risk: shown unless it is nothing."""


def totals(lines: pl.DataFrame, **by: pl.Expr | str) -> pl.DataFrame:
    """Count lines and add up their amounts: `by`, `lines`, and those of SUMMED that exist.

    One row per label, in the order of their first lines; without `by` a single one. Rows that are
    totals themselves have a column `lines`, which is added up too.
    """
    is_total = "lines" in lines.columns
    count = pl.col("lines").sum() if is_total else pl.len()
    sums = [
        count.cast(pl.Int64).alias("lines"),
        *(pl.col(c).cast(TOTAL).sum() for c in SUMMED if c in lines.columns),
    ]
    return lines.group_by(**by, maintain_order=True).agg(sums) if by else lines.select(sums)


def totals_as_text(lines: pl.DataFrame) -> dict[str, str]:
    """Column -> the sum of its dollars over all lines."""
    whole = totals(lines).drop("lines").cast(pl.String)
    return dict(zip(whole.columns, whole.row(0), strict=True))


def shown_totals(sums: Mapping[str, str]) -> dict[str, Decimal]:
    """Of sums by column those that are shown for people, in order: AT_RISK, and what else says
    something."""
    amounts = {column: Decimal(amount) for column, amount in sums.items()}
    shown = [*AT_RISK]
    shown += [EXPECTED] if amounts.get(EXPECTED) != amounts.get("amount_at_risk") else []
    shown += [column for column in SET_ASIDE if amounts.get(column)]
    return {column: amounts[column] for column in shown if column in amounts}


def with_leading(lines: pl.DataFrame, exceptions: pl.DataFrame, *columns: str) -> pl.DataFrame:
    """Lines with these columns of the exception that leads each: the first of exception_ids.

    Columns of the line that have the same name are replaced.
    """
    leading = exceptions.unique("exception_id", keep="first", maintain_order=True).select(
        pl.col("exception_id").alias("leading"), *columns
    )
    return (
        lines.drop(columns, strict=False)
        .with_columns(leading=pl.col("exception_ids").list.first())
        .join(leading, on="leading", how="left", maintain_order="left")
        .drop("leading")
    )

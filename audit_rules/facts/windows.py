"""Windows around a service date, as the terms give them."""

import polars as pl

from schemas.days import days_after, days_before


def is_near(date: pl.Expr, day: pl.Expr) -> pl.Expr:
    """Whether `date` is from lookback_days before `day` to lookahead_days after, both included."""
    return date.is_between(days_before(day, "lookback_days"), days_after(day, "lookahead_days"))

"""Windows around a service date, as the terms give them."""

import polars as pl


def is_near(date: pl.Expr, day: pl.Expr) -> pl.Expr:
    """Whether `date` is from lookback_days before `day` to lookahead_days after, both included."""
    return date.is_between(
        day - pl.duration(days="lookback_days"), day + pl.duration(days="lookahead_days")
    )

"""Windows around a service date, as the terms give them."""

import polars as pl


def is_near(date: pl.Expr, day: pl.Expr) -> pl.Expr:
    """True if `date` is within [day - lookback_days, day + lookahead_days], both ends
    included; null stays null."""
    return date.is_between(
        day - pl.duration(days="lookback_days"), day + pl.duration(days="lookahead_days")
    )

"""Whether something was paid for a line: rules judge no other lines, and no other has a price."""

import polars as pl


def is_paid(amount: pl.Expr) -> pl.Expr:
    """Whether an amount in dollars or cents is more than nothing; null stays null."""
    return amount > 0


def is_paid_sql(amount: str) -> str:
    """The same as SQL over a column, for the warehouse; false for an unknown amount."""
    return f"coalesce({amount} > 0, false)"

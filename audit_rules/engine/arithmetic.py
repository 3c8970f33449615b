"""Exact figures: numbers with up to three decimals as whole thousandths, so that limits are
exact."""

import polars as pl

SCALE = 1000


def thousandths(value: pl.Expr) -> pl.Expr:
    """A number with at most three decimals as an integer of thousandths; null stays null."""
    return (value.cast(pl.Float64) * SCALE).round(0).cast(pl.Int128)


def from_thousandths(value: pl.Expr) -> pl.Expr:
    """An integer of thousandths as the number to show; null stays null."""
    return value.cast(pl.Float64) / SCALE


def rounded_half_up(numerator: pl.Expr, denominator: pl.Expr) -> pl.Expr:
    """The exact quotient of two integers rounded to the nearest, halves up; denominator
    positive."""
    n, d = numerator.cast(pl.Int128), denominator.cast(pl.Int128)
    return ((2 * n + d) // (2 * d)).cast(pl.Int64)

"""Exact figures: numbers with up to three decimals as whole thousandths, so that products and limits meet exactly."""

import polars as pl

SCALE = 1000


def thousandths(value: pl.Expr) -> pl.Expr:
    """A number with at most three decimals as an integer of thousandths; null stays null."""
    return (value.cast(pl.Float64) * SCALE).round(0).cast(pl.Int128)


def from_thousandths(value: pl.Expr) -> pl.Expr:
    """An integer of thousandths as the number to show; null stays null."""
    return value.cast(pl.Float64) / SCALE

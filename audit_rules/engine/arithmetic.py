"""Exact figures: numbers with up to three decimals as whole thousandths, so that limits are
exact."""

import polars as pl

SCALE = 1000
_PARTS = 10**9  # a share is counted in so many parts
_LARGEST = 1e38  # below 2^127


def thousandths(value: pl.Expr) -> pl.Expr:
    """A number with at most three decimals as an integer of thousandths; null stays null."""
    return (value.cast(pl.Float64) * SCALE).round(0).cast(pl.Int128)


def from_thousandths(value: pl.Expr) -> pl.Expr:
    """An integer of thousandths as the number to show; null stays null."""
    return divided(value, SCALE)


def divided(value: pl.Expr, by: int) -> pl.Expr:
    """The float closest to a quotient; null stays null.

    Polars divides a column of several rows by one number as if it multiplied by 1 / number, which
    is off in the last digit, and a column of one row exactly; so it gets a column to divide by.
    """
    dividend = value.cast(pl.Float64)
    return dividend / (dividend * 0 + by)


def exact_sum(values: pl.Expr) -> pl.Expr:
    """Integers of the extracts added up: in 128 bits, which no number of lines exceeds."""
    return values.cast(pl.Int128).sum()


def exceeds(exact: tuple[pl.Expr, pl.Expr], close: tuple[pl.Expr, pl.Expr]) -> pl.Expr:
    """Whether the first of two integers is greater.

    exact   both, in 128 bits.
    close   both as floats: they decide if either has more digits than 128 bits hold.
    """
    fits = pl.max_horizontal(*close) < _LARGEST
    return pl.when(fits).then(exact[0] > exact[1]).otherwise(close[0] > close[1])


def least_and_most(own: pl.Expr, share: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """The least and the most integers of which each is at least a share of the other, exactly.

    own     a positive integer of at most 18 digits.
    share   a positive number of at most nine decimals; null stays null.
    """
    own = own.cast(pl.Int128)
    parts = (share.cast(pl.Float64) * _PARTS).round(0).cast(pl.Int128).clip(1)
    return (own * parts + _PARTS - 1) // _PARTS, own * _PARTS // parts


def rounded_half_up(numerator: pl.Expr, denominator: pl.Expr) -> pl.Expr:
    """The exact quotient of two integers rounded to the nearest, halves up; denominator
    positive."""
    n, d = numerator.cast(pl.Int128), denominator.cast(pl.Int128)
    return ((2 * n + d) // (2 * d)).cast(pl.Int64)

"""Equal rows of a sorted frame: they are neighbours."""

import polars as pl


def is_as_before(columns: pl.Expr) -> pl.Expr:
    """Whether a row equals the one before it in some columns.

    Of rows sorted by these columns it is true of all but the first of equal ones: cheaper than
    `unique`, which hashes every value.
    """
    return pl.all_horizontal(columns.eq_missing(columns.shift()))

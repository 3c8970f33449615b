"""What was recovered on a line is no longer at risk: it is subtracted from the line's amounts."""

import polars as pl

from schemas.folding import folded_names
from schemas.results import AMOUNT_COLUMNS, LINE_KEY, MONEY

_ZERO = pl.lit(0, dtype=MONEY)
_KEY = ["claim_source", "payer_name", "member_id", "claim_id", "claim_line_number"]


def with_recovered(lines: pl.DataFrame, recovered: pl.DataFrame) -> pl.DataFrame:
    """Lines with `recovered_amount`: what came back for any exception that ever was on them.

    An exception that is found no longer counts for the line that it was on, unless several persons
    share that line's number.

    lines       with payer_name, the payer folded.
    recovered   as RECOVERED has it.
    """
    if recovered.is_empty():
        return lines.with_columns(recovered_amount=_ZERO)
    numbered = lines.with_row_index("row")
    by_exception = (
        numbered.select("row", exception_id="exception_ids")
        .explode("exception_id")
        .unique("exception_id", keep="first", maintain_order=True)
    )
    by_key = numbered.select("row", *_KEY).unique(_KEY, keep="none")
    found = (
        recovered.with_columns(payer_name=folded_names(pl.col("payer")))
        .join(by_exception, on="exception_id", how="left")
        .join(by_key, on=_KEY, how="left", suffix="_of_key")
        .with_columns(row=pl.coalesce("row", "row_of_key"))
    )
    sums = found.drop_nulls("row").group_by("row").agg(recovered_amount=pl.col("recovered").sum())
    return (
        numbered.join(sums, on="row", how="left", maintain_order="left", validate="1:1")
        .drop("row")
        .with_columns(pl.col("recovered_amount").cast(MONEY).fill_null(_ZERO))
    )


def less_recovered(lines: pl.DataFrame, back: pl.Expr) -> pl.DataFrame:
    """Lines without what came back: it is taken from the strongest outcome first.

    What is left of it is taken from not_collectable_amount. No amount is below zero.
    """
    before = _ZERO
    columns: dict[str, pl.Expr] = {}
    for column in (*AMOUNT_COLUMNS.values(), "not_collectable_amount"):
        left = pl.max_horizontal(back - before, _ZERO)
        columns[column] = pl.max_horizontal(pl.col(column) - left, _ZERO).cast(MONEY)
        before = before + pl.col(column)
    at_risk = pl.max_horizontal(pl.col("amount_at_risk") - back, _ZERO).cast(MONEY)
    return lines.with_columns(amount_at_risk=at_risk, **columns)


def exceptions_less_recovered(exceptions: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """Exceptions with `recovered_amount` of their lines, and amount_at_risk without it."""
    back, amount = pl.col("recovered_amount"), pl.col("amount_at_risk")
    left = pl.max_horizontal(amount - back, _ZERO).cast(MONEY)
    is_less = (back > 0) & amount.is_not_null()  # an unknown amount stays unknown
    return exceptions.join(
        lines.select(*LINE_KEY, "recovered_amount"),
        on=list(LINE_KEY),
        how="left",
        nulls_equal=True,
        maintain_order="left",
        validate="m:1",
    ).with_columns(amount_at_risk=pl.when(is_less).then(left).otherwise(amount))

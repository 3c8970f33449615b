"""What is expected of an amount: the amount times how often findings of its rule have held.

Until a finding of a rule has been reviewed, its amounts count in full: an assumption.
"""

import polars as pl

from audit_rules.engine.past_decisions import Precision, ReviewCounts
from schemas.collecting import is_asked
from schemas.results import AMOUNT_COLUMNS, LINE_KEY, MONEY

_KEY = list(LINE_KEY)
_AMOUNT = pl.col("amount_at_risk")


def with_expected(exceptions: pl.DataFrame, precision: Precision) -> pl.DataFrame:
    """Exceptions with `expected_amount`: amount_at_risk times the precision of the rule."""
    if not precision:
        return exceptions.with_columns(expected_amount=_AMOUNT)
    return _rated(exceptions, precision).with_columns(expected_amount=_times_precision(_AMOUNT))


def with_expected_lines(
    lines: pl.DataFrame, exceptions: pl.DataFrame, precision: Precision
) -> pl.DataFrame:
    """Lines of the worklist with `expected_amount`.

    Each part of amount_at_risk counts times the precision of the rule that gives it: of the
    findings of its outcome with the largest amount that which held most often.
    """
    if not precision:
        return lines.with_columns(expected_amount=_AMOUNT)
    rated = _rated(exceptions.filter(is_asked()), precision).sort(
        _AMOUNT, pl.col("held") / pl.col("reviewed"), descending=True, nulls_last=True
    )
    expected = lines.with_columns(expected_amount=pl.lit(0, dtype=MONEY))
    for outcome, column in AMOUNT_COLUMNS.items():
        leading = rated.filter(outcome=outcome).unique(_KEY, keep="first", maintain_order=True)
        part = _times_precision(pl.col(column)).fill_null(pl.lit(0, dtype=MONEY))
        expected = (
            expected.join(
                leading.select(*LINE_KEY, "held", "reviewed"),
                on=_KEY,
                how="left",
                nulls_equal=True,
                maintain_order="left",
                validate="m:1",
            )
            .with_columns(expected_amount=pl.col("expected_amount") + part)
            .drop("held", "reviewed")
        )
    return expected


def _rated(exceptions: pl.DataFrame, precision: Precision) -> pl.DataFrame:
    """Exceptions with `held` and `reviewed` of their rule; 1 and 1 if none was reviewed."""
    return exceptions.with_columns(
        pl.col("rule_id")
        .replace_strict(
            {rule: getattr(counted, name) for rule, counted in precision.items()},
            default=1,
            return_dtype=pl.Int64,
        )
        .alias(name)
        for name in ReviewCounts._fields
    )


def _times_precision(amount: pl.Expr) -> pl.Expr:
    """An amount times held / reviewed, in whole cents, half a cent up: exact, so no floats."""
    cents = (amount * 100).cast(pl.Int128)
    held, reviewed = pl.col("held"), pl.col("reviewed")
    rounded = (2 * cents * held + reviewed) // (2 * reviewed)
    return (rounded.cast(pl.Decimal(38, 2)) / 100).cast(MONEY)

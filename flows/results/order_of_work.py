"""The order in which people work: first what can soon no longer be collected, then by dollars.

Days left are grouped into bands, so that a small amount due today does not come before a large one
due tomorrow. Within a band the expected dollars count: the amount at risk times how often findings
of the rule have held (audit_rules/engine/expected.py).
"""

from datetime import date

import polars as pl

from schemas.collecting import NO
from schemas.decisions import DISMISSED

_BANDS = (30, 90)
"""Days left at which a band ends; an assumption. More days, or an unknown number, come after."""
ORDERED_BY = (
    *("expected_amount", "amount_at_risk", "recovered_amount"),
    *("recoup_by", "collectable", "status"),
)
"""The columns that the order looks at."""
_LARGEST_FIRST = (-pl.col("expected_amount"), -pl.col("amount_at_risk"))


def in_order_of_work(rows: pl.DataFrame, as_of: date, *more: pl.Expr) -> pl.DataFrame:
    """Exceptions or lines, the most pressing first, then by `more` and by expected dollars.

    What may not be collected, has come back, or was dismissed by a person comes last.

    rows   with the columns ORDERED_BY.
    """
    order = (_band(as_of), *more, *_LARGEST_FIRST)
    return rows.sort(order, nulls_last=True, maintain_order=True)


def _band(as_of: date) -> pl.Expr:
    """The number of the band of the days left; the last is of what nobody asks for."""
    left = (pl.col("recoup_by") - pl.lit(as_of)).dt.total_days()
    is_settled = (pl.col("recovered_amount") > 0) & (pl.col("amount_at_risk") == 0)
    is_barred = (pl.col("collectable") == NO) | (pl.col("status") == DISMISSED) | is_settled
    bands = pl.lit(len(_BANDS))
    for number, days in reversed(list(enumerate(_BANDS))):
        bands = pl.when(left <= days).then(pl.lit(number)).otherwise(bands)
    return pl.when(is_barred).then(pl.lit(len(_BANDS) + 1)).otherwise(bands)

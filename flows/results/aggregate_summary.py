"""What an aggregate run says of itself on the screen, as JSON, and to Prefect."""

from dataclasses import replace

import polars as pl

from flows.summary import Summary


def as_aggregate(summary: Summary, table: pl.DataFrame) -> Summary:
    """The summary without any count that aggregate.csv does not give: these are None.

    A count of rows, persons or changes may be small, or give one away next to those of the table.

    table   the rows of aggregate.csv.
    """
    month, outcome = (table.filter(pl.col("by") == by) for by in ("month", "outcome"))
    amounts = outcome.select("value", pl.col("amount_at_risk").cast(pl.String)).rows()
    return replace(
        summary,
        rows_read=None,
        quarantined=None if summary.quarantined else 0,
        newly_quarantined=None if summary.newly_quarantined else 0,
        duplicates=None,
        changes=None,
        exceptions=None,
        lines=None if table.is_empty() else int(month["lines"].sum()),
        amount_at_risk=None if table.is_empty() else str(month["amount_at_risk"].sum()),
        at_risk_by_outcome=dict(amounts),
        repeated_amounts=None,
        persons=None,
        judged_again=None,
    )

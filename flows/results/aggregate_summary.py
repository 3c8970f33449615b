"""What an aggregate run says of itself on the screen, as JSON, and to Prefect."""

from dataclasses import replace

import polars as pl

from flows.results.totals import SUMMED
from flows.summary import Summary


def as_aggregate(summary: Summary, table: pl.DataFrame) -> Summary:
    """The summary without any count that aggregate.csv does not give: these are None.

    A count of rows, persons or changes may be small, or give one away next to those of the table.

    table   the rows of aggregate.csv.
    """
    shown = {} if table.is_empty() else {c: summary.totals[c] for c in SUMMED if c in table.columns}
    return replace(
        summary,
        rows_read=None,
        quarantined=None if summary.quarantined else 0,
        newly_quarantined=None if summary.newly_quarantined else 0,
        duplicates=None,
        changes=None,
        exceptions=None,
        lines=None if table.is_empty() else summary.lines,
        advisory_lines=None,
        audited_lines=None,
        totals=shown,
        repeated_amounts=None,
        persons=None,
        judged_again=None,
    )

"""The days that a notice gives: until when the provider may answer, and when money may be taken."""

from datetime import date

import polars as pl

from audit_rules.law.binding import bound_rows
from audit_rules.law.clauses import Notice
from audit_rules.law.library import LawLibrary
from audit_rules.law.places import Places
from schemas.days import shifted, working_day_after


def day_of(notice: Notice, start: date, days: int) -> date:
    """The day so many days of a notice after a letter went out."""
    return working_day_after(start, days) if notice.business_days else shifted(start, days)


def answer_by(
    exceptions: pl.DataFrame, law: LawLibrary, places: Places, as_of: date
) -> pl.DataFrame:
    """The last day to answer a letter of the as-of date, of each exception in order: `answer_by`.

    Of several notices that bind the latest day counts; null: none is known.
    """
    timed = [n for n in law.of_kind(Notice) if n.to_answer is not None]
    days = pl.DataFrame(
        [(k, day_of(n, as_of, n.to_answer or 0)) for k, n in enumerate(timed)],
        schema={"clause": pl.Int64, "answer_by": pl.Date},
        orient="row",
    )
    rows = exceptions.select("payer", "plan", "claim_source", "service_date").with_row_index("row")
    found = bound_rows(rows, timed, places).filter("is_certain").join(days, on="clause")
    latest = found.group_by("row").agg(pl.col("answer_by").max())
    return rows.join(latest, on="row", how="left").sort("row").select("answer_by")

"""The pieces of evidence of each answer: each fact once, and not more than a person reads."""

from collections.abc import Sequence

import polars as pl

from audit_rules.engine.neighbours import is_as_before
from schemas.results import CLAIM_LINE, EVIDENCE_FIELDS, EVIDENCE_ORDER, MORE, MOST_EVIDENCE, Schema

_KEY_TYPES: Schema = {
    "row_id": pl.UInt32,
    "policy_id": pl.String,
    "rule_id": pl.String,
    "term_id": pl.String,
}


def pieces(frames: Sequence[pl.DataFrame], lines: pl.DataFrame, key: Sequence[str]) -> pl.DataFrame:
    """One row per answer and piece of evidence, unsorted: `key`, and EVIDENCE_FIELDS.

    frames   the evidence of rules, with the columns of `key` and, if facts were left out,
             `more` and `asked_no`.
    lines    every line with its row_id, CLAIM_LINE and service_date.
    key      names an answer; row_id is part of it.

    Of more than MOST_EVIDENCE pieces on one side those of the line itself stay, then a date of
    birth, then those nearest in time to the line, of equally near ones the first in the order of
    EVIDENCE_ORDER. A piece of kind MORE counts the others.
    """
    empty = pl.DataFrame(schema={n: _KEY_TYPES[n] for n in key} | EVIDENCE_FIELDS)
    found = pl.concat([empty, *(_typed(f).select(empty.columns) for f in frames)])
    ordered = found.sort(*key, *EVIDENCE_ORDER, nulls_last=True)  # by every column
    shown = ordered.filter(~is_as_before(pl.all()))
    side = [*key, "side"]
    side_no = (~is_as_before(pl.col(side))).cum_sum()
    is_crowded = pl.len().over("side_no") > MOST_EVIDENCE
    shown = shown.with_columns(side_no=side_no).with_columns(is_crowded=is_crowded)
    crowded = shown.filter("is_crowded").drop("is_crowded").with_row_index("place")
    counted = crowded.group_by(side).agg(more=pl.len().cast(pl.Int64) - MOST_EVIDENCE)
    more = pl.concat([counted, *_left_out(frames, side)])
    if more.is_empty():
        return shown.select(empty.columns)
    own = lines.select("row_id", *CLAIM_LINE, day="service_date")
    near = (
        crowded.join(own, on="row_id", how="left", suffix="_own")
        .with_columns(
            distance=pl.when(pl.col("code").eq_missing("birth_date"))
            .then(0)
            .otherwise((pl.col("date") - pl.col("day")).dt.total_days().abs()),
            is_other=~pl.all_horizontal(
                pl.col(c).eq_missing(pl.col(f"{c}_own")) for c in CLAIM_LINE
            ),
        )
        .sort("side_no", "is_other", "distance", "place", nulls_last=True)
        .filter(pl.int_range(pl.len()).over("side_no") < MOST_EVIDENCE)
    )
    rest = shown.filter(~pl.col("is_crowded"))
    counts = more.group_by(side).agg(pl.col("more").sum()).filter(pl.col("more") > 0)
    counts = counts.with_columns(kind=pl.lit(MORE), value=pl.col("more").cast(pl.String))
    kept = [near.select(empty.columns), rest.select(empty.columns), counts.drop("more")]
    return pl.concat(kept, how="diagonal").select(empty.columns)


def _typed(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.cast({"row_id": pl.UInt32})


def _left_out(frames: Sequence[pl.DataFrame], side: list[str]) -> list[pl.DataFrame]:
    """How many facts each frame left out, per answer and side."""
    counted = []
    for frame in frames:
        if "more" in frame.columns:
            some = _typed(frame).filter(pl.col("more") > 0).sort(side)
            once = some.unique([*side[:-1], "asked_no"], keep="first", maintain_order=True)
            counted.append(once.group_by(side).agg(pl.col("more").sum()))
    return counted

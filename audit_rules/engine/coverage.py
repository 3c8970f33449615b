"""The coverage: how many audited lines got each answer, per policy and rule."""

import polars as pl

from schemas.outcomes import GENERAL, NO_POLICY, NOT_APPLICABLE, NOT_EVALUABLE
from schemas.results import COVERAGE, conform

COUNTED = {"person_id": pl.String, **COVERAGE}
"""Coverage by person, so that it can be added up over runs."""


def counted_lines(answers: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """Count each person's audited lines per policy, rule and answer; lines that no policy governs
    are `none`."""
    answers = answers.join(lines.select("row_id"), on="row_id", how="semi")
    governed = (
        answers.filter(pl.col("version_from").is_not_null(), pl.col("policy_id") != GENERAL)
        .select("row_id")
        .unique()
    )
    without = lines.join(governed, on="row_id", how="anti").select(
        "person", policy_id=pl.lit(NO_POLICY), outcome=pl.lit(NOT_APPLICABLE)
    )
    found = pl.concat(
        [answers.select("person", "policy_id", "rule_id", "outcome", "reason"), without],
        how="diagonal",
    )
    key = ["person_id", "policy_id", "rule_id", "outcome", "reason"]
    return conform(
        found.rename({"person": "person_id"})
        .group_by(key)
        .agg(lines=pl.len())
        .sort(key, nulls_last=True),
        COUNTED,
    )


def rule_coverage(counted: pl.DataFrame, gaps: pl.DataFrame) -> pl.DataFrame:
    """How many lines got each answer, per policy and rule.

    What a rule could not look for on any line is named as not_evaluable with no lines, so that the
    sums hold.
    """
    none = pl.DataFrame([(NO_POLICY, None, NOT_APPLICABLE, None, 0)], schema=COVERAGE, orient="row")
    named = gaps.with_columns(
        outcome=pl.lit(NOT_EVALUABLE), lines=pl.lit(0, dtype=pl.Int64)
    ).select(list(COVERAGE))
    key = ["policy_id", "rule_id", "outcome", "reason"]
    summed = (
        pl.concat([counted.select(list(COVERAGE)), none, named])
        .group_by(key)
        .agg(pl.col("lines").sum())
    )
    return conform(summed.sort(key, nulls_last=True), COVERAGE)

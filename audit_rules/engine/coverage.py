"""The coverage: how many audited lines got each answer, per policy and rule."""

import polars as pl

from audit_rules.engine.document_answers import DocumentAnswers
from schemas.outcomes import GENERAL, NO_POLICY, NOT_APPLICABLE, NOT_EVALUABLE
from schemas.results import COVERAGE, conform

COUNTED = {"person_id": pl.String, **COVERAGE}
"""Coverage by person, so that it can be added up over runs."""


OF_DOCUMENT = "of_document"
"""In place of an outcome: how many lines a document of the language has."""
_KEY = ["policy_id", "rule_id", "term_id", "outcome", "reason"]


def counted_lines(
    answers: pl.DataFrame, lines: pl.DataFrame, others: DocumentAnswers | None = None
) -> pl.DataFrame:
    """Count each person's audited lines per policy, rule and answer; lines that no policy governs
    are `none`."""
    looked_at = ["row_id", "person", "policy_id", "rule_id", "outcome", "reason", "version_from"]
    answers = answers.select(looked_at).join(lines.select("row_id"), on="row_id", how="semi")
    governed = (
        answers.filter(pl.col("version_from").is_not_null(), pl.col("policy_id") != GENERAL)
        .select("row_id")
        .unique()
    )
    if others is not None:
        of_documents = others.lines.filter("is_in_force").select("row_id").unique()
        governed = pl.concat([governed, of_documents])
    without = lines.join(governed, on="row_id", how="anti").select(
        "person", policy_id=pl.lit(NO_POLICY), outcome=pl.lit(NOT_APPLICABLE)
    )
    found = pl.concat(
        [answers.select("person", "policy_id", "rule_id", "outcome", "reason"), without],
        how="diagonal",
    )
    return _counted(found.with_columns(term_id=pl.lit(None, dtype=pl.String)))


def _counted(found: pl.DataFrame) -> pl.DataFrame:
    key = ["person_id", *_KEY]
    return conform(
        found.rename({"person": "person_id"})
        .group_by(key)
        .agg(lines=pl.len())
        .sort(key, nulls_last=True),
        COUNTED,
    )


def governed_lines(governed: DocumentAnswers) -> pl.DataFrame:
    """Count each person's lines of documents of the language: per answer, and those of the
    document."""
    lines = governed.lines.select("row_id", "policy_id", "person")
    nothing = pl.lit(None, dtype=pl.String)
    of_document = lines.with_columns(
        outcome=pl.lit(OF_DOCUMENT), rule_id=nothing, term_id=nothing, reason=nothing
    )
    answered = governed.answers.join(lines, on=["row_id", "policy_id"]).select(
        "person", "policy_id", "rule_id", "outcome", "reason", term_id="counted_term"
    )
    return _counted(pl.concat([answered, of_document], how="diagonal"))


def rule_coverage(counted: pl.DataFrame, gaps: pl.DataFrame) -> pl.DataFrame:
    """How many lines got each answer, per policy, rule and term of the language.

    What a rule could not look for on any line is named as not_evaluable with no lines, so that the
    sums hold. Lines of a document that a term of it does not answer are not_applicable.
    """
    none = pl.DataFrame(
        [(NO_POLICY, None, None, NOT_APPLICABLE, None, 0)], schema=COVERAGE, orient="row"
    )
    is_gap = pl.col("reason").is_not_null()
    named = (
        gaps.filter(is_gap)
        .with_columns(outcome=pl.lit(NOT_EVALUABLE), lines=pl.lit(0, dtype=pl.Int64))
        .select(list(COVERAGE))
    )
    answered = counted.filter(pl.col("outcome") != OF_DOCUMENT)
    rest = _unanswered(counted, gaps.filter(~is_gap))
    summed = (
        pl.concat([answered.select(list(COVERAGE)), none, named, rest])
        .group_by(_KEY)
        .agg(pl.col("lines").sum())
    )
    return conform(summed.sort(_KEY, nulls_last=True), COVERAGE)


def _unanswered(counted: pl.DataFrame, units: pl.DataFrame) -> pl.DataFrame:
    """The lines of each document that each of its terms does not answer."""
    is_total = pl.col("outcome") == OF_DOCUMENT
    totals = counted.filter(is_total).group_by("policy_id").agg(total=pl.col("lines").sum())
    unit = ["policy_id", "rule_id", "term_id"]
    answered = counted.filter(~is_total).group_by(unit).agg(answered=pl.col("lines").sum())
    nothing = pl.col("lines") == 0
    rest = (
        units.join(totals, on="policy_id", how="left")
        .join(answered, on=unit, how="left", nulls_equal=True)
        .with_columns(
            lines=pl.col("total").fill_null(0) - pl.col("answered").fill_null(0),
            outcome=pl.lit(NOT_APPLICABLE),
            reason=pl.lit(None, dtype=pl.String),
        )
        .filter(~nothing | pl.col("answered").is_null())
    )
    return conform(rest, COVERAGE)

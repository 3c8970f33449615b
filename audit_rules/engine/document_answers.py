"""What documents of the policy language say of their lines, as the judge takes it up."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from schemas.outcomes import NOT_APPLICABLE


@dataclass(frozen=True)
class DocumentAnswers:
    """The answers of every document of the language.

    answers    one row per line, policy and unit that answers: the columns of an answer,
               documents_needed, set_no (the set of the document), set_drug (what an exception
               calls the drug) and counted_term (null for terms that answer as one). Answers that
               are not_applicable have no row.
    evidence   frames of row_id, policy_id, rule_id, term_id and the fields of evidence.
    lines      one row per document and line of it: policy_id, the line with its row_id, and
               is_in_force: whether a version was in force on its date.
    units      one row per document and unit that answers: policy_id, rule_id, term_id.
    """

    answers: pl.DataFrame
    evidence: Sequence[pl.DataFrame]
    lines: pl.DataFrame
    units: pl.DataFrame


def every_answer(governed: DocumentAnswers) -> pl.DataFrame:
    """One row per line of a document and unit that answers, with the line: its answer, or
    not_applicable."""
    units = governed.units.rename({"term_id": "counted_term"})
    on = ["row_id", "policy_id", "rule_id", "counted_term"]
    return (
        governed.lines.join(units, on="policy_id")
        .join(governed.answers, on=on, how="left", nulls_equal=True)
        .with_columns(pl.col("outcome").fill_null(NOT_APPLICABLE))
    )


def with_not_applicable(governed: DocumentAnswers) -> pl.DataFrame:
    """The answers of documents; under a rule id of theirs those that are not applicable, too."""
    others = every_answer(governed).filter(
        pl.col("counted_term").is_null(), pl.col("outcome") == NOT_APPLICABLE
    )
    return pl.concat(
        [governed.answers, others.select(governed.answers.columns)], how="vertical_relaxed"
    )

"""What documents of the policy language say of their lines, as the judge takes it up."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class Governed:
    """The answers of every document of the language.

    answers    one row per line, policy and unit that answers: the columns of an answer,
               documents_needed, set_no (the set of the document), set_drug (what an exception
               calls the drug) and counted_term (null for terms that answer as one). Answers that
               are not_applicable have no row.
    evidence   frames of row_id, policy_id, rule_id, term_id and the fields of evidence.
    lines      one row per document and line of it: policy_id, and the line with its row_id.
    units      one row per document and unit that answers: policy_id, rule_id, term_id.
    """

    answers: pl.DataFrame
    evidence: Sequence[pl.DataFrame]
    lines: pl.DataFrame
    units: pl.DataFrame

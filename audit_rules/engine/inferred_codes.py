"""NDCs that nobody has verified: a row of the reference table that is inferred, or from memory.

Such a row recognises a drug, but no finding on its line is stronger than `review`. A rule that
recognises another drug by an NDC looks at `Reference.inferred_ndcs` itself.
"""

import polars as pl

from audit_rules.reference.codes import Reference
from schemas.outcomes import RECORDS_REQUEST, RECOVER, REVIEW

BECAUSE = " Its package code is not verified, so a person must look at this first."


def review_at_most(settled: pl.LazyFrame, reference: Reference) -> pl.LazyFrame:
    """Settled answers of one rule: `review` if the line's own NDC is such a code, and the answer
    would be stronger."""
    is_lowered = pl.col("ndc_code").is_in(reference.inferred_ndcs) & pl.col("outcome").is_in(
        [RECOVER, RECORDS_REQUEST]
    )
    return settled.with_columns(
        outcome=pl.when(is_lowered).then(pl.lit(REVIEW)).otherwise("outcome"),
        rationale=pl.when(is_lowered).then(pl.col("rationale") + BECAUSE).otherwise("rationale"),
    )

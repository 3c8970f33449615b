"""What was found of some persons after others, put together."""

from collections.abc import Sequence

import polars as pl

from audit_rules.engine.exceptions import EXCEPTION_ORDER
from audit_rules.engine.judge import Judgement
from audit_rules.engine.repeated_amounts import REPEATED_ORDER


def together(found: Sequence[Judgement]) -> Judgement:
    """The judgement of all parts; of several without `answers`, whose row ids are each part's."""
    if len(found) == 1:
        return found[0]
    return Judgement(
        exceptions=pl.concat(j.exceptions for j in found).sort(EXCEPTION_ORDER, nulls_last=True),
        counted=pl.concat(j.counted for j in found),
        gaps=pl.concat(j.gaps for j in found).unique(maintain_order=True),
        answers=found[0].answers.clear(),
        repeated=pl.concat(j.repeated for j in found).sort(REPEATED_ORDER),
    )

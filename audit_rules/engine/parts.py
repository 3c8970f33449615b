"""Everything known of some persons at a time, and what was found of all of them together.

No answer looks at another person, but for what the warehouse hands over about everybody (prices,
providers, first days of payers). So persons can be judged one group after the other, in bounded
memory, and nobody's answers depend on the groups.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import polars as pl

from audit_rules.engine.dossier import WarehouseFrames
from audit_rules.engine.exceptions import EXCEPTION_ORDER
from audit_rules.engine.judge import Judgement
from audit_rules.engine.repeated_amounts import REPEATED_ORDER

_LINES = ("medical", "pharmacy")
_OF_PERSONS = (*_LINES, "diagnosis", "eligibility", "authorization", "clinical_evidence")


def parts(frames: WarehouseFrames, most: int) -> Iterator[WarehouseFrames]:
    """The frames in parts of whole persons, each of about so many lines; one part at least."""
    if sum(getattr(frames, name).height for name in _LINES) <= most:
        yield frames
        return
    persons = pl.concat(getattr(frames, name).select("person") for name in _LINES)
    counted = persons.group_by("person").len().sort("person")
    numbered = counted.select("person", part=(pl.col("len").cum_sum() - 1) // most)
    for part in numbered.partition_by("part", maintain_order=True):
        own = {
            name: getattr(frames, name).join(part, on="person", how="semi", maintain_order="left")
            for name in _OF_PERSONS
        }
        yield replace(frames, **own)


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

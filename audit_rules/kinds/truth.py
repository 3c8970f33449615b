"""Three values: true, false, unknown with a reason; and Kleene's logic over them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import polars as pl


class NamedEvidence(NamedTuple):
    """Facts that were found for rows of `asked`, as evidence without a side.

    facts   ask_no and EVIDENCE_FIELDS but `side`.
    name    what the document calls it; empty if it is not a thing on file.
    """

    facts: pl.DataFrame
    name: str


@dataclass(frozen=True)
class Truth:
    """The answer to a condition for every row of `asked`.

    value    true, false, or null: unknown.
    reason   why it is unknown.
    found    what was found on file for it.
    """

    value: pl.Series
    reason: pl.Series
    found: Sequence[NamedEvidence] = field(default=())

    @property
    def is_unknown(self) -> pl.Series:
        """Whether it is unknown."""
        return self.value.is_null()


def known(value: pl.Series, reason: str = "", found: Sequence[NamedEvidence] = ()) -> Truth:
    """A truth whose unknowns all have one reason."""
    reasons = pl.Series([reason], dtype=pl.String).new_from_index(0, len(value))
    return Truth(value, reasons.set(value.is_not_null(), None), found)


def _reasons(parts: Sequence[Truth], value: pl.Series) -> pl.Series:
    """The reason of the first unknown part, on rows whose `value` is unknown."""
    columns = {f"r{i}": p.reason for i, p in enumerate(parts)}
    columns |= {f"v{i}": p.value for i, p in enumerate(parts)}
    frame = pl.DataFrame(columns)
    firsts = [pl.when(pl.col(f"v{i}").is_null()).then(f"r{i}") for i in range(len(parts))]
    first = frame.select(pl.coalesce(firsts)).to_series()
    return first.set(value.is_not_null(), None)


def all_of(parts: Sequence[Truth]) -> Truth:
    """True if every part is true, false if one is false."""
    value = parts[0].value
    for part in parts[1:]:
        value = value & part.value
    return Truth(value, _reasons(parts, value), [f for p in parts for f in p.found])


def any_of(parts: Sequence[Truth]) -> Truth:
    """True if one part is true, false if every part is false."""
    value = parts[0].value
    for part in parts[1:]:
        value = value | part.value
    return Truth(value, _reasons(parts, value), [f for p in parts for f in p.found])


def none_of(parts: Sequence[Truth]) -> Truth:
    """True if every part is false, false if one is true."""
    some = any_of(parts)
    return Truth(~some.value, some.reason, some.found)

"""What law says of projecting a sample on the lines that were not looked at."""

from collections.abc import Iterable
from typing import NamedTuple

import polars as pl

from audit_rules.law.binding import bound_rows
from audit_rules.law.clauses import NoExtrapolation
from audit_rules.law.library import LawLibrary
from audit_rules.law.places import Places
from flows.errors import UsageError


class Projection(NamedTuple):
    """Whether a sample of a frame may be projected.

    forbidden   units of which a clause certainly forbids it, and where these clauses are written.
    unknown     units of which a clause may forbid it: the config leaves out where their payer is,
                or what business it is in.
    """

    forbidden: int
    clauses: tuple[str, ...]
    unknown: int

    @property
    def answer(self) -> str:
        """`no`, `unknown` or `yes`, of the frame as a whole."""
        return "no" if self.forbidden else "unknown" if self.unknown else "yes"

    def refuse_forbidden(self, remedy: str) -> None:
        """Raise UsageError if law forbids to project the sample."""
        if self.forbidden:
            raise UsageError(
                f"{'; '.join(self.clauses)}: no extrapolation. That binds {self.forbidden:,} units "
                f"of the frame, so no sample of it may be projected. {remedy}"
            )


def projection_of(frame: pl.DataFrame, law: LawLibrary, places: Places) -> Projection:
    """What the clauses on extrapolation say of the units of a frame."""
    clauses = law.of_kind(NoExtrapolation)
    bound = bound_rows(frame, clauses, places)
    certain = bound.filter("is_certain")
    citations = law.citations()
    named = sorted({citations[clauses[n].term_id] for n in certain["clause"].unique()})
    open_ = set(bound["unit_id"]) - set(certain["unit_id"])
    return Projection(certain["unit_id"].n_unique(), tuple(named), len(open_))


def as_receipt(projection: Projection, law: LawLibrary) -> dict[str, object]:
    """What a receipt says of it."""
    return {
        "may_be_projected": projection.answer,
        "forbidden_units": projection.forbidden,
        "clauses": list(projection.clauses),
        "unknown_units": projection.unknown,
        "law_files": dict(_hashes(law)),
    }


def _hashes(law: LawLibrary) -> Iterable[tuple[str, str]]:
    return sorted((file.law.id, file.sha256) for file in law.laws)

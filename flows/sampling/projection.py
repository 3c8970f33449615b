"""What the law says about projecting a sample onto lines that nobody reviewed."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import polars as pl

from audit_rules.law.binding import LINE, bound_rows
from audit_rules.law.clauses import NoExtrapolation
from audit_rules.law.library import LawLibrary
from audit_rules.law.places import Places
from flows.errors import UsageError
from flows.privacy import FULL
from schemas.notes import counted


class Projection(NamedTuple):
    """Whether a sample of a frame may be projected.

    forbidden   units of which a clause certainly forbids it, and where these clauses are written.
    unknown     units of which a clause may forbid it: the config leaves out where their payer is,
                or what business it is in, or the run withholds their plan.
    """

    forbidden: int
    clauses: tuple[str, ...]
    unknown: int

    @property
    def answer(self) -> str:
        """`no`, `unknown` or `yes`, of the frame as a whole."""
        return "no" if self.forbidden else "unknown" if self.unknown else "yes"

    def refuse_forbidden(self, remedy: str) -> None:
        """Raise UsageError if law forbids projecting the sample."""
        if self.forbidden:
            raise UsageError(
                f"{'; '.join(self.clauses)}: no extrapolation. That binds "
                f"{counted(self.forbidden, 'unit')} of the frame, so no sample of it may be "
                f"projected. {remedy}"
            )


def projection_of(frame: pl.DataFrame, law: LawLibrary, places: Places, privacy: str) -> Projection:
    """What the clauses on extrapolation say of the units of a frame.

    privacy   the level of the run: one that withholds plans leaves open which plan a unit is of.
    """
    clauses, citations = law.of_kind(NoExtrapolation), law.citations()
    frame = frame.select("unit_id", *LINE, "service_date")
    forbidden, possible, named = set(frame["unit_id"]), set[str](), set[str]()
    for rows in _as_of_each_plan(frame, places) if privacy != FULL else [frame]:
        bound = bound_rows(rows, clauses, places)
        certain = bound.filter("is_certain")
        forbidden -= set(rows["unit_id"]) - set(certain["unit_id"])
        possible |= set(bound["unit_id"])
        named |= {citations[clauses[n].term_id] for n in certain["clause"].unique()}
    return Projection(
        forbidden=len(forbidden),
        clauses=tuple(sorted(named)) if forbidden else (),
        unknown=len(possible - forbidden),
    )


def _as_of_each_plan(frame: pl.DataFrame, places: Places) -> Iterator[pl.DataFrame]:
    """The frame, and for each plan that the config names the units of its payer in that plan."""
    yield frame
    ids = {name: places.payer_id(name) for name in frame["payer"].unique()}
    payer = pl.col("payer").replace_strict(ids, return_dtype=pl.String)
    for payer_id, plan in places.plans:
        yield frame.filter(payer == payer_id).with_columns(plan=pl.lit(plan))


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

"""What a kind is given about one term, or several of one shape, and what it hands back."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import polars as pl

from audit_rules.kinds.asking import Asking
from audit_rules.kinds.conditions import truth_of
from audit_rules.kinds.counting import PRODUCT_OF_SET, Counting, Pools, counting_of, pools_of
from audit_rules.kinds.ground import Ground
from audit_rules.kinds.truth import NamedEvidence, Truth
from audit_rules.policy.language.terms import LanguageTerm
from schemas.results import EVIDENCE_FIELDS

PASSES, FAILS, UNKNOWN = "pass", "fail", "unknown"
RESULT = {
    "ask_no": pl.UInt32,
    "term_no": pl.Int64,
    "state": pl.String,
    "reason": pl.String,
    "observed": pl.Float64,
    "allowed": pl.Float64,
    "excess": pl.Float64,
    "own": pl.Float64,
    "is_short": pl.Boolean,
    "is_hint": pl.Boolean,
    "found": pl.String,
    "found_date": pl.Date,
    "missing": pl.String,
    "window_from": pl.Date,
    "window_to": pl.Date,
    "phase": pl.String,
    "previous_date": pl.Date,
    "ended_on": pl.Date,
    "fact_value": pl.String,
    "fact_date": pl.Date,
    "clause": pl.String,
}
"""The columns of a kind's result.

A row of `asked` that the kind cannot ask has none.

excess, own  of the quantity that the kind counts; both null: the whole line.
is_short     only a short history leaves it open.
is_hint      always advisory.
clause       the clause of a phase or thing, in place of the term's.
"""
EVIDENCE = ["kind", *(n for n in EVIDENCE_FIELDS if n not in ("kind", "side"))]


class KindResult(NamedTuple):
    """The result of a kind's test, and the evidence of it for each side.

    result   the columns RESULT.
    against, in_favour   what was found, by side.
    """

    result: pl.DataFrame
    against: Sequence[NamedEvidence] = ()
    in_favour: Sequence[NamedEvidence] = ()


@dataclass(frozen=True)
class Setting:
    """Terms of one shape on a ground: they differ in sets, limits, dates and clause only.

    numbers   the place of each term among the document's.
    """

    ground: Ground
    terms: Sequence[LanguageTerm]
    numbers: Sequence[int]

    @property
    def term(self) -> LanguageTerm:
        """The first of the terms, which has their shape."""
        return self.terms[0]

    @cached_property
    def sets(self) -> pl.DataFrame:
        """Which sets each term judges: term_no, set_no."""
        declared = self.ground.policy.declared
        by_name = {s.name: s.number for s in self.ground.sets}
        rows = [
            (number, by_name[one.name])
            for number, term in zip(self.numbers, self.terms, strict=True)
            for one in declared.sets_of(term)
        ]
        return pl.DataFrame(rows, schema={"term_no": pl.Int64, "set_no": pl.Int64}, orient="row")

    def counting(self, own_payer: bool) -> Counting:
        """How the terms count."""
        made = counting_of(self.ground, self.term, own_payer)
        sets = tuple(sorted(self.sets["set_no"].unique()))
        is_single = self.term.by == "product" and self.sets["term_no"].is_unique().all()
        return replace(made, sets=sets, by=PRODUCT_OF_SET if is_single else made.by)

    def pools(self, own_payer: bool) -> Pools:
        """The lines that count together."""
        return pools_of(self.ground, self.counting(own_payer))

    @cached_property
    def asking(self) -> Asking:
        """How conditions are asked: dose numbers count any payer unless the term says own."""
        return Asking(self.pools(own_payer=False))

    @cached_property
    def applies(self) -> Truth | None:
        """When the terms are asked; None: always."""
        condition = self.term.applies_to
        if condition is None:
            return None
        return truth_of(self.ground, condition, self.asking._replace(strict=True))

    @cached_property
    def unless(self) -> Truth | None:
        """What excuses a line; None: nothing."""
        condition = self.term.unless
        return None if condition is None else truth_of(self.ground, condition, self.asking)

    @cached_property
    def flags(self) -> pl.DataFrame:
        """Of every row of `asked`: ask_no, is_asked (`applies_to` is true), is_excused."""
        true, false = self.ground.filled(True, pl.Boolean), self.ground.filled(False, pl.Boolean)
        applies = self.applies.value.fill_null(False) if self.applies else true
        excused = self.unless.value.fill_null(False) if self.unless else false
        return pl.DataFrame(
            {
                "ask_no": self.ground.asked["ask_no"],
                "is_asked": applies,
                "is_excused": excused,
            }
        )


def as_result(frame: pl.DataFrame, **columns: pl.Expr) -> pl.DataFrame:
    """A frame with ask_no as a kind's result: the given columns, null if none is given."""
    frame = frame.with_columns(**columns)
    present = set(frame.columns)
    return frame.select(
        (pl.col(n) if n in present else pl.lit(None)).cast(t).alias(n) for n, t in RESULT.items()
    )

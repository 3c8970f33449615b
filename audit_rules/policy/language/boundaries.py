"""Boundaries: the facts on which the answer of a term turns, as each kind declares them.

A boundary says what would have to be otherwise for the answer to be another one. It knows nothing
of a line: `explain` makes the change to a copy of one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from audit_rules.policy.language.conditions import Group, LineKey, Thing, leaves
from audit_rules.policy.language.spans import Span


@dataclass(frozen=True)
class OverLimit:
    """More than a limit on the line itself.

    measure     what the term counts, as a quantity term calls it.
    is_reached  whether the limit itself is too much.
    per_day     whether it is a limit for each day of supply.
    """

    measure: str
    limit: Decimal
    is_reached: bool = False
    per_day: bool = False


@dataclass(frozen=True)
class OverDose:
    """More than a dose.

    doses    doses in mg.
    rates    doses in mg for each unit of the fact.
    fact     the code of the fact.
    """

    doses: tuple[Decimal, ...]
    rates: tuple[Decimal, ...]
    fact: str


@dataclass(frozen=True)
class NotWhole:
    """Units that are not whole vials, with one of the modifiers that ask about them."""

    modifiers: tuple[str, ...]


@dataclass(frozen=True)
class OverApproval:
    """More units than an approval on file has."""


@dataclass(frozen=True)
class EarlierDates:
    """Earlier dates with a line like this one.

    times    how many, a span apart.
    span     a date on which this span has not passed yet; None: the days before.
    is_over  a date on which the span has just passed, in place of that.
    """

    times: int = 1
    span: Span | None = None
    is_over: bool = False


@dataclass(frozen=True)
class ThingsOnFile:
    """Things on file together: there, or none of them there."""

    things: tuple[Thing, ...]
    is_there: bool


@dataclass(frozen=True)
class LineQuestion:
    """A question about the line or its person: answered with yes, or with no."""

    key: LineKey
    holds: bool


@dataclass(frozen=True)
class Specialty:
    """A prescriber without one of these specialties."""

    taxonomies: tuple[str, ...]


@dataclass(frozen=True)
class TooLong:
    """An approval that is longer than this span."""

    span: Span


@dataclass(frozen=True)
class InForce:
    """A service date from the clause's first on, and before its end, if it has one."""

    first: date
    end: date | None


@dataclass(frozen=True)
class OtherNdc:
    """An NDC that goes with other codes only: pairs of code and NDC."""

    pairs: tuple[tuple[str, str], ...]


Boundary = (
    OverLimit
    | OverDose
    | NotWhole
    | OverApproval
    | EarlierDates
    | ThingsOnFile
    | LineQuestion
    | Specialty
    | TooLong
    | InForce
    | OtherNdc
)


def of_condition(condition: Group | None) -> Iterator[Boundary]:
    """Both answers to every question of a condition."""
    for leaf in leaves(condition) if condition is not None else ():
        for answer in (False, True):
            yield (
                ThingsOnFile((leaf,), answer)
                if isinstance(leaf, Thing)
                else LineQuestion(leaf, answer)
            )

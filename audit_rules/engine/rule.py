"""What a rule is: its fixed facts, what it is given, and what it hands back."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, runtime_checkable

import polars as pl

from audit_rules.engine.dossier import Dossier
from audit_rules.policy.library import PolicyLibrary
from audit_rules.policy.terms.base import Term
from audit_rules.reference.codes import Reference
from schemas.collecting import Ground
from schemas.outcomes import EXCESS_QUANTITY

ON = ("row_id", "policy_id")
"""A rule gives one answer per line and policy."""


@dataclass(frozen=True)
class Rule:
    """A rule's fixed facts; its meaning is the docstring of its module.

    asks     kinds of term it needs; the first decides which policies the rule belongs to.
    basis    how amount_at_risk is computed.
    says     reason -> rationale; {names} are columns of the answer.
    needs    reason -> documents that would settle it.
    passing  reasons that lapse as days go by: a later run asks for such an answer again.

    counts           what its observed and allowed figures count: of one, of several.
    approved_care    care that the plan approved beforehand is at most a `review`.
    plans_own_acts   reasons that are the plan's own act: they need no text of the policy.
    unpriced         reasons for which no price is known.
    measured         reasons whose excess is what was observed above what is allowed; all of them
                     if `basis` is the excess.
    grounds          reason -> what such a finding rests on alone, if a law looks at that.

    speaks_without_lines    whether it says something if no line is in its scope: of lines that are
                            in no rule's scope, or `gaps`.
    looks_at_prices         whether its answers depend on what other persons' lines cost.
    """

    id: str
    name: str
    asks: tuple[type[Term], ...]
    basis: str
    says: dict[str, str]
    needs: dict[str, tuple[str, ...]] = field(default_factory=dict)
    passing: tuple[str, ...] = ()
    counts: tuple[str, str] = ("", "")
    approved_care: bool = False
    plans_own_acts: tuple[str, ...] = ()
    unpriced: tuple[str, ...] = ()
    measured: tuple[str, ...] = ()
    grounds: dict[str, Ground] = field(default_factory=dict)
    speaks_without_lines: bool = False
    looks_at_prices: bool = False

    def measures(self, reason: str | None) -> bool:
        """Whether the excess of a reason is what was observed above what is allowed."""
        return reason in (self.says if self.basis == EXCESS_QUANTITY else self.measured)


class RuleAnswers(NamedTuple):
    """What a rule found: one answer per line and policy it could judge, and the evidence behind
    them.

    gaps   what the rule could not look for on any line: policy_id and reason, named in the
           coverage with no lines.
    """

    answers: pl.LazyFrame
    evidence: Sequence[pl.LazyFrame] = ()
    gaps: pl.LazyFrame | None = None


@dataclass(frozen=True)
class PolicyBook:
    """Policies and reference facts together, as rules ask for them.

    demoted   ids of terms whose findings persons have overturned too often.
    """

    library: PolicyLibrary
    reference: Reference
    demoted: frozenset[str] = frozenset()

    def terms(self, kind: type[Term]) -> pl.LazyFrame:
        """One row per term of a kind."""
        return self.library.terms(kind)


class Described(Protocol):
    """A module of a rule, of a rule id that shipped documents say in the language, or of a kind of
    the language: its docstring says what it asks."""

    RULE: Rule


def ids_of_price_rules(rules: Iterable[Described]) -> list[str]:
    """The ids of the rules that look at prices, in their order."""
    return [module.RULE.id for module in rules if module.RULE.looks_at_prices]


@runtime_checkable
class RuleModule(Described, Protocol):
    """A module of `audit_rules.rules` that judges lines."""

    def evaluate(self, dossier: Dossier, lines: pl.LazyFrame, book: PolicyBook) -> RuleAnswers:
        """Judge the lines in scope."""
        ...

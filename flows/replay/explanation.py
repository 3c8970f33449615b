"""What `explain` finds out about one claim."""

from dataclasses import dataclass
from datetime import date

from audit_rules.counterfactuals.case import Case, Row
from audit_rules.counterfactuals.search import Firing
from audit_rules.engine.rule import Described
from audit_rules.policy.library import PolicyLibrary
from flows.replay.ledger_entries import LedgerEntry


@dataclass(frozen=True)
class RuleExplanation:
    """One rule on one line under one policy.

    answer     the rule's answer with all its columns.
    evidence   the facts that the rule looked at.
    firing     the nearest change that makes the rule fire; None if none does, or if it fired.
    exception_id   of an exception, as `decide` and `packet` take it; None for any other answer.
    ledger     what the ledger knows of its exception; None if no run has found it.
    collecting whether the amount of an exception may still be asked for; empty: nobody knows.
    """

    module: Described
    answer: Row
    evidence: tuple[Row, ...]
    firing: Firing | None
    exception_id: str | None = None
    ledger: LedgerEntry | None = None
    collecting: str = ""


@dataclass(frozen=True)
class ClaimRow:
    """One row of the claim in the warehouse.

    values   its columns, with the netted amounts.
    fate     what final action made of it.
    case     the judged line and the facts of its person; None if the row is not judged.
    rules    every rule's answer on it.
    """

    source: str
    values: Row
    fate: str
    case: Case | None
    rules: tuple[RuleExplanation, ...]


@dataclass(frozen=True)
class Explanation:
    """Every row of one claim with every rule's answer.

    lines_untried   lines on which no change was tried, because the claim has too many.
    """

    claim_id: str
    as_of: date
    rows: tuple[ClaimRow, ...]
    library: PolicyLibrary
    lines_untried: int = 0

"""What every report says about its run."""

from dataclasses import dataclass, field
from datetime import date

from audit_rules.engine.past_decisions import PastDecisions, Precision
from flows.ledger.nights import NightTotals
from flows.plan import Plan
from flows.privacy import AGGREGATE
from flows.provenance import program_version
from flows.settle.balance import Balance
from flows.summary import Summary


@dataclass(frozen=True)
class RunFacts:
    """The facts of a run, the same for the same run whenever and wherever it was made.

    privacy         the privacy level of its results.
    changes         what changed since the last run, in words.
    audited_lines   paid lines of audited drugs and of products of documents; None: not shown.
    notes           what it says of its files, its config and its lines, as sentences.
    trend           what the last nights showed, the earliest first and this one last;
                    none at the level aggregate, where two sums could be subtracted.
    precision       how often findings of each rule held, by the decisions before it.
    """

    run_id: str
    as_of: date
    version: str
    privacy: str
    changes: str
    rows_read: int
    quarantined: int
    duplicates: int
    audited_lines: int | None = None
    notes: tuple[str, ...] = ()
    trend: tuple[NightTotals, ...] = ()
    precision: Precision = field(default_factory=dict)


def run_facts(
    plan: Plan,
    summary: Summary,
    balance: Balance,
    notes: tuple[str, ...],
    decided: PastDecisions,
    trend: tuple[NightTotals, ...],
) -> RunFacts:
    """The facts of a run with these counts and notes."""
    return RunFacts(
        run_id=summary.run_id,
        as_of=plan.request.as_of,
        version=program_version(),
        privacy=plan.request.privacy,
        changes=summary.changes_in_words(),
        rows_read=balance.rows_read,
        quarantined=balance.quarantined,
        duplicates=balance.duplicates,
        audited_lines=summary.audited_lines,
        notes=notes,
        trend=() if plan.request.privacy == AGGREGATE else trend,
        precision=decided.precision,
    )

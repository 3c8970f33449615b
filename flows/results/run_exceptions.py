"""What a run found: its exceptions, and the lines that they are on."""

from dataclasses import dataclass

import polars as pl

from audit_rules.engine.past_decisions import PastDecisions
from audit_rules.engine.worklist import Worklists, worklists
from flows.collecting import with_answer_by
from flows.plan import Plan
from flows.results.order_of_work import in_order_of_work
from flows.results.totals import totals_as_text


@dataclass(frozen=True)
class RunExceptions:
    """The exceptions and their lines, before the privacy level is applied."""

    exceptions: pl.DataFrame
    lines: Worklists

    def by_rule_and_outcome(self) -> dict[str, int]:
        """Rule and outcome, such as "QTY01 recover" -> number of exceptions."""
        counts = self.exceptions.group_by("rule_id", "outcome").len().iter_rows()
        return dict(sorted((f"{rule} {outcome}", count) for rule, outcome, count in counts))

    def totals(self) -> dict[str, str]:
        """Column of worklist.parquet -> the sum of its dollars."""
        return totals_as_text(self.lines.worklist)

    def live_lines(self) -> int:
        """How many lines have an exception that is not set aside."""
        return self.lines.worklist["outcome"].count() + self.lines.advisories["outcome"].count()


def exceptions_on_lines(
    exceptions: pl.DataFrame,
    repeated: pl.DataFrame,
    decided: PastDecisions,
    fees: pl.DataFrame,
    plan: Plan,
) -> RunExceptions:
    """Exceptions, and their lines with what law says of them, the worklist in order of work.

    repeated, decided, fees   as `worklists` takes them.
    """
    lines = with_answer_by(worklists(exceptions, repeated, decided, fees), plan)
    in_order = in_order_of_work(lines.worklist, plan.request.as_of)
    return RunExceptions(exceptions, lines._replace(worklist=in_order))

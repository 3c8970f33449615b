"""What may still be collected of the exceptions that are explained, in sentences."""

from collections.abc import Sequence

import polars as pl

from audit_rules.counterfactuals.case import Row
from audit_rules.engine.rule import Described
from flows.collecting import with_collectability
from flows.plan import Plan
from flows.reports.wording import collecting_text
from schemas.results import JUDGED

_READ = ("reason", "term_id", "payer", "plan", "claim_source", "service_date", "paid_date")


def collecting_texts(made: Plan, answers: Sequence[tuple[Described, Row]]) -> list[str]:
    """A sentence per answer, in order: whether its amount may still be asked for."""
    rows = [
        {"rule_id": answer.get("rule_id") or module.RULE.id, **{n: answer.get(n) for n in _READ}}
        for module, answer in answers
    ]
    frame = pl.DataFrame(rows, schema={n: JUDGED[n] for n in ("rule_id", *_READ)})
    known = with_collectability(frame, made).iter_rows(named=True)
    return [collecting_text(row, made.law.citations()) for row in known]

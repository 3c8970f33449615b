"""What may still be collected of the exceptions that are explained, in sentences."""

from collections.abc import Sequence

import polars as pl

from audit_rules.counterfactuals.case import Row
from audit_rules.engine.rule import Described
from audit_rules.law.fees import with_fee_term
from flows.collecting import with_collectability
from flows.plan import Plan
from flows.reports.wording import collecting_text, fee_text
from schemas.results import JUDGED

_READ = (
    *("reason", "term_id", "payer", "plan", "claim_source", "service_date", "paid_date"),
    "amount_basis",
)


def collecting_texts(made: Plan, answers: Sequence[tuple[Described, Row]]) -> list[str]:
    """A sentence per answer, in order: whether its amount may still be asked for."""
    rows = [
        {"rule_id": answer.get("rule_id") or module.RULE.id, **{n: answer.get(n) for n in _READ}}
        for module, answer in answers
    ]
    frame = pl.DataFrame(rows, schema={n: JUDGED[n] for n in ("rule_id", *_READ)})
    known = with_fee_term(with_collectability(frame, made), made.law, made.places)
    clauses = made.law.citations()
    return [
        " ".join(filter(None, (collecting_text(row, clauses), fee_text(row, clauses))))
        for row in known.iter_rows(named=True)
    ]

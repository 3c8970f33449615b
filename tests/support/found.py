"""Rows of the exceptions table, as few columns as the tests of a worklist need."""

from decimal import Decimal

from schemas.collecting import UNKNOWN
from schemas.decisions import OPEN
from tests.support.extracts import Row


def exception_on_a_line(name: str, outcome: str, amount: str | None, **changed: object) -> Row:
    """An exception on line 1 of claim C, which was paid 100.00."""
    return {
        "claim_source": "medical",
        "payer": "MMM",
        "person_id": "P",
        "member_id": "M",
        "claim_id": "C",
        "claim_line_number": 1,
        "exception_id": name,
        "rule_id": "QTY01",
        "outcome": outcome,
        "paid_amount": Decimal("100.00"),
        "amount_at_risk": amount and Decimal(amount),
        "status": OPEN,
        "collectable": UNKNOWN,
        **changed,
    }

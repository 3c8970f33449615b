"""How an amount came about, in words: a price for each only if the figures measure the excess."""

import pytest

from flows.reports.wording import basis_text
from schemas.outcomes import AMOUNT_BASES, EXCESS_QUANTITY


@pytest.mark.parametrize(
    ("rule_id", "reason", "observed", "allowed", "text"),
    [
        ("QTY10", "quantity_over_limit", 14, 12, "2 above the 12 allowed, at $500.00 each"),
        ("DOSE10", "units_over_dose", 81, 80, "1 above the 80 allowed, at $1,000.00 each"),
        ("SCH10", "units_over_phase", 140, 130, "10 above the 130 allowed, at $100.00 each"),
        ("AUTH10", "units_over_approval", 60, 50, "10 above the 50 allowed, at $100.00 each"),
        ("UNIT01", "units_over_maximum", 30, 27, "3 above the 27 allowed, at the line's own price"),
        ("MY01", "units_over_phase", 140, 130, "10 above the 130 allowed, at $100.00 each"),
    ],
)
def test_a_measured_excess_has_a_price_for_each(
    rule_id: str, reason: str, observed: float, allowed: float, text: str
) -> None:
    assert _basis(rule_id, reason, observed, allowed).startswith(text)


@pytest.mark.parametrize(
    ("rule_id", "reason", "observed", "allowed"),
    [
        ("SCH10", "too_many_doses", 6, 4),
        ("SCH10", "after_last_phase", 9, None),
        ("SCH10", "phase_too_long", 212, None),
        ("INT10", "doses_too_close", 4, 7),
        ("FILE10", "not_on_file", 2, 0),
        ("WHO10", "age_outside", None, None),
        ("CODE10", "not_whole_vials", 7, None),
        ("QTY10", "quantity_over_limit", 800, 800),  # `below` is reached
        ("MY01", "a reason of the document", 6, 4),
    ],
)
def test_an_excess_that_the_figures_do_not_measure_has_no_price_for_each(
    rule_id: str, reason: str, observed: float | None, allowed: float | None
) -> None:
    assert _basis(rule_id, reason, observed, allowed) == AMOUNT_BASES[EXCESS_QUANTITY]


def _basis(rule_id: str, reason: str, observed: float | None, allowed: float | None) -> str:
    answer = {
        "rule_id": rule_id,
        "reason": reason,
        "observed": observed,
        "allowed": allowed,
        "amount_basis": EXCESS_QUANTITY,
    }
    return basis_text(100_000, answer)

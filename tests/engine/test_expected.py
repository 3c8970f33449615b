"""What is expected of an amount: times how often findings of its rule have held."""

from datetime import date
from decimal import Decimal

import polars as pl
import pytest

from audit_rules.engine.expected import with_expected
from audit_rules.engine.past_decisions import NOTHING_DECIDED, Precision, ReviewCounts
from audit_rules.engine.worklist import worklists
from flows.results.order_of_work import in_order_of_work
from schemas.collecting import NO
from schemas.decisions import DISMISSED
from schemas.results import EXCEPTION, REPEATED
from tests.support.extracts import Row
from tests.support.found import exception_on_a_line

THREE_OF_FOUR = {"QTY01": ReviewCounts(3, 4)}


def _exception(rule: str, outcome: str, amount: str | None, **changed: object) -> Row:
    name = f"{rule}-{outcome}-{amount}"
    return exception_on_a_line(name, outcome, amount, rule_id=rule, **changed)


def _worklist(
    precision: Precision, *rows: Row, repeated: pl.DataFrame | None = None
) -> pl.DataFrame:
    decided = NOTHING_DECIDED._replace(precision=precision)
    same = pl.DataFrame(schema=REPEATED) if repeated is None else repeated
    return worklists(pl.DataFrame(list(rows), schema=EXCEPTION), same, decided).worklist


def _expected(precision: Precision, *rows: Row) -> Decimal:
    (amount,) = _worklist(precision, *rows)["expected_amount"]
    assert isinstance(amount, Decimal)
    return amount


def test_the_amount_counts_times_the_share_of_reviewed_findings_that_held() -> None:
    assert _expected(THREE_OF_FOUR, _exception("QTY01", "recover", "80.00")) == 60
    assert _expected({"QTY01": ReviewCounts(0, 2)}, _exception("QTY01", "recover", "80.00")) == 0


@pytest.mark.parametrize("precision", [{}, {"DX01": ReviewCounts(0, 9)}])
def test_a_rule_of_which_no_finding_was_reviewed_counts_in_full(precision: Precision) -> None:
    assert _expected(precision, _exception("QTY01", "recover", "80.00")) == 80


def test_the_product_is_exact_and_half_a_cent_counts_as_a_cent() -> None:
    rows = [
        _exception("QTY01", "recover", amount) for amount in ("9999999999999999.99", "0.02", None)
    ]
    found = with_expected(pl.DataFrame(rows, schema=EXCEPTION), THREE_OF_FOUR)
    expected = [Decimal("7499999999999999.99"), Decimal("0.02"), None]
    assert found["expected_amount"].to_list() == expected


def test_each_part_of_a_line_counts_with_the_rule_that_gives_it() -> None:
    precision = {
        "QTY01": ReviewCounts(1, 2),
        "DX01": ReviewCounts(1, 10),
        "AUTH01": ReviewCounts(1, 4),
    }
    found = [
        _exception("QTY01", "recover", "20.00"),
        _exception("DX01", "recover", "10.00"),
        _exception("AUTH01", "records_request", "60.00"),
        _exception("DX01", "review", "90.00"),
    ]
    assert _expected(precision, *found) == 10 + 10 + 3


def test_of_two_findings_of_one_amount_that_counts_which_held_more_often() -> None:
    precision = {"QTY01": ReviewCounts(1, 2), "DX01": ReviewCounts(1, 10)}
    found = [_exception(rule, "recover", "20.00") for rule in ("DX01", "QTY01")]
    assert _expected(precision, *found) == 10


@pytest.mark.parametrize("changed", [{"status": DISMISSED}, {"collectable": NO}])
def test_a_finding_that_is_not_asked_for_decides_nothing(changed: Row) -> None:
    found = [
        _exception("DX01", "recover", "90.00", **changed),
        _exception("QTY01", "recover", "40.00"),
    ]
    assert _expected({"QTY01": ReviewCounts(1, 2), "DX01": ReviewCounts(0, 1)}, *found) == 20


def test_a_claim_whose_lines_repeat_its_amount_is_expected_once() -> None:
    claims = [{"person": None, "payer": "MMM", "member_id": "M", "claim_id": "C"}]
    repeated = pl.DataFrame(claims, schema=REPEATED).with_columns(person=pl.lit("P"))
    rows = [
        _exception("QTY01", "recover", "80.00", claim_line_number=n, person_id="P", exception_id=i)
        for n, i in ((1, "a"), (2, "b"))
    ]
    lines = _worklist(THREE_OF_FOUR, *rows, repeated=repeated)
    assert lines["expected_amount"].to_list() == [60, 0]


def test_lines_are_worked_by_expected_dollars() -> None:
    rows = [
        _exception("QTY01", "recover", "90.00", claim_id="often wrong"),
        _exception("DX01", "recover", "50.00", claim_id="not reviewed"),
        _exception("AUTH01", "recover", "60.00", claim_id="always right"),
    ]
    precision = {"QTY01": ReviewCounts(1, 2), "AUTH01": ReviewCounts(5, 5)}
    lines = in_order_of_work(_worklist(precision, *rows), date(2026, 6, 30))
    assert lines["claim_id"].to_list() == ["always right", "not reviewed", "often wrong"]

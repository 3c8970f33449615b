"""What came back of a line is taken from what is still asked for, in every amount but one."""

from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit_rules.engine.past_decisions import NOTHING_DECIDED, RECOVERED, ReviewCounts
from audit_rules.engine.recovered import exceptions_less_recovered
from audit_rules.engine.worklist import worklists
from schemas.collecting import NO
from schemas.decisions import DISMISSED
from schemas.results import AMOUNT_COLUMNS, EXCEPTION, REPEATED
from tests.support.extracts import Row
from tests.support.found import exception_on_a_line

ASKED = (*AMOUNT_COLUMNS.values(), "amount_at_risk")
SHOWN = (*ASKED, "not_collectable_amount", "dismissed_amount", "recovered_amount")


def _back(name: str, amount: str, **changed: object) -> Row:
    """Money that came back for an exception on that line."""
    return {**exception_on_a_line(name, "recover", "1"), "recovered": Decimal(amount), **changed}


def _lines(found: list[Row], back: list[Row], *repeated: str) -> pl.DataFrame:
    """The worklist; the amounts of the claims named repeat on each of their lines."""
    claims = [{"person": "P", "payer": "MMM", "member_id": "M", "claim_id": c} for c in repeated]
    rows = [{name: row[name] for name in RECOVERED} for row in back]
    decided = NOTHING_DECIDED._replace(recovered=pl.DataFrame(rows, schema=RECOVERED))
    exceptions = pl.DataFrame(found, schema=EXCEPTION)
    return worklists(exceptions, pl.DataFrame(claims, schema=REPEATED), decided).worklist


def _amounts(lines: pl.DataFrame) -> list[int]:
    return [int(lines[name].sum()) for name in SHOWN]


@pytest.mark.parametrize(
    ("back", "amounts"),
    [
        ("10", [20, 40, 10, 70, 0, 0, 10]),
        ("30", [0, 40, 10, 50, 0, 0, 30]),
        ("50", [0, 20, 10, 30, 0, 0, 50]),
        ("75", [0, 0, 5, 5, 0, 0, 75]),
        ("100", [0, 0, 0, 0, 0, 0, 100]),
    ],
)
def test_what_came_back_is_taken_from_the_strongest_outcome_first(
    back: str, amounts: list[int]
) -> None:
    found = [
        exception_on_a_line("a", "recover", "30"),
        exception_on_a_line("b", "records_request", "70"),
        exception_on_a_line("c", "review", "80"),
    ]
    assert _amounts(_lines(found, [_back("a", back)])) == amounts


def test_what_may_no_longer_be_collected_is_less_and_what_was_dismissed_stays() -> None:
    found = [
        exception_on_a_line("a", "recover", "30"),
        exception_on_a_line("b", "recover", "50", collectable=NO),
        exception_on_a_line("c", "recover", "90", status=DISMISSED),
    ]
    assert _amounts(_lines(found, [_back("a", "40")])) == [0, 0, 0, 0, 10, 40, 40]


def test_sums_for_all_findings_of_a_line_count_also_of_one_that_is_found_no_more() -> None:
    found = [exception_on_a_line("a", "recover", "90"), exception_on_a_line("b", "review", "90")]
    back = [_back("a", "20"), _back("b", "30"), _back("gone", "5", payer="mmm")]
    assert _amounts(_lines(found, back)) == [35, 0, 0, 35, 0, 0, 55]
    elsewhere = [_back("gone", "5", claim_line_number=2), _back("also", "5", member_id="N")]
    assert _amounts(_lines(found, elsewhere)) == [90, 0, 0, 90, 0, 0, 0]


def test_a_line_number_that_several_persons_share_has_what_came_back_for_each_alone() -> None:
    found = [
        exception_on_a_line("a", "recover", "90"),
        exception_on_a_line("b", "recover", "80", person_id="Q"),
    ]
    lines = _lines(found, [_back("b", "30"), _back("gone", "7")])
    assert lines["amount_at_risk"].to_list() == [90, 50]
    assert lines["recovered_amount"].to_list() == [0, 30]


def test_what_came_back_for_any_line_of_a_claim_whose_lines_repeat_its_amount_counts() -> None:
    found = [
        exception_on_a_line(n, "recover", "90", claim_line_number=i) for i, n in enumerate("ab", 1)
    ]
    lines = _lines(found, [_back("b", "30", claim_line_number=2)], "C")
    assert lines["amount_at_risk"].to_list() == [60, 0]
    assert lines["recovered_amount"].to_list() == [0, 30]


def test_what_is_expected_is_of_what_is_still_asked_for() -> None:
    found = [exception_on_a_line("a", "recover", "90")]
    rows = [{name: _back("a", "30")[name] for name in RECOVERED}]
    decided = NOTHING_DECIDED._replace(
        recovered=pl.DataFrame(rows, schema=RECOVERED), precision={"QTY01": ReviewCounts(1, 2)}
    )
    exceptions = pl.DataFrame(found, schema=EXCEPTION)
    (line,) = worklists(exceptions, pl.DataFrame(schema=REPEATED), decided).worklist.to_dicts()
    assert line["expected_amount"] == 30


def test_a_finding_by_itself_asks_for_what_has_not_come_back() -> None:
    found = [exception_on_a_line("a", "recover", "90"), exception_on_a_line("b", "review", None)]
    lines = _lines(found, [_back("a", "30")])
    left = exceptions_less_recovered(pl.DataFrame(found, schema=EXCEPTION), lines)
    assert left["amount_at_risk"].to_list() == [60, None]
    assert left["recovered_amount"].to_list() == [30, 30]


@given(
    amounts=st.lists(st.integers(0, 150), min_size=3, max_size=3),
    back=st.lists(st.integers(1, 100), max_size=3),
)
@settings(max_examples=40, deadline=None, derandomize=True, database=None)
def test_nothing_is_asked_for_twice_and_nothing_below_zero(
    amounts: list[int], back: list[int]
) -> None:
    found = [
        exception_on_a_line(outcome, outcome, str(amount))
        for outcome, amount in zip(AMOUNT_COLUMNS, amounts, strict=True)
    ]
    money = [_back(n, str(b)) for n, b in zip(AMOUNT_COLUMNS, back, strict=False)]
    (line,) = _lines(found, money).iter_rows(named=True)
    assert all(line[name] >= 0 for name in SHOWN)
    assert sum(line[name] for name in AMOUNT_COLUMNS.values()) == line["amount_at_risk"]
    assert line["amount_at_risk"] == max(0, min(100, max(amounts)) - sum(back))
    assert line["recovered_amount"] == sum(back)

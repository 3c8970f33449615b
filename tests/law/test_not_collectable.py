"""What may no longer be collected is in one amount of the worklist, and in no other."""

from datetime import date
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit_rules.engine.worklist import worklists
from audit_rules.law.fees import lines_without_fee
from audit_rules.law.library import load_law
from audit_rules.law.places import Place, Places
from flows.results.order_of_work import in_order_of_work
from schemas.collecting import COLLECTABLE, NO, UNKNOWN, YES
from schemas.decisions import DISMISSED, OPEN
from schemas.outcomes import ADVISORY, EXCEPTIONS, FULL_PAID
from schemas.results import BARRED_FEE, EXCEPTION, LINE_KEY, REPEATED

ASKED = ("recover_amount", "records_request_amount", "review_amount", "amount_at_risk")
OTHERS = ("dismissed_amount", "not_collectable_amount")
AS_OF = date(2026, 6, 30)
Finding = tuple[str, str, str, str]
"""Outcome, amount, collectable and status."""


def _lines(*found: Finding, claim: str = "1", repeated: bool = False) -> pl.DataFrame:
    """The lines of findings, each on the first line, or all on lines of their own that repeat."""
    rows = [
        {
            "claim_source": "medical",
            "payer": "MMM",
            "person_id": "P",
            "member_id": "P",
            "claim_id": claim,
            "claim_line_number": number if repeated else 1,
            "exception_id": str(number),
            "rule_id": "DX01",
            "outcome": outcome,
            "paid_amount": Decimal(100),
            "amount_at_risk": Decimal(amount),
            "collectable": collectable,
            "recoup_by": AS_OF,
            "recoup_term": collectable,
            "status": status,
        }
        for number, (outcome, amount, collectable, status) in enumerate(found, 1)
    ]
    claims = {"person": "P", "payer": "MMM", "member_id": "P", "claim_id": claim}
    same = pl.DataFrame([claims] if repeated else [], schema=REPEATED)
    return worklists(pl.DataFrame(rows, schema=EXCEPTION), same).every_line


def _amounts(lines: pl.DataFrame) -> list[str]:
    return [str(lines[name].sum()) for name in (*ASKED, *OTHERS)]


def test_what_may_no_longer_be_collected_is_in_no_other_amount() -> None:
    line = _lines(("recover", "80", NO, OPEN), ("review", "30", YES, OPEN))
    assert _amounts(line) == ["0.00", "0.00", "30.00", "30.00", "0.00", "50.00"]
    assert line["outcome"].to_list() == ["recover"]


def test_what_may_perhaps_be_collected_is_asked_for() -> None:
    line = _lines(("recover", "80", UNKNOWN, OPEN))
    assert _amounts(line) == ["80.00", "0.00", "0.00", "80.00", "0.00", "0.00"]


def test_what_is_dismissed_is_not_counted_as_not_collectable() -> None:
    line = _lines(
        ("recover", "80", NO, DISMISSED), ("review", "50", NO, OPEN), ("review", "30", YES, OPEN)
    )
    assert _amounts(line) == ["0.00", "0.00", "30.00", "30.00", "30.00", "20.00"]


@pytest.mark.parametrize(
    ("found", "answer"),
    [
        (((NO, OPEN), (UNKNOWN, OPEN)), UNKNOWN),
        (((NO, OPEN), (YES, OPEN)), YES),
        (((NO, OPEN), (YES, DISMISSED)), NO),
        (((YES, DISMISSED),), YES),
    ],
)
def test_a_line_is_as_collectable_as_its_best_exception_that_is_not_dismissed(
    found: tuple[tuple[str, str], ...], answer: str
) -> None:
    line = _lines(*(("recover", "80", collectable, status) for collectable, status in found))
    assert line["collectable"].to_list() == line["recoup_term"].to_list() == [answer]


@given(
    found=st.lists(
        st.tuples(
            st.sampled_from(EXCEPTIONS),
            st.integers(0, 150).map(str),
            st.sampled_from(COLLECTABLE),
            st.sampled_from((OPEN, DISMISSED)),
        ),
        min_size=1,
        max_size=6,
    ),
    repeated=st.booleans(),
)
@settings(max_examples=60, deadline=None, derandomize=True, database=None)
def test_the_amounts_of_a_line_or_claim_add_up_to_its_largest_finding(
    found: list[Finding], repeated: bool
) -> None:
    found = [(o, "0" if o == ADVISORY else amount, c, s) for o, amount, c, s in found]
    lines = _lines(*found, repeated=repeated)
    most = min(100, max(int(amount) for _, amount, _, _ in found))
    whole = sum(lines[name].sum() for name in ("amount_at_risk", *OTHERS))
    assert whole == most
    live = [int(a) for _, a, c, s in found if s == OPEN and c != NO]
    assert lines["amount_at_risk"].sum() == min(100, max(live, default=0))
    open_ = [int(a) for _, a, _, s in found if s == OPEN]
    barred = min(100, max(open_, default=0)) - min(100, max(live, default=0))
    assert lines["not_collectable_amount"].sum() == barred


def test_what_can_be_collected_for_few_days_comes_first_and_what_cannot_last() -> None:
    rows = [
        ("soon", YES, date(2026, 7, 30), "10.00", OPEN),
        ("soon, more", YES, date(2026, 7, 2), "20.00", OPEN),
        ("later", YES, date(2026, 9, 28), "500.00", OPEN),
        ("time enough", YES, date(2026, 9, 29), "800.00", OPEN),
        ("nobody knows", UNKNOWN, None, "850.00", OPEN),
        ("barred", NO, date(2026, 6, 1), "900.00", OPEN),
        ("dismissed", YES, date(2026, 7, 1), "1000.00", DISMISSED),
        ("no price", UNKNOWN, None, None, OPEN),
        ("came back", YES, date(2026, 7, 1), "0.00", OPEN),
    ]
    names = ("claim_id", "collectable", "recoup_by", "amount_at_risk", "status")
    schema = {name: EXCEPTION[name] for name in names}
    typed = [(a, b, c, d and Decimal(d), e) for a, b, c, d, e in rows]
    frame = pl.DataFrame(typed, schema=schema, orient="row").with_columns(
        expected_amount="amount_at_risk",
        recovered_amount=pl.when(pl.col("claim_id") == "came back").then(Decimal(5)).otherwise(0),
    )
    assert in_order_of_work(frame, AS_OF)["claim_id"].to_list() == [
        *("soon, more", "soon", "later", "nobody knows", "time enough", "no price"),
        *("dismissed", "barred", "came back"),
    ]
    half = pl.when(pl.col("claim_id") == "nobody knows").then(Decimal(425))
    expected = frame.with_columns(expected_amount=half.otherwise("expected_amount"))
    by_expected = in_order_of_work(expected, AS_OF)["claim_id"].to_list()
    assert by_expected.index("time enough") < by_expected.index("nobody knows")


# ---------------------------------------------------------------- the dispensing fee


def _whole(fee: str, *changed: dict[str, object]) -> dict[str, object]:
    """The line of findings that ask for a whole fill of 100.00, whose barred fee is this."""
    row = {
        **dict.fromkeys(LINE_KEY, "1"),
        "claim_source": "pharmacy",
        "claim_line_number": 1,
        "outcome": "recover",
        "paid_amount": Decimal(100),
        "amount_at_risk": Decimal(100),
        "amount_basis": FULL_PAID,
        "collectable": YES,
        "status": OPEN,
    }
    rows = [
        {**row, "exception_id": str(n), "rule_id": "DUP01", **c}
        for n, c in enumerate(changed or ({},))
    ]
    fees = pl.DataFrame([row | {"barred_fee": Decimal(fee)}], schema=BARRED_FEE)
    found = pl.DataFrame(rows, schema=EXCEPTION)
    (line,) = worklists(found, pl.DataFrame(schema=REPEATED), fees=fees).worklist.to_dicts()
    return line


@pytest.mark.parametrize(
    ("fee", "changed", "asked", "barred", "dismissed"),
    [
        ("10.49", {}, "89.51", "10.49", "0"),
        ("120.00", {}, "0", "100", "0"),
        (
            "10.49",
            {"amount_at_risk": Decimal(40), "amount_basis": "excess_quantity"},
            "40",
            "0",
            "0",
        ),
        ("10.49", {"status": DISMISSED}, "0", "0", "100"),
        ("10.49", {"collectable": NO}, "0", "100", "0"),
    ],
)
def test_a_barred_fee_is_in_no_amount_that_is_asked_for(
    fee: str, changed: dict[str, object], asked: str, barred: str, dismissed: str
) -> None:
    line = _whole(fee, changed)
    assert line["recover_amount"] == line["amount_at_risk"] == Decimal(asked)
    assert line["expected_amount"] == Decimal(asked)
    assert line["not_collectable_amount"] == Decimal(barred)
    assert line["dismissed_amount"] == Decimal(dismissed)


def test_of_a_weaker_finding_the_fee_is_left_out_too() -> None:
    line = _whole("10", {"amount_at_risk": Decimal(40)}, {"outcome": "review"})
    amounts = [line[name] for name in ("recover_amount", "review_amount", "not_collectable_amount")]
    assert amounts == [40, 50, 10]


@pytest.mark.parametrize(
    ("place", "changed", "is_barred"),
    [
        (Place("US-VT", "commercial_insured"), {}, True),
        (Place("US-VT", "self_funded"), {}, False),
        (Place("US-VT", None), {}, False),
        (Place("US-AL", "commercial_insured"), {}, False),
        (Place("US-VT", "commercial_insured"), {"amount_basis": "excess_quantity"}, False),
        (Place("US-VT", "commercial_insured"), {"claim_source": "medical"}, False),
    ],
)
def test_the_fee_of_a_whole_fill_is_barred_where_a_clause_certainly_says_so(
    place: Place, changed: dict[str, object], is_barred: bool
) -> None:
    row = {
        **dict.fromkeys(LINE_KEY, "1"),
        "payer": "Cigna",
        "claim_source": "pharmacy",
        "claim_line_number": 1,
        "service_date": AS_OF,
        "amount_basis": FULL_PAID,
        **changed,
    }
    found = pl.DataFrame([row, row], schema=EXCEPTION)
    barred = lines_without_fee(found, load_law(), Places(payers={"cigna": place}))
    assert barred.height == is_barred

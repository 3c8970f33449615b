"""Figures and dates of any size: what is added up never wraps, and no date leaves the calendar."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from schemas.days import days_after, days_before, shifted
from tests.support.extracts import IMATINIB, as_csv, good, write
from tests.support.running import audited
from tests.support.sources import MODULES, ROOT, name_of

MOST = "999999999999999.999"
"""The largest quantity that an extract can state."""
IMATINIB_400 = "59923072430"


def _answers(tmp_path: Path, table: str, rows: list[dict[str, object]]) -> pl.DataFrame:
    extracts = write(tmp_path / "in", {f"{table}.csv": as_csv(rows)})
    return audited(extracts, tmp_path / "out").answers


def _infusions(count: int, **values: object) -> list[dict[str, object]]:
    own = {
        "payer": "MMM",
        "hcpcs_code": "J9229",
        "service_unit_quantity": MOST,
        "claim_start_date": "2026-04-06",
        "claim_line_start_date": "2026-04-06",
        "paid_amount": "9999999999999999.99",
    }
    lines = [{"claim_line_number": str(i + 1)} for i in range(count)]
    return [good("medical_claim", **(own | line | values)) for line in lines]


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 10, 19, 30, 170])
def test_b7_units_of_any_number_of_lines_exceed_the_maximum(count: int, tmp_path: Path) -> None:
    """Units were added up in 64 bits: ten lines of the largest quantity came to less than none."""
    answers = _answers(tmp_path, "medical_claim", _infusions(count))
    found = answers.filter(pl.col("rule_id") == "UNIT01", pl.col("outcome") == "recover")
    assert found["reason"].to_list() == ["units_over_maximum"]
    assert found["observed"][0] == pytest.approx(count * 1e15)
    within = found.select(pl.col("paid_cents") - pl.col("amount_cents") >= 0).item()
    assert within and found["amount_cents"][0] > found["paid_cents"][0] - 28_000


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 10, 19, 30])
def test_b7_waste_of_any_number_of_lines_is_more_than_a_vial(count: int, tmp_path: Path) -> None:
    rows = _infusions(count, hcpcs_modifier_1="JW")
    found = _answers(tmp_path, "medical_claim", rows).filter(pl.col("rule_id") == "UNIT02")
    assert "waste_over_one_vial" in found["reason"].to_list()


@pytest.mark.slow
@pytest.mark.parametrize("count", [9, 10, 19, 30])
def test_b7_fills_of_any_number_add_up_to_more_than_the_limit(count: int, tmp_path: Path) -> None:
    own = {"ndc_code": IMATINIB, "dispensing_channel": "retail", "quantity": MOST}
    rows = [good("pharmacy_claim", claim_id=f"C{i}", **own) for i in range(count)]
    rows.append(good("pharmacy_claim", claim_id="SMALL", **(own | {"quantity": "30"})))
    found = _answers(tmp_path, "pharmacy_claim", rows).filter(
        pl.col("rule_id") == "QTY02", pl.col("claim_id") == "SMALL"
    )
    assert found["reason"].to_list() == ["split_fills"]


@pytest.mark.slow
@pytest.mark.parametrize("days", ["30", MOST])
@pytest.mark.parametrize("tablets", [MOST, "123456789012345", "333333333333333", "700000000000000"])
def test_b7_a_daily_dose_of_two_strengths_is_above_the_maximum_at_any_size(
    days: str, tablets: str, tmp_path: Path
) -> None:
    """A dose is compared as an exact fraction, whose parts no longer fitted their integers."""
    own = {"dispensing_date": "2026-02-01", "days_supply": days, "quantity": tablets}
    rows = [
        good("pharmacy_claim", claim_id="A", ndc_code=IMATINIB, **own),
        good("pharmacy_claim", claim_id="B", ndc_code=IMATINIB_400, **own | {"days_supply": "1"}),
    ]
    found = _answers(tmp_path, "pharmacy_claim", rows).filter(
        pl.col("rule_id") == "DOSE01", pl.col("claim_id") == "A"
    )
    assert set(found["reason"]) == {"above_studied_maximum"}


@pytest.mark.slow
def test_b7_a_daily_dose_within_the_maximum_passes_at_any_size(tmp_path: Path) -> None:
    own = {"dispensing_date": "2026-02-01", "days_supply": MOST, "quantity": MOST}
    rows = [
        good("pharmacy_claim", claim_id=c, ndc_code=ndc, **own)
        for c, ndc in (("A", IMATINIB), ("B", IMATINIB_400))
    ]
    found = _answers(tmp_path, "pharmacy_claim", rows).filter(pl.col("rule_id") == "DOSE01")
    assert set(found["outcome"]) <= {"pass", "not_applicable"}


# ---------------------------------------------------------------- dates


@pytest.mark.parametrize("days", [0, 1, 3660, 2_900_000, 10**15 - 1])
def test_e7_no_number_of_days_leads_out_of_the_calendar(days: int) -> None:
    """Days were added as microseconds, which wrap, and gave dates that nothing can show."""
    frame = pl.DataFrame(
        {"day": [date.min, date(2026, 1, 5), date.max, None], "days": [days] * 4},
        schema={"day": pl.Date, "days": pl.Int64},
    )
    found = frame.select(
        later=days_after(pl.col("day"), "days"), earlier=days_before(pl.col("day"), "days")
    )
    expected = [
        (None, None) if day is None else (shifted(day, days), shifted(day, -days))
        for day in frame["day"].to_list()
    ]
    assert found.rows() == expected
    assert all(a is None or date.min <= b <= a <= date.max for a, b in expected)


def test_e7_unknown_days_give_an_unknown_date() -> None:
    frame = pl.DataFrame(
        {"day": [date(2026, 1, 5)], "days": [None]}, schema={"day": pl.Date, "days": pl.Int64}
    )
    assert frame.select(days_after(pl.col("day"), "days")).item() is None


def test_e7_days_are_added_in_one_place_only() -> None:
    rules = [p for p in MODULES if not p.is_relative_to(ROOT / "flows")]
    adders = {
        name_of(p)
        for p in rules
        for word in ("pl.duration", "offset_by", "timedelta(")
        if word in p.read_text(encoding="utf-8")
    }
    assert adders == {"schemas/days.py"}

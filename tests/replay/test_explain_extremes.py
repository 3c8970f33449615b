"""Explain answers whatever the size of a figure and wherever in the calendar a date lies."""

from datetime import date
from itertools import product
from pathlib import Path

import pytest

from flows.cli.app import main
from tests.support.extracts import IMATINIB, Row, as_csv, good, write
from tests.support.nights import night
from tests.support.running import request_for

pytestmark = pytest.mark.slow  # whole runs over hostile input

MOST = "999999999999999.999"


SUPPLIES = ("2900000", "999999999", "999999999999999", MOST, "-5")
DAYS = ("0001-01-02", "0001-01-05", "1900-03-01", "9999-12-29", "9999-12-30")
TABLES = ("pharmacy_claim", "medical_claim")


def _explained(warehouse: Path, capsys: pytest.CaptureFixture[str], as_of: str, claim: str) -> str:
    words = ["explain", claim, "--warehouse", str(warehouse), "--as-of", as_of]
    assert main(words) == 0, capsys.readouterr().err
    return capsys.readouterr().out


def _loaded(base: Path, as_of: str, files: dict[str, list[Row]]) -> Path:
    """The warehouse of a run over some tables."""
    extracts = write(base / "in", {f"{name}.csv": as_csv(rows) for name, rows in files.items()})
    output = base / "out"
    warehouse = output / "audit.duckdb"
    night(request_for(extracts, output, warehouse, date.fromisoformat(as_of), allow_future=True))
    return warehouse


@pytest.fixture(scope="module")
def with_supplies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The warehouse of a run with one fill and member of each supply."""
    fill = {"ndc_code": IMATINIB, "quantity": MOST, "paid_amount": "9999999999999999.99"}
    rows = [
        good("pharmacy_claim", claim_id=f"A{days}", member_id=f"M{days}", days_supply=days, **fill)
        for days in SUPPLIES
    ]
    base = tmp_path_factory.mktemp("supplies")
    return _loaded(base, "2026-06-30", {"pharmacy_claim": rows})


@pytest.mark.parametrize("days", SUPPLIES)
def test_e7_a_fill_of_any_days_supply_is_explained(
    days: str, with_supplies: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A supply that ends after the year 9999 made a date that could not be shown."""
    assert "PHARMACY LINE 1" in _explained(with_supplies, capsys, "2026-06-30", f"A{days}")


def _all_on(table: str, day: str) -> dict[str, list[Row]]:
    """Two claims of a table and all else that is known of their member, all on one day."""
    dates = {"dispensing_date": day} if table == "pharmacy_claim" else {"claim_start_date": day}
    if table == "medical_claim":
        dates |= {"claim_line_start_date": day, "hcpcs_code": "J9229", "payer": "MMM"}
    who = {"member_id": f"{table} {day}"}
    approval = {"authorization_id": f"{table} {day}", "start_date": day, "end_date": day}
    return {
        table: [good(table, claim_id=f"{c} {table} {day}", **who, **dates) for c in ("A", "B")],
        "eligibility": [good("eligibility", birth_date=day, enrollment_start_date=day, **who)],
        "clinical_evidence": [good("clinical_evidence", evidence_date=day, **who)],
        "authorization": [good("authorization", **approval, **who)],
        "diagnosis": [good("diagnosis", diagnosis_date=day, **who)],
    }


@pytest.fixture(scope="module")
def with_days(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The warehouse of a run with a member for each day and table of claims."""
    files: dict[str, list[Row]] = {}
    for table, day in product(TABLES, DAYS):
        for name, rows in _all_on(table, day).items():
            files.setdefault(name, []).extend(rows)
    return _loaded(tmp_path_factory.mktemp("days"), "9999-12-31", files)


@pytest.mark.parametrize("day", DAYS)
@pytest.mark.parametrize("table", TABLES)
def test_e7_a_line_on_any_day_of_the_calendar_is_explained(
    table: str, day: str, with_days: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Days before the first date or after the last one were computed and could not be shown."""
    assert "LINE 1" in _explained(with_days, capsys, "9999-12-31", f"B {table} {day}")

"""Explain answers whatever the size of a figure and wherever in the calendar a date lies."""

from datetime import date
from pathlib import Path

import pytest

from flows.cli.app import main
from tests.support.extracts import IMATINIB, as_csv, good, write
from tests.support.nights import night
from tests.support.running import request_for

pytestmark = pytest.mark.slow  # whole runs over hostile input

MOST = "999999999999999.999"


def _explained(tmp_path: Path, capsys: pytest.CaptureFixture[str], as_of: str, claim: str) -> str:
    warehouse = str(tmp_path / "out" / "audit.duckdb")
    words = ["explain", claim, "--warehouse", warehouse, "--as-of", as_of]
    assert main(words) == 0, capsys.readouterr().err
    return capsys.readouterr().out


def _loaded(tmp_path: Path, as_of: str, **files: list[dict[str, object]]) -> None:
    extracts = write(tmp_path / "in", {f"{name}.csv": as_csv(rows) for name, rows in files.items()})
    output = tmp_path / "out"
    day = date.fromisoformat(as_of)
    night(request_for(extracts, output, output / "audit.duckdb", day, allow_future=True))


@pytest.mark.parametrize("days", ["2900000", "999999999", "999999999999999", MOST, "-5"])
def test_e7_a_fill_of_any_days_supply_is_explained(
    days: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A supply that ends after the year 9999 made a date that could not be shown."""
    fill = {"ndc_code": IMATINIB, "quantity": MOST, "paid_amount": "9999999999999999.99"}
    rows = [good("pharmacy_claim", claim_id="A", days_supply=days, **fill)]
    _loaded(tmp_path, "2026-06-30", pharmacy_claim=rows)
    assert "PHARMACY LINE 1" in _explained(tmp_path, capsys, "2026-06-30", "A")


@pytest.mark.parametrize(
    "day", ["0001-01-02", "0001-01-05", "1900-03-01", "9999-12-29", "9999-12-30"]
)
@pytest.mark.parametrize("table", ["pharmacy_claim", "medical_claim"])
def test_e7_a_line_on_any_day_of_the_calendar_is_explained(
    table: str, day: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Days before the first date or after the last one were computed and could not be shown."""
    dates = {"dispensing_date": day} if table == "pharmacy_claim" else {"claim_start_date": day}
    if table == "medical_claim":
        dates |= {"claim_line_start_date": day, "hcpcs_code": "J9229", "payer": "MMM"}
    files = {
        table: [good(table, claim_id=c, **dates) for c in ("A", "B")],
        "eligibility": [good("eligibility", birth_date=day, enrollment_start_date=day)],
        "clinical_evidence": [good("clinical_evidence", evidence_date=day)],
        "authorization": [good("authorization", start_date=day, end_date=day)],
        "diagnosis": [good("diagnosis", diagnosis_date=day)],
    }
    _loaded(tmp_path, "9999-12-31", **files)
    assert "LINE 1" in _explained(tmp_path, capsys, "9999-12-31", "B")

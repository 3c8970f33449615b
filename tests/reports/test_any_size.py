"""Figures and dates of any size: page, work-paper, packet and explanation show them."""

from datetime import date
from itertools import product
from pathlib import Path

import polars as pl
import pytest

from flows.replay.explain import explain
from flows.replay.explain_text import text_of
from flows.reports.packet.published import read_published_exception
from flows.reports.packet.write import as_html
from flows.request import RunRequest
from tests.support.extracts import IMATINIB, Row, as_csv, good, write
from tests.support.nights import night
from tests.support.running import request_for

pytestmark = pytest.mark.slow  # whole runs over hostile input

QUANTITIES = ("0.001", "180.001", "999999999999999.999")
DAYS = (None, "0.001", "2900000", "999999999999999.999")
AMOUNTS = ("0.01", "9999999999999999.99")
DATES = ("0001-01-02", "2026-02-01", "9999-12-30")


def _fills() -> list[Row]:
    every = product(QUANTITIES, DAYS, AMOUNTS, ("59923072430", IMATINIB))
    return [
        good(
            "pharmacy_claim",
            claim_id=f"F{i}",
            member_id=f"M{i % 7}",
            quantity=quantity,
            days_supply=days,
            paid_amount=paid,
            dispensing_fee=paid,
            ndc_code=ndc,
            dispensing_date=DATES[i % 3],
        )
        for i, (quantity, days, paid, ndc) in enumerate(every)
    ]


def _infusions() -> list[Row]:
    every = product(QUANTITIES, AMOUNTS, DATES, (None, "JW"))
    return [
        good(
            "medical_claim",
            claim_id=f"S{i}",
            member_id=f"M{i % 7}",
            payer="MMM",
            hcpcs_code="J9229",
            hcpcs_modifier_1=modifier,
            service_unit_quantity=units,
            paid_amount=paid,
            claim_start_date=day,
            claim_line_start_date=day,
        )
        for i, (units, paid, day, modifier) in enumerate(every)
    ]


@pytest.fixture(scope="module")
def request_(tmp_path_factory: pytest.TempPathFactory) -> RunRequest:
    base = tmp_path_factory.mktemp("sizes")
    surfaces = [
        good("clinical_evidence", member_id=f"M{i}", evidence_code="bsa_m2", evidence_value=v)
        for i, v in enumerate(("0.001", "1.8", "999999999999999"))
    ]
    files = {"pharmacy_claim": _fills(), "medical_claim": _infusions()}
    files["clinical_evidence"] = surfaces
    extracts = write(base / "in", {f"{name}.csv": as_csv(rows) for name, rows in files.items()})
    output, as_of = base / "out", date(9999, 12, 31)
    shown = {"page": True, "xlsx": True, "allow_future": True}
    request = request_for(extracts, output, output / "audit.duckdb", as_of, **shown)
    night(request)
    return request


@pytest.fixture(scope="module")
def run(request_: RunRequest) -> Path:
    (folder,) = request_.output.glob("run=*")
    return folder


def test_d1_page_and_work_paper_show_figures_of_any_size(run: Path) -> None:
    assert "</html>" in (run / "summary.html").read_text(encoding="utf-8")
    assert (run / "exceptions.xlsx").stat().st_size > 0


def test_d1_every_exception_of_any_size_has_a_packet(run: Path) -> None:
    exceptions = pl.read_parquet(run / "exceptions.parquet")
    assert exceptions["rule_id"].n_unique() > 5
    chosen = exceptions.unique(["rule_id", "reason", "claim_id"], keep="first", maintain_order=True)
    for exception_id in chosen["exception_id"].to_list()[::3]:
        assert "Receipt" in as_html(read_published_exception(run, exception_id))


@pytest.mark.parametrize("claim_id", ["F0", "F7", "F15", "F30", "F47", "S0", "S5", "S17", "S35"])
def test_d1_a_claim_of_any_size_is_explained(claim_id: str, request_: RunRequest) -> None:
    assert "LINE 1" in text_of(explain(request_, claim_id))

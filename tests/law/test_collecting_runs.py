"""Law and config in a whole run: columns, notes, run id, manifest, verify and explain."""

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from flows.errors import UsageError
from flows.plan import plan
from flows.replay.explain import explain
from flows.replay.explain_text import text_of
from flows.reports.packet.published import read_published_exception
from flows.reports.packet.write import as_html
from flows.request import RunRequest
from flows.verify.checks import Checks
from flows.verify.sources import check_law
from tests.support.extracts import good, write
from tests.support.nights import night
from tests.support.running import AS_OF, request_for

ALABAMA = (
    '[payers."Cigna Healthcare"]\njurisdiction = "US-AL"\nline_of_business = "commercial_insured"\n'
)
CONTRACT = (
    '[law]\nid = "own"\ntitle = "Our contract"\n\n[[recoupment_limit]]\nterm_id = "own.limit"\n'
    'cite = "section 4"\nbasis = "stated"\neffective_from = 2020-01-01\npayers = ["Cigna"]\n'
    'days = 1\ncounted_from = "service_date"\n'
)


def _request(base: Path, config: str) -> RunRequest:
    """A run over two fills of 300 tablets, paid a year and a day apart."""
    (base / "config.toml").write_text(config, encoding="utf-8")
    fill = {"quantity": 300, "days_supply": 30, "paid_amount": "9000.00"}
    rows = [
        good("pharmacy_claim", claim_id="1", dispensing_date="2025-06-01", paid_date="2025-06-29"),
        good("pharmacy_claim", claim_id="2", dispensing_date="2026-06-01", paid_date="2026-06-30"),
    ]
    landing = write(base / "in", {"pharmacy_claim.csv": [row | fill for row in rows]})
    return request_for(landing, base / "out", base / "audit.duckdb", AS_OF, base / "config.toml")


@pytest.mark.slow
def test_a_run_says_of_each_exception_whether_it_may_still_be_collected(tmp_path: Path) -> None:
    request = _request(tmp_path, ALABAMA)
    summary = night(request)
    found = pl.read_parquet(summary.folder / "exceptions.parquet").filter(rule_id="QTY01")
    assert found.select("claim_id", "collectable", "recoup_by", "recoup_term").rows() == [
        ("1", "no", date(2026, 6, 29), "law.us-al.payment"),
        ("2", "yes", date(2027, 6, 30), "law.us-al.payment"),
    ]
    worklist = pl.read_parquet(summary.folder / "worklist.parquet")
    sums = {name: worklist[name].sum() for name in summary.totals}
    assert sums == {name: Decimal(amount) for name, amount in summary.totals.items()}
    assert sums["not_collectable_amount"] > 0 < sums["amount_at_risk"]
    assert not [note for note in summary.notes if "payers_without_place" in note]
    text = text_of(explain(replace(request, input=None), "1"))
    assert "the last day was 2026-06-29 (Alabama, Ala. Code" in " ".join(text.split())

    law = tmp_path / "law"
    law.mkdir()
    (law / "own.toml").write_text(CONTRACT, encoding="utf-8")
    other = night(replace(request, law=law, output=tmp_path / "other", input=None))
    assert other.run_id != summary.run_id
    found = pl.read_parquet(other.folder / "exceptions.parquet").filter(rule_id="QTY01")
    assert found["recoup_term"].to_list() == ["own.limit"] * 2
    manifest = json.loads((other.folder / "manifest.json").read_text(encoding="utf-8"))
    for folder, failed in ((law, 0), (None, 0)):
        checks = Checks()
        check_law(checks, manifest, folder)
        assert (len(checks.failed), bool(checks.passed)) == (failed, folder is not None)
    (law / "own.toml").write_text(CONTRACT.replace("days = 1", "days = 2"), encoding="utf-8")
    checks = Checks()
    check_law(checks, manifest, law)
    assert checks.failed == ["Law files not as the run used them: own."]


@pytest.mark.slow
def test_a_barred_dispensing_fee_is_in_no_amount_of_a_run_and_its_outputs_say_so(
    tmp_path: Path,
) -> None:
    request = _request(tmp_path, ALABAMA.replace("US-AL", "US-VT"))
    fees = {"1": None, "2": "10.49"}
    filed = pl.read_csv(tmp_path / "in" / "pharmacy_claim.csv", infer_schema=False)
    with_fees = filed.with_columns(dispensing_fee=pl.col("claim_id").replace_strict(fees))
    with_fees.write_csv(tmp_path / "in" / "pharmacy_claim.csv")
    approved = good("authorization", member_id="another", start_date="2024-01-01")
    write(tmp_path / "in", {"authorization.csv": [approved]})
    summary = night(replace(request, page=True))
    found = pl.read_parquet(summary.folder / "exceptions.parquet").filter(amount_basis="full_paid")
    assert sorted(found["claim_id"].unique()) == ["1", "2"]
    lines = pl.read_parquet(summary.folder / "worklist.parquet").sort("claim_id")
    assert lines["amount_at_risk"].to_list() == [Decimal("9000.00"), Decimal("8989.51")]
    assert lines["not_collectable_amount"].to_list() == [0, Decimal("10.49")]
    assert summary.totals["not_collectable_amount"] == "10.49"
    text = " ".join(text_of(explain(replace(request, input=None), "2")).split())
    assert "Its dispensing fee may not be asked for (Vermont, 18 V.S.A. 3804)." in text
    whole = found.filter(claim_id="2").row(0, named=True)
    packet = as_html(read_published_exception(summary.folder, whole["exception_id"]))
    assert "$10.49 of the line may not be asked for." in packet


@pytest.mark.slow
def test_a_run_says_which_payers_the_config_gives_no_place(tmp_path: Path) -> None:
    config = '[payers.CIGNA]\njurisdiction = "US-AL"\n\n[payers.Nobody]\n'
    summary = night(_request(tmp_path, config))
    exceptions = pl.read_parquet(summary.folder / "exceptions.parquet")
    assert set(exceptions["collectable"]) == {"unknown"}
    notes = "\n".join(summary.notes)
    assert (
        "The config does not give jurisdiction and line of business of 1 payer, so whether the "
        f"amounts of {exceptions.height} exceptions may still be collected is unknown"
    ) in notes
    assert "Config: payers: no row has the payer Nobody (config_payer_unmatched)." in notes


@pytest.mark.parametrize(
    ("config", "says"),
    [
        (ALABAMA + "[payers.CIGNA]\n", "two entries are of one payer, after aliases"),
        ("[payers.A]\n[payers.A.plans.x]\n[payers.A.plans.X]\n", "two plans of a payer are one"),
        ('[payers.A]\njurisdiction = "Alabama"\n', "payers: jurisdiction: String should match"),
        ('[payers.A]\nline_of_busines = "other"\n', "did you mean line_of_business?"),
        ('[payers.A.plans.B]\nstate = "US-AL"\n', "Known keys: jurisdiction, line_of_business."),
    ],
)
def test_a_place_that_does_not_hold_is_refused(tmp_path: Path, config: str, says: str) -> None:
    with pytest.raises(UsageError) as refusal:
        plan(_request(tmp_path, config))
    assert says in str(refusal.value)

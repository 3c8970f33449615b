"""The audit of the sample: exceptions written down by hand, and each one derived from its row."""

import csv
import json
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import polars as pl
import pytest

from audit_rules.engine.judge import Judgement
from audit_rules.engine.worklist import worklists
from schemas.outcomes import EXCEPTIONS
from tests.support.ledger import as_new
from tests.support.running import ROOT

EXPECTED = ROOT / "data" / "expected_exceptions.csv"
FIGURES = ("observed", "allowed", "amount_at_risk")


@pytest.fixture(scope="module")
def judgement(sample_judgement: Judgement) -> Judgement:
    return sample_judgement


def _number(text: object) -> Decimal | None:
    return None if text in (None, "") else Decimal(str(text)).quantize(Decimal("0.01"))


def test_the_exceptions_are_those_written_down_by_hand(judgement: Judgement) -> None:
    with EXPECTED.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    key = ("rule_id", "claim_source", "claim_id", "claim_line_number")
    expected = {
        tuple(str(r[k]) for k in key): (
            r["outcome"],
            r["reason"],
            *(_number(r[k]) for k in ("observed", "allowed", "amount")),
        )
        for r in rows
    }
    rules = {r["rule_id"] for r in rows}
    found = {
        tuple(str(r[k]) for k in key): (
            r["outcome"],
            r["reason"],
            *(_number(r[k]) for k in FIGURES),
        )
        for r in judgement.exceptions.filter(pl.col("rule_id").is_in(rules)).iter_rows(named=True)
    }
    assert found == expected


def test_every_exception_is_supported_by_its_own_row(judgement: Judgement) -> None:
    assert judgement.exceptions.height > 0
    for row in judgement.exceptions.iter_rows(named=True):
        assert row["outcome"] in EXCEPTIONS
        assert row["citation"] and row["policy_effective_from"] is not None
        assert "{" not in row["rationale"] and "unknown" not in row["rationale"]
        assert row["paid_amount"] > 0
        if row["amount_at_risk"] is not None:
            assert 0 <= row["amount_at_risk"] <= row["paid_amount"]
        assert (row["amount_at_risk"] is None) == (row["amount_basis"] == "price_unknown")
        assert bool(row["documents_needed"]) == (row["outcome"] == "records_request")
        own = [
            e
            for e in row["evidence"]
            if e["claim_id"] == row["claim_id"] and e["side"] == "against"
        ]
        assert own, "the judged line itself is evidence"
        assert all(e["date"] is None or e["date"].year > 1900 for e in row["evidence"])


def test_quantity_exceptions_can_be_computed_again(judgement: Judgement) -> None:
    """QTY01: observed, allowed and amount follow from the row and the fee on its claim."""
    fees = {
        (r["claim_id"], r["claim_line_number"] or "1"): Decimal(r["dispensing_fee"] or 0)
        for r in _sample("pharmacy_claim")
        if not r["original_claim_id"]
    }
    seen = 0
    for row in judgement.exceptions.filter(pl.col("rule_id") == "QTY01").iter_rows(named=True):
        quantity = row["quantity"]
        assert Decimal(row["observed"]) == quantity > Decimal(row["allowed"])
        assert (
            f"{row['observed']:g} tablets" in row["rationale"]
            and f"{row['allowed']:g}" in row["rationale"]
        )
        fee = fees.get((row["claim_id"], str(row["claim_line_number"])), Decimal(0))
        excess = (
            (quantity - Decimal(row["allowed"]))
            * max(row["paid_amount"] - fee, Decimal(0))
            / quantity
        )
        assert row["amount_at_risk"] == excess.quantize(Decimal("0.01"), ROUND_HALF_UP)
        seen += 1
    assert seen > 10


def test_diagnosis_evidence_comes_from_the_extracts(judgement: Judgement) -> None:
    """DX01: every cited code is in the sample, and the reason fits the codes."""
    in_sample = {r["diagnosis_code"].replace(".", "").upper() for r in _sample("diagnosis")}
    for r in _sample("medical_claim"):
        in_sample |= {
            v.replace(".", "").upper()
            for k, v in r.items()
            if k.startswith("diagnosis_code_") and v
        }
    in_sample |= {
        (r.get("diagnosis_code") or "").replace(".", "").upper() for r in _sample("pharmacy_claim")
    }
    for row in judgement.exceptions.filter(pl.col("rule_id") == "DX01").iter_rows(named=True):
        codes = {e["code"] for e in row["evidence"] if e["kind"] == "diagnosis"}
        assert bool(codes) == (row["reason"] not in ("no_diagnosis_on_file", "no_medical_history"))
        assert {c.replace(".", "") for c in codes} <= in_sample
        assert all(c in row["rationale"] for c in codes)


def test_cycle_exceptions_list_the_doses_that_make_the_count(judgement: Judgement) -> None:
    """CYC01: the cited doses are enough for the cycles observed and end on the line's date."""
    for row in judgement.exceptions.filter(pl.col("rule_id") == "CYC01").iter_rows(named=True):
        doses = [e["date"] for e in row["evidence"] if e["kind"] == "dose"]
        assert len(doses) == len(set(doses)) >= row["observed"] > row["allowed"] == 3
        assert max(doses) == row["service_date"]
        assert row["amount_at_risk"] == row["paid_amount"]


def test_the_worklist_never_counts_a_dollar_twice(judgement: Judgement) -> None:
    lines = judgement.exceptions.select(
        "claim_source", "payer", "claim_id", "claim_line_number"
    ).n_unique()
    every_line = worklists(as_new(judgement.exceptions), judgement.repeated).every_line
    assert every_line.height == lines
    for row in every_line.iter_rows(named=True):
        amounts = [row["recover_amount"], row["records_request_amount"], row["review_amount"]]
        assert row["amount_at_risk"] == sum(amounts) <= row["paid_amount"]


def test_coverage_adds_up_per_rule_and_policy(judgement: Judgement) -> None:
    sums = (
        judgement.rule_coverage.filter(pl.col("rule_id").is_not_null())
        .group_by("policy_id", "rule_id")
        .agg(pl.col("lines").sum())
    )
    for policy_id, rows in sums.group_by("policy_id"):
        assert rows["lines"].n_unique() == 1, policy_id
    exceptions = judgement.rule_coverage.filter(pl.col("outcome").is_in(EXCEPTIONS))["lines"].sum()
    assert exceptions == judgement.exceptions.height


def test_a_spreadsheet_would_execute_no_cell_of_a_result(
    judgement: Judgement, tmp_path: Path
) -> None:
    from flows.results.csv import write_csv

    hostile = judgement.exceptions.head(1).with_columns(plan=pl.lit("=1+1"), payer=pl.lit("@x"))
    write_csv(tmp_path / "hostile.csv", hostile)
    cells = next(
        csv.DictReader((tmp_path / "hostile.csv").read_text(encoding="utf-8").splitlines())
    )
    assert cells["plan"] == "'=1+1" and cells["payer"] == "'@x"
    assert json.loads(cells["evidence"])[0]["kind"]


def _sample(table: str) -> list[dict[str, str]]:
    with (ROOT / "data" / "sample" / f"{table}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_sample_has_all_seven_tables() -> None:
    from schemas.tables import TABLES

    assert {p.stem for p in Path(ROOT / "data" / "sample").iterdir()} == set(TABLES)

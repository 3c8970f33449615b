"""The worklist counts no dollar twice, over several exceptions and repeated amounts."""

import json
from collections import defaultdict
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit_rules.engine.worklist import worklist
from schemas.outcomes import ADVISORY, EXCEPTIONS
from schemas.results import EXCEPTION, REPEATED
from tests.support.extracts import IMATINIB, Row, as_csv, good
from tests.support.nights import night
from tests.support.running import AS_OF, judged, planned, request_for

AMOUNTS = ("recover_amount", "records_request_amount", "review_amount", "amount_at_risk")


def _exception(claim: str, line: int, outcome: str, amount: str | None, **changed: object) -> Row:
    """An exception on a line that was paid 100.00."""
    return {
        "claim_source": "medical",
        "payer": "MMM",
        "person_id": "P",
        "member_id": "P",
        "claim_id": claim,
        "claim_line_number": line,
        "rule_id": "DX01",
        "outcome": outcome,
        "service_date": date(2026, 4, 1),
        "paid_amount": Decimal("100.00"),
        "amount_at_risk": None if amount is None else Decimal(amount),
        **changed,
    }


def _exceptions(rows: list[Row]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=EXCEPTION)


def _repeated(*claims: str) -> pl.DataFrame:
    rows = [
        {
            "person": "P",
            "payer": "mmm",
            "member_id": "P",
            "claim_id": c,
            "lines": 3,
            "amount": Decimal(100),
        }
        for c in claims
    ]
    return pl.DataFrame(rows, schema=REPEATED)


FOUND = [
    _exception("1", 1, "review", "40.00"),
    _exception("1", 2, "recover", "100.00"),
    _exception("1", 3, "recover", "100.00"),
    _exception("2", 1, "recover", "30.00"),
    _exception("2", 1, "review", "100.00"),
    _exception("2", 1, "advisory", "0.00"),
    _exception("3", 1, "review", None),
]


@pytest.mark.parametrize(
    ("repeated", "at_risk"),
    [
        ((), ["40.00", "100.00", "100.00", "100.00", "0.00"]),
        (("1", "9"), ["0.00", "100.00", "0.00", "100.00", "0.00"]),
    ],
)
def test_one_line_of_a_repeating_claim_keeps_its_amounts(
    repeated: tuple[str, ...], at_risk: list[str]
) -> None:
    """The one with most at risk, the first of two: line 2 of claim 1. Rules and outcomes stay on
    every line."""
    lines = worklist(_exceptions(FOUND), _repeated(*repeated))
    assert lines["amount_at_risk"].cast(pl.String).to_list() == at_risk
    assert lines["outcome"].to_list() == ["review", "recover", "recover", "recover", "review"]
    assert lines.select(AMOUNTS).row(3) == (
        Decimal("30.00"),
        Decimal(0),
        Decimal("70.00"),
        Decimal("100.00"),
    )


@given(
    found=st.lists(
        st.tuples(
            st.sampled_from("123"),
            st.integers(1, 3),
            st.sampled_from(EXCEPTIONS),
            st.none() | st.integers(0, 10_000),
        ),
        min_size=1,
        max_size=20,
    ),
    repeated=st.sets(st.sampled_from("123")),
)
@settings(max_examples=50, deadline=None, derandomize=True, database=None)
def test_no_amount_exceeds_what_was_paid(
    found: list[tuple[str, int, str, int | None]], repeated: set[str]
) -> None:
    rows = []
    for claim, line, outcome, cents in sorted(found, key=lambda f: f[:2]):
        known = (
            None if cents is None else f"{Decimal(0 if outcome == ADVISORY else cents) / 100:.2f}"
        )
        rows.append(_exception(claim, line, outcome, known))
    lines = worklist(_exceptions(rows), _repeated(*repeated))
    assert lines.height == len({f[:2] for f in found})
    of_claim: dict[str, list[Decimal]] = defaultdict(list)
    for row in lines.iter_rows(named=True):
        assert sum(row[a] for a in AMOUNTS[:3]) == row["amount_at_risk"] <= row["paid_amount"]
        of_claim[row["claim_id"]].append(row["amount_at_risk"])
    for claim in repeated & set(of_claim):
        assert sum(of_claim[claim]) == max(of_claim[claim]) <= 100
        on_its_own = worklist(_exceptions(rows), _repeated()).filter(pl.col("claim_id") == claim)
        assert max(of_claim[claim]) == on_its_own["amount_at_risk"].max()


# ---------------------------------------------------------------- which claims repeat their amount


def _line(
    claim: str,
    number: int,
    hcpcs: str | None,
    units: int | None,
    paid: object = "900.00",
    **changed: object,
) -> Row:
    billed = {
        "claim_id": claim,
        "claim_line_number": number,
        "hcpcs_code": hcpcs,
        "service_unit_quantity": units,
    }
    return good("medical_claim", **({"payer": "MMM", "paid_amount": paid} | billed | changed))


CLAIMS: dict[str, tuple[list[Row], bool]] = {
    "the drug, its infusion and the room, each with the total": (
        [_line("a", 1, "J9229", 9), _line("a", 2, "96413", 1), _line("a", 3, None, 1)],
        True,
    ),
    "two lines of one code with other units": (
        [_line("b", 1, "J9229", 9), _line("b", 2, "J9229", 8)],
        True,
    ),
    "the same billed twice costs the same": (
        [_line("c", 1, "J9229", 9), _line("c", 2, "J9229", 9)],
        False,
    ),
    "one line paid otherwise": (
        [_line("d", 1, "J9229", 9), _line("d", 2, "96413", 1), _line("d", 3, "85025", 1, "12.00")],
        False,
    ),
    "one amount unknown": ([_line("e", 1, "J9229", 9), _line("e", 2, "96413", 1, None)], False),
    "nothing paid": ([_line("f", 1, "J9229", 9, "0"), _line("f", 2, "96413", 1, "0")], False),
    "two payers": ([_line("g", 1, "J9229", 9), _line("g", 2, "96413", 1, payer="Cigna")], False),
    "a payer in two cases": (
        [_line("h", 1, "J9229", 9), _line("h", 2, "96413", 1, payer="mmm")],
        True,
    ),
    "two members": ([_line("i", 1, "J9229", 9), _line("i", 2, "96413", 1, member_id="N")], False),
    "one line": ([_line("j", 1, "J9229", 9)], False),
    "a denied line does not count": (
        [_line("k", 1, "J9229", 9), _line("k", 2, "96413", 1, claim_status="denied")],
        False,
    ),
}


def test_claims_that_repeat_their_amount_are_recognised_by_their_lines(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    rows = [row for lines, _ in CLAIMS.values() for row in lines] + [
        _line("other", 1, "J9229", 9, "1.00", member_id="N")
    ]
    (tmp_path / "in" / "medical_claim.csv").write_text(as_csv(rows), encoding="utf-8")
    repeated = judged(planned(tmp_path / "in", tmp_path / "out")).repeated
    expected = {
        str(lines[0]["claim_id"]): len(lines) for lines, repeats in CLAIMS.values() if repeats
    }
    assert dict(repeated.select("claim_id", "lines").iter_rows()) == expected
    assert set(repeated["amount"]) == {Decimal("900.00")}


def test_a_run_counts_a_repeating_claim_once_and_names_it(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    rows = [
        _line("a", 1, "J9229", 8),
        _line("a", 2, "J9229", 9),
        _line("a", 3, "96413", 1),
        _line("b", 1, "J9229", 9),
    ]
    (tmp_path / "in" / "medical_claim.csv").write_text(as_csv(rows), encoding="utf-8")
    (tmp_path / "in" / "diagnosis.csv").write_text(
        as_csv([good("diagnosis", member_id="N")]), encoding="utf-8"
    )
    summary = night(
        request_for(tmp_path / "in", tmp_path / "out", tmp_path / "audit.duckdb", AS_OF)
    )
    manifest = json.loads((summary.folder / "manifest.json").read_text())
    assert manifest["repeated_amounts"] == [
        {"claim_source": "medical", "payer": "MMM", "claim_id": "a", "lines": 3, "amount": "900.00"}
    ]
    assert summary.repeated_amounts == 1 and summary.amount_at_risk == "1800.00"
    exceptions = pl.read_parquet(summary.folder / "exceptions.parquet")
    assert exceptions.filter(pl.col("claim_line_number") == 2)["amount_at_risk"].max() == Decimal(
        "900.00"
    )


def test_persons_who_share_a_claim_and_a_member_id_have_exceptions_and_a_row_each(
    tmp_path: Path,
) -> None:
    fills = [
        good("pharmacy_claim", ndc_code=IMATINIB, quantity=300, member_id="M", person_id=person)
        for person in ("P", "Q")
    ]
    ids: dict[str, set[str]] = {}
    for name, rows in {"P": fills[:1], "Q": fills[1:], "both": fills}.items():
        folder = tmp_path / name
        folder.mkdir()
        (folder / "pharmacy_claim.csv").write_text(as_csv(rows), encoding="utf-8")
        found = judged(planned(folder, tmp_path / f"out-{name}"))
        ids[name] = set(found.exceptions["exception_id"])
        lines = worklist(found.exceptions, found.repeated)
        assert lines["person_id"].to_list() == sorted({str(row["person_id"]) for row in rows})
    assert ids["P"] == ids["Q"] and len(ids["both"]) == 2 * len(ids["P"])
    assert not ids["both"] & ids["P"]

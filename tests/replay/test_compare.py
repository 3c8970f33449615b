"""Compare two sets of policies over one warehouse: what is counted, and that nothing is saved."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from audit_rules.policy.library import SHIPPED_POLICIES
from flows.cli.app import main
from tests.support.extracts import as_csv, good
from tests.support.nights import content, night
from tests.support.running import AS_OF, request_for

QUANTITY = "cigna-imatinib-quantity.toml"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A warehouse with fills of 170, 190 and 200 tablets of 100 mg at ten dollars a tablet.

    The last two are of one member.
    """
    base = tmp_path_factory.mktemp("compare")
    (base / "in").mkdir()
    fills = [("1", "A", 170), ("2", "B", 190), ("3", "B", 200)]
    rows = [
        good(
            "pharmacy_claim",
            claim_id=c,
            member_id=m,
            person_id=m,
            quantity=q,
            paid_amount=f"{q * 10}.00",
            dispensing_date=f"2026-0{c}-05",
            dispensing_channel="retail",
            prescribing_provider_npi="1234567893",
        )
        for c, m, q in fills
    ]
    (base / "in" / "pharmacy_claim.csv").write_text(as_csv(rows), encoding="utf-8")
    night(request_for(base / "in", base / "out", base / "audit.duckdb", AS_OF))
    for name, limit in (("higher", 195), ("lower", 160)):
        (base / name).mkdir()
        text = (
            (SHIPPED_POLICIES / QUANTITY)
            .read_text(encoding="utf-8")
            .replace("limit = 180\nstandard_days = 30", f"limit = {limit}\nstandard_days = 30")
        )
        assert f"limit = {limit}\n" in text
        (base / name / QUANTITY).write_text(text, encoding="utf-8")
    yield base


def _moves(
    base: Path, capsys: pytest.CaptureFixture[str], *folders: str
) -> dict[str, dict[str, object]]:
    """What changes under QTY01, by kind of move."""
    arguments = [w for f in folders for w in ("--policies", str(base / f))]
    assert main(["compare", "--warehouse", str(base / "audit.duckdb"), *arguments, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    return {row.pop("move"): row for row in rows if row.pop("rule_id") == "QTY01"}


def _counts(lines: int, dollars: str, members: int) -> dict[str, object]:
    return {"lines": lines, "dollars": dollars, "members": members, "providers": 1}


def test_a_higher_limit_clears_one_fill_and_lowers_another(
    base: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = content(base / "audit.duckdb")
    moves = _moves(base, capsys, "higher")
    assert {
        move: {k: v for k, v in row.items() if k != "citation"} for move, row in moves.items()
    } == {
        "disappears": _counts(1, "100.00", 1),
        "changes": _counts(1, "-150.00", 1),
    }
    assert all("100 mg tablets, retail" in str(row["citation"]) for row in moves.values())
    assert content(base / "audit.duckdb") == before


def test_two_sets_are_compared_in_the_order_given(
    base: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    moves = _moves(base, capsys, "higher", "lower")
    assert {
        move: {k: v for k, v in row.items() if k != "citation"} for move, row in moves.items()
    } == {
        "appears": _counts(2, "400.00", 2),
        "changes": _counts(1, "350.00", 1),
    }


def test_the_same_policies_change_nothing(base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--policies", str(base / "lower"), "--policies", str(base / "lower")]
    assert main(["compare", "--warehouse", str(base / "audit.duckdb"), *arguments]) == 0
    assert (
        capsys.readouterr().out
        == "Nothing changes: both sets of policies find the same exceptions.\n"
    )


def test_three_sets_are_too_many(base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    three_times = ["--policies", str(base / "lower")] * 3
    assert main(["compare", "--warehouse", str(base / "audit.duckdb"), *three_times]) == 2
    assert "once or twice" in capsys.readouterr().err

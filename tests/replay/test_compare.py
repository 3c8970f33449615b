"""Compare two sets of policies over one warehouse: what is counted, and that nothing is saved."""

import json
import re
import shutil
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from audit_rules.policy.library import SHIPPED_POLICIES
from flows.cli.app import main
from flows.ledger.decisions import decide
from flows.ledger.written_decisions import Decision
from flows.privacy import PSEUDONYMISED
from flows.provenance import program_version
from flows.results.manifest import MANIFEST
from tests.support.extracts import as_csv, good
from tests.support.ledger import rows_of
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
    rows = json.loads(capsys.readouterr().out)["moves"]
    return {row.pop("move"): row for row in rows if row.pop("rule_id") == "QTY01"}


def _counts(lines: int, before: str, after: str, members: int) -> dict[str, object]:
    at_risk = {"amount_at_risk_before": before, "amount_at_risk_after": after}
    return {"outcome": "recover", "lines": lines, **at_risk, "members": members, "providers": 1}


@pytest.mark.slow
def test_a_higher_limit_clears_one_fill_and_lowers_another(
    base: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = content(base / "audit.duckdb")
    moves = _moves(base, capsys, "higher")
    assert {
        move: {k: v for k, v in row.items() if k != "citation"} for move, row in moves.items()
    } == {
        "disappears": _counts(1, "100.00", "0.00", 1),
        "changes": _counts(1, "200.00", "50.00", 1),
    }
    assert all("100 mg tablets, retail" in str(row["citation"]) for row in moves.values())
    assert content(base / "audit.duckdb") == before


@pytest.mark.slow
def test_two_sets_are_compared_in_the_order_given(
    base: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    moves = _moves(base, capsys, "higher", "lower")
    assert {
        move: {k: v for k, v in row.items() if k != "citation"} for move, row in moves.items()
    } == {
        "appears": _counts(2, "0.00", "400.00", 2),
        "changes": _counts(1, "50.00", "400.00", 1),
    }


@pytest.mark.slow
def test_the_same_policies_change_nothing(base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--policies", str(base / "lower"), "--policies", str(base / "lower")]
    assert main(["compare", "--warehouse", str(base / "audit.duckdb"), *arguments]) == 0
    assert (
        capsys.readouterr().out
        == "Nothing changes: the same exceptions are found before and after.\n"
    )


@pytest.mark.slow
def test_the_totals_are_those_of_the_worklist_before_and_after(
    base: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two lines have 300.00 at risk; under the higher limit one has 50.00."""
    words = ["compare", "--warehouse", str(base / "audit.duckdb"), "--policies"]
    assert main([*words, str(base / "higher")]) == 0
    printed = capsys.readouterr().out
    assert re.search(r"^recover_amount +300\.00 +50\.00 +-250\.00$", printed, re.MULTILINE)


@pytest.mark.slow
def test_what_was_decided_counts_as_in_the_run(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    warehouse = tmp_path / "audit.duckdb"
    shutil.copy(base / "audit.duckdb", warehouse)
    found = rows_of(warehouse, "SELECT claim_id, exception_id FROM ledger WHERE rule_id = 'QTY01'")
    ids = {claim: str(exception_id) for claim, exception_id in found}
    decide(warehouse, [Decision(ids["2"], "right after all")], "dismiss", "Ann")
    paid = Decision(ids["3"], action="recovered", amount=Decimal("20.00"))
    decide(warehouse, [paid], by="Ann")
    summary = night(request_for(None, tmp_path / "out", warehouse, AS_OF + timedelta(days=1)))
    worklist = pl.read_parquet(summary.folder / "worklist.parquet")
    assert worklist["recover_amount"].sum() == Decimal("180.00")
    words = ["compare", "--warehouse", str(warehouse), "--policies", str(base / "higher")]
    assert main(words) == 0
    assert re.search(r"^recover_amount +180\.00 ", capsys.readouterr().out, re.MULTILINE)


def _first_run(base: Path) -> Path:
    """The folder of the run that made the warehouse."""
    (folder,) = (base / "out").glob("run=*")
    return folder


@pytest.mark.slow
def test_two_runs_are_compared_by_rule_policy_and_line(
    base: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    second = request_for(
        base / "in", base / "second", base / "second.duckdb", AS_OF, policies=base / "higher"
    )
    before, after = _first_run(base), night(second).folder
    assert main(["compare", "--run", str(before), "--run", str(after), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    moves = {row["move"]: row for row in found["moves"] if row["rule_id"] == "QTY01"}
    assert {move: row["lines"] for move, row in moves.items()} == {"disappears": 1, "changes": 1}
    assert found["totals"]["amount_at_risk"] == {"before": "300.00", "after": "50.00"}
    assert found["differences"] == ["Policy files that differ: cigna-imatinib-quantity."]
    assert main(["compare", "--run", str(before), "--run", str(before)]) == 0
    assert capsys.readouterr().out.startswith("Nothing changes")


def _copy_with(run: Path, copy: Path, **entries: object) -> Path:
    """A copy of a run whose manifest says something else."""
    shutil.copytree(run, copy)
    manifest = json.loads((copy / MANIFEST).read_text(encoding="utf-8"))
    (copy / MANIFEST).write_text(json.dumps(manifest | entries), encoding="utf-8")
    return copy


@pytest.mark.parametrize(
    "entries", [{"privacy": PSEUDONYMISED}, {"pseudonym_key": "0123456789abcdef"}], ids=str
)
def test_runs_that_show_identifiers_otherwise_are_not_compared(
    entries: dict[str, object], base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = _copy_with(_first_run(base), tmp_path / "other", **entries)
    assert main(["compare", "--run", str(_first_run(base)), "--run", str(other)]) == 3
    assert "different privacy levels" in capsys.readouterr().err


def test_it_says_what_differs_besides_what_was_found(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = _copy_with(
        _first_run(base), tmp_path / "other", version="0.0.1", as_of="2026-05-31", files=[]
    )
    assert main(["compare", "--run", str(other), "--run", str(_first_run(base))]) == 0
    printed = capsys.readouterr().out
    assert f"The version was 0.0.1 and is {program_version()}." in printed
    assert f"The as-of date was 2026-05-31 and is {AS_OF}." in printed
    assert "The extracts differ." in printed and "Nothing changes" in printed


def test_an_aggregate_run_and_a_changed_one_are_refused(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = _first_run(base)
    results = json.loads((run / MANIFEST).read_text(encoding="utf-8"))["results"]
    kept = {name: sha256 for name, sha256 in results.items() if name == "rule_coverage.parquet"}
    aggregate = _copy_with(run, tmp_path / "aggregate", results=kept)
    for name in results.keys() - kept.keys():
        (aggregate / name).unlink()
    assert main(["compare", "--run", str(aggregate), "--run", str(run)]) == 3
    assert "no exceptions.parquet" in capsys.readouterr().err
    (aggregate / "rule_coverage.parquet").write_bytes(b"")
    assert main(["compare", "--run", str(run), "--run", str(aggregate)]) == 3
    assert "not a complete run" in capsys.readouterr().err


@pytest.mark.parametrize("files", [[[]], [{"file": None, "sha256": "0"}], [{"file": "a.csv"}]])
def test_a_manifest_of_another_shape_is_refused_and_is_no_bug(
    files: list[object], base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = _first_run(base)
    other = _copy_with(run, tmp_path / "other", files=files)
    assert main(["compare", "--run", str(run), "--run", str(other)]) == 3
    assert "not a complete run" in capsys.readouterr().err


def test_a_run_whose_manifest_leaves_the_worklist_out_is_refused(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = _first_run(base)
    results = json.loads((run / MANIFEST).read_text(encoding="utf-8"))["results"]
    lines = ("worklist.parquet", "advisories.parquet")
    fewer = {name: sha256 for name, sha256 in results.items() if name not in lines}
    other = _copy_with(run, tmp_path / "other", results=fewer)
    for name in lines:
        (other / name).unlink()
    assert main(["compare", "--run", str(run), "--run", str(other)]) == 3
    assert "no worklist.parquet" in capsys.readouterr().err
    assert main(["packet", "01234567", "--run", str(other)]) == 3
    assert "no worklist.parquet" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [["--run", "a"], ["--run", "a", "--run", "b", "--policies", "c"], ["--policies", "c"], []],
    ids=" ".join,
)
def test_it_needs_two_runs_or_a_warehouse_and_policies(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", *words]) == 2
    assert "--run" in capsys.readouterr().err


def test_three_sets_are_too_many(base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    three_times = ["--policies", str(base / "lower")] * 3
    assert main(["compare", "--warehouse", str(base / "audit.duckdb"), *three_times]) == 2
    assert "once or twice" in capsys.readouterr().err

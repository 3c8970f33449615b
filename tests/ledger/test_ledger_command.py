"""`claims-audit ledger` summarises every exception ever found, and exports it."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import get_args

import polars as pl
import pytest

from flows.cli.app import main
from flows.cli.ledger import Status
from flows.ledger.decisions import decide
from flows.ledger.read import COLUMNS, EVERY_STATUS
from flows.ledger.written_decisions import Decision
from tests.support.ledger import NIGHT_OF, event, exception_id, ledger_warehouse


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    """Four exceptions: one dismissed, one of which money came back twice, one resolved."""
    resolved = {"status": "resolved", "last_seen": date(2026, 6, 29)}
    path = ledger_warehouse(
        tmp_path / "audit.duckdb", event(1), event(2), event(3), event(4, **resolved)
    )
    decide(path, [Decision(exception_id(1), "=known to us", "dismiss")], by="Ann")
    for amount in ("10", "0.01"):
        back = Decision(exception_id(2), action="recovered", amount=Decimal(amount))
        decide(path, [back], by="Ann")
    return path


def test_the_summary_counts_statuses_and_decisions_and_adds_up_what_came_back(
    warehouse: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ledger", "--warehouse", str(warehouse)]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    for row in (
        ["new", "2"],
        ["dismissed", "1"],
        ["resolved", "1"],
        ["all", "4"],
        ["dismiss", "1"],
    ):
        assert row in rows
    assert ["none", "yet", "2"] in rows and rows[-1][3] == "$10.01,"


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_the_export_has_one_row_per_exception_with_its_latest_decision(
    kind: str, warehouse: Path
) -> None:
    file = warehouse.with_name(f"ledger.{kind}")
    assert main(["ledger", "--warehouse", str(warehouse), "--export", str(file)]) == 0
    frame = pl.read_csv(file, infer_schema=False) if kind == "csv" else pl.read_parquet(file)
    assert tuple(frame.columns) == COLUMNS and frame.height == 4
    by_id = {row["exception_id"]: row for row in frame.iter_rows(named=True)}
    dismissed, paid = by_id[exception_id(1)], by_id[exception_id(2)]
    assert (dismissed["status"], dismissed["decision"]) == ("dismissed", "dismiss")
    assert (dismissed["decided_by"], str(dismissed["first_seen"])) == ("Ann", str(NIGHT_OF))
    assert paid["decision"] == "recovered" and float(paid["recovered"]) == 10.01
    assert file.stat().st_mode & 0o077 == 0
    if kind == "csv":
        assert dismissed["decision_reason"] == "'=known to us", "a spreadsheet would execute it"


def test_only_the_statuses_asked_for_are_shown(warehouse: Path) -> None:
    file = warehouse.with_name("l.parquet")
    words = ["ledger", "--warehouse", str(warehouse), "--export", str(file)]
    assert main([*words, "--status", "new", "--status", "resolved"]) == 0
    assert sorted(pl.read_parquet(file)["status"]) == ["new", "new", "resolved"]
    assert get_args(Status) == EVERY_STATUS


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--warehouse", "gone.duckdb"], "There is no warehouse gone.duckdb"),
        (["--export", "ledger.txt"], "ends in .csv or .parquet"),
        (["--export", "gone/ledger.csv"], "its folder does not exist"),
        (["--status", "lost"], "--status is one of new, open"),
    ],
)
def test_a_wrong_option_is_refused(
    words: list[str],
    said: str,
    warehouse: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(warehouse.parent)
    given = [] if "--warehouse" in words else ["--warehouse", warehouse.name]
    assert main(["ledger", *given, *words]) == 2
    assert said in capsys.readouterr().err

"""A night in the future is refused; one that was run by mistake is named, and can be forgotten."""

import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest

from flows.cli.app import main
from flows.clock import today
from flows.errors import UsageError
from flows.ledger.decisions import decide
from flows.ledger.written_decisions import Decision
from flows.plan import plan
from flows.request import RunRequest
from flows.summary import Summary
from flows.warehouse.forget import forget_night
from schemas.decisions import DISMISS
from tests.support.few_rules import asking_few
from tests.support.hostile import csv, fill
from tests.support.nights import content, night, notes_but_of_collecting, published
from tests.support.running import request_for

pytestmark = pytest.mark.slow  # whole runs over hostile input
_few_rules = asking_few("AUTH01", "DUP01", "QTY01")

FIRST = date(2026, 6, 29)
MISTAKE = date(2062, 6, 30)


def _request(base: Path, number: int, as_of: date, warehouse: str = "audit.duckdb") -> RunRequest:
    """The run of a night that brings two claims with findings."""
    landing = base / f"in{number}"
    if not landing.exists():
        landing.mkdir()
        fills = [fill(10 * number + n, quantity="500") for n in (1, 2)]
        (landing / f"pharmacy_claim_{number}.csv").write_bytes(csv(*fills))
    return request_for(
        landing, base / Path(warehouse).stem, base / warehouse, as_of, allow_future=True
    )


def _found(summary: Summary) -> tuple[int, dict[str, int]]:
    return summary.rows_read, summary.exceptions


def test_a4_an_as_of_date_after_today_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tomorrow = today() + timedelta(days=1)
    request = _request(tmp_path, 1, tomorrow)
    words = ["run", "--input", str(request.input), "--output", str(tmp_path / "out")]
    assert main([*words, "--as-of", tomorrow.isoformat()]) == 2
    assert "--allow-future" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    plan(request)
    plan(request_for(request.input, request.output, tmp_path / "audit.duckdb", today()))


def test_a4_a_run_says_when_it_is_not_the_last_night(tmp_path: Path) -> None:
    assert notes_but_of_collecting(night(_request(tmp_path, 1, MISTAKE))) == ()
    (note,) = notes_but_of_collecting(night(_request(tmp_path, 2, FIRST)))
    assert f"one as of {MISTAKE}" in note and "forget-night" in note
    assert notes_but_of_collecting(night(_request(tmp_path, 1, MISTAKE))) == ()


def test_a4_a_forgotten_night_leaves_the_warehouse_as_if_it_had_never_been(tmp_path: Path) -> None:
    """Nights before and after the mistake are those of a warehouse that never saw it."""
    days = [FIRST + timedelta(days=n) for n in range(4)]
    night(_request(tmp_path, 0, days[0]))
    shutil.copy(tmp_path / "audit.duckdb", tmp_path / "never.duckdb")
    night(_request(tmp_path, 1, MISTAKE))
    after = night(_request(tmp_path, 2, days[1]))
    assert after.rows_read == 4 and after.notes
    (exception, *_) = {row[1] for row in content(tmp_path / "audit.duckdb")["ledger_event"]}
    decide(tmp_path / "audit.duckdb", [Decision(exception, "why")], DISMISS, "me")
    before = content(tmp_path / "audit.duckdb")
    gone = forget_night(tmp_path / "audit.duckdb", MISTAKE)
    assert content(tmp_path / "audit.duckdb") == before, "a dry run changes nothing"
    assert (gone.files, gone.rows) == (("pharmacy_claim_1.csv",), 2)
    assert gone.decisions == ((DISMISS, exception, "me"),) and gone.events
    assert forget_night(tmp_path / "audit.duckdb", MISTAKE, dry_run=False) == gone
    again = [
        night(_request(tmp_path, 2, days[1])),
        night(_request(tmp_path, 1, days[2])),
        night(_request(tmp_path, 3, days[3])),
    ]
    never = [
        night(_request(tmp_path, number, day, "never.duckdb"))
        for number, day in zip((2, 1, 3), days[1:], strict=True)
    ]
    assert [_found(s) for s in again] == [_found(s) for s in never]
    assert [s.changes for s in again] == [s.changes for s in never]
    assert notes_but_of_collecting(again[-1]) == ()
    assert published(again[-1].folder) == published(never[-1].folder)


def test_a4_only_the_last_night_can_be_forgotten(tmp_path: Path) -> None:
    warehouse = tmp_path / "audit.duckdb"
    with pytest.raises(UsageError, match="no such warehouse"):
        forget_night(warehouse, FIRST)
    night(_request(tmp_path, 0, FIRST))
    night(_request(tmp_path, 1, FIRST + timedelta(days=1)))
    with pytest.raises(UsageError, match="later night"):
        forget_night(warehouse, FIRST, dry_run=False)
    with pytest.raises(UsageError, match=f"Its last one is {FIRST + timedelta(days=1)}"):
        forget_night(warehouse, MISTAKE, dry_run=False)


def test_a4_the_command_names_files_and_decisions_and_asks_for_yes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    night(_request(tmp_path, 0, FIRST))
    before = content(tmp_path / "audit.duckdb")
    words = ["forget-night", FIRST.isoformat(), "--warehouse", str(tmp_path / "audit.duckdb")]
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert "pharmacy_claim_0.csv" in printed and "Give --yes to do it." in printed
    assert content(tmp_path / "audit.duckdb") == before
    assert main([*words, "--yes"]) == 0
    left = content(tmp_path / "audit.duckdb")
    assert not left["pharmacy_claim"] and not left["file"] and not left["night"]
    assert night(_request(tmp_path, 0, FIRST)).exceptions

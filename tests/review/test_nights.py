"""A night may run while the app is up, and the app then shows what it found."""

import json
import shutil
from datetime import date, timedelta
from pathlib import Path
from threading import Thread

import duckdb
import pytest

from flows.errors import InputRefused, WarehouseBusy
from flows.ledger.decisions import decide
from flows.ledger.written_decisions import Decision
from flows.request import RunRequest
from flows.results.manifest import MANIFEST
from flows.review import desk
from flows.review.desk import Desk
from flows.review.ledger_now import is_to_decide, read_ledger_now
from flows.warehouse.lock import hold, is_held
from schemas.decisions import REQUEST_RECORDS
from tests.support.hostile import csv, fill
from tests.support.ledger import NIGHT_OF, event, exception_id, ledger_warehouse
from tests.support.nights import night
from tests.support.review import opened
from tests.support.running import request_for

DAY = timedelta(days=1)


def _request(base: Path, number: int) -> RunRequest:
    """A night that brings two claims with findings."""
    landing = base / f"in{number}"
    landing.mkdir()
    fills = [fill(10 * number + n, quantity="500") for n in (1, 2)]
    (landing / f"pharmacy_claim_{number}.csv").write_bytes(csv(*fills))
    as_of = NIGHT_OF + number * DAY
    return request_for(landing, base, base / "audit.duckdb", as_of)


@pytest.mark.slow
def test_a_night_runs_while_the_app_is_up_and_is_shown_then(tmp_path: Path) -> None:
    warehouse = tmp_path / "audit.duckdb"
    first = night(_request(tmp_path, 0))
    browser = opened(warehouse)
    (line, *others) = browser.lines()
    assert first.run_id in browser.ask("/").text
    form = browser.form(line, action="confirm")
    second = night(_request(tmp_path, 1))
    late = browser.post(line, form)
    assert late.status_code == 409 and "A night has run" in late.text
    page = browser.ask("/").text
    assert second.run_id in page and first.run_id not in page
    assert len(browser.lines()) == len(others) + 3
    pinned = opened(warehouse, run=first.folder)
    assert f"A later night, {second.run_id}, has run" in pinned.ask("/").text
    assert len(pinned.lines()) == len(others) + 1


def test_results_without_identifiers_or_of_another_warehouse_are_refused(
    untouched: Path, sample_results: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(sample_results, folder)
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    for privacy, sentence in (("aggregate", "full privacy level"), ("full", "no record of this")):
        text = json.dumps(manifest | {"privacy": privacy})
        (folder / MANIFEST).write_text(text, encoding="utf-8")
        with pytest.raises(InputRefused, match=sentence):
            Desk(untouched, folder, {})


def test_a_warehouse_that_a_run_holds_cannot_be_opened_at_first(warehouse: Path) -> None:
    with hold(warehouse), pytest.raises(WarehouseBusy, match="Wait for it to end"):
        Desk(warehouse, None, {})
    Desk(warehouse, None, {})


def test_the_queue_is_shown_while_a_line_is_explained(
    untouched: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = Desk(untouched, None, {})
    queue = shown.queue()

    def explain(*_asked: object) -> None:
        answers = []
        other = Thread(target=lambda: answers.append(shown.queue()), daemon=True)
        other.start()
        other.join(timeout=20)
        raise WarehouseBusy("seen" if answers == [queue] else "not seen")

    monkeypatch.setattr(desk, "explain", explain)
    with pytest.raises(WarehouseBusy, match=r"^seen"):
        shown.explanation(queue.lines[0], queue)


def test_a_held_warehouse_is_seen_without_taking_its_lock(tmp_path: Path) -> None:
    warehouse = tmp_path / "audit.duckdb"
    warehouse.touch()
    assert not is_held(warehouse)
    with hold(warehouse):
        assert is_held(warehouse)
    assert not is_held(warehouse)
    (tmp_path / ".audit.duckdb.work").mkdir()  # left by a run that was killed
    assert not is_held(warehouse)
    (tmp_path / ".audit.duckdb.lock").unlink()
    assert not is_held(warehouse)


def test_what_a_night_has_changed_is_to_be_decided_again(tmp_path: Path) -> None:
    warehouse = ledger_warehouse(tmp_path / "audit.duckdb", event(1), event(2), event(3))
    decide(warehouse, [Decision(exception_id(n), "seen") for n in (1, 2)], "confirm", "Ann")
    later = NIGHT_OF + DAY
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("INSERT INTO main.night VALUES (?, 'later')", [later])
        for number, status in ((1, "changed"), (3, "resolved")):
            connection.execute(
                "INSERT INTO main.ledger_event BY NAME SELECT * REPLACE (? AS night, ? AS status)"
                " FROM main.ledger_event WHERE exception_id = ?",
                [later, status, exception_id(number)],
            )
    ledger = read_ledger_now(warehouse)
    assert ledger.run_id == "later" and exception_id(3) not in ledger.known
    changed, held = (ledger.known[exception_id(n)] for n in (1, 2))
    assert is_to_decide(changed, later) and not is_to_decide(held, later)
    decide(warehouse, [Decision(exception_id(1), "seen")], "confirm", "Ann")
    assert not is_to_decide(read_ledger_now(warehouse).known[exception_id(1)], later)


@pytest.mark.parametrize(
    ("until", "is_due"), [(None, False), (date(2026, 7, 9), True), (date(2026, 7, 10), False)]
)
def test_requested_records_that_are_overdue_are_to_be_decided(
    until: date | None, is_due: bool
) -> None:
    known = {"decision": REQUEST_RECORDS, "until": until, "changed_since": False}
    assert is_to_decide(known, date(2026, 7, 10)) is is_due


def test_what_is_undecided_or_unknown_is_to_be_decided() -> None:
    assert is_to_decide(None, NIGHT_OF)
    assert is_to_decide({"decision": None, "until": None, "changed_since": False}, NIGHT_OF)

"""A warehouse with two names (hard links): no command is lost, whichever name it was given."""

import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from audit_rules.errors import AuditError
from flows.errors import DiskTrouble, redacted_errors
from flows.ledger import decisions
from flows.ledger.decisions import decide
from flows.warehouse import connection
from flows.warehouse.connection import opened_for_writing
from flows.warehouse.files import log_of
from flows.warehouse.rescue import checkpoint
from schemas.decisions import DISMISS
from tests.support.hostile import CSV, csv, fill
from tests.support.kills import in_child
from tests.support.nights import content, night
from tests.support.running import AS_OF, request_for
from tests.support.writers import known_exceptions, warehouse_of

pytestmark = pytest.mark.slow  # whole runs over hostile input


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a warehouse of one night."""
    base = tmp_path_factory.mktemp("hard_links")
    (base / "in").mkdir()
    (base / "in" / CSV).write_bytes(csv(*(fill(n) for n in range(4))))
    night(request_for(base / "in", base / "out", warehouse_of(base), AS_OF))
    return base


@pytest.fixture
def names(made: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Two names of one warehouse."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    first, second = warehouse_of(tmp_path), tmp_path / "out" / "other.duckdb"
    os.link(first, second)
    return first, second


def _dismiss(warehouse: Path, base: Path, number: int) -> None:
    decide(warehouse, [known_exceptions(base)[number]], DISMISS, "a reviewer")


def _killed_before_its_end(warehouse: Path, base: Path) -> None:
    """Dismiss an exception, in a process that is killed after the commit."""
    decisions._in_vain = lambda *_given: os.kill(os.getpid(), 9)  # type: ignore[assignment]
    _dismiss(warehouse, base, 0)


def _dismiss_without_room(warehouse: Path, base: Path) -> None:
    """Dismiss an exception where nothing can be written after the commit; exit with the code."""
    limit = 4096  # bytes of a file: room for a log, not for a database
    decisions._in_vain = lambda *_given: resource.setrlimit(  # type: ignore[assignment]
        resource.RLIMIT_FSIZE, (limit, limit)
    )
    try:
        with redacted_errors(base):
            _dismiss(warehouse, base, 0)
    except AuditError as error:
        sys.exit(error.exit_code)


def _writer_killed(warehouse: Path) -> bytes:
    """Let another program write into a warehouse and be killed; returns the log that it leaves."""
    code = (
        "import duckdb, os, sys; c = duckdb.connect(sys.argv[1]); "
        "c.execute(\"INSERT INTO decision (decision_no, action) VALUES (1, 'dismiss')\"); "
        "os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(warehouse)], check=False)
    return log_of(warehouse).read_bytes()


def test_what_one_name_shows_is_there_after_a_write_under_the_other(
    names: tuple[Path, Path], tmp_path: Path
) -> None:
    """A killed command left a log beside its name, which a write under the other made useless."""
    first, second = names
    assert in_child(_killed_before_its_end, first, tmp_path) == -9
    before = content(first)["decision"]
    _dismiss(second, tmp_path, 1)
    assert len(content(first)["decision"]) == len(before) + 1
    _dismiss(first, tmp_path, 2)
    assert len(content(second)["decision"]) == len(before) + 2


def test_a_log_beside_another_name_is_named_and_applied_there(
    names: tuple[Path, Path], tmp_path: Path
) -> None:
    first, second = names
    left, before = _writer_killed(first), first.read_bytes()
    (tmp_path / "in" / "pharmacy_claim_2.csv").write_bytes(csv(fill(9)))
    request = request_for(tmp_path / "in", tmp_path / "out", second, AS_OF)
    for write in (lambda: _dismiss(second, tmp_path, 1), lambda: night(request)):
        with pytest.raises(DiskTrouble, match=r"the log audit\.duckdb\.wal may hold"):
            write()
    assert (log_of(first).read_bytes(), second.read_bytes()) == (left, before)
    _dismiss(first, tmp_path, 1)
    _dismiss(second, tmp_path, 2)
    assert len(content(first)["decision"]) == 3
    assert not log_of(first).exists() and not log_of(second).exists()


def test_a_writer_does_not_work_on_the_connection_that_applied_a_log(
    names: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine may crash at the next checkpoint if it goes on with a log that it has applied."""
    _writer_killed(names[0])
    stored: list[object] = []
    monkeypatch.setattr(
        connection,
        "checkpoint",
        lambda *given: (stored.append(given[0]), checkpoint(*given)),
    )
    with opened_for_writing(names[0]) as writer:
        assert len(stored) == 1 and stored[0] is not writer
        assert not log_of(names[0]).exists()
    assert stored[1:] == [writer]


@pytest.mark.parametrize("moment", ["put_back", "scratch_of"])
def test_what_another_program_commits_between_two_openings_is_not_lost(
    names: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """It is killed after the file was closed, or after no log was found and before it is opened."""
    if moment == "put_back":
        _writer_killed(names[0])
    before, at_the_moment = len(content(names[0])["decision"]), getattr(connection, moment)

    def meanwhile(real: Path) -> Path | None:
        monkeypatch.setattr(connection, moment, at_the_moment)
        _writer_killed(real)
        found: Path | None = at_the_moment(real)
        return found

    monkeypatch.setattr(connection, moment, meanwhile)
    with pytest.raises(KeyboardInterrupt), opened_for_writing(names[0]):
        raise KeyboardInterrupt
    assert len(content(names[0])["decision"]) == before + 1


def test_what_cannot_be_written_at_the_end_fails_and_leaves_the_warehouse_without_a_log(
    names: tuple[Path, Path], tmp_path: Path
) -> None:
    first, second = names
    before = content(first)
    assert in_child(_dismiss_without_room, first, tmp_path) == DiskTrouble.exit_code
    assert not log_of(first).exists()
    assert content(first) == before == content(second)


def test_a_writer_that_fails_after_its_commit_leaves_the_warehouse_as_it_was(made: Path) -> None:
    before = content(warehouse_of(made))
    with (
        pytest.raises(DiskTrouble, match="on purpose"),
        opened_for_writing(warehouse_of(made)) as connection,
    ):
        connection.execute("INSERT INTO decision (decision_no, action) VALUES (1, 'dismiss')")
        raise DiskTrouble("on purpose")
    assert content(warehouse_of(made)) == before

"""A warehouse has one writer, whatever its name and whatever happens to its lock file."""

import errno
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pytest

from flows import run_folders, stages
from flows.errors import DiskTrouble, UsageError, WarehouseBusy
from flows.ledger.decisions import decide
from flows.ledger.written_decisions import Decision
from flows.plan import plan
from flows.request import RunRequest
from flows.warehouse import files
from flows.warehouse.files import replace_file
from flows.warehouse.lock import hold
from flows.warehouse.purge import purge
from schemas.decisions import DISMISS
from tests.support.few_rules import asking_few
from tests.support.hostile import csv, fill
from tests.support.nights import content, night, notes_but_of_collecting
from tests.support.running import AS_OF, request_for

pytestmark = pytest.mark.slow  # whole runs over hostile input
_few_rules = asking_few("AUTH01", "DUP01", "QTY01")


def _request(base: Path, landing: str, warehouse: Path) -> RunRequest:
    return request_for(base / landing, base / "out", warehouse, AS_OF)


def _land(base: Path, name: str, *numbers: int) -> None:
    (base / name).mkdir()
    (base / name / f"pharmacy_claim_{name}.csv").write_bytes(csv(*(fill(n) for n in numbers)))


@pytest.fixture(scope="module")
def one_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a warehouse of one run, and landing folders for two more."""
    base = tmp_path_factory.mktemp("one run")
    for number, name in enumerate("abc"):
        _land(base, name, 10 * number + 1, 10 * number + 2)
    (base / "real").mkdir()
    night(_request(base, "a", base / "real" / "audit.duckdb"))
    return base


@pytest.fixture
def warehouse(one_run: Path, tmp_path: Path) -> Path:
    """The warehouse of one run, in a copy of its folder."""
    shutil.copytree(one_run, tmp_path, dirs_exist_ok=True)
    return tmp_path / "real" / "audit.duckdb"


def _link(real: Path, other: Path) -> None:
    other.symlink_to(real)


def _link_by_folder(real: Path, other: Path) -> None:
    (other.parent / "folder").symlink_to(real.parent)
    other.symlink_to(other.parent / "folder" / real.name)


NAMES = [_link, _link_by_folder, os.link]


@pytest.mark.parametrize("give_name", NAMES, ids=["link", "link to a link", "hard link"])
def test_a1_two_names_of_one_warehouse_are_one_lock(
    tmp_path: Path, warehouse: Path, give_name: Callable[[Path, Path], None]
) -> None:
    other = tmp_path / "out" / "other.duckdb"
    give_name(warehouse, other)
    before = content(warehouse)
    with hold(warehouse):
        for act in (
            lambda: night(_request(tmp_path, "b", other)),
            lambda: decide(other, [Decision("x", "y")], DISMISS, "me"),
            lambda: (
                purge(other, AS_OF) if other.is_symlink() else night(_request(tmp_path, "b", other))
            ),
        ):
            with pytest.raises(WarehouseBusy):
                act()
    assert content(warehouse) == before
    assert night(_request(tmp_path, "b", other)).rows_read == 4
    assert night(_request(tmp_path, "c", warehouse)).rows_read == 6


@pytest.mark.parametrize("is_new", [False, True])
def test_a1_a_lock_file_removed_while_it_is_held_lets_nobody_in(
    tmp_path: Path, warehouse: Path, is_new: bool
) -> None:
    held = tmp_path / "new.duckdb" if is_new else warehouse
    with hold(held):
        held.with_name(f".{held.name}.lock").unlink()
        with pytest.raises(WarehouseBusy):
            night(_request(tmp_path, "b", held))
        assert files.scratch_of(held).is_dir(), "the first run's folder is untouched"


def _half_done(request: RunRequest) -> Callable[[], object]:
    """A run up to its report, which is what the function returned does."""
    made = plan(request)
    run_folders.begin(made)
    loaded = stages.load_stage(made, lambda _name: None)
    validated = stages.validate_stage(made)
    settled = stages.settle_stage(made)
    judged = stages.judge_stage(made)
    return lambda: stages.report_stage(made, loaded, validated, settled, judged)


def _other_writer(base: Path, warehouse: Path) -> None:
    """Write into a warehouse as if there were no lock."""
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("INSERT INTO decision (decision_no, action) VALUES (1, 'dismiss')")


def _purge_by_hand(base: Path, warehouse: Path) -> None:
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("DELETE FROM file")


def _remove(base: Path, warehouse: Path) -> None:
    warehouse.unlink()


@pytest.mark.parametrize("change", [_other_writer, _purge_by_hand, _remove])
def test_a1_a_run_keeps_nothing_if_somebody_wrote_since_it_read(
    tmp_path: Path, warehouse: Path, change: Callable[[Path, Path], None]
) -> None:
    finish = _half_done(_request(tmp_path, "b", warehouse))
    change(tmp_path, warehouse)
    after = content(warehouse)
    with pytest.raises(WarehouseBusy, match="changed or removed"):
        finish()
    assert content(warehouse) == after
    assert len([*(tmp_path / "out").glob("run=*")]) == 1


def test_a1_two_first_runs_do_not_replace_each_other(tmp_path: Path, warehouse: Path) -> None:
    new = tmp_path / "new.duckdb"
    finish = _half_done(_request(tmp_path, "b", new))
    new.write_bytes(warehouse.read_bytes())
    with pytest.raises(WarehouseBusy, match="changed or removed"):
        finish()
    assert new.read_bytes() == warehouse.read_bytes()


def test_c2_a_purge_through_a_link_purges_the_real_file(tmp_path: Path, warehouse: Path) -> None:
    link = tmp_path / "out" / "audit.duckdb"
    link.symlink_to(warehouse)
    warehouse.chmod(0o640)
    assert purge(link, AS_OF).rows == 2
    assert link.is_symlink() and not content(warehouse)["pharmacy_claim"]
    assert stat.S_IMODE(warehouse.stat().st_mode) == 0o640


def test_c2_a_purge_of_a_file_with_two_names_is_refused(tmp_path: Path, warehouse: Path) -> None:
    os.link(warehouse, tmp_path / "copy.duckdb")
    with pytest.raises(UsageError, match="hard link"):
        purge(warehouse, AS_OF)


def test_a1_a_file_is_replaced_behind_its_link_with_its_mode(
    tmp_path: Path,
) -> None:
    real, link, new = (tmp_path / name for name in ("real", "link", "new"))
    real.write_text("old")
    real.chmod(0o640)
    link.symlink_to(real)
    new.write_text("new")
    replace_file(new, link)
    assert (real.read_text(), link.is_symlink()) == ("new", True)
    assert stat.S_IMODE(real.stat().st_mode) == 0o640


def test_a1_a_file_that_is_a_mount_is_not_replaced_and_called_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_given: object) -> None:
        raise OSError(errno.EBUSY, "a mount")

    real, new = tmp_path / "real", tmp_path / "new"
    real.write_text("old")
    new.write_text("new")
    monkeypatch.setattr(Path, "replace", busy)
    with pytest.raises(DiskTrouble, match="real is mounted as a single file"):
        replace_file(new, real)
    assert real.read_text() == "old"


def test_e5_a_lock_that_is_a_folder_is_named(tmp_path: Path, warehouse: Path) -> None:
    lock = warehouse.with_name(".audit.duckdb.lock")
    lock.unlink()
    lock.mkdir()
    with pytest.raises(DiskTrouble, match=r"\.audit\.duckdb\.lock is a file, folder or link"):
        night(_request(tmp_path, "b", warehouse))


# ---------------------------------------------------------------- what lies in the way


def test_a5_a_log_left_of_a_removed_warehouse_is_moved_aside(
    tmp_path: Path, warehouse: Path
) -> None:
    log = warehouse.with_name("audit.duckdb.wal")
    code = (
        "import duckdb, os, sys; c = duckdb.connect(sys.argv[1]); "
        "c.execute(\"INSERT INTO decision (decision_no, action) VALUES (1, 'dismiss')\"); "
        "os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(warehouse)], check=False)
    assert log.stat().st_size
    left = log.read_bytes()
    warehouse.unlink()
    summary = night(_request(tmp_path, "b", warehouse))
    moved = warehouse.with_name("set-aside-1-audit.duckdb.wal")
    assert any(moved.name in note for note in summary.notes) and moved.read_bytes() == left
    assert not log.exists()
    assert night(_request(tmp_path, "c", warehouse)).rows_read == 4


def test_a5_the_log_of_a_warehouse_that_is_there_is_applied(
    tmp_path: Path, warehouse: Path
) -> None:
    code = (
        "import duckdb, os, sys; c = duckdb.connect(sys.argv[1]); "
        "c.execute(\"INSERT INTO decision (decision_no, action) VALUES (1, 'dismiss')\"); "
        "os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(warehouse)], check=False)
    (note,) = notes_but_of_collecting(night(_request(tmp_path, "b", warehouse)))
    assert note.startswith("Decisions in the warehouse")  # of another program, not of the log
    assert len(content(warehouse)["decision"]) == 1


# ---------------------------------------------------------------- another file system


@pytest.fixture
def other_file_system(tmp_path: Path) -> Iterator[Path]:
    """A folder on another file system than tmp_path."""
    for base in ("/dev/shm", "/tmp", "/var/tmp", str(Path.home())):
        if Path(base).is_dir() and Path(base).stat().st_dev != tmp_path.stat().st_dev:
            with TemporaryDirectory(dir=base) as folder:
                yield Path(folder)
            return
    pytest.skip("this machine has one file system")


def test_a3_a_warehouse_on_another_file_system_has_its_results_published(
    tmp_path: Path, warehouse: Path, other_file_system: Path
) -> None:
    far = other_file_system / "audit.duckdb"
    first = night(_request(tmp_path, "b", far))
    assert (first.folder / "manifest.json").is_file()
    second = night(_request(tmp_path, "c", far))
    assert (second.folder / "manifest.json").is_file() and second.rows_read == 4
    assert {p.name for p in other_file_system.iterdir()} <= {"audit.duckdb", ".audit.duckdb.lock"}


def test_a3_nothing_is_kept_if_the_results_could_not_be_renamed(
    tmp_path: Path, warehouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = content(warehouse)

    def refused(*_given: object) -> None:
        raise OSError(errno.EXDEV, "another file system")

    for name in ("rename", "replace"):
        monkeypatch.setattr(Path, name, refused)
        monkeypatch.setattr(os, name, refused)
    with pytest.raises(DiskTrouble):
        night(_request(tmp_path, "b", warehouse))
    assert content(warehouse) == before


def test_a3_results_of_a_killed_run_are_cleared_away(tmp_path: Path, warehouse: Path) -> None:
    _half_done(_request(tmp_path, "b", warehouse))
    assert [*(tmp_path / "out").glob(".results-*")]
    night(_request(tmp_path, "b", warehouse))
    assert not [*(tmp_path / "out").glob(".*")]


def test_a1_a_file_behind_a_link_to_another_file_system_is_replaced(
    tmp_path: Path, other_file_system: Path
) -> None:
    real, link, new = other_file_system / "real", tmp_path / "link", tmp_path / "new"
    real.write_text("old")
    real.chmod(0o640)
    link.symlink_to(real)
    new.write_text("new")
    replace_file(new, link)
    assert (real.read_text(), link.is_symlink(), new.exists()) == ("new", True, False)
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert [p.name for p in other_file_system.iterdir()] == ["real"]

"""A warehouse that cannot be opened or read is left as it is, and the message says why."""

import random
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from audit_rules.errors import AuditError
from flows.cli.app import main
from flows.errors import DiskTrouble, WarehouseBusy
from flows.request import RunRequest
from flows.warehouse.connection import read_only
from tests.support.few_rules import asking_few
from tests.support.hostile import CSV, csv, fill
from tests.support.nights import night
from tests.support.permissions import permissions_apply
from tests.support.running import AS_OF, request_for

pytestmark = pytest.mark.slow  # whole runs over hostile input
_few_rules = asking_few("AUTH01", "DUP01", "QTY01")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a warehouse of one run, and a landing folder for the next."""
    base = tmp_path_factory.mktemp("damaged")
    for name, numbers in (("first", range(40)), ("in", range(40, 50))):
        (base / name).mkdir()
        (base / name / CSV).write_bytes(csv(*(fill(n) for n in numbers)))
    night(_request(base, "first"))
    return base


def _request(base: Path, landing: str = "in") -> RunRequest:
    return request_for(base / landing, base / "out", base / "out" / "audit.duckdb", AS_OF)


@pytest.fixture
def copy(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "copy")
    return tmp_path / "copy"


def _cut(size: int) -> Callable[[bytes], bytes]:
    return lambda data: data[:size]


def _flipped(place: int) -> Callable[[bytes], bytes]:
    def flip(data: bytes) -> bytes:
        return data[:place] + bytes([data[place] ^ 0x10]) + data[place + 1 :]

    return flip


HARM = {
    "cut to nothing": _cut(0),
    "cut to a byte": _cut(1),
    "cut to its header": _cut(4096),
    "cut to a part": _cut(100_000),
    "another file": lambda _data: b"not a DuckDB file" * 1000,
    **{f"byte {n} flipped": _flipped(n) for n in (8, 20, 4096, 8200, 12300)},
}


@pytest.mark.parametrize("harm", HARM)
def test_e5_a_damaged_warehouse_stays_as_it_is_and_is_called_damaged(
    harm: str, copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    warehouse = copy / "out" / "audit.duckdb"
    warehouse.write_bytes(HARM[harm](warehouse.read_bytes()))
    before = warehouse.read_bytes()
    with pytest.raises(DiskTrouble, match=r"audit.duckdb is (damaged|not a DuckDB file)"):
        night(_request(copy))
    for words in (
        ["explain", "C1"],
        ["dismiss", "0" * 32, "--by", "me", "--reason", "seen"],
        ["purge", "--before", "2026-01-01"],
        ["forget-night", AS_OF.isoformat(), "--yes"],
    ):
        assert main([*words, "--warehouse", str(warehouse)]) == DiskTrouble.exit_code, words
        said = capsys.readouterr().err
        assert "is damaged" in said or "is not a DuckDB file" in said, words
    assert warehouse.read_bytes() == before
    assert len(list((copy / "out").glob("run=*"))) == 1


def test_a5_a_log_of_an_earlier_state_is_named_and_stays(
    copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A backup restored next to the log of a killed writer was called a full disk."""
    warehouse = copy / "out" / "audit.duckdb"
    log = warehouse.with_name("audit.duckdb.wal")
    write = (
        "import duckdb, os, sys; c = duckdb.connect(sys.argv[1]); "
        "c.execute('CREATE TABLE seen (i INTEGER)'); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", write, str(warehouse)], check=True)
    left = log.read_bytes()
    log.unlink()
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("CREATE TABLE other (i INTEGER)")
    log.write_bytes(left)
    with pytest.raises(DiskTrouble, match=r"its log audit\.duckdb\.wal is of another"):
        night(_request(copy))
    assert main(["explain", "C1", "--warehouse", str(warehouse)]) == DiskTrouble.exit_code
    assert "Move the log away" in capsys.readouterr().err
    assert main(["verify", "--warehouse", str(warehouse)]) == 3
    assert log.read_bytes() == left


def test_e5_a_flipped_byte_anywhere_is_called_damage_at_any_stage_or_harms_nothing(
    copy: Path, made: Path
) -> None:
    warehouse = copy / "out" / "audit.duckdb"
    sound = warehouse.read_bytes()
    places = random.Random(5)
    damaged = 0
    for harm in (_cut(-1), *(_flipped(places.randrange(12_288, len(sound))) for _ in range(12))):
        hurt = harm(sound)
        warehouse.write_bytes(hurt)
        try:
            night(_request(copy))
        except AuditError as error:
            assert isinstance(error, DiskTrouble) and "damaged" in str(error)
            assert warehouse.read_bytes() == hurt
            damaged += 1
    assert damaged


def test_e5_a_warehouse_that_this_user_may_not_open_is_called_that(copy: Path) -> None:
    warehouse = copy / "out" / "audit.duckdb"
    warehouse.chmod(0)
    with permissions_apply(), pytest.raises(DiskTrouble, match="Run this as its owner"):
        night(_request(copy))
    with (
        permissions_apply(),
        pytest.raises(DiskTrouble, match="may not open the warehouse"),
        read_only(warehouse),
    ):
        pass
    assert stat.S_IMODE(warehouse.stat().st_mode) == 0


def test_e5_a_folder_in_place_of_the_warehouse_is_called_one(copy: Path) -> None:
    warehouse = copy / "out" / "audit.duckdb"
    warehouse.unlink()
    warehouse.mkdir()
    with pytest.raises(DiskTrouble, match="is a folder"):
        night(_request(copy))


def test_e6_a_reader_of_the_warehouse_stops_a_run_before_it_begins(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reached(*_given: object) -> None:
        raise AssertionError("the run has begun")

    monkeypatch.setattr("flows.stages.load_stage", reached)
    monkeypatch.setattr("flows.cli.server.prepare", reached)  # what starts Prefect begins with it
    code = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1], read_only=True); "
        "print('open', flush=True); sys.stdin.read()"
    )
    words = [sys.executable, "-c", code, str(copy / "out" / "audit.duckdb")]
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as reader:
        assert reader.stdout and reader.stdin and reader.stdout.readline() == "open\n"
        with pytest.raises(WarehouseBusy, match="another program has it open"):
            night(_request(copy))
        words = ["run", "--input", str(copy / "in"), "--output", str(copy / "out")]
        assert main([*words, "--as-of", AS_OF.isoformat()]) == WarehouseBusy.exit_code
        reader.stdin.close()

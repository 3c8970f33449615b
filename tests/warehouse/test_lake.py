"""Rows that lie in a lake: nothing is lost, nothing stays too long, and nothing is found otherwise.

`test_any_nights.py` compares whole histories of nights with and without a lake.
"""

import json
import shutil
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace

import duckdb
import polars as pl
import pytest

from flows import ending
from flows.cli.app import main
from flows.errors import DiskTrouble, UsageError
from flows.intake import read_elsewhere, worker_files
from flows.ledger.decisions import decide
from flows.ledger.read import read_ledger
from flows.ledger.written_decisions import Decision
from flows.provenance import sha256_of
from flows.request import RunRequest
from flows.settle.payers_on_file import payers_on_file
from flows.warehouse import hashes, keep, lake_folders
from flows.warehouse.connection import opened_for_writing
from flows.warehouse.files import real_path
from flows.warehouse.forget import forget_night
from flows.warehouse.journal import FILE, seal, subject
from flows.warehouse.lake import files_in_lake
from flows.warehouse.lake_folders import MANIFEST, home_of
from flows.warehouse.purge import purge
from schemas.decisions import DISMISS
from schemas.tables import TABLES
from tests.support.extracts import ANY_ERROR_RATE, good, write
from tests.support.few_rules import ask_few
from tests.support.lakes import ask_here, with_lake
from tests.support.nights import content, night, published
from tests.support.running import request_for

FIRST, SECOND = date(2026, 6, 29), date(2026, 6, 30)
CLAIMS = ("a", "b")
_OLD = "2021-02-02"


@pytest.fixture(autouse=True)
def cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked of a cluster is worked out here."""
    ask_here(monkeypatch)
    ask_few(monkeypatch, "AUTH01", "DUP01", "GEN01")


def _write(home: Path) -> Path:
    """Extracts of two nights: `a` has a row that cannot be used, and members of long ago."""
    for name, day in zip(CLAIMS, (_OLD, "2026-02-02"), strict=True):
        of_one = {"member_id": f"M-{name}", "dispensing_date": day, "paid_date": day}
        claims = [good("pharmacy_claim", claim_id=f"{name}{n}", **of_one) for n in range(40)]
        bad = good("pharmacy_claim", claim_id=f"{name}-bad", paid_amount="many")
        files = {
            f"pharmacy_claim_{name}.csv": [*claims, bad],
            f"diagnosis_{name}.csv": [good("diagnosis", member_id=f"M-{name}", diagnosis_date=day)],
        }
        write(home / name, files)
    write(home, {"config.toml": ANY_ERROR_RATE})
    return home


def _request(home: Path, name: str | None, as_of: date = FIRST) -> RunRequest:
    landing = home / name if name else None
    config = home / "config.toml"
    return request_for(landing, home / "out", home / "audit.duckdb", as_of, config)


def _in_lake(home: Path, name: str | None, as_of: date = FIRST) -> RunRequest:
    return with_lake(_request(home, name, as_of), home / "lake")


def _killed(found: object = True, *_others: object) -> None:
    """In place of a step at which a run is killed."""
    if found:
        raise KeyboardInterrupt


def _stored(home: Path) -> int:
    """How many rows the warehouse has in its own tables."""
    with duckdb.connect(str(home / "audit.duckdb"), read_only=True) as connection:
        counts = " UNION ALL ".join(f'SELECT count(*) AS n FROM "{name}"' for name in TABLES)
        return int(connection.execute(f"SELECT sum(n) FROM ({counts})").fetchall()[0][0])


def _home(home: Path) -> Path:
    (found,) = (home / "lake").glob("warehouse-*")
    return found


def _folders(home: Path) -> list[str]:
    return sorted(p.name for p in (home / "lake").glob("warehouse-*/*"))


def _same_tables(one: Path, other: Path) -> None:
    """The warehouses of two folders hold the same, wherever their rows are."""
    found, wanted = (content(home / "audit.duckdb") for home in (one, other))
    assert found.keys() == wanted.keys()
    assert [n for n in found if n not in ("lake", "lake_file") and found[n] != wanted[n]] == []


@pytest.fixture(scope="module")
def two_nights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two folders with the same two nights: the rows of `lake` are in one."""
    base = tmp_path_factory.mktemp("nights")
    with pytest.MonkeyPatch.context() as patched:
        ask_here(patched)
        ask_few(patched, "AUTH01", "DUP01", "GEN01")
        for name, asked in (("lake", _in_lake), ("plain", _request)):
            home = _write(base / name)
            night(asked(home, "a"))
            night(asked(home, "b", SECOND))
    return base


@pytest.mark.slow
def test_rows_stay_in_the_lake_and_results_are_the_same(two_nights: Path) -> None:
    in_lake, plain = two_nights / "lake", two_nights / "plain"
    assert (_stored(in_lake), _stored(plain)) == (0, 82)
    _same_tables(in_lake, plain)
    assert published(in_lake / "out") == published(plain / "out")
    assert read_ledger(in_lake / "audit.duckdb").equals(read_ledger(plain / "audit.duckdb"))
    assert payers_on_file(in_lake / "audit.duckdb", {}) == payers_on_file(
        plain / "audit.duckdb", {}
    )
    assert main(["verify", "--warehouse", str(in_lake / "audit.duckdb")]) == 0


@pytest.mark.slow
def test_each_night_is_a_folder_with_a_manifest_that_others_can_read(two_nights: Path) -> None:
    home = two_nights / "lake"
    assert _folders(home) == [str(FIRST), str(SECOND)]
    assert not [p for p in (home / "lake").iterdir() if p.name.startswith(".run-")]
    for folder in (home / "lake").glob("warehouse-*/*"):
        files = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
        assert {f["name"] for f in files} == {p.name for p in folder.glob("*.parquet")}
        assert {p.name for p in folder.iterdir()} == {MANIFEST, *(f["name"] for f in files)}
        for file in files:
            rows = pl.read_parquet(folder / file["name"])
            assert (sha256_of(folder / file["name"]), rows.height) == (file["sha256"], file["rows"])
            assert {c.name for c in TABLES[file["table_name"]].columns} < set(rows.columns)


@pytest.mark.slow
def test_a_night_without_a_cluster_goes_on_with_rows_in_a_lake_and_the_reverse(
    two_nights: Path, tmp_path: Path
) -> None:
    for name, nights in (("in", (_in_lake, _request)), ("out", (_request, _in_lake))):
        home = _write(tmp_path / name)
        for asked, landing, as_of in zip(nights, CLAIMS, (FIRST, SECOND), strict=True):
            night(asked(home, landing, as_of))
        assert _stored(home) == 41
        _same_tables(home, two_nights / "plain")
        assert published(home / "out") == published(two_nights / "plain" / "out")


@pytest.mark.slow
def test_nights_of_small_extracts_leave_no_folder_in_the_lake(
    two_nights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_files, "FEWEST_IN_LAKE", 1_000)
    home = _write(tmp_path)
    for landing, as_of in zip(CLAIMS, (FIRST, SECOND), strict=True):
        night(_in_lake(home, landing, as_of))
    assert list((home / "lake").iterdir()) == [] and _stored(home) == 82
    _same_tables(home, two_nights / "plain")
    assert published(home / "out") == published(two_nights / "plain" / "out")


@pytest.mark.slow
def test_two_runs_of_one_date_have_a_folder_each(tmp_path: Path) -> None:
    home = _write(tmp_path)
    for name in CLAIMS:
        night(_in_lake(home, name))
    assert _folders(home) == [str(FIRST), f"{FIRST}-2"]
    again = night(_in_lake(home, "b"))
    assert again.passed_over and _folders(home) == [str(FIRST), f"{FIRST}-2"], "nothing is new"


def _copy(two_nights: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Both folders for a test of its own; the lake has its place in the path of the warehouse."""
    source, home, plain = two_nights / "lake", tmp_path / "lake", tmp_path / "plain"
    shutil.copytree(source, home)
    warehouse = real_path(home / "audit.duckdb")
    before, now = _home(source), home_of(home / "lake", warehouse)
    (home / "lake" / before.name).rename(now)
    with opened_for_writing(warehouse) as connection:
        connection.execute(
            "UPDATE main.lake_file SET folder = replace(folder, ?, ?)", [str(before), str(now)]
        )
        connection.execute("UPDATE main.lake SET home = ?", [str(now)])
        seal(
            connection,
            "test",
            {subject(FILE, f.file_no) for f in files_in_lake(connection, "main")},
        )
    return home, shutil.copytree(two_nights / "plain", plain)


def _in_order(home: Path) -> None:
    """A folder of the lake has what the warehouse lists there, and its manifest says the same."""
    with duckdb.connect(str(home / "audit.duckdb"), read_only=True) as connection:
        rows = connection.execute("SELECT folder, name, sha256 FROM lake_file").fetchall()
    found = {
        (str(manifest.parent), file["name"], file["sha256"])
        for manifest in (home / "lake").glob(f"*/*/{MANIFEST}")
        for file in json.loads(manifest.read_text(encoding="utf-8"))["files"]
    }
    assert found == set(rows)
    there = [path for path in (home / "lake").rglob("*") if path.is_file()]
    assert {p for p in there if p.name != MANIFEST} == {Path(f, n) for f, n, _ in rows}
    assert main(["verify", "--warehouse", str(home / "audit.duckdb")]) == 0


@pytest.mark.slow
def test_a_file_that_grew_meanwhile_is_not_in_the_lake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(*given: object) -> object:
        found = read_file(*given)  # type: ignore[arg-type]
        if given[1].name == grows.name:  # type: ignore[attr-defined]
            with grows.open("a", encoding="utf-8") as stream:
                stream.write("x")
        return found

    home = _write(tmp_path)
    grows = home / "a" / "diagnosis_a.csv"
    read_file = read_elsewhere.read_file
    monkeypatch.setattr(read_elsewhere, "read_file", read)
    assert night(_in_lake(home, "a")).growing == (grows.name,)
    _in_order(home)
    assert [p.name for p in _home(home).rglob("*.parquet")] == ["pharmacy_claim-2-0.parquet"]


@pytest.mark.slow
@pytest.mark.parametrize("command", ["forget", "purge"])
def test_nothing_leaves_the_lake_before_the_warehouse_has_stored_it(
    command: str, two_nights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_given: object) -> None:
        raise OSError("broken on purpose")

    home, _ = _copy(two_nights, tmp_path)
    before = content(home / "audit.duckdb")
    if command == "forget":
        monkeypatch.setattr("flows.warehouse.connection.checkpoint", broken)
        with pytest.raises(OSError, match="on purpose"):
            forget_night(home / "audit.duckdb", SECOND, dry_run=False)
    else:
        monkeypatch.setattr("flows.warehouse.purge.become_warehouse", broken)
        with pytest.raises(OSError, match="on purpose"):
            purge(home / "audit.duckdb", date(2025, 1, 1))
    monkeypatch.undo()
    assert content(home / "audit.duckdb") == before
    forget_night(home / "audit.duckdb", SECOND)
    _in_order(home)


@pytest.mark.slow
def test_a_forgotten_night_leaves_the_lake(two_nights: Path, tmp_path: Path) -> None:
    in_lake, plain = _copy(two_nights, tmp_path)
    for home in (in_lake, plain):
        forget_night(home / "audit.duckdb", SECOND)
        assert (len(_folders(in_lake)), _stored(in_lake)) == (2, 0), "this was a dry run"
    for home in (in_lake, plain):
        forget_night(home / "audit.duckdb", SECOND, dry_run=False)
    assert _folders(in_lake) == [str(FIRST)]
    _same_tables(in_lake, plain)
    _in_order(in_lake)


@pytest.mark.slow
def test_a_file_that_is_read_again_leaves_the_lake_as_it_was_read(tmp_path: Path) -> None:
    found = {}
    for name, asked in (("lake", _in_lake), ("plain", _request)):
        home = _write(tmp_path / name)
        night(asked(home, "a"))
        reads_dates = f'{ANY_ERROR_RATE}[tables.pharmacy_claim]\nnull_words = ["none"]\n'
        (home / "config.toml").write_text(reads_dates, encoding="utf-8")
        again = night(asked(home, "a", SECOND))
        assert again.read_again == ("pharmacy_claim_a.csv",)
        found[name] = home
    _same_tables(found["lake"], found["plain"])
    assert published(found["lake"] / "out") == published(found["plain"] / "out")
    of_first, of_second = (found["lake"] / "lake").glob("warehouse-*/*")
    names = [sorted(p.name for p in f.iterdir()) for f in sorted((of_first, of_second))]
    assert names == [
        ["diagnosis-1-0.parquet", MANIFEST],
        [MANIFEST, "pharmacy_claim-2-0.parquet"],
    ]
    _in_order(found["lake"])


@pytest.mark.slow
def test_nothing_of_the_purged_stays_in_the_lake(two_nights: Path, tmp_path: Path) -> None:
    in_lake, plain = _copy(two_nights, tmp_path)
    counts = [purge(home / "audit.duckdb", date(2025, 1, 1)) for home in (in_lake, plain)]
    assert counts[0] == counts[1] and counts[0].members == 1 and counts[0].left == ()
    _same_tables(in_lake, plain)
    assert (_folders(in_lake), _stored(in_lake)) == ([str(SECOND)], 0), "all of the first go"
    assert [p.name for p in (in_lake / "lake").iterdir()] == [_home(in_lake).name]
    assert main(["verify", "--warehouse", str(in_lake / "audit.duckdb")]) == 0


@pytest.mark.slow
def test_a_file_in_which_some_are_purged_is_written_again_without_them(tmp_path: Path) -> None:
    homes = []
    for name, asked in (("lake", _in_lake), ("plain", _request)):
        home = _write(tmp_path / name)
        for file in (home / "b").iterdir():
            of_a = (home / "a" / file.name.replace("_b", "_a")).read_text(encoding="utf-8")
            lines = of_a.splitlines(keepends=True)[1:]
            with file.open("a", encoding="utf-8") as stream:
                stream.writelines(lines)
        night(asked(home, "b"))
        purge(home / "audit.duckdb", date(2025, 1, 1))
        homes.append(home)
    in_lake, plain = homes
    _same_tables(in_lake, plain)
    assert (_folders(in_lake), _stored(in_lake)) == (["purged-2025-01-01"], 0)
    in_files = pl.concat(
        pl.read_parquet(p, columns=["member_id"]) for p in _home(in_lake).rglob("*.parquet")
    )
    assert set(in_files["member_id"]) == {"M-b"}
    assert content(in_lake / "audit.duckdb")["lake"] == [(str(_home(in_lake)),)]
    _in_order(in_lake)
    found = [published(night(_request(home, None, SECOND)).folder) for home in homes]
    assert found[0] == found[1]


@pytest.mark.slow
def test_a_copy_of_a_warehouse_leaves_the_lake_alone_and_says_so(
    two_nights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copied = tmp_path / "copy.duckdb"
    shutil.copyfile(two_nights / "lake" / "audit.duckdb", copied)
    before = _folders(two_nights / "lake")
    for command in (["forget-night", str(SECOND), "--yes"], ["purge", "--before", "2025-01-01"]):
        assert main([*command, "--warehouse", str(copied)]) == 0
        assert "still in 1 folder of a lake" in " ".join(capsys.readouterr().out.split())
    assert _folders(two_nights / "lake") == before
    assert main(["verify", "--warehouse", str(two_nights / "lake" / "audit.duckdb")]) == 0


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_run_that_is_killed_while_it_keeps_leaves_the_lake_in_order_for_the_next(
    when: str, two_nights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = _write(tmp_path)
    night(_in_lake(home, "a"))
    with monkeypatch.context() as patched:
        if when == "before":
            patched.setattr(ending, "commits", _killed)
        else:
            patched.setattr(keep, "settle_after_commit", _killed)
        with pytest.raises(KeyboardInterrupt):
            night(_in_lake(home, "b", SECOND))
    marked = list((home / "lake").glob("warehouse-*/*/.unsettled-*"))
    assert [p.parent.name for p in marked] == [str(SECOND)]
    night(_in_lake(home, "b", SECOND))
    assert _folders(home) == [str(FIRST), str(SECOND)]
    assert not list((home / "lake").glob("warehouse-*/*/.unsettled-*"))
    _same_tables(home, two_nights / "plain")


@pytest.mark.slow
def test_a_purge_settles_what_a_killed_purge_has_left(
    two_nights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, _ = _copy(two_nights, tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr("flows.warehouse.purge.settle_after_commit", _killed)
        with pytest.raises(KeyboardInterrupt):
            purge(home / "audit.duckdb", date(2025, 1, 1))
    assert _folders(home) == [str(FIRST), str(SECOND)]
    purge(home / "audit.duckdb", date(2025, 1, 1))
    assert _folders(home) == [str(SECOND)]


@pytest.mark.slow
def test_what_is_half_removed_is_removed_by_the_next(
    two_nights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, _ = _copy(two_nights, tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(lake_folders, "shutil", SimpleNamespace(rmtree=_killed))
        with pytest.raises(KeyboardInterrupt):
            forget_night(home / "audit.duckdb", SECOND, dry_run=False)
    left = {path.name for path in (_home(home) / str(SECOND)).iterdir()}
    assert MANIFEST in left and not [name for name in left if name.endswith(".parquet")]
    forget_night(home / "audit.duckdb", FIRST)
    assert _folders(home) == [str(FIRST)]


@pytest.mark.slow
@pytest.mark.parametrize("how", ["link", "gone"])
def test_a_mark_makes_nobody_remove_what_is_listed_by_another_path_or_another_warehouse(
    how: str, two_nights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, _ = _copy(two_nights, tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(keep, "settle_after_commit", lambda *_: None)
        (home / "b" / "diagnosis_c.csv").write_bytes((home / "b" / "diagnosis_b.csv").read_bytes())
        with (home / "b" / "diagnosis_c.csv").open("a") as stream:
            stream.write((home / "a" / "diagnosis_a.csv").read_text().splitlines()[-1] + "\n")
        night(_in_lake(home, "b", SECOND))
    before = _folders(home)
    assert before == [str(FIRST), str(SECOND), f"{SECOND}-2"]
    if how == "link":
        (home / "lake").rename(tmp_path / "moved")
        (home / "lake").symlink_to(tmp_path / "moved")
    else:
        (home / "audit.duckdb").rename(tmp_path / "moved.duckdb")
    night(_in_lake(home, "a", SECOND))
    assert set(before) <= set(_folders(home))
    moved = tmp_path / "moved.duckdb" if how == "gone" else home / "audit.duckdb"
    assert main(["verify", "--warehouse", str(moved)]) == 0


@pytest.mark.slow
def test_a_night_is_kept_even_if_the_lake_cannot_be_tidied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_given: object) -> None:
        raise OSError(30, "Read-only file system")

    home = _write(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(lake_folders, "settle_folders", full)
        patched.setattr("flows.warehouse.upgrade.settle_after_a_kill", lambda *_: None)
        assert "Read-only file system" in " ".join(night(_in_lake(home, "a")).notes)
        with pytest.raises(DiskTrouble, match=r"warehouse is changed.*Read-only file system"):
            purge(home / "audit.duckdb", date(2025, 1, 1))
        assert _folders(home) == [str(FIRST)]
    assert purge(home / "audit.duckdb", date(2025, 1, 1)).members == 0
    assert _folders(home) == []


@pytest.mark.slow
def test_a_warehouse_that_is_gone_leaves_no_row_in_a_folder_with_a_mark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_given: object) -> None:
        raise OSError("broken on purpose")

    home = _write(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(keep, "become_warehouse", broken)
        with pytest.raises(DiskTrouble):
            night(_in_lake(home, "a"))
    assert not (home / "audit.duckdb").exists() and _folders(home) == [str(FIRST)]
    night(_in_lake(home, "b", SECOND))
    assert _folders(home) == [str(SECOND)]


@pytest.mark.slow
@pytest.mark.parametrize("harm", ["changed", "cut", "gone", "another", "overwritten"])
def test_a_file_of_the_lake_that_was_changed_or_removed_is_noticed(
    harm: str, two_nights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home, _ = _copy(two_nights, tmp_path)
    file = next((home / "lake").glob(f"*/{SECOND}/pharmacy_claim-*.parquet"))
    rows = pl.read_parquet(file)
    if harm == "changed":
        rows.with_columns(pl.col("paid_amount") * 2).write_parquet(file)
        assert main(["verify", "--warehouse", str(home / "audit.duckdb")]) == 3
        said = "Changed in the lake by another program: file 4"
        assert said in " ".join("".join(capsys.readouterr()).split())
        purge(home / "audit.duckdb", date(2021, 1, 1))
        assert main(["verify", "--warehouse", str(home / "audit.duckdb")]) == 3, "still visible"
        return
    whole = file.read_bytes()
    if harm == "gone":
        file.unlink()
    elif harm == "another":
        rows.head(3).write_parquet(file)
    else:
        file.write_bytes(whole[:-1] if harm == "cut" else whole[:8] + bytes(200) + whole[208:])
    for asked in (_request, _in_lake):
        with pytest.raises(DiskTrouble, match="does not show 1 of the 4 files"):
            night(asked(home, None, SECOND + timedelta(days=1)))


@pytest.mark.slow
def test_folders_that_a_restored_warehouse_does_not_list_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = _write(tmp_path)
    night(_in_lake(home, "a"))
    backup = (home / "audit.duckdb").read_bytes()
    night(_in_lake(home, "b", SECOND))
    (home / "audit.duckdb").write_bytes(backup)
    assert main(["verify", "--warehouse", str(home / "audit.duckdb")]) == 0
    said = f"Folders of a lake that the warehouse does not list: {SECOND}"
    assert said in " ".join("".join(capsys.readouterr()).split())


def test_a_lake_among_the_extracts_is_refused(tmp_path: Path) -> None:
    home = _write(tmp_path)
    for lake in (home / "a", home / "a" / "lake"):
        with pytest.raises(UsageError, match="in the folder of --input"):
            night(with_lake(_request(home, "a"), lake))


@pytest.mark.slow
def test_rows_that_another_engine_hashed_come_into_the_warehouse(
    two_nights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, plain = _copy(two_nights, tmp_path)
    monkeypatch.setattr(hashes, "_FIXED", ("'another engine'",))
    for each, asked in ((home, _in_lake), (plain, _request)):
        night(asked(each, None, SECOND))
    assert _stored(home) == _stored(plain) and not _folders(home)
    _same_tables(home, plain)
    _in_order(home)


@pytest.mark.slow
def test_a_changed_file_stays_visible_if_another_engine_has_hashed_it(
    two_nights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, _ = _copy(two_nights, tmp_path)
    file = next((home / "lake").glob(f"*/{SECOND}/pharmacy_claim-*.parquet"))
    pl.read_parquet(file).with_columns(pl.col("paid_amount") * 2).write_parquet(file)
    monkeypatch.setattr(hashes, "_FIXED", ("'another engine'",))
    with pytest.raises(DiskTrouble, match="verify says which"):
        night(_request(home, None, SECOND))
    assert main(["verify", "--warehouse", str(home / "audit.duckdb")]) == 3


@pytest.mark.slow
def test_decisions_are_about_what_lies_in_a_lake(two_nights: Path, tmp_path: Path) -> None:
    found = []
    for home in _copy(two_nights, tmp_path):
        (first, *_) = read_ledger(home / "audit.duckdb")["exception_id"]
        decide(home / "audit.duckdb", [Decision(first, "seen")], DISMISS, "me")
        found.append(published(night(_request(home, None, SECOND + timedelta(days=1))).folder))
    assert found[0] == found[1]

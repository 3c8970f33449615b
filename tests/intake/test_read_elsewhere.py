"""Files that workers of a cluster read are loaded as this process would load them."""

import os
import pickle
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.cluster.ask import Cluster, ClusterTrouble
from flows.ending import remove_folder
from flows.errors import InputRefused
from flows.intake import file_parts, read_elsewhere, worker_files
from flows.intake.config import Config
from flows.intake.csv_part import scan_part
from flows.intake.file_parts import FilePart, NotInParts, parts_of
from flows.intake.landing import ExtractFile, find_extracts
from flows.intake.load import LoadResult, load
from flows.intake.read_elsewhere import ReadJob, read_on_cluster
from flows.intake.scan_ahead import FileScan
from flows.provenance import sha256_of
from flows.warehouse.connection import Workbench, opened
from tests.support.any_csv import extracts
from tests.support.hostile import HEAD, TABLE, control, fill
from tests.support.lakes import answered, loaded_tables

Tables = dict[str, list[tuple[Any, ...]]]


class Asked:
    """A cluster without workers: what is asked of it is worked out here, when its turn comes.

    functions   the names of what was asked, with the part of a file, in order.
    """

    def __init__(self) -> None:
        self.functions: list[tuple[str, FilePart | None]] = []

    @contextmanager
    def of(
        self,
        cluster: Cluster,
        function: Callable[..., Any],
        arguments: Sequence[tuple[Any, ...]],
    ) -> Iterator[Iterator[Any]]:
        yield (self._answer(cluster, function, some) for some in arguments)

    def _answer(self, cluster: Cluster, function: Callable[..., Any], some: tuple[Any, ...]) -> Any:
        part = some[2] if len(some) > 2 else None
        self.functions.append((function.__name__, part))
        return answered(cluster, function, some)


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    found = Asked()
    monkeypatch.setattr(read_elsewhere, "asked_of", found.of)
    monkeypatch.setattr(worker_files, "FEWEST_IN_LAKE", 1)
    return found


def _loaded(
    base: Path, files: dict[str, bytes], on_cluster: bool, config: Config | None = None
) -> tuple[Tables, LoadResult]:
    landing, lake = base / "in", base / "lake"
    for folder in (landing, lake, base / "work"):
        folder.mkdir(parents=True)
    for name, content in files.items():
        (landing / name).write_bytes(content)
    bench = Workbench(base / "work" / "bench.duckdb", base / "none.duckdb", base / "work")
    with opened(bench, landing, lake) as connection:
        result = load(
            connection,
            bench,
            find_extracts(landing),
            config or Config(),
            lambda _name: None,
            Cluster("", lake, lake) if on_cluster else None,
        )
        return loaded_tables(connection), result


def _compared(
    base: Path, files: dict[str, bytes], config: Config | None = None
) -> tuple[Tables, LoadResult]:
    """What workers read, after comparing it with what this process reads."""
    here, _ = _loaded(base / "here", files, on_cluster=False, config=config)
    tables, result = _loaded(base / "there", files, on_cluster=True, config=config)
    assert tables == here
    return tables, result


def _fills(count: int, end: str = "\n") -> bytes:
    return "".join(line + end for line in [HEAD, *(fill(n) for n in range(count))]).encode()


def test_what_workers_read_is_what_this_process_reads(tmp_path: Path, asked: Asked) -> None:
    bad = f"{HEAD}\n{fill(1, quantity='x')}\n{fill(2)}\n{fill(3)},one,too,many\n".encode()
    frame = pl.DataFrame([dict(zip(HEAD.split(","), fill(4).split(","), strict=True))])
    frame.write_parquet(tmp_path / "fills.parquet")
    files = {
        f"{TABLE}_1.csv": _fills(3),
        f"{TABLE}_2.csv": bad,
        f"{TABLE}_3.parquet": (tmp_path / "fills.parquet").read_bytes(),
        f"{TABLE}_4.csv": _fills(3),
    }
    tables, result = _compared(tmp_path, files)
    assert len(tables[TABLE]) == 6 and len(tables["quarantine"]) == 1
    assert result.passed_over == [f"{TABLE}_4.csv"], "it has the content of the first"
    assert asked.functions == [("read_file", None)] * 4
    left = {path.name for path in (tmp_path / "there" / "lake").rglob("*") if path.is_file()}
    rows = {f"{TABLE}-{number}-0.parquet" for number in (1, 2, 3)}
    known = {f"{TABLE}.parquet"}  # of the last file
    assert left == {"read", "file.parquet", "quarantine.parquet", "refused.parquet", *rows, *known}


@pytest.mark.parametrize("parts", [1, 2])
def test_rows_of_a_member_lie_together_in_the_lake(
    parts: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [fill(n, member_id=f"M{n % 3}") for n in range(30)]
    content = "".join(f"{line}\n" for line in [HEAD, *lines]).encode()
    monkeypatch.setattr(file_parts, "CSV_BYTES", len(content) // parts)
    _compared(tmp_path, {f"{TABLE}.csv": content})
    files = sorted((tmp_path / "there" / "lake").rglob(f"{TABLE}-1-*.parquet"))
    assert len(files) == parts
    for file in files:
        rows = pl.read_parquet(file, columns=["member_id", "member_hash", "row_number"])
        assert rows["member_id"].n_unique() == 3 == rows["member_id"].rle().len()
        assert rows.equals(rows.sort("member_hash", "row_number"))


def test_workers_get_the_whole_path_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(job_file: str, extract: ExtractFile, *others: Any) -> Any:
        assert extract.path.is_absolute()
        return read_file(job_file, extract, *others)

    read_file = read_elsewhere.read_file
    monkeypatch.setattr(read_elsewhere, "read_file", read)
    monkeypatch.chdir(tmp_path)
    _loaded(Path(), {f"{TABLE}.csv": _fills(2)}, on_cluster=True)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_large_csv_file_is_read_in_parts(
    end: str, tmp_path: Path, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = _fills(40, end)
    monkeypatch.setattr(file_parts, "CSV_BYTES", len(content) // 4)
    _, result = _compared(tmp_path, {f"{TABLE}.csv": content})
    parts = [("read_file", FilePart(number, 4)) for number in range(4)]
    assert asked.functions == [("hash_file", None), *parts]
    assert result.said == {}


def _parquet(base: Path, lines: list[str], **also: str) -> bytes:
    """A Parquet file with three rows in a row group; `also` are further columns."""
    rows = [dict(zip(HEAD.split(","), line.split(","), strict=True)) | also for line in lines]
    pl.DataFrame(rows).write_parquet(base / "fills.parquet", row_group_size=3)
    return (base / "fills.parquet").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 3, 10])
@pytest.mark.parametrize("of", [2, 3, 7])
def test_a_large_parquet_file_is_read_in_parts(
    count: int, of: int, tmp_path: Path, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = fill(0, quantity="x", member_id="M1")
    content = _parquet(tmp_path, [*(fill(n, member_id=f"M{n % 2}") for n in range(count)), bad])
    monkeypatch.setattr(file_parts, "PARQUET_BYTES", len(content) // of)
    tables, result = _compared(tmp_path, {f"{TABLE}.parquet": content})
    assert len(tables[TABLE]) == count + 1
    assert asked.functions[1:] == [("read_file", FilePart(number, of)) for number in range(of)]
    assert result.said == {}
    read = [pl.read_parquet(f) for f in (tmp_path / "there" / "lake").rglob(f"{TABLE}-1-*")]
    assert len(read) == len([rows for rows in read if rows.height]) <= of
    assert max(rows.height for rows in read) < max(4, count), "each part has its own row groups"


@pytest.mark.slow
def test_a_parquet_file_whose_rows_cannot_be_numbered_is_read_in_one_piece_and_that_is_said(
    tmp_path: Path, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = _parquet(tmp_path, [fill(n) for n in range(9)], file_row_number="7")
    monkeypatch.setattr(file_parts, "PARQUET_BYTES", len(content) // 3)
    _, result = _compared(tmp_path, {f"{TABLE}.parquet": content})
    assert result.said == {read_elsewhere.IN_ONE_PIECE: [f"{TABLE}.parquet"]}


def test_a_parquet_file_whose_end_says_another_number_of_rows_is_refused_in_the_same_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = _parquet(tmp_path, [fill(n) for n in range(9)])
    nine, ten = b"\x16\x12\x19", b"\x16\x14\x19"  # rows, before the list of row groups
    assert content.count(nine) == 1
    monkeypatch.setattr(file_parts, "PARQUET_BYTES", len(content) // 3)
    refused = []
    for on_cluster in (False, True):
        files = {f"{TABLE}.parquet": content.replace(nine, ten)}
        with pytest.raises(InputRefused, match="10 records were counted but 9") as found:
            _loaded(tmp_path / str(on_cluster), files, on_cluster)
        refused.append(str(found.value))
    assert refused[0] == refused[1]


@pytest.mark.slow
@pytest.mark.parametrize("parts", [1, 2])
def test_rows_of_a_small_extract_come_into_the_warehouse(
    parts: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {
        f"{TABLE}_1.csv": _fills(8) + f"{fill(9, quantity='x')}\n".encode(),
        f"{TABLE}_2.csv": _fills(9),
    }
    monkeypatch.setattr(worker_files, "FEWEST_IN_LAKE", 9)
    monkeypatch.setattr(file_parts, "CSV_BYTES", len(files[f"{TABLE}_1.csv"]) // parts)
    tables, _ = _compared(tmp_path, files)
    assert len(tables[TABLE]) == 18
    rows = (tmp_path / "there" / "lake" / "rows").iterdir()
    assert {path.name for path in rows} == {
        f"{TABLE}-2-{number}.parquet" for number in range(parts)
    }


def test_a_large_csv_file_that_is_known_is_not_read(
    tmp_path: Path, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = _fills(40)
    monkeypatch.setattr(file_parts, "CSV_BYTES", len(content) // 4)
    (tmp_path / f"{TABLE}.csv").write_bytes(content)
    extracts = find_extracts(tmp_path)
    known = frozenset(e.content(sha256_of(e.path)) for e in extracts)
    cluster = Cluster("", tmp_path, tmp_path)
    with read_on_cluster(extracts, ReadJob(Config(), known, 1 << 28), cluster, tmp_path) as scans:
        (scan,) = scans
    assert (extracts[0].content(scan.sha256) in known, scan.apart) == (True, {})
    assert asked.functions == [("hash_file", None)]


@pytest.mark.slow
def test_lines_that_may_lie_in_quotes_are_read_in_one_piece_and_that_is_said(
    tmp_path: Path, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [HEAD, *(fill(n) for n in range(20))]
    lines[2:2] = [fill(90, ndc_code='"' + "1\n" * 12 + '"')]
    content = "".join(f"{line}\n" for line in lines).encode()
    monkeypatch.setattr(file_parts, "CSV_BYTES", len(content) // 20)
    _, result = _compared(tmp_path, {f"{TABLE}.csv": content}, Config(max_error_rate=1))
    assert asked.functions[-1] == ("read_file", None) and len(asked.functions) > 3
    assert result.said == {read_elsewhere.IN_ONE_PIECE: [f"{TABLE}.csv"]}


TUBE, EXTRA = fill(90, claim_id='C5" tube'), fill(91) + ",one,too,many"


@pytest.mark.slow
@pytest.mark.parametrize("odd", [[TUBE, TUBE], [TUBE, TUBE, EXTRA], [EXTRA]])
def test_a_part_whose_records_are_not_certain_is_not_read_by_itself(
    odd: list[str], tmp_path: Path, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = "".join(f"{line}\n" for line in [HEAD, *odd, *(fill(n) for n in range(9))]).encode()
    monkeypatch.setattr(file_parts, "CSV_BYTES", len(content) // 2)
    _, result = _compared(tmp_path, {f"{TABLE}.csv": content})
    assert result.said == {read_elsewhere.IN_ONE_PIECE: [f"{TABLE}.csv"]}


def test_a_file_that_a_worker_does_not_see_is_read_here_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        read_elsewhere, "_is_seen", lambda extract: not extract.name.endswith("2.csv")
    )
    monkeypatch.setattr(file_parts, "CSV_BYTES", 100)
    files = {f"{TABLE}_{n}.csv": _fills(2 + n) for n in range(4)}
    _, result = _compared(tmp_path, files)
    assert result.said == {read_elsewhere.NOT_SEEN: [f"{TABLE}_2.csv"]}


@pytest.mark.parametrize("change", ["size", "time", "gone", "unreadable"])
def test_a_file_of_another_size_or_time_is_not_the_one_that_the_run_sees(
    change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"{TABLE}.csv"
    path.write_bytes(_fills(2))
    (extract,) = find_extracts(tmp_path)
    assert read_elsewhere.hash_file(extract)
    status = path.stat()
    if change == "gone":
        path.unlink()
    elif change == "unreadable":
        monkeypatch.setattr(os, "access", lambda *_asked: False)  # who runs tests may read all
    elif change == "size":
        path.write_bytes(_fills(3))
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    else:
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert read_elsewhere.hash_file(extract) is None


def test_a_file_that_grows_meanwhile_is_not_said_to_be_another_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(job_file: str, extract: ExtractFile, *others: Any) -> Any:
        if extract.name == f"{TABLE}_1.csv":
            with extract.path.open("ab") as out:
                out.write(_fills(1))
        return read_file(job_file, extract, *others)

    read_file = read_elsewhere.read_file
    monkeypatch.setattr(read_elsewhere, "read_file", read)
    files = {f"{TABLE}_{number}.csv": _fills(number) for number in (1, 2)}
    _, result = _loaded(tmp_path, files, on_cluster=True)
    assert (result.growing, result.said) == ([f"{TABLE}_1.csv"], {})


@pytest.mark.slow
@pytest.mark.parametrize("part_bytes", [100, 1 << 20])
@pytest.mark.parametrize("rows", [7, 8])
def test_a_control_file_counts_all_parts(
    part_bytes: int, rows: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = _fills(7)
    monkeypatch.setattr(file_parts, "CSV_BYTES", part_bytes)
    files = {f"{TABLE}.csv": content, f"{TABLE}.csv.done": control(content, rows=rows)}
    if rows == 7:
        _compared(tmp_path, files)
        return
    for on_cluster in (False, True):
        with pytest.raises(InputRefused, match=r"7 records read, .* states 8"):
            _loaded(tmp_path / str(on_cluster), files, on_cluster)


@pytest.mark.slow
@pytest.mark.parametrize("part_bytes", [400, 1 << 20])
@pytest.mark.parametrize(
    "content", [_fills(20) + b'"never closed', _fills(20).replace(b"claim_id", b"x", 1)]
)
def test_a_refused_file_is_refused_in_the_same_words(
    content: bytes, part_bytes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_parts, "CSV_BYTES", part_bytes)
    files = {
        f"{TABLE}_1.csv": _fills(20),
        f"{TABLE}_2.csv": content,
        f"{TABLE}_3.csv": b"\0" * 500,
    }
    said = []
    for on_cluster in (False, True):
        with pytest.raises(InputRefused, match=f"^{TABLE}_2.csv: ") as refusal:
            _loaded(tmp_path / str(on_cluster), files, on_cluster)
        said.append(str(refusal.value))
    assert said[0] == said[1]


def test_a_lake_that_is_not_as_the_worker_left_it_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*arguments: Any) -> Any:
        found = read_file(*arguments)
        assert found
        (next(iter(found.apart)) / "quarantine.parquet").unlink()
        return found

    read_file = read_elsewhere.read_file
    monkeypatch.setattr(read_elsewhere, "read_file", lost)
    with pytest.raises(ClusterTrouble, match="one and the same folder"):
        _loaded(tmp_path, {f"{TABLE}.csv": _fills(2)}, on_cluster=True)


@pytest.mark.parametrize("is_refused", [False, True])
def test_a_worker_leaves_nothing_to_a_run_that_has_ended_meanwhile(
    is_refused: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(*arguments: Any) -> FileScan:
        remove_folder(run)
        (run / "late").mkdir(parents=True)  # as the worker would, were it writing at that moment
        if is_refused:
            raise NotInParts
        return FileScan("", apart={run / "late": {}})

    run, landing = tmp_path / "lake" / ".run-1", tmp_path / "in"
    run.mkdir(parents=True)
    landing.mkdir()
    monkeypatch.setattr(
        read_elsewhere, "mkdtemp", lambda dir: (run / "late").mkdir() or run / "late"
    )
    monkeypatch.setattr(read_elsewhere, "_read", read)
    (landing / f"{TABLE}.csv").write_bytes(_fills(2))
    (run / "read").write_bytes(pickle.dumps(ReadJob(Config(), frozenset(), 1 << 28)))
    read_elsewhere.read_file(str(run / "read"), *find_extracts(landing), None, str(run))
    assert list((tmp_path / "lake").iterdir()) == []


@pytest.mark.parametrize("change", ["gone", "short"])
def test_a_large_file_that_changes_while_it_is_read_is_refused_as_without_a_cluster(
    change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hashed(extract: ExtractFile) -> str | None:
        found = hash_file(extract)
        if change == "gone":
            extract.path.unlink()
        else:
            os.truncate(extract.path, 200)
        return found

    hash_file = read_elsewhere.hash_file
    monkeypatch.setattr(read_elsewhere, "hash_file", hashed)
    monkeypatch.setattr(file_parts, "CSV_BYTES", 300)
    with pytest.raises(InputRefused, match=r"missing or cannot be read|changed while it was read"):
        _loaded(tmp_path, {f"{TABLE}.csv": _fills(20)}, on_cluster=True)


@pytest.mark.parametrize(("encoding", "may_be"), [(None, True), ("UTF_8", True), ("cp1252", False)])
def test_only_utf_8_is_read_in_parts(
    encoding: str | None, may_be: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_parts, "CSV_BYTES", 100)
    (tmp_path / f"{TABLE}.csv").write_bytes(_fills(20))
    (extract,) = find_extracts(tmp_path)
    assert bool(parts_of(extract, Config(encoding=encoding).of(TABLE))) == may_be


def _part(content: bytes, part: FilePart, folder: Path) -> bytes:
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "scratch").mkdir(parents=True)
    path = folder / f"{TABLE}.csv"
    path.write_bytes(content)
    alone, _ = scan_part(
        ExtractFile(TABLE, path, path.name), part, Config().of(TABLE), folder / "scratch"
    )
    return alone.path.read_bytes()


@pytest.mark.parametrize("of", range(1, 30))
def test_every_line_is_in_one_part(of: int, tmp_path: Path) -> None:
    content = b"a,b\n" + b"".join(b"%d,x\n" % n for n in range(9, 12)) + b"12,x"
    parts = [_part(content, FilePart(n, of), tmp_path / "part") for n in range(of)]
    assert b"".join(part.removeprefix(b"a,b\n") for part in parts) == content[4:]


@pytest.mark.parametrize(
    "content",
    [b"\na\n1\n", b'"a\nb"\n1\n', b"a\n1\n2\r\n3\n", b"a\n" + b"\xff\n" * 9, b'a\n1\n "2"\n3\n'],
)
def test_a_part_that_is_not_certain_is_none(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(NotInParts):
        _part(content, FilePart(0, 1), tmp_path)


FAIR = ('"C1"', '"C,1"', '"C\n1"', '"C""1"')
FOUL = ('C5" tube', '"', 'C"1"', ' "C1"', '"C1', '"C\r\n1"')


@st.composite
def files_with_quotes(draw: st.DrawFn) -> str:
    """A file of good lines, with quotes in a few of them."""
    end = draw(st.sampled_from(["\n", "\r\n"]))
    lines = [HEAD, *(fill(n) for n in range(draw(st.integers(6, 14))))]
    quoted = st.sampled_from(draw(st.sampled_from([FAIR, FAIR, FAIR + FOUL])))
    for number in draw(st.lists(st.integers(1, len(lines) - 1), max_size=3)):
        lines[number] = fill(number, claim_id=draw(quoted))
    return "".join(line + end for line in lines)


@pytest.mark.slow
@given(files_with_quotes() | extracts())
@settings(
    max_examples=int(os.environ.get("PARTS_EXAMPLES", "25")),
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_any_file_in_parts_is_as_in_one_piece(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    base = tmp_path_factory.mktemp("any")
    files = {f"{TABLE}.csv": text.encode()}
    found = []
    for size in (None, max(1, len(files[f"{TABLE}.csv"]) // 4)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(file_parts, "CSV_BYTES", size)
            try:
                tables, _ = _loaded(base / f"{size}", files, on_cluster=size is not None)
            except InputRefused as refusal:
                tables = {"refusal": [(str(refusal),)]}
        found.append(tables)
    shutil.rmtree(base)
    assert found[0] == found[1]

"""Every hostile file meets its fate; rows in = accepted + quarantined + duplicates, always."""

import csv
import gzip
import io
import re
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit_rules.errors import AuditError
from flows.errors import InputRefused, TooManyBadRows
from flows.intake import scan_ahead
from flows.plan import Plan, plan
from flows.run_folders import begin
from flows.settle.balance import Balance, FileCounts
from flows.settle.settle import settle
from flows.stages import load_stage, validate_stage
from flows.warehouse.connection import opened
from tests.support.any_csv import extracts
from tests.support.examples import examples
from tests.support.hostile import (
    ANY_ERROR_RATE,
    CORPUS,
    CSV,
    GZ,
    HEAD,
    PARQUET,
    TABLE,
    Hostile,
    Read,
    Refused,
    fill,
)
from tests.support.nights import (
    content,
    night,
    published,
    remove_failed_checks,
    rerun_equals_standing,
)
from tests.support.running import AS_OF, request_for

READ = [h for h in CORPUS if isinstance(h.fate, Read)]
REFUSED = [h for h in CORPUS if isinstance(h.fate, Refused)]


ORDINARY = (CSV, GZ, PARQUET)


def _named(hostiles: list[Hostile]) -> list[object]:
    return [
        pytest.param(h, id=h.name, marks=[pytest.mark.slow] if h.is_slow else []) for h in hostiles
    ]


def _is_batched(hostile: Hostile) -> bool:
    """Whether the file can be loaded with others: neither its folder nor duplicates matter."""
    special = (
        hostile.also
        or hostile.while_read
        or hostile.is_slow
        or hostile.folder != "in"
        or len(hostile.files) > 1
    )
    fate, name = hostile.fate, next(iter(hostile.files))
    return (
        isinstance(fate, Read)
        and not fate.duplicates
        and not fate.settled
        and not special
        and (name in ORDINARY or hostile.name.startswith("name-"))
    )


BATCHED = [h for h in READ if _is_batched(h)]
SETTLED = [
    h
    for h in READ
    if isinstance(h.fate, Read) and (not h.is_slow or h.fate.duplicates or h.fate.settled)
]
ALONE = [h for h in SETTLED if h not in BATCHED] + BATCHED[:: examples(4, 1)]
"""What is settled in a run of its own, besides what is settled in one with others."""


def _planned(base: Path, landing: Path, config: str) -> Plan:
    (base / "config.toml").write_text(config, encoding="utf-8")
    return plan(request_for(landing, base, base / "audit.duckdb", AS_OF, base / "config.toml"))


def _loaded(made: Plan) -> Plan:
    begin(made)
    load_stage(made, lambda _name: None)
    validate_stage(made)
    return made


def _check(connection: duckdb.DuckDBPyConnection, file_name: str, hostile: Hostile) -> None:
    """Compare what the workbench has of one file with its fate."""
    fate, table = hostile.fate, hostile.table
    assert isinstance(fate, Read)

    def rows_of(query: str) -> list[tuple[object, ...]]:
        return connection.execute(query, [file_name]).fetchall()

    of_file = "JOIN file f USING (file_no) WHERE f.name = ?"
    ((rows_read,),) = rows_of("SELECT rows_read FROM file WHERE name = ?")
    ((stored,),) = rows_of(f"SELECT count(*) FROM {table} t {of_file}")
    quarantined = rows_of(f"SELECT row_number, column_name, check_name FROM quarantine {of_file}")
    warnings = rows_of(f"SELECT column_name, check_name, rows FROM warning {of_file}")
    cells = {
        c: [v for (v,) in rows_of(f"SELECT t.{c} FROM {table} t {of_file} ORDER BY row_number")]
        for c in fate.cells
    }
    assert (rows_read, stored) == (fate.rows_read, fate.accepted + fate.duplicates)
    assert sorted(quarantined, key=str) == sorted(fate.quarantined, key=str)
    assert sorted(warnings) == sorted(fate.warnings)
    assert cells == fate.cells


@dataclass(frozen=True)
class Batch:
    """Files loaded in one run: its plan, their folder, and the workbench as it was then."""

    plan: Plan
    landing: Path
    workbench: duckdb.DuckDBPyConnection


@pytest.fixture(scope="module")
def batches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Batch]]:
    """One run per config over all files that can be loaded together, each with its own name."""
    made = {}
    for number, config in enumerate(sorted({h.config for h in BATCHED})):
        base = tmp_path_factory.mktemp(f"batch{number}")
        (base / "in").mkdir()
        for hostile in (h for h in BATCHED if h.config == config):
            path = hostile.write(base / hostile.name) / next(iter(hostile.files))
            path.rename(base / "in" / _name_in_batch(hostile))
        plan = _loaded(_planned(base, base / "in", config))
        copy = shutil.copy(plan.bench.database, base / "loaded.duckdb")
        made[config] = Batch(plan, base / "in", duckdb.connect(str(copy), read_only=True))
    yield made
    for batch in made.values():
        batch.workbench.close()


def _name_in_batch(hostile: Hostile) -> str:
    """The file's own name if that is what is hostile, else one that differs from the others."""
    name = next(iter(hostile.files))
    return name.replace(TABLE, f"{TABLE}_{hostile.name}") if name in ORDINARY else name


@pytest.mark.parametrize("hostile", _named(BATCHED))
def test_a_hostile_file_is_read_or_quarantined(hostile: Hostile, batches: dict[str, Batch]) -> None:
    _check(batches[hostile.config].workbench, _name_in_batch(hostile), hostile)


def _loaded_alone(hostile: Hostile, base: Path) -> Plan:
    made = _loaded(_planned(base, hostile.write(base), hostile.config))
    with duckdb.connect(str(made.bench.database), read_only=True) as connection:
        _check(connection, next(iter(hostile.files)), hostile)
    return made


def _settled(made: Plan) -> Balance:
    """The counts of a run that accepts any share of bad rows."""
    with opened(made.bench) as connection:
        return settle(connection, AS_OF, made.payer_names, max_error_rate=1)


def _settled_alone(hostile: Hostile, base: Path) -> None:
    fate = hostile.fate
    assert isinstance(fate, Read)
    made, name = _loaded_alone(hostile, base), next(iter(hostile.files))
    balance = _settled(made)
    (counts,) = (f for f in balance.files if f.file == name)
    assert (counts.rows_read, counts.accepted, counts.quarantined, counts.duplicates) == (
        fate.rows_read,
        fate.accepted,
        fate.rows_quarantined,
        fate.duplicates,
    )
    of_table = {t.table: asdict(t) for t in balance.tables}.get(hostile.table, {})
    assert {name: of_table[name] for name in fate.settled} == fate.settled


@pytest.mark.slow
@pytest.mark.parametrize("hostile", _named([h for h in READ if h not in SETTLED]))
def test_a_large_hostile_folder_is_read(hostile: Hostile, tmp_path: Path) -> None:
    _loaded_alone(hostile, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("hostile", _named(ALONE))
def test_no_row_of_a_single_hostile_file_is_lost(hostile: Hostile, tmp_path: Path) -> None:
    """Nor counted otherwise than its fate says, by final action too."""
    _settled_alone(hostile, tmp_path)


@pytest.mark.slow
def test_no_row_of_many_hostile_files_is_lost(batches: dict[str, Batch]) -> None:
    """A row may be a duplicate of another file's; else its file counts as it does alone."""
    expected, found = {}, {}
    for config, batch in batches.items():
        for hostile in (h for h in BATCHED if h.config == config):
            fate = hostile.fate
            assert isinstance(fate, Read)
            counts = fate.rows_read, fate.accepted, fate.rows_quarantined
            expected[config, _name_in_batch(hostile)] = counts
        for file in _settled(batch.plan).files:
            kept = file.accepted + file.duplicates
            found[config, file.file] = file.rows_read, kept, file.quarantined
    assert found == expected


# ---------------------------------------------------------------- refused


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An output folder with the warehouse and reports of a first run, which must not change."""
    base = tmp_path_factory.mktemp("first")
    (base / "in").mkdir()
    (base / "in" / CSV).write_text(f"{HEAD}\n{fill(91)}\n", encoding="utf-8")
    night(request_for(base / "in", base / "out", base / "out" / "audit.duckdb", AS_OF))
    before = content(base / "out" / "audit.duckdb")
    yield base / "out"
    assert content(base / "out" / "audit.duckdb") == before


def _snapshot(output: Path) -> tuple[object, ...]:
    if not output.exists():
        return ()
    names = sorted(p.name for p in output.iterdir() if not p.name.endswith(".lock"))
    return published(output), names, *(p.read_bytes() for p in output.glob("*.duckdb"))


@pytest.fixture
def is_read(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Hostile]]:
    """A list for one hostile: its `while_read` is done after it was found, before it is hashed."""
    reading: list[Hostile] = []
    hash_of = scan_ahead.sha256_of

    def hashed(path: Path) -> str:
        if reading:
            act = reading.pop().while_read
            assert act
            act(path.parent)
        return hash_of(path)

    monkeypatch.setattr(scan_ahead, "sha256_of", hashed)
    yield reading
    assert not reading


@pytest.mark.parametrize("hostile", _named(REFUSED))
def test_a_hostile_file_is_refused(
    hostile: Hostile, output: Path, tmp_path: Path, is_read: list[Hostile]
) -> None:
    fate = hostile.fate
    assert isinstance(fate, Refused)
    landing = hostile.write(tmp_path)
    if hostile.is_first:
        output = tmp_path / "out"
        output.mkdir()
    before = _snapshot(output)
    if hostile.while_read:
        is_read.append(hostile)
    (tmp_path / "config.toml").write_text(hostile.config, encoding="utf-8")
    with pytest.raises(AuditError) as refused:
        night(
            request_for(landing, output, output / "audit.duckdb", AS_OF, tmp_path / "config.toml")
        )
    message = str(refused.value)
    assert refused.value.exit_code == fate.exit_code, message
    assert re.search(".*".join(map(re.escape, fate.words)), message), message
    assert not re.search(r"\b[CM]\d\b|2026-|00078", message), "row content in a message"
    assert message.endswith(".") and "\n" not in message
    if fate.exit_code == TooManyBadRows.exit_code:
        remove_failed_checks(output)
    assert _snapshot(output) == before


@pytest.mark.slow
def test_accepted_values_pass_through_the_rules_to_the_reports(
    batches: dict[str, Batch], tmp_path: Path
) -> None:
    """A hostile value that was accepted does no harm in a later stage either."""
    small = [
        h
        for h in BATCHED
        if h.config == ANY_ERROR_RATE and isinstance(h.fate, Read) and h.fate.rows_read < 1000
    ]
    (tmp_path / "in").mkdir()
    for name in map(_name_in_batch, small):
        shutil.copy(batches[ANY_ERROR_RATE].landing / name, tmp_path / "in" / name)
    (tmp_path / "config.toml").write_text(ANY_ERROR_RATE, encoding="utf-8")
    request = request_for(
        tmp_path / "in",
        tmp_path / "out",
        tmp_path / "audit.duckdb",
        AS_OF,
        tmp_path / "config.toml",
    )
    summary = night(request)
    rerun_equals_standing(request)
    assert summary.loaded_files == len(small)
    assert summary.rows_read == sum(h.fate.rows_read for h in small if isinstance(h.fate, Read))


# ---------------------------------------------------------------- any content


def independent_count(text: str) -> int:
    """Records after the header, by Python's csv module."""
    return sum(1 for record in csv.reader(io.StringIO(text, newline="")) if record) - 1


def settled(base: Path, texts: list[str]) -> dict[str, FileCounts]:
    """The counts of every file that was not refused; after a refusal, the others are run again."""
    (base / "in").mkdir()
    for number, text in enumerate(texts):
        encoded = text.encode("utf-16" if number % 3 == 2 else "utf-8")
        path = base / "in" / f"{TABLE}_{number}.csv{'.gz' if number % 2 else ''}"
        path.write_bytes(gzip.compress(encoded) if number % 2 else encoded)
    while any((base / "in").iterdir()):
        try:
            made = _loaded(_planned(base, base / "in", ANY_ERROR_RATE))
        except InputRefused as refused:
            (base / "in" / str(refused).split(":")[0]).unlink()
            continue
        return {f.file: f for f in _settled(made).files}
    return {}


def _assert_no_row_is_lost(base: Path, texts: list[str]) -> None:
    found = settled(base, texts)
    for number, text in enumerate(texts):
        counts = next(
            (f for name, f in found.items() if name.split(".")[0] == f"{TABLE}_{number}"), None
        )
        if counts is None:
            assert '"' in text or text in texts[:number], "a file without quotes is never refused"
            continue
        assert counts.rows_read == independent_count(text)
        assert counts.rows_read == counts.accepted + counts.quarantined + counts.duplicates


many_texts = st.lists(extracts(), min_size=6, max_size=6, unique=True)
quietly = {
    "deadline": None,
    "derandomize": True,
    "database": None,
    "suppress_health_check": list(HealthCheck),
}


@pytest.mark.slow
@given(many_texts)
@settings(max_examples=4, **quietly)  # type: ignore[arg-type]
def test_rows_in_are_rows_out(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    _assert_no_row_is_lost(tmp_path_factory.mktemp("files"), texts)


@pytest.mark.slow
@given(many_texts)
@settings(max_examples=25, **quietly)  # type: ignore[arg-type]
def test_rows_in_are_rows_out_of_many_files(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    _assert_no_row_is_lost(tmp_path_factory.mktemp("files"), texts)


# ---------------------------------------------------------------- the corpus


def test_names_are_unique() -> None:
    assert len({h.name for h in CORPUS}) == len(CORPUS) >= 60

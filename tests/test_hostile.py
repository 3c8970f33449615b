"""Every hostile file meets its fate exactly; rows in = accepted + quarantined + duplicates, whatever stands in a file."""

import csv
import gzip
import io
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit_rules.errors import AuditError
from flows import load as loader
from flows.errors import InputRefused
from flows.net import FileCounts, net
from flows.plan import Plan, Request, plan
from flows.stages import begin, load_stage, validate_stage
from tests.hostile import ANY_ERROR_RATE, CORPUS, CSV, GZ, HEAD, PARQUET, TABLE, Hostile, Read, Refused, documentation, fill
from tests.nights import content, night, published
from tests.running import AS_OF, ROOT

READ = [h for h in CORPUS if isinstance(h.fate, Read)]
REFUSED = [h for h in CORPUS if isinstance(h.fate, Refused)]


def _named(hostiles: list[Hostile]) -> list[object]:
    return [pytest.param(h, id=h.name, marks=[pytest.mark.slow] if h.is_slow else []) for h in hostiles]


def _fits_in_a_batch(hostile: Hostile) -> bool:
    """Whether the file can be loaded beside others: neither its name, its folder nor its duplicates matter."""
    special = hostile.also or hostile.while_read or hostile.is_slow or hostile.folder != "in"
    return not special and len(hostile.files) == 1 and set(hostile.files) <= {CSV, GZ, PARQUET} and not hostile.fate.duplicates  # type: ignore[union-attr]


BATCHED = [h for h in READ if _fits_in_a_batch(h)]


@dataclass(frozen=True)
class Seen:
    """What became of one file, as the workbench holds it after validation."""

    rows_read: int
    stored: int
    quarantined: list[tuple[int, str | None, str]]
    warnings: list[tuple[str, str, int]]


def _order(failed: tuple[int, str | None, str]) -> tuple[int, str, str]:
    number, column, check = failed
    return number, column or "", check


def _planned(base: Path, landing: Path, config: str) -> Plan:
    (base / "config.toml").write_text(config, encoding="utf-8")
    return plan(Request(landing, base, base / "audit.duckdb", AS_OF, base / "config.toml"))


def _loaded(made: Plan) -> Plan:
    begin(made)
    load_stage(made, lambda _name: None)
    validate_stage(made)
    return made


def _check(made: Plan, file_name: str, fate: Read) -> None:
    """Hold what stands in the workbench of one file against its fate."""
    with duckdb.connect(str(made.bench.database), read_only=True) as connection:
        ((file_no, rows_read),) = connection.execute("SELECT file_no, rows_read FROM file WHERE name = ?", [file_name]).fetchall()
        ((stored,),) = connection.execute(f"SELECT count(*) FROM {TABLE} WHERE file_no = ?", [file_no]).fetchall()
        quarantined = connection.execute(
            "SELECT row_number, column_name, check_name FROM quarantine WHERE file_no = ?", [file_no]
        ).fetchall()
        warnings = connection.execute(
            "SELECT column_name, check_name, rows FROM warning WHERE file_no = ? ORDER BY ALL", [file_no]
        ).fetchall()
        cells = {
            column: [
                v
                for (v,) in connection.execute(
                    f"SELECT {column} FROM {TABLE} WHERE file_no = {file_no} ORDER BY row_number"
                ).fetchall()
            ]
            for column in fate.cells
        }
    seen = Seen(rows_read, stored, sorted(quarantined, key=_order), warnings)
    assert seen == Seen(fate.rows_read, fate.accepted + fate.duplicates, sorted(fate.quarantined, key=_order), sorted(fate.warnings))
    assert cells == fate.cells


@pytest.fixture(scope="module")
def batches(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Plan]:
    """Per config one run over all files that can be loaded together, each under its own name."""
    made = {}
    for number, config in enumerate(sorted({h.config for h in BATCHED})):
        base = tmp_path_factory.mktemp(f"batch{number}")
        for hostile in (h for h in BATCHED if h.config == config):
            path = hostile.write(base / hostile.name) / next(iter(hostile.files))
            (base / "in").mkdir(exist_ok=True)
            path.rename(base / "in" / _name_in_batch(hostile))
        made[config] = _loaded(_planned(base, base / "in", config))
    return made


def _name_in_batch(hostile: Hostile) -> str:
    return next(iter(hostile.files)).replace(TABLE, f"{TABLE}_{hostile.name}")


@pytest.mark.parametrize("hostile", _named(BATCHED))
def test_a_hostile_file_is_read_or_quarantined(hostile: Hostile, batches: dict[str, Plan]) -> None:
    assert isinstance(hostile.fate, Read)
    _check(batches[hostile.config], _name_in_batch(hostile), hostile.fate)


def _alone(hostile: Hostile, base: Path) -> None:
    fate = hostile.fate
    assert isinstance(fate, Read)
    made = _loaded(_planned(base, hostile.write(base), hostile.config))
    name = next(iter(hostile.files))
    _check(made, name, fate)
    (counts,) = (f for f in net(made.bench, AS_OF, made.payer_names, 1).files if f.file == name)
    assert (counts.rows_read, counts.accepted, counts.quarantined, counts.duplicates) == (
        fate.rows_read, fate.accepted, fate.rows_quarantined, fate.duplicates,
    )  # fmt: skip


@pytest.mark.parametrize("hostile", _named([h for h in READ if h not in BATCHED]))
def test_a_hostile_folder_is_read(hostile: Hostile, tmp_path: Path) -> None:
    _alone(hostile, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("hostile", _named(BATCHED))
def test_a_hostile_file_alone_is_read_or_quarantined(hostile: Hostile, tmp_path: Path) -> None:
    _alone(hostile, tmp_path)


# ---------------------------------------------------------------- refused


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An output folder with a warehouse and the reports of a first night."""
    base = tmp_path_factory.mktemp("first")
    (base / "in").mkdir()
    (base / "in" / CSV).write_text(f"{HEAD}\n{fill(91)}\n", encoding="utf-8")
    night(Request(base / "in", base / "out", base / "out" / "audit.duckdb", AS_OF))
    return base / "out"


def _standing(output: Path) -> tuple[object, ...]:
    warehouse = output / "audit.duckdb"
    return published(output), sorted(p.name for p in output.iterdir()), warehouse.read_bytes(), content(warehouse)


@pytest.fixture
def is_read(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Hostile]]:
    """A list: what the hostile in it does while it is read is done when the loader has its stamp, before its hash."""
    reading: list[Hostile] = []
    stamp = loader._stamp

    def stamped(path: Path) -> tuple[int, int, int]:
        found = stamp(path)
        if reading:
            act = reading.pop().while_read
            assert act
            act(path.parent)
        return found

    monkeypatch.setattr(loader, "_stamp", stamped)
    yield reading
    assert not reading


@pytest.mark.parametrize("hostile", _named(REFUSED))
def test_a_hostile_file_is_refused(hostile: Hostile, output: Path, tmp_path: Path, is_read: list[Hostile]) -> None:
    fate = hostile.fate
    assert isinstance(fate, Refused)
    landing = hostile.write(tmp_path)
    before = _standing(output)
    if hostile.while_read:
        is_read.append(hostile)
    (tmp_path / "config.toml").write_text(hostile.config, encoding="utf-8")
    with pytest.raises(AuditError) as refused:
        night(Request(landing, output, output / "audit.duckdb", AS_OF, tmp_path / "config.toml"))
    message = str(refused.value)
    assert refused.value.exit_code == fate.exit_code, message
    assert re.search(".*".join(map(re.escape, fate.words)), message), message
    assert not re.search(r"\b[CM]\d\b|2026-|00078", message), "row content in a message"
    assert message.endswith(".") and "\n" not in message
    assert _standing(output) == before


def test_what_was_accepted_goes_through_the_rules_to_the_reports(batches: dict[str, Plan], tmp_path: Path) -> None:
    """A hostile value that was accepted hurts no later stage either."""
    small = [h for h in BATCHED if h.config == ANY_ERROR_RATE and isinstance(h.fate, Read) and h.fate.rows_read < 1000]
    (tmp_path / "in").mkdir()
    for name in map(_name_in_batch, small):
        shutil.copy(batches[ANY_ERROR_RATE].request.input / name, tmp_path / "in" / name)
    (tmp_path / "config.toml").write_text(ANY_ERROR_RATE, encoding="utf-8")
    summary = night(Request(tmp_path / "in", tmp_path, tmp_path / "audit.duckdb", AS_OF, tmp_path / "config.toml"))
    assert summary.loaded_files == len(small)
    assert summary.rows_read == sum(h.fate.rows_read for h in small if isinstance(h.fate, Read))


# ---------------------------------------------------------------- any content at all

PIECES = ["a", "1", '"', '""', ",", " ", "\n", "\r\n", "\r", '5" tube', '"x"', "é", "NULL", "=1", "'", "#", "\\", '\\"', "\t", "\u2028", "\x0b", "\ufeff"]  # fmt: skip
texts = st.lists(st.sampled_from(PIECES), max_size=8).map("".join)
ends = st.sampled_from(["\n", "\n", "\r\n", "\r", "\n\n"])


@st.composite
def extracts(draw: st.DrawFn) -> str:
    """A header and some lines, of which a few are good, most hold a hostile field, and some are anything."""
    end = draw(ends)
    lines = [draw(st.just("\n") | st.just("")) + HEAD]
    for number in range(draw(st.integers(0, 8))):
        column = draw(st.sampled_from(HEAD.split(",")))
        lines.append(draw(st.just(fill(number)) | texts.map(lambda t, n=number, c=column: fill(n % 3, **{c: t})) | texts))
    return "".join(line + (end if draw(st.integers(0, 9)) else draw(ends)) for line in lines) + draw(texts | st.just(""))


def independent_count(text: str) -> int:
    """Records after the header, by Python's csv module."""
    return sum(1 for record in csv.reader(io.StringIO(text, newline="")) if record) - 1


def settled(base: Path, texts: list[str]) -> dict[str, FileCounts]:
    """The counts of every file that was not refused; a refused one is taken out and the others are run again."""
    (base / "in").mkdir()
    forms = [("csv", lambda b: b), ("csv.gz", gzip.compress)]
    for number, text in enumerate(texts):
        ending, form = forms[number % 2]
        (base / "in" / f"{TABLE}_{number}.{ending}").write_bytes(form(text.encode("utf-16" if number % 3 == 2 else "utf-8")))
    while any((base / "in").iterdir()):
        try:
            made = _loaded(_planned(base, base / "in", ANY_ERROR_RATE))
        except InputRefused as refused:
            (base / "in" / str(refused).split(":")[0]).unlink()
            continue
        return {f.file: f for f in net(made.bench, AS_OF, made.payer_names, 1).files}
    return {}


def _hold_the_law(base: Path, texts: list[str]) -> None:
    found = settled(base, texts)
    for number, text in enumerate(texts):
        counts = next((f for name, f in found.items() if name.split(".")[0] == f"{TABLE}_{number}"), None)
        if counts is None:
            assert '"' in text or text in texts[:number], "a file without quotes is never refused"
            continue
        assert counts.rows_read == independent_count(text)
        assert counts.rows_read == counts.accepted + counts.quarantined + counts.duplicates


many_texts = st.lists(extracts(), min_size=6, max_size=6, unique=True)
quietly = {"deadline": None, "derandomize": True, "database": None, "suppress_health_check": list(HealthCheck)}


@given(many_texts)
@settings(max_examples=8, **quietly)  # type: ignore[arg-type]
def test_rows_in_are_rows_out(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    _hold_the_law(tmp_path_factory.mktemp("law"), texts)


@pytest.mark.slow
@given(many_texts)
@settings(max_examples=100, **quietly)  # type: ignore[arg-type]
def test_rows_in_are_rows_out_of_many_files(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    _hold_the_law(tmp_path_factory.mktemp("law"), texts)


# ---------------------------------------------------------------- the documentation


def test_names_are_told_apart() -> None:
    assert len({h.name for h in CORPUS}) == len(CORPUS) >= 60


def test_the_documentation_is_current() -> None:
    written = (ROOT / "docs" / "input.md").read_text(encoding="utf-8")
    assert written == documentation(), "run: python -m tests.hostile > docs/input.md"

"""Every failure has its exit code and one or two sentences, publishes nothing and leaves the warehouse as it was.

A run that was killed leaves nothing that the next run cannot make good: warehouse and reports are those of a run
that nothing disturbed.
"""

import errno
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

from audit_rules.errors import AuditError
from flows import cli, net, stages
from flows.cli import main
from flows.errors import DiskTrouble
from flows.failures import TRACE_FILE
from flows.ledger import DISMISS, REOPEN, Decision, decide
from flows.plan import Request
from flows.warehouse import hold
from tests.extracts import Content, good, write
from tests.hostile import ANY_ERROR_RATE, CSV, HEAD, csv, fill
from tests.kills import LATE, STAGES, counted_night, in_child, killed_night, short_of_disk, whole_night
from tests.nights import content, night, published
from tests.running import AS_OF

SENTENCE_END = re.compile(r"[.?!](?=\s+[A-Z]|$)")


def _request(base: Path) -> Request:
    return Request(base / "in", base / "out", base / "out" / "audit.duckdb", AS_OF)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base folder with an output of a first night: a warehouse and one run's reports."""
    base = tmp_path_factory.mktemp("faults")
    (base / "in").mkdir()
    (base / "in" / CSV).write_bytes(csv(fill(1), fill(2)))
    night(_request(base))
    return base


def _standing(output: Path) -> tuple[object, ...]:
    return published(output), content(output / "audit.duckdb")


@pytest.fixture
def unharmed(first: Path) -> Iterator[Path]:
    """The base folder; afterwards every file must be what it was, down to the warehouse's bytes, and none beside them."""

    def files() -> dict[str, bytes]:
        return {str(p.relative_to(first)): p.read_bytes() for p in first.rglob("*") if p.is_file() and p.name != TRACE_FILE}

    before = files()
    yield first
    assert files() == before
    assert not (first / "out" / ".audit.duckdb.work").exists()


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    """A landing folder with a second extract, good as it is."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / CSV).write_bytes(csv(*(fill(n) for n in range(3, 10))))
    return tmp_path / "in"


def _said(capsys: pytest.CaptureFixture[str], *words: str | Path, exit_code: int) -> str:
    """What the command line prints when it ends with that exit code."""
    assert main([str(w) for w in words]) == exit_code
    printed = capsys.readouterr()
    assert printed.out == ""
    _is_clear(printed.err.removeprefix("claims-audit: ").removesuffix("\n"))
    return printed.err


def _is_clear(message: str) -> None:
    assert "Traceback" not in message and "\n" not in message
    assert 1 <= len(SENTENCE_END.findall(message)) <= 2, message
    assert not re.search(r"\b[CM]\d+\b", message), "row content in a message"


def _fails(request: Request, exit_code: int) -> str:
    with pytest.raises(AuditError) as failed:
        night(request)
    assert failed.value.exit_code == exit_code, failed.value
    _is_clear(str(failed.value))
    return str(failed.value)


def _raising(error: BaseException) -> Callable[..., object]:
    def broken(*_arguments: object) -> object:
        raise error

    return broken


def _break(monkeypatch: pytest.MonkeyPatch, stage: str, error: BaseException) -> None:
    """Make a stage, or a function that a stage calls, raise; for the plain stages and the command line."""
    monkeypatch.setattr(stages, stage, _raising(error))
    if hasattr(cli, stage):
        monkeypatch.setattr(cli, stage, _raising(error))


# ---------------------------------------------------------------- exit codes

WRONG_USAGE = [(), ("--as-of", "tomorrow"), ("--config", "gone.toml"), ("--policies", "gone"), ("--no-such-option",)]


@pytest.mark.parametrize("words", WRONG_USAGE)
def test_exit_2_wrong_usage(unharmed: Path, landing: Path, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    output = ("--output", str(unharmed / "out")) if words else ()
    _said(capsys, "run", "--input", landing, *output, *words, exit_code=2)


def test_exit_3_an_input_is_refused(unharmed: Path, landing: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (landing / "notes.txt").write_text("x")
    assert "'notes.txt' is of no table" in _said(capsys, "run", "--input", landing, "--output", unharmed / "out", exit_code=3)


def test_exit_3_a_file_is_refused_by_its_content(unharmed: Path, landing: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (landing / CSV).write_text(HEAD.replace("claim_id", "claim") + "\n")
    assert "no column claim_id" in _said(capsys, "validate", "--input", landing, exit_code=3)
    assert "no column claim_id" in _fails(replace(_request(unharmed), input=landing), 3)


def test_exit_4_too_many_bad_rows(unharmed: Path, landing: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (landing / CSV).write_bytes(csv(fill(1), fill(2, quantity="x")))
    assert "1 of 2 rows" in _said(capsys, "validate", "--input", landing, exit_code=4)
    _fails(replace(_request(unharmed), input=landing), 4)


def test_exit_5_the_law_of_a_file_does_not_balance(
    unharmed: Path, landing: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    counted = net._file_counts
    monkeypatch.setattr(net, "_file_counts", lambda *given: tuple(replace(f, accepted=f.accepted - 1) for f in counted(*given)))
    assert "7 rows read, but 6 accepted" in _said(capsys, "validate", "--input", landing, exit_code=5)
    _fails(replace(_request(unharmed), input=landing), 5)


def test_exit_5_the_law_of_a_table_does_not_balance(unharmed: Path, landing: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = net._table_counts
    monkeypatch.setattr(net, "_table_counts", lambda *given: replace(counted(*given), history=0))
    assert "9 rows accepted, but 0 have a fate" in _fails(replace(_request(unharmed), input=landing), 5)


def test_exit_6_a_policy_is_refused(unharmed: Path, landing: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "own.toml").write_text("[document]\nid = 7\n")
    words = ("run", "--input", landing, "--output", unharmed / "out", "--policies", tmp_path / "more")
    assert "own.toml" in _said(capsys, *words, exit_code=6)


def test_exit_6_a_reference_file_is_refused(
    unharmed: Path, landing: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("run", "--input", landing, "--output", unharmed / "out", "--ndc-directory", tmp_path)
    assert "product.txt" in _said(capsys, *words, exit_code=6)


def test_exit_7_another_run_holds_the_warehouse(unharmed: Path, landing: Path) -> None:
    with hold(unharmed / "out" / "audit.duckdb"):
        assert "Another run holds" in _fails(replace(_request(unharmed), input=landing), 7)


def test_exit_7_a_warehouse_that_is_none(tmp_path: Path, landing: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "audit.duckdb").write_bytes(b"this is no DuckDB file" * 1000)
    _fails(replace(_request(tmp_path), input=landing), 7)
    assert (tmp_path / "out" / "audit.duckdb").read_bytes() == b"this is no DuckDB file" * 1000


DISK_ERRORS = [
    OSError(errno.ENOSPC, "M77"), OSError(errno.EROFS, "M77"), RuntimeError("M77: No space left on device (os error 28)"),
]  # fmt: skip


@pytest.mark.parametrize("error", DISK_ERRORS)
def test_exit_8_the_disk_fails(
    unharmed: Path, landing: Path, error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _break(monkeypatch, "load_stage", error)
    _said(capsys, "validate", "--input", landing, exit_code=8)
    _fails(replace(_request(unharmed), input=landing), 8)


def test_exit_8_the_disk_is_full_in_the_middle_of_what_validate_writes(
    landing: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def torn(_frame: pl.DataFrame, path: Path, **_settings: object) -> None:
        path.write_bytes(b"PAR1")
        if path.name == "warnings.parquet":
            raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(pl.DataFrame, "write_parquet", torn)
    _said(capsys, "validate", "--input", landing, "--output", tmp_path / "out", exit_code=8)
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "setting", [{"PREFECT_API_URL": "http://127.0.0.1:9/api"}, {"PREFECT_API_URL": "nonsense"}, {"PREFECT_HOME": os.devnull}]
)
def test_exit_9_prefect_cannot_record(unharmed: Path, landing: Path, tmp_path: Path, setting: dict[str, str]) -> None:
    program = Path(sys.executable).with_name("claims-audit")
    done = subprocess.run(
        [str(program), "run", "--input", str(landing), "--output", str(unharmed / "out")],
        capture_output=True, text=True, check=False, env=os.environ | {"PREFECT_HOME": str(tmp_path / "prefect")} | setting,
    )  # fmt: skip
    assert done.returncode == 9, done.stderr
    assert done.stdout == "" and done.stderr.startswith("claims-audit: Prefect could not start or record the run")
    _is_clear(done.stderr.removesuffix("\n"))


def _late(stage: str) -> object:
    return pytest.param(stage, marks=pytest.mark.slow)


@pytest.mark.parametrize(
    "stage", ["begin", "load_stage", "validate_stage", "net_stage", "judge_stage", _late("write_manifest"), _late("keep")]
)
def test_exit_70_a_bug_at_any_stage(unharmed: Path, landing: Path, stage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _break(monkeypatch, stage, ZeroDivisionError("member M77"))
    message = _fails(replace(_request(unharmed), input=landing), 70)
    assert message.startswith("A bug: ZeroDivisionError at test_faults.py:")
    trace = unharmed / "out" / TRACE_FILE
    assert stat.S_IMODE(trace.stat().st_mode) == 0o600 and "member M77" in trace.read_text()


def test_exit_70_of_the_command_line(
    landing: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _break(monkeypatch, "validate_stage", ZeroDivisionError("member M77"))
    assert "ZeroDivisionError" in _said(capsys, "validate", "--input", landing, "--output", tmp_path / "out", exit_code=70)
    assert [p.name for p in (tmp_path / "out").iterdir()] == [TRACE_FILE]


@pytest.mark.slow
def test_a_bug_between_keeping_the_rows_and_publishing_is_made_good_by_the_next_run(
    tmp_path: Path, landing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one moment in which rows are kept and not yet reported: still no reader sees a run that did not finish."""
    request = replace(_request(tmp_path), input=landing)
    with monkeypatch.context() as broken:
        _break(broken, "publish", ZeroDivisionError())
        _fails(request, 70)
    assert set(published(request.output)) == {TRACE_FILE}
    summary = night(request)
    assert summary.passed_over == (CSV,) and (summary.folder / "manifest.json").exists()


# ---------------------------------------------------------------- killed

FIRST_NIGHT: Mapping[str, Content] = {
    "pharmacy_claim.csv": csv(
        *(fill(n, payer="NantHealth" if n % 3 else "Cigna") for n in range(40)), fill(1, quantity="x"), fill(7), "short",
    ),
    "medical_claim.csv.gz": [
        good("medical_claim", claim_id=f"I{n}", payer="MMM", hcpcs_code="J9229", claim_line_start_date=f"2026-04-{n + 1:02}")
        for n in range(20)
    ],
    "diagnosis.csv": [good("diagnosis", member_id="M2"), good("diagnosis", member_id="M", diagnosis_code="no code")],
    "eligibility.csv": [good("eligibility", member_id=f"M{n}") for n in range(30)],
}  # fmt: skip
SECOND_NIGHT: Mapping[str, Content] = {
    "pharmacy_claim_2.csv": csv(fill(3, paid_amount="-100.00", quantity="-30"), fill(50), fill(7), fill(51, quantity="x")),
    "provider.csv": [good("provider")],
}  # fmt: skip
LATER_NIGHT: Mapping[str, Content] = {
    "pharmacy_claim_3.csv": csv(*(fill(n) for n in range(60, 400)), fill(62, quantity="x"), fill(2), "short"),
    "pharmacy_claim_4.csv": [
        good("pharmacy_claim", claim_id="C4b", member_id="M4", original_claim_id="C4", claim_frequency_code="7"),
        good("pharmacy_claim", claim_id="C5", member_id="M5", claim_status="reversed", paid_date="2026-06-01"),
        good("pharmacy_claim", claim_id="C9", member_id="M9", paid_amount="200.00", paid_date="2026-06-01"),
    ],
    "eligibility_2.csv": [good("eligibility", member_id="M8", enrollment_end_date="2025-12-31")],
    "authorization.csv": [good("authorization", member_id="M3"), good("authorization", authorization_id="A2", member_id="M7")],
}  # fmt: skip
"""Corrections of claims of the first night, a span closed, authorizations that arrive; the others before it were decided on."""
POINTS = {
    "begin": 3, "load_stage": 8, "validate_stage": 6, "net_stage": 6, "judge_stage": 7, "report_stage": 6, "make_private": 4,
    "keep": 6, "publish": 4,
}  # fmt: skip
"""How many of the 50 kills fall into each stage."""


@dataclass(frozen=True)
class Undisturbed:
    """A run that nothing disturbed: what it started from, what it left, and the events at which each stage began."""

    before: Path
    standing: tuple[object, ...]
    marks: dict[str, int]

    def points(self) -> list[int]:
        """Fifty events of a later night, spread evenly within each stage; of a first night every other of them."""
        found = []
        ends = list(self.marks.values())[1:]
        for (stage, start), end in zip(self.marks.items(), ends, strict=False):
            wanted = POINTS[stage]
            found += [start + 1 + (end - start - 1) * n // max(wanted - 1, 1) for n in range(wanted)]
        return found[:: 1 if (self.before / "out").exists() else 2]


def _configured(base: Path, night_no: int = 0) -> Request:
    """The run of a night, so many nights before the last."""
    return replace(_request(base), config=base / "config.toml", as_of=AS_OF - timedelta(days=night_no))


def _undisturbed(base: Path, nights: list[Mapping[str, Content]]) -> Undisturbed:
    """Nights until the last is ready to run, each of them decided on; and what the last leaves."""
    before = base / "before"
    write(before, {"config.toml": ANY_ERROR_RATE})
    for night_no, files in zip(reversed(range(len(nights))), nights, strict=True):
        write(before / "in", files)
        if night_no:
            run = _configured(before, night_no)
            assert in_child(whole_night, run) == 0
            _decide(run.warehouse)
    shutil.copytree(before, base / "run")
    run = _configured(base / "run")
    assert in_child(counted_night, run, base / "marks.json") == 0
    return Undisturbed(before, _standing(run.output), json.loads((base / "marks.json").read_text()))


def _decide(warehouse: Path) -> None:
    """Every third exception of the ledger is dismissed, every sixth of them taken back."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        known = [Decision(i, "seen") for (i,) in connection.execute("SELECT exception_id FROM ledger ORDER BY 1").fetchall()]
    decide(warehouse, known[::3], DISMISS, "a reviewer")
    decide(warehouse, known[::6], REOPEN, "a reviewer")


@pytest.fixture(scope="module")
def later(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """The third night of a warehouse, with corrections of what it holds and decisions in its ledger."""
    return _undisturbed(tmp_path_factory.mktemp("later"), [FIRST_NIGHT, SECOND_NIGHT, LATER_NIGHT])


@pytest.fixture(scope="module", params=["first", "later"])
def undisturbed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    if request.param == "later":
        night: Undisturbed = request.getfixturevalue("later")
        return night
    return _undisturbed(tmp_path_factory.mktemp("first"), [FIRST_NIGHT])


@pytest.mark.slow
def test_the_later_night_moves_the_ledger_in_every_way(later: Undisturbed, tmp_path: Path) -> None:
    """Else a kill in it would show little."""
    shutil.copytree(later.before, tmp_path / "run")
    moved = night(_configured(tmp_path / "run")).moved
    assert set(moved) == {"new", "changed", "resolved", "dismissed"}


@pytest.mark.slow
def test_a_killed_run_leaves_nothing_that_the_next_does_not_make_good(undisturbed: Undisturbed, tmp_path: Path) -> None:
    points = undisturbed.points()
    assert list(undisturbed.marks) == [s.__name__ for s in STAGES] + [*LATE, "end"]
    assert len(set(points)) == len(points) >= 25
    assert len(points) == 50 or not (undisturbed.before / "out").exists()

    def kill_and_rerun(point: int) -> str | None:
        base = tmp_path / str(point)
        shutil.copytree(undisturbed.before, base)
        run = _configured(base)
        reports = set(published(run.output)) if run.output.exists() else set()
        if in_child(killed_night, run, point) != -signal.SIGKILL:
            return "was not killed"
        torn = {name.split("/")[0] for name in set(published(run.output)) - reports}
        if any(not (run.output / name / "manifest.json").exists() for name in torn):
            return "left a run under its final name that is not complete"
        if in_child(whole_night, run) != 0:
            return "could not be run again"
        if _standing(run.output) != undisturbed.standing:
            return "ended in another warehouse or other reports"
        shutil.rmtree(base)
        return None

    with ThreadPoolExecutor(2) as pool:
        wrong = {point: said for point, said in zip(points, pool.map(kill_and_rerun, points), strict=True) if said}
    assert wrong == {}


# ---------------------------------------------------------------- short of disk, and two at once

FULL = [
    ("load_stage", 0), ("load_stage", 300_000), ("validate_stage", 5_000), ("net_stage", 100_000), ("judge_stage", 5_000),
    ("report_stage", 1_000), ("report_stage", 4_096), ("report_stage", 30_000),
]  # fmt: skip
"""A stage, and the bytes beyond which no file may grow from then on: the last two are met while the rows are kept."""


@pytest.mark.slow
@pytest.mark.parametrize(("stage", "limit"), FULL)
def test_a_full_disk_at_any_stage_changes_nothing_and_the_next_run_makes_it_good(
    later: Undisturbed, tmp_path: Path, stage: str, limit: int
) -> None:
    shutil.copytree(later.before, tmp_path / "run")
    request = _configured(tmp_path / "run")
    before = _standing(request.output)
    number = [s.__name__ for s in STAGES].index(stage)
    assert in_child(short_of_disk, request, number, limit) == DiskTrouble.exit_code
    assert _standing(request.output) == before
    assert in_child(whole_night, request) == 0
    assert _standing(request.output) == later.standing


@pytest.mark.slow
@pytest.mark.parametrize("size", ["100k", "1m", "1800k"])
def test_a_full_file_system_publishes_nothing(tmp_path: Path, size: str) -> None:
    (tmp_path / "out").mkdir()
    request = _request(tmp_path)
    write(request.input or tmp_path, {CSV: csv(*(fill(n) for n in range(3, 400)))})
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(request.output)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("needs the right to mount a file system; a full disk is also met above, by a limit on file sizes")
    try:
        assert in_child(whole_night, request) == DiskTrouble.exit_code
        assert published(request.output) == {} and not request.warehouse.exists()
    finally:
        subprocess.run(["umount", str(request.output)], check=True)


@pytest.mark.slow
def test_exit_7_another_program_has_the_warehouse_open(unharmed: Path, landing: Path) -> None:
    code = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    words = [sys.executable, "-c", code, str(unharmed / "out" / "audit.duckdb")]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as other:
        assert other.stdin and other.stdout and other.stdout.readline() == "open\n"
        assert "another program holds it" in _fails(replace(_request(unharmed), input=landing), 7)
        other.stdin.close()

"""Every failure has its exit code and short message, publishes nothing, changes no warehouse."""

import errno
import os
import re
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from audit_rules.errors import AuditError
from flows.cli.app import main
from flows.errors import TRACE_FILE, Bug, as_user_error, redacted_errors
from flows.request import RunRequest
from flows.settle import balance
from flows.warehouse.lock import hold
from tests.support.hostile import CSV, HEAD, csv, fill
from tests.support.nights import night, published, remove_failed_checks
from tests.support.running import AS_OF, request_for
from tests.support.stage_parts import module_of

SENTENCE_END = re.compile(r"[.?!](?=\s+[A-Z]|$)")


def _request(base: Path) -> RunRequest:
    return request_for(base / "in", base / "out", base / "out" / "audit.duckdb", AS_OF)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base folder with the output of a first night: a warehouse and the reports of one run."""
    base = tmp_path_factory.mktemp("faults")
    (base / "in").mkdir()
    (base / "in" / CSV).write_bytes(csv(fill(1), fill(2)))
    night(_request(base))
    return base


@pytest.fixture
def unharmed(first: Path) -> Iterator[Path]:
    """The base folder; after the test it must hold the same files with the same bytes."""

    def files() -> dict[str, bytes]:
        return {
            str(p.relative_to(first)): p.read_bytes()
            for p in first.rglob("*")
            if p.is_file() and p.name != TRACE_FILE
        }

    before = files()
    yield first
    assert files() == before
    assert not (first / "out" / ".audit.duckdb.work").exists()


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    """A landing folder with a second extract, without defects."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / CSV).write_bytes(csv(*(fill(n) for n in range(3, 10))))
    return tmp_path / "in"


def _message(capsys: pytest.CaptureFixture[str], *words: str | Path, exit_code: int) -> str:
    """The message that the command line prints when it ends with that exit code."""
    assert main([str(w) for w in words]) == exit_code
    printed = capsys.readouterr()
    assert printed.out == ""
    _check_is_clear(printed.err.removeprefix("claims-audit: ").removesuffix("\n"))
    return printed.err


def _check_is_clear(message: str) -> None:
    assert "Traceback" not in message and "\n" not in message
    assert 1 <= len(SENTENCE_END.findall(message)) <= 2, message
    assert not re.search(r"\b[CM]\d+\b", message), "row content in a message"


def _fails(request: RunRequest, exit_code: int) -> str:
    with pytest.raises(AuditError) as failed:
        night(request)
    assert failed.value.exit_code == exit_code, failed.value
    _check_is_clear(str(failed.value))
    return str(failed.value)


def _raising(error: BaseException) -> Callable[..., object]:
    def broken(*_arguments: object) -> object:
        raise error

    return broken


def _break(monkeypatch: pytest.MonkeyPatch, stage: str, error: BaseException) -> None:
    """Make a stage, or a function it calls, raise."""
    monkeypatch.setattr(module_of(stage), stage, _raising(error))


WRONG_USAGE = [
    (),
    ("--as-of", "tomorrow"),
    ("--config", "gone.toml"),
    ("--policies", "gone"),
    ("--no-such-option",),
]


@pytest.mark.parametrize("words", WRONG_USAGE)
def test_exit_2_wrong_usage(
    unharmed: Path, landing: Path, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    output = ("--output", str(unharmed / "out")) if words else ()
    _message(capsys, "run", "--input", landing, *output, *words, exit_code=2)


def test_exit_3_an_input_is_refused(
    unharmed: Path, landing: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (landing / "notes.txt").write_text("x")
    assert "'notes.txt' does not belong to a table" in _message(
        capsys, "run", "--input", landing, "--output", unharmed / "out", exit_code=3
    )


def test_exit_3_a_file_is_refused_by_its_content(
    unharmed: Path, landing: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (landing / CSV).write_text(HEAD.replace("claim_id", "claim") + "\n")
    assert "no column claim_id" in _message(capsys, "validate", "--input", landing, exit_code=3)
    assert "no column claim_id" in _fails(replace(_request(unharmed), input=landing), 3)


def test_exit_4_too_many_bad_rows(
    unharmed: Path, landing: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (landing / CSV).write_bytes(csv(fill(1), fill(2, quantity="x")))
    assert "1 of 2 rows" in _message(capsys, "validate", "--input", landing, exit_code=4)
    _fails(replace(_request(unharmed), input=landing), 4)
    remove_failed_checks(unharmed / "out")


def test_exit_5_the_counts_of_a_file_do_not_balance(
    unharmed: Path,
    landing: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    counted = balance._file_counts
    monkeypatch.setattr(
        balance,
        "_file_counts",
        lambda *given: tuple(replace(f, accepted=f.accepted - 1) for f in counted(*given)),
    )
    assert "7 rows read, but 6 accepted" in _message(
        capsys, "validate", "--input", landing, exit_code=5
    )
    _fails(replace(_request(unharmed), input=landing), 5)


def test_exit_5_the_counts_of_a_table_do_not_balance(
    unharmed: Path, landing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = balance._table_counts
    monkeypatch.setattr(
        balance, "_table_counts", lambda *given: replace(counted(*given), history=0)
    )
    assert "9 rows accepted, but 0 have a fate" in _fails(
        replace(_request(unharmed), input=landing), 5
    )


def test_exit_6_a_policy_is_refused(
    unharmed: Path, landing: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "own.toml").write_text("[document]\nid = 7\n")
    words = (
        "run",
        "--input",
        landing,
        "--output",
        unharmed / "out",
        "--policies",
        tmp_path / "more",
    )
    assert "own.toml" in _message(capsys, *words, exit_code=6)


def test_exit_6_a_reference_file_is_refused(
    unharmed: Path, landing: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("run", "--input", landing, "--output", unharmed / "out", "--ndc-directory", tmp_path)
    assert "product.txt" in _message(capsys, *words, exit_code=6)


def test_exit_7_another_run_holds_the_warehouse(unharmed: Path, landing: Path) -> None:
    with hold(unharmed / "out" / "audit.duckdb"):
        assert "Another run holds" in _fails(replace(_request(unharmed), input=landing), 7)


@pytest.mark.slow
def test_exit_7_another_program_has_the_warehouse_open(unharmed: Path, landing: Path) -> None:
    code = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1]); "
        "print('open', flush=True); sys.stdin.read()"
    )
    words = [sys.executable, "-c", code, str(unharmed / "out" / "audit.duckdb")]
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as other:
        assert other.stdin and other.stdout and other.stdout.readline() == "open\n"
        assert "another program has it open" in _fails(
            replace(_request(unharmed), input=landing), 7
        )
        other.stdin.close()


def test_exit_8_a_warehouse_that_is_not_a_duckdb_file(tmp_path: Path, landing: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "audit.duckdb").write_bytes(b"not a DuckDB file" * 1000)
    assert "is not a DuckDB file" in _fails(replace(_request(tmp_path), input=landing), 8)
    assert (tmp_path / "out" / "audit.duckdb").read_bytes() == b"not a DuckDB file" * 1000


DISK_ERRORS = [
    OSError(errno.ENOSPC, "M77"),
    OSError(errno.EROFS, "M77"),
    RuntimeError("M77: No space left on device (os error 28)"),
]


@pytest.mark.parametrize("error", DISK_ERRORS)
def test_exit_8_the_disk_fails(
    unharmed: Path,
    landing: Path,
    error: Exception,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    _break(monkeypatch, "load_stage", error)
    _message(capsys, "validate", "--input", landing, exit_code=8)
    _fails(replace(_request(unharmed), input=landing), 8)


@pytest.mark.parametrize("name", ["/lake/night/rows.parquet", Path("/lake/night/rows.parquet")])
def test_exit_8_names_the_folder_that_fails(name: str | Path, tmp_path: Path) -> None:
    said = str(as_user_error(OSError(errno.EROFS, "M77", name), tmp_path))
    assert "(Read-only file system, in /lake/night)" in said


def test_a_bug_says_in_which_folder_its_trace_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for given, said in (((), "the current folder"), ((tmp_path / "out",), "the output folder")):
        with pytest.raises(Bug, match=f"{TRACE_FILE} in {said}"), redacted_errors(*given):
            raise ValueError("M77")
        assert Path(*given, TRACE_FILE).is_file()


def test_exit_8_the_disk_fills_up_while_validate_writes(
    landing: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def torn(_rows: pl.LazyFrame, path: Path, **_settings: object) -> None:
        path.write_bytes(b"PAR1")
        if path.name == "warnings.parquet":
            raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(pl.LazyFrame, "sink_parquet", torn)
    _message(capsys, "validate", "--input", landing, "--output", tmp_path / "out", exit_code=8)
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "setting",
    [
        {"PREFECT_API_URL": "http://127.0.0.1:9/api"},
        {"PREFECT_API_URL": "nonsense"},
        {"PREFECT_HOME": os.devnull},
    ],
)
def test_exit_9_prefect_cannot_record(
    unharmed: Path, landing: Path, tmp_path: Path, setting: dict[str, str]
) -> None:
    impatient = {
        "PREFECT_HOME": str(tmp_path / "prefect"),
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "10",
    }
    program = Path(sys.executable).with_name("claims-audit")
    done = subprocess.run(
        [str(program), "run", "--input", str(landing), "--output", str(unharmed / "out")],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | impatient | setting,
    )
    assert done.returncode == 9, done.stderr
    assert done.stdout == "" and done.stderr.startswith(
        "claims-audit: Prefect could not start or record the run"
    )
    _check_is_clear(done.stderr.removesuffix("\n"))


def _late(stage: str) -> object:
    return pytest.param(stage, marks=pytest.mark.slow)


@pytest.mark.parametrize(
    "stage",
    [
        "begin",
        "load_stage",
        "validate_stage",
        "settle_stage",
        "judge_stage",
        _late("write_manifest"),
        _late("keep"),
    ],
)
def test_exit_70_a_bug_at_any_stage(
    unharmed: Path, landing: Path, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _break(monkeypatch, stage, ZeroDivisionError("member M77"))
    message = _fails(replace(_request(unharmed), input=landing), 70)
    assert message.startswith("A bug: ZeroDivisionError at test_faults.py:")
    trace = unharmed / "out" / TRACE_FILE
    assert stat.S_IMODE(trace.stat().st_mode) == 0o600 and "member M77" in trace.read_text()


def test_exit_70_of_the_command_line(
    landing: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    _break(monkeypatch, "validate_stage", ZeroDivisionError("member M77"))
    assert "ZeroDivisionError" in _message(
        capsys, "validate", "--input", landing, "--output", tmp_path / "out", exit_code=70
    )
    assert [p.name for p in (tmp_path / "out").iterdir()] == [TRACE_FILE]


@pytest.mark.slow
def test_the_next_run_makes_good_a_bug_between_storing_the_rows_and_publishing(
    tmp_path: Path, landing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only then are rows stored and not yet reported, and no reader sees an incomplete run."""
    request = replace(_request(tmp_path), input=landing)
    with monkeypatch.context() as broken:
        _break(broken, "publish", ZeroDivisionError())
        _fails(request, 70)
    assert set(published(request.output)) == {TRACE_FILE}
    summary = night(request)
    assert summary.passed_over == (CSV,) and (summary.folder / "manifest.json").exists()

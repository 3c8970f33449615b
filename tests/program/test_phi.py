"""Row content appears only in the result files and the warehouse, whether a run succeeds or fails.

Identifiers are planted in rows, headers, bad values, config and file contents. The tests search for
them in everything that a run prints, in Prefect's records, in temporary folders and in file names.
The only other place that may hold row content is the trace file of a bug, which only its owner can
read.
"""

import gzip
import json
import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from flows import stages
from flows.cli.app import main
from flows.errors import TRACE_FILE
from flows.privacy import KEY, LEVELS
from flows.results.together import CURRENT
from tests.support.canaries import CANARY, SERVICE_DATE, canaries_in, raise_with_canaries
from tests.support.hostile import CSV, HEAD, PARQUET, TWO_TYPED, csv, fill, parquet
from tests.support.nights import in_clear, night
from tests.support.running import AS_OF, ROOT, request_for
from tests.support.stage_parts import module_of

QUARANTINE = "quarantine.parquet"
PSEUDONYM_KEY = "a secret of this test, long enough to be one"
RAISED = [
    "load_stage",
    "validate_stage",
    "settle_stage",
    "judge_stage",
    "report_stage",
    "keep",
    "publish",
]


def _planted(number: int, **changed: str) -> str:
    """A claim line whose ids and date are canaries."""
    own = {
        "claim_id": f"{CANARY}-C{number}",
        "member_id": f"{CANARY}-M{number}",
        "dispensing_date": SERVICE_DATE,
    }
    return fill(number, **(own | changed))


ROWS = [_planted(n, payer="Cigna" if n % 2 else f"{CANARY}-{n:08}") for n in range(30)]
BAD_ROWS = [
    _planted(30, dispensing_date=f"{CANARY}-day"),
    _planted(31, paid_amount=f"{CANARY}9"),
    f"{CANARY},short",
    _planted(32, payer=f'"{CANARY}" x'),
]


@dataclass(frozen=True)
class Attempt:
    """A run to try.

    files      the landing folder.
    exit_code  the code with which the run must end.
    raising    the stage that is made to raise.
    words      more arguments of the command.
    """

    name: str
    files: Mapping[str, bytes]
    exit_code: int
    config: str = "max_error_rate = 0.5\n"
    raising: str | None = None
    words: tuple[str, ...] = ()


GOOD = {
    CSV: csv(*ROWS, *BAD_ROWS),
    "eligibility.csv": (
        f"member_id,payer,enrollment_start_date,{CANARY}\n{CANARY}-M1,Cigna,{SERVICE_DATE},x\n"
    ).encode(),
}
DAMAGED = parquet(claim_id=[f"{CANARY}-1", f"{CANARY}-2"])
ATTEMPTS = [
    Attempt("succeeds", GOOD, 0),
    *(Attempt(f"raises in {stage}", GOOD, 70, raising=stage) for stage in RAISED),
    *(Attempt(f"succeeds {level}", GOOD, 0, words=("--privacy", level)) for level in LEVELS[1:]),
    Attempt("no header", {CSV: "\n".join(ROWS).encode()}, 3),
    Attempt("header of canaries", {CSV: csv(*ROWS, head=HEAD.replace("claim_id", CANARY))}, 3),
    Attempt(
        "header twice", {CSV: csv(*(r + f",{CANARY}" for r in ROWS), head=HEAD + ",claim_id")}, 3
    ),
    Attempt("too many bad rows", {CSV: csv(*BAD_ROWS, *ROWS[:2])}, 4, config=""),
    Attempt("unterminated quote", {CSV: csv(*ROWS, f'"{CANARY}')}, 3),
    Attempt("NUL", {CSV: csv(*ROWS, f"{CANARY}\0")}, 3),
    Attempt("Windows-1252", {CSV: csv(*ROWS) + f"{CANARY}é".encode("cp1252")}, 3),
    Attempt("cut gzip", {CSV + ".gz": gzip.compress(csv(*ROWS))[:-9]}, 3),
    Attempt("damaged Parquet", {PARQUET: DAMAGED[:4] + b"\xff" * 8 + DAMAGED[12:]}, 3),
    Attempt("cut Parquet", {PARQUET: DAMAGED[:-20]}, 3),
    Attempt(
        "other content under a control file",
        {PARQUET: DAMAGED, PARQUET + ".done": f'sha256 = "{"0" * 64}"\n'.encode()},
        3,
    ),
    Attempt(
        "control file of canaries",
        {PARQUET: TWO_TYPED, PARQUET + ".done": f"{CANARY} = '{CANARY}'\n".encode()},
        3,
    ),
    Attempt("no table", {CSV: csv(*ROWS), "notes.txt": CANARY.encode()}, 3),
    Attempt("config value", GOOD, 2, config=f'encoding = "{CANARY}"\n'),
    Attempt("config key", GOOD, 2, config=f'{CANARY} = "{SERVICE_DATE}"\n'),
    Attempt("config mapping", GOOD, 2, config=f'[columns.pharmacy_claim]\n{CANARY} = "{CANARY}"\n'),
    Attempt("config alias", GOOD, 2, config=f'[payer_aliases]\n"{CANARY}" = "{CANARY}"\n'),
    Attempt("config that is not TOML", GOOD, 2, config=f"{CANARY}: {SERVICE_DATE}\n"),
]


def _words(base: Path, attempt: Attempt, command: str) -> list[str]:
    """Write the attempt's folder; return the arguments that run it."""
    folder = base / attempt.name.replace(" ", "-")
    (folder / "in").mkdir(parents=True)
    for name, content in attempt.files.items():
        (folder / "in" / name).write_bytes(content)
    (folder / "config.toml").write_text(attempt.config, encoding="utf-8")
    words = [
        command,
        "--input",
        folder / "in",
        "--output",
        folder / "out",
        "--config",
        folder / "config.toml",
    ]
    return [*map(str, words), "--as-of", AS_OF.isoformat(), *attempt.words]


def _searched(folder: Path) -> dict[str, list[str]]:
    """The canaries in the name or content of every file and folder below a folder."""
    found = {}
    for path in folder.rglob("*"):
        held = canaries_in(
            os.fsencode(path.relative_to(folder)) + (path.read_bytes() if path.is_file() else b"")
        )
        if held:
            found[str(path.relative_to(folder))] = held
    return found


def _check_is_private(output: Path) -> None:
    """Assert that only the owner can read the files and folders."""
    for path in [output, *output.rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path.name


# ---------------------------------------------------------------- without Prefect


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder for temporary files."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield tmp_path / "tmp"
    assert list((tmp_path / "tmp").iterdir()) == []


VALIDATED = [
    a
    for a in ATTEMPTS
    if not a.words and a.raising not in ("judge_stage", "report_stage", "keep", "publish")
]


@pytest.mark.parametrize("attempt", VALIDATED, ids=lambda a: a.name.replace(" ", "-"))
def test_validate_prints_no_row_content(
    attempt: Attempt,
    tmp_path: Path,
    temporary: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    if attempt.raising:
        monkeypatch.setattr(module_of(attempt.raising), attempt.raising, raise_with_canaries)
    assert main(_words(tmp_path / "runs", attempt, "validate")) == attempt.exit_code
    printed = capfd.readouterr()
    assert canaries_in((printed.out + printed.err).encode()) == []
    output = tmp_path / "runs" / attempt.name.replace(" ", "-") / "out"
    if output.exists():
        _check_is_private(output)
        assert attempt.exit_code in (0, 4, 70)
        assert (attempt.exit_code == 70) == (output / TRACE_FILE).exists()


def test_the_error_of_a_failing_stage_has_no_link_to_the_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prefect writes the causes and contexts of an error to its log and database."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / CSV).write_bytes(csv(*ROWS))
    monkeypatch.setattr(stages, "validate_stage", raise_with_canaries)
    with pytest.raises(Exception, match=r"A bug: ValueError at canaries\.py") as raised:
        night(
            request_for(tmp_path / "in", tmp_path / "out", tmp_path / "out" / "audit.duckdb", AS_OF)
        )
    assert raised.value.__cause__ is None and raised.value.__context__ is None
    assert canaries_in(repr(raised.value).encode()) == []


# ---------------------------------------------------------------- with Prefect


_REFUSED_ALIKE = (
    "no header",
    "header twice",
    "unterminated quote",
    "NUL",
    "Windows-1252",
    "cut gzip",
    "damaged Parquet",
    "cut Parquet",
)
RUN = [
    a
    for a in ATTEMPTS
    if a.raising in (None, "load_stage", "judge_stage", "publish") and a.name not in _REFUSED_ALIKE
]
"""Those that are run under Prefect, where each takes seconds; `validate` tries the others."""


@pytest.mark.slow
def test_a_run_leaves_no_row_content_outside_its_results(tmp_path: Path) -> None:
    outside = {name: tmp_path / "outside" / name for name in ("home", "prefect", "tmp")}
    for folder in outside.values():
        folder.mkdir(parents=True)
    work = {
        "runs": [(a.name, a.raising, _words(tmp_path / "runs", a, "run")) for a in RUN],
        "codes": str(tmp_path / "codes.json"),
    }
    environment = os.environ | {
        "HOME": str(outside["home"]),
        "PREFECT_HOME": str(outside["prefect"]),
        "TMPDIR": str(outside["tmp"]),
        "PREFECT_LOGGING_LEVEL": "DEBUG",
        KEY: PSEUDONYM_KEY,
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.canaries", json.dumps(work)],
        capture_output=True,
        cwd=ROOT,
        env=environment,
        check=False,
    )
    codes = json.loads((tmp_path / "codes.json").read_text(encoding="utf-8"))
    assert codes == {a.name: a.exit_code for a in RUN}, done.stderr.decode()[-2000:]
    assert (canaries_in(done.stdout), canaries_in(done.stderr)) == ([], [])
    assert PSEUDONYM_KEY.encode() not in done.stdout + done.stderr
    assert any(outside["prefect"].rglob("*.db"))
    assert _searched(tmp_path / "outside") == {}
    for attempt in RUN:
        output = tmp_path / "runs" / attempt.name.replace(" ", "-") / "out"
        if output.exists():
            _check_is_private(output)
            found = (name for name in _searched(output) if not name.startswith(CURRENT))
            held = {name.split("/")[0].split("=")[0] for name in found}
            assert held - {QUARANTINE} <= {"run", "audit.duckdb", TRACE_FILE}
            assert (output / QUARANTINE).exists() == (attempt.exit_code == 4)
            assert bool(list(output.glob("run=*"))) == (attempt.exit_code == 0)
            for folder in output.glob("run=*"):
                assert (CANARY in in_clear(folder)) == (not attempt.words), attempt.name
                assert PSEUDONYM_KEY not in in_clear(folder)

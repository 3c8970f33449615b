"""No wait is without a limit, and whatever a machine denies ends in a code of the table."""

import json
import os
import resource
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from audit_rules.errors import AuditError
from flows.cli.run import _prefect_errors
from flows.cli.server import prepare
from flows.errors import PrefectTrouble, as_user_error
from tests.support.hostile import CSV, csv, fill
from tests.support.processes import alive, started
from tests.support.running import AS_OF, ROOT

pytestmark = pytest.mark.slow  # starts the whole program many times

RUN = ["run", "--input", "in", "--output", "out", "--as-of", AS_OF.isoformat()]
DEAD = "http://127.0.0.1:9"
PREFECT = json.dumps({"prefect": True})


@pytest.fixture
def landing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with extracts in `in`."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / CSV).write_bytes(csv(*(fill(n) for n in range(3))))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    return tmp_path


def _is_one_sentence_or_two(said: str) -> bool:
    return said.startswith("claims-audit: ") and said.count("\n") == 1 and "Traceback" not in said


def test_d8_a_server_that_never_answers_is_not_waited_for_without_end(landing: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = {
            "PREFECT_API_URL": f"http://127.0.0.1:{silent.getsockname()[1]}/api",
            "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "8",
            "PREFECT_HOME": str(landing / "prefect"),
        }
        with started("tests.support.driven", PREFECT, "mark", *RUN, **settings) as process:
            out, said = process.communicate(timeout=120)
            assert (process.returncode, out) == (9, "")
            assert alive(process.pid) == []
    assert "no answer for 8 seconds" in said and _is_one_sentence_or_two(said)
    assert not (landing / "out").exists()


@pytest.mark.parametrize("setting", [{"HOME": os.devnull}, {"PREFECT_HOME": "/proc/prefect"}])
def test_d8_a_home_that_cannot_be_written_is_refused_before_prefect_starts(
    setting: dict[str, str], landing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PREFECT_HOME", raising=False)
    changes = json.dumps({"prefect": True, "flows.cli.server:_started": "wait"})
    with started("tests.support.driven", changes, "mark", *RUN, **setting) as process:
        out, said = process.communicate(timeout=60)
    assert (process.returncode, out) == (9, "")
    assert "PREFECT_HOME" in said and _is_one_sentence_or_two(said)


@pytest.mark.parametrize("served", [False, True])
def test_this_machine_is_reached_without_a_proxy(landing: Path, served: bool) -> None:
    """A proxy that is not there, and one of a kind for which the program has no client."""
    proxies = {
        name: proxy
        for kind, proxy in [
            ("http", DEAD),
            ("https", DEAD),
            ("all", DEAD.replace("http", "socks5")),
        ]
        for name in (f"{kind}_proxy", f"{kind.upper()}_PROXY")
    }
    proxies |= {"PREFECT_HOME": str(landing / "prefect")}
    if served:
        proxies["PREFECT_API_URL"] = f"{DEAD}/api"
    with started("tests.support.driven", PREFECT, "mark", *RUN, **proxies) as process:
        _, said = process.communicate(timeout=120)
    assert process.returncode == (9 if served else 0), said
    assert "ImportError" not in said


def _ends(limits: dict[int, tuple[int, int]], *words: str) -> tuple[int, str]:
    """Exit code and standard error of `python WORDS` under limits."""

    def limit() -> None:
        for kind, soft_and_hard in limits.items():
            resource.setrlimit(kind, soft_and_hard)

    done = subprocess.run(
        [sys.executable, *words],
        env=os.environ | {"PYTHONPATH": str(ROOT), "PREFECT_HOME": str(Path.cwd() / "prefect")},
        preexec_fn=limit,
        capture_output=True,
        check=False,
        text=True,
        timeout=300,
    )
    return done.returncode, done.stderr


DRIVEN = ["-m", "tests.support.driven"]
PLAIN = ["-c", "from flows.start import entry; entry()"]
VALIDATE = ["validate", "--input", "in", "--output", "out"]


def test_d8_a_run_that_may_open_few_files_is_refused_at_once(landing: Path) -> None:
    few = {resource.RLIMIT_NOFILE: (32, 32)}
    code, said = _ends(few, *DRIVEN, PREFECT, "mark", *RUN)
    assert code == 9 and "may open 32 files" in said and _is_one_sentence_or_two(said)


@pytest.mark.parametrize("megabytes", [60, 150, 400, 800])
def test_d8_a_command_short_of_memory_ends_with_a_code_of_the_table_and_leaves_no_rows(
    megabytes: int, landing: Path
) -> None:
    memory = {resource.RLIMIT_AS: (megabytes * 2**20, megabytes * 2**20)}
    code, said = _ends(memory, *PLAIN, *VALIDATE)
    assert code == 70 and "memory" in said.lower() and _is_one_sentence_or_two(said), (code, said)
    left = {p.name for p in landing.rglob("*") if p.is_file()}
    assert left <= {CSV, "claims-audit-trace.txt"}


def test_d8_what_fails_under_a_limit_of_memory_is_not_blamed_on_prefect(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An ImportError in Prefect, as under `ulimit -v 1500000`, told people to check its folder."""
    for limited, code, advice in ((False, 9, "PREFECT_HOME"), (True, 70, "1,465 MiB (ulimit -v)")):
        if limited:
            monkeypatch.setattr(resource, "getrlimit", lambda _kind: (1500000 * 1024, -1))
        with pytest.raises(AuditError) as failed, _prefect_errors():
            raise ImportError
        assert failed.value.exit_code == code and advice in str(failed.value)
    assert advice in str(as_user_error(NameError("x"), tmp_path))
    assert advice in str(as_user_error(MemoryError(), tmp_path))


def test_d8_a_command_that_a_library_ends_without_a_word_has_crashed(landing: Path) -> None:
    ends = json.dumps({"flows.stages:settle_stage": "exit"})
    code, said = _ends({}, *DRIVEN, ends, "mark", *RUN)
    assert code == 70 and "The work ended early (exit 1)" in said and _is_one_sentence_or_two(said)
    assert {p.name for p in (landing / "out").rglob("*")} <= {".audit.duckdb.lock"}


def test_d8_a_command_short_of_processor_time_says_so(landing: Path) -> None:
    code, said = _ends({resource.RLIMIT_CPU: (1, 100)}, *PLAIN, *VALIDATE)
    assert code == 70 and "processor time" in said and _is_one_sentence_or_two(said)
    assert [p.name for p in landing.rglob("*") if p.is_file()] == [CSV]


@pytest.mark.parametrize("size", [0, 10_000, 1_000_000])
def test_d8_a_run_that_may_write_little_ends_as_on_a_full_disk(size: int, landing: Path) -> None:
    code, said = _ends({resource.RLIMIT_FSIZE: (size, size)}, *DRIVEN, "{}", "mark", *RUN)
    assert code == 8 and _is_one_sentence_or_two(said), (code, said)
    assert {p.name for p in (landing / "out").rglob("*")} <= {".audit.duckdb.lock"}


def test_a_home_that_does_not_exist_is_refused_and_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user who may make it, as root may, did not ask for it."""
    for name in ("PREFECT_HOME", "PREFECT_API_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "nowhere" / "home"))
    with pytest.raises(PrefectTrouble, match=r"HOME is not a folder.* PREFECT_HOME"):
        prepare()
    assert not (tmp_path / "nowhere").exists()
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "named" / "prefect"))
    prepare()
    assert (tmp_path / "named" / "prefect").is_dir()

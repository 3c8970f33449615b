"""Prefect's server starts before the command line is read, where that leaves nothing behind."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from flows import start
from flows.cli import server
from flows.cli.server import start_early

NO_STREAM = SimpleNamespace(lost=lambda: None)


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """The environment of each server that is started; none really is."""
    seen: list[dict[str, str]] = []

    def spy() -> str:
        seen.append(dict(os.environ))
        return "a server"

    (tmp_path / "home").mkdir()
    for name in (*server._QUIET, "PREFECT_API_URL", "DO_NOT_TRACK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(server, "start_early", start_early)
    monkeypatch.setattr(server, "_started", spy)
    monkeypatch.setattr(server._Own, "server", None)
    return seen


def test_one_is_started_in_private(started: list[dict[str, str]]) -> None:
    server.start_at_once()
    server.start_early()
    (environment,) = started
    assert environment["DO_NOT_TRACK"] == "1"
    assert environment["PREFECT_SERVER_LOGGING_LEVEL"] == "CRITICAL"
    assert environment["PREFECT_LOGGING_ROOT_LEVEL"] == "CRITICAL"


@pytest.mark.parametrize("name", ["PREFECT_HOME", "PREFECT_API_URL"])
def test_none_is_started_without_a_folder_or_if_another_is_named(
    name: str,
    started: list[dict[str, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(name, str(tmp_path / "missing"))
    server.start_at_once()
    assert started == [] and not (tmp_path / "missing").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "servers"),
    [
        (["run"], 2, 1),
        (["backfill"], 2, 1),
        (["run", "--help"], 0, 0),
        (["rules", "--unknown"], 2, 0),
        ([], 0, 0),
    ],
)
def test_it_is_started_for_commands_that_need_it(
    arguments: list[str],
    code: int,
    servers: int,
    started: list[dict[str, str]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert start._call(arguments, NO_STREAM) == code  # type: ignore[arg-type]
    assert len(started) == servers
    capsys.readouterr()

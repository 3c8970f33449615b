"""The deployment: its schedule and its event on a real server, and a range of past nights."""

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cloudpickle
import duckdb
import pytest
import yaml

from flows.cli.app import main
from tests.support.extracts import as_csv, good, write
from tests.support.running import ROOT

BIN = Path(sys.executable).parent
PATIENCE = 180  # seconds


def test_the_deployment_of_prefect_yaml_fits_the_flow() -> None:
    from flows.cli.run import EVERY_NIGHT
    from flows.schedule import DESCRIPTION, NAME, ONE_AT_A_TIME, TAGS, scheduled_night

    (deployment,) = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))[
        "deployments"
    ]
    assert deployment["entrypoint"] == "flows/schedule.py:scheduled_night"
    assert scheduled_night.validate_parameters(deployment["parameters"])
    assert deployment["concurrency_limit"] == ONE_AT_A_TIME.model_dump(
        mode="json", include={"limit", "collision_strategy"}
    )
    assert (deployment["name"], deployment["description"]) == (NAME, DESCRIPTION)
    assert deployment["tags"] == TAGS and deployment["schedules"][0]["cron"] == EVERY_NIGHT


def test_prefect_can_send_the_flow_to_the_process_of_a_night() -> None:
    from flows import nightly, schedule

    for module in (nightly, schedule):
        cloudpickle.register_pickle_by_value(module)
    try:
        assert cloudpickle.dumps(schedule.scheduled_night)
    finally:
        for module in (nightly, schedule):
            cloudpickle.unregister_pickle_by_value(module)


def test_a_schedule_needs_a_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    assert main(["serve", "--output", str(tmp_path)]) == 2
    assert "Start one" in capsys.readouterr().err


@dataclass(frozen=True)
class Server:
    """A running Prefect server, and the environment that points programs to it."""

    url: str
    environment: dict[str, str]

    def ask(self, path: str, question: dict[str, Any]) -> Any:
        """The answer of its API."""
        body = json.dumps(question).encode()
        request = urllib.request.Request(
            f"{self.url}/{path}", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def last_runs(self, number: int) -> list[str]:
        """Ids of the flow runs that started last, the latest first."""
        runs = self.ask("flow_runs/filter", {"sort": "START_TIME_DESC", "limit": number})
        return [run["id"] for run in runs]

    def log(self, run: str) -> list[tuple[int, str]]:
        """Level and message of every line of a run's log."""
        of_the_run = {"logs": {"flow_run_id": {"any_": [run]}}}
        lines = self.ask("logs/filter", of_the_run | {"sort": "TIMESTAMP_ASC"})
        return [(line["level"], line["message"]) for line in lines]

    def end_screen(self, run: str) -> str:
        """The Markdown that Prefect shows with a run."""
        kind = {"type": {"any_": ["markdown"]}, "flow_run_id": {"any_": [run]}}
        (shown,) = self.ask("artifacts/filter", {"artifacts": kind})
        return str(shown["data"])

    def events(self) -> list[dict[str, Any]]:
        """The events of finished nights."""
        found = self.ask("events/filter", {"filter": {"event": {"prefix": ["claims-audit.night"]}}})
        return list(found["events"])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}/api"
    environment = os.environ | {
        "PREFECT_HOME": str(tmp_path_factory.mktemp("prefect")),
        "PREFECT_API_URL": url,
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    }
    words = [BIN / "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen(
        list(map(str, words)), env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            _wait_for(lambda: _is_up(url))
            yield Server(url, environment)
        finally:
            process.terminate()


def _is_up(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return False


def _wait_for(condition: Any, seconds: float = 1) -> None:
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until, "gave up waiting"
        time.sleep(seconds)


def _finished(server: Server) -> list[dict[str, Any]]:
    """Scheduled runs that ended in the state for a night with a bad row."""
    of_the_schedule = {"flows": {"name": {"any_": ["claims-audit-nightly"]}}}
    runs = server.ask("flow_runs/filter", of_the_schedule | {"sort": "START_TIME_ASC"})
    return [run for run in runs if run["state_name"] == "Completed with quarantine"]


def _is_paused(server: Server) -> bool:
    (deployment,) = server.ask("deployments/filter", {})
    return bool(deployment["paused"])


@pytest.mark.slow
def test_a_scheduled_night_runs_by_itself_and_an_automation_acts_on_its_event(
    server: Server, tmp_path: Path
) -> None:
    """The automation of automations.yaml: a night with quarantined rows pauses the deployment."""
    automation = [BIN / "prefect", "automation", "create", "--from-file", ROOT / "automations.yaml"]
    subprocess.run(
        list(map(str, automation)), env=server.environment, check=True, stdout=subprocess.DEVNULL
    )
    (tmp_path / "in").mkdir()
    bad = good("pharmacy_claim", claim_id="2", quantity="many")
    rows = [good("pharmacy_claim", claim_id=str(n)) for n in range(10, 40)]
    (tmp_path / "in" / "pharmacy_claim.csv").write_text(as_csv([*rows, bad]), encoding="utf-8")
    words = [
        BIN / "claims-audit",
        "serve",
        "--input",
        tmp_path / "in",
        "--output",
        tmp_path / "out",
        "--cron",
        "* * * * *",
    ]
    with subprocess.Popen(
        list(map(str, words)),
        env=server.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as serving:
        try:
            _wait_for(lambda: server.events() and _finished(server) and _is_paused(server))
        finally:
            serving.terminate()
    event = server.events()[-1]
    assert event["event"] == "claims-audit.night.finished"
    assert event["resource"]["state"] == "Completed with quarantine"
    assert event["resource"]["quarantine_tonight"] == "yes"
    assert event["payload"]["quarantined"] == 1 and "M" not in event["payload"].values()
    assert "auto-scheduled" in _finished(server)[0]["tags"]
    assert list((tmp_path / "out").glob("run=*/manifest.json"))


@pytest.mark.slow
def test_a_backfill_runs_past_nights_in_order(server: Server, tmp_path: Path) -> None:
    for day, claim in (("2026-03-01", "1"), ("2026-03-03", "2")):
        (tmp_path / "nights" / day).mkdir(parents=True)
        (tmp_path / "nights" / day / "pharmacy_claim.csv").write_text(
            as_csv([good("pharmacy_claim", claim_id=claim)])
        )
    words = [
        BIN / "claims-audit",
        "backfill",
        "--nights",
        tmp_path / "nights",
        "--output",
        tmp_path / "out",
    ]
    days = ["--first", "2026-02-27", "--last", "2026-03-04"]
    done = subprocess.run(
        [*map(str, words), *days],
        env=server.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first.startswith("2026-03-01  the first as-of date") and second.startswith(
        "2026-03-03  since 2026-03-01"
    )
    assert len(list((tmp_path / "out").glob("run=*"))) == 2
    none = subprocess.run(
        [*map(str, words), "--first", "2025-01-01", "--last", "2025-01-02"],
        env=server.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert none.returncode == 2 and "No folder YYYY-MM-DD" in none.stderr


@pytest.mark.slow
def test_a_night_is_refused_while_another_holds_the_warehouse(
    server: Server, tmp_path: Path
) -> None:
    """Two processes on one warehouse; the first is stopped until the second has given up."""
    for number in (1, 2):
        write(
            tmp_path / f"in{number}",
            {"pharmacy_claim.csv": [good("pharmacy_claim", claim_id=str(number))]},
        )
    words = [
        BIN / "claims-audit",
        "run",
        "--output",
        tmp_path / "out",
        "--as-of",
        "2026-06-30",
        "--input",
    ]
    settings = {
        "env": server.environment,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "text": True,
    }
    (tmp_path / "out").mkdir()
    warehouse = tmp_path / "out" / "audit.duckdb"
    with subprocess.Popen([*map(str, words), str(tmp_path / "in1")], **settings) as first:
        _wait_for((tmp_path / "out" / ".audit.duckdb.work").exists, seconds=0.05)
        first.send_signal(signal.SIGSTOP)
        second = subprocess.run([*map(str, words), str(tmp_path / "in2")], **settings, check=False)
        first.send_signal(signal.SIGCONT)
        printed = first.communicate(timeout=PATIENCE)
    assert first.returncode == 0, printed
    assert second.returncode == 7 and second.stdout == ""
    assert second.stderr.startswith("claims-audit: Another run holds the warehouse audit.duckdb.")
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        assert connection.execute("SELECT claim_id FROM pharmacy_claim").fetchall() == [("1",)]
        assert len(connection.execute("FROM night").fetchall()) == 1
    assert len(list((tmp_path / "out").glob("run=*/manifest.json"))) == 1


@pytest.mark.slow
def test_prefect_shows_what_a_night_counted_and_came_to_or_why_it_failed(
    server: Server, tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    words = [BIN / "claims-audit", "run", "--input", tmp_path / "in", "--output", tmp_path / "out"]
    said = []
    for quantity in ("90", "many"):
        claim = good("pharmacy_claim", claim_id=f"1{quantity}", quantity=quantity)
        (tmp_path / "in" / f"pharmacy_claim_{quantity}.csv").write_text(as_csv([claim]))
        said.append(
            subprocess.run(
                [*map(str, words), "--as-of", "2026-06-30"],
                env=server.environment,
                capture_output=True,
                text=True,
                check=False,
            )
        )
    assert [done.returncode for done in said] == [0, 4]
    failed, published = server.last_runs(2)
    (level, line), (last, message) = server.log(failed)
    assert (level, line) == (
        logging.INFO,
        "load: files 2, passed over 1, read again 0, growing 0, rows 1",
    )
    assert (last, f"claims-audit: {message}") == (logging.ERROR, said[1].stderr.strip())
    levels, lines = zip(*server.log(published), strict=True)
    assert {*levels} == {logging.INFO}
    stages = ["load", "validate", "settle", "judge", "report"]
    assert [line.partition(":")[0] for line in lines] == stages
    (folder,) = (tmp_path / "out").glob("run=*")
    screen = said[0].stdout.splitlines()[0]
    assert lines[-1] == f"report: {screen}, in {folder.name}"
    shown = server.end_screen(published)
    assert shown.startswith(f"# {screen}\n") and "amount\\_at\\_risk" in shown
    assert shown.replace("\\", "").endswith(f"| reports | {folder} |")

"""Files, core dumps and telemetry are private however a run is started."""

import json
import os
import resource
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.extracts import good, write
from tests.support.running import ROOT

BY_COMMAND_LINE = """
from flows.cli.app import main
main(["rules", "NO_SUCH_RULE"])
"""
BY_FLOW = """
from flows import nightly
nightly.plan_run = lambda request: 1 / 0
try:
    nightly.nightly_audit.fn(nightly.RunRequest(output=Path("out")))
except Exception:
    pass
"""
BY_SCHEDULE = """
from flows.request import RunRequest
from flows.schedule import scheduled_night
scheduled_night(RunRequest(input=Path("in"), output=Path("out"), page=False, xlsx=False))
"""
REPORT = """
import json, os, resource
telemetry = {n: os.environ.get(n) for n in ("DO_NOT_TRACK", "PREFECT_SERVER_ANALYTICS_ENABLED")}
print(json.dumps([os.umask(0), resource.getrlimit(resource.RLIMIT_CORE)[0], telemetry]))
"""


def _left_in_process(code: str, folder: Path) -> tuple[int, int, dict[str, str]]:
    """Umask, core limit and telemetry settings after the code ran in an open process."""
    environment = {
        **{k: v for k, v in os.environ.items() if k != "DO_NOT_TRACK"},
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        [sys.executable, "-c", f"from pathlib import Path\n{code}\n{REPORT}"],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=_open_process,
    )
    umask, core, telemetry = json.loads(done.stdout.splitlines()[-1])
    return umask, core, telemetry


def _open_process() -> None:
    os.umask(0o022)
    _, hardest = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (hardest, hardest))


PRIVATE = (0o077, 0, {"DO_NOT_TRACK": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "false"})


@pytest.mark.slow
@pytest.mark.parametrize("code", [BY_COMMAND_LINE, BY_FLOW], ids=["command line", "flow"])
def test_c1_c6_every_way_to_start_sets_umask_core_limit_and_no_telemetry(
    code: str, tmp_path: Path
) -> None:
    assert _left_in_process(code, tmp_path) == PRIVATE


@pytest.mark.slow
def test_c1_a_run_of_a_worker_leaves_files_of_the_owner_alone(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir(mode=0o755)
    write(tmp_path / "in", {"pharmacy_claim.csv": [good("pharmacy_claim")]})
    assert _left_in_process(BY_SCHEDULE, tmp_path) == PRIVATE
    files = [p for p in (tmp_path / "out").rglob("*") if p.is_file()]
    assert files
    assert not [p.name for p in files if stat.S_IMODE(p.stat().st_mode) & 0o077]

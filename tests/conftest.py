"""What the tests share: temporary files in memory, one run on the sample, and their order."""

import gc
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from audit_rules.engine.judge import Judgement
from flows import plan as planning
from flows.cli import server
from flows.process import collect_rarely
from flows.request import RunRequest
from tests.support.nights import night
from tests.support.read_once import law_read_once, library_read_once, reference_read_once
from tests.support.running import AS_OF, ROOT, audited, request_for
from tests.support.servers import serving
from tests.support.shared import keep_temporary_files_in_memory, shared_folder

signal.signal(signal.SIGHUP, signal.SIG_DFL)  # ignored under nohup, and then by every child
SAMPLE = ROOT / "data" / "sample"
SLOWEST_FIRST = (
    "test_any_nights.py",
    "test_engines.py",
    "test_kills.py",
    "test_phi.py",
    "test_schedule.py",
    "test_ledger.py",
    "test_faults.py",
    "test_nightly_loads.py",
    "test_affected.py",
    "test_explain.py",
    "test_cases.py",
    "test_after_publication.py",
    "test_run_id.py",
    "test_read_again.py",
    "test_signals.py",
    "test_io_errors.py",
)


def pytest_configure() -> None:
    """Decide where temporary files go before the first is made, and be patient with Prefect."""
    keep_temporary_files_in_memory()
    collect_rarely()
    os.environ.setdefault(server.PATIENCE, "180")  # the machine runs two tests at a time, or more


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with the slowest files, so that no worker starts one when the other has finished."""
    items.sort(key=lambda item: item.path.name not in SLOWEST_FIRST)


def pytest_collection_finish() -> None:
    """Let searches for garbage pass over what was imported: in a run it would be far less."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure() -> None:
    """Let the interpreter free at its end what was passed over."""
    gc.unfreeze()


@pytest.fixture(autouse=True)
def _no_server_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command line in the process of the tests starts no server before it needs one."""
    monkeypatch.setattr(server, "start_early", lambda: None)


@pytest.fixture(scope="session", autouse=True)
def _policies_read_once() -> Iterator[None]:
    """Runs in the process of the tests share what was read of the shipped documents."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(planning, "load_policies", library_read_once)
        patched.setattr(planning, "load_reference", reference_read_once)
        patched.setattr(planning, "load_law", law_read_once)
        yield


@pytest.fixture(scope="session")
def standing_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The settings of runs in processes of their own that share one server of Prefect.

    For tests that start several runs and ask nothing about Prefect: each server takes seconds.
    """
    own = {"PREFECT_HOME": str(tmp_path_factory.mktemp("prefect"))}
    with serving(own) as url:
        yield own | {"PREFECT_API_URL": url}


@pytest.fixture(scope="session")
def sample_request(tmp_path_factory: pytest.TempPathFactory) -> RunRequest:
    """The request of the one run on the sample, with everything that a run can write."""

    def run(output: Path) -> None:
        night(_sample_request(output))

    return _sample_request(shared_folder(tmp_path_factory, "sample", run))


def _sample_request(output: Path) -> RunRequest:
    warehouse = output / "audit.duckdb"
    return request_for(SAMPLE, output, warehouse, AS_OF, partition_by="payer", xlsx=True, page=True)


@pytest.fixture(scope="session")
def sample_results(sample_request: RunRequest) -> Path:
    """The folder of results of the run on the sample. Tests must not change it."""
    (folder,) = sample_request.output.glob("run=*")
    return folder


@pytest.fixture(scope="session")
def sample_judgement(tmp_path_factory: pytest.TempPathFactory) -> Judgement:
    """The judgement of the sample."""
    return audited(SAMPLE, tmp_path_factory.mktemp("judgement"))

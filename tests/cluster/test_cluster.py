"""Buckets are judged on a cluster with the bytes of one process, whoever is lost meanwhile."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING, Any

import pytest

from audit_rules.engine.rule import PolicyBook
from flows.cluster import ask as cluster_module
from flows.cluster.address import refuse_unsafe
from flows.cluster.ask import Cluster, ClusterTrouble, Failed, answer
from flows.errors import Bug, DiskTrouble, UsageError
from flows.intake import worker_files
from flows.judging.frames import read_frames, read_parts
from flows.judging.judge_elsewhere import judge_folder, judge_on_cluster
from flows.judging.judge_part import Job
from flows.judging.members import Cut
from flows.judging.parts import Part, put_aside
from flows.judging.population import population_facts
from flows.plan import Plan, plan
from flows.provenance import program_and_engines
from flows.run_folders import begin, parts_folder
from flows.stages import load_stage, validate_stage
from flows.warehouse.connection import opened
from tests.support.judged_parts import Found, found_in, judged_in_parts
from tests.support.lakes import loaded_tables
from tests.support.nights import night, published
from tests.support.running import AS_OF, ROOT, planned, request_for, run_to_final_action

if TYPE_CHECKING:
    from distributed import LocalCluster

KILLS = int(os.environ.get("CLUSTER_KILLS", "2"))
"""How many runs lose a worker."""
_SCHEDULER = "distributed.cli.dask_scheduler"
_WORKER = "distributed.cli.dask_worker"


def _configured(name: str, value: object) -> AbstractContextManager[object]:
    """A setting of distributed, which sets its own when it is imported."""
    import distributed  # noqa: F401
    from dask import config

    return config.set({f"distributed.{name}": value})  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def cluster() -> Iterator["LocalCluster"]:
    from distributed import LocalCluster  # half a second, in every process that collects tests

    with (
        _configured("deploy.lost-worker-timeout", "10 minutes"),  # a busy machine is slow
        LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0"
        ) as found,
    ):
        yield found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """The sample, up to final action."""
    plan = planned(ROOT / "data" / "sample", tmp_path_factory.mktemp("parts"))
    run_to_final_action(plan)
    return plan


def _parts(made: Plan, folder: Path, buckets: int) -> tuple[list[Part], Job]:
    with opened(made.bench) as connection:
        facts = population_facts(connection, made.reference)
        read = read_parts(connection, made.reference, AS_OF, facts, cut=Cut(1, buckets=buckets))
        parts = list(put_aside(read, folder / "parts", for_others=True))
    return parts, Job(PolicyBook(made.library, made.reference), 30, AS_OF, parts[0].frames)


@pytest.fixture(scope="module")
def alone(made: Plan, tmp_path_factory: pytest.TempPathFactory) -> Found:
    """What this process finds."""
    folder = tmp_path_factory.mktemp("alone")
    with opened(made.bench) as connection:
        facts = population_facts(connection, made.reference)
        everybody = read_frames(connection, made.reference, AS_OF, facts)
    job = Job(PolicyBook(made.library, made.reference), 30, AS_OF, everybody)
    return found_in(judged_in_parts([everybody], job, folder), folder / "merged")


@pytest.mark.parametrize(
    ("address", "is_trusted", "said"),
    [
        ("10.0.0.7:8786", False, "no scheduler"),
        ("http://10.0.0.7:8786", True, "no scheduler"),
        ("tcp://10.0.0.7:8786", False, "without TLS"),
        ("tcp://[2001:db8::1]:8786", False, "without TLS"),
    ],
)
def test_rows_go_to_no_scheduler_that_is_open_to_others(
    address: str, is_trusted: bool, said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        refuse_unsafe(address, is_trusted)


@pytest.mark.parametrize(
    ("address", "is_trusted"),
    [
        ("tls://10.0.0.7:8786", False),
        ("tcp://10.0.0.7:8786", True),
        ("tcp://127.0.0.1:8786", False),
        ("tcp://[::1]:8786", False),
        ("tcp://localhost:8786", False),
    ],
)
def test_rows_go_to_a_scheduler_with_tls_on_this_machine_or_that_is_trusted(
    address: str, is_trusted: bool
) -> None:
    refuse_unsafe(address, is_trusted)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("encryption", "address", "said"),
    [(None, "tls://127.0.0.1:9", "needs certificates"), (True, "tcp://127.0.0.1:9", "encryption")],
)
def test_an_address_that_the_configuration_does_not_allow_is_refused_at_once(
    encryption: bool | None, address: str, said: str
) -> None:
    with (
        _configured("comm.require-encryption", encryption),
        pytest.raises(UsageError, match=said),
    ):
        cluster_module._client(address)


def test_a_worker_returns_what_is_wrong_and_raises_nothing(tmp_path: Path) -> None:
    asked = (judge_folder, (str(tmp_path / "job"), str(tmp_path / "0")), str(tmp_path))
    found = answer(*asked, ["0.0.1"])
    assert isinstance(found, Failed)
    assert found.exit_code == UsageError.exit_code and "another version" in found.message
    found = answer(*asked, program_and_engines())
    assert isinstance(found, Failed)
    assert found.exit_code == DiskTrouble.exit_code
    assert f"(No such file or directory, in {tmp_path})" in found.message
    (tmp_path / "job").write_bytes(b"c__main__\nno such name\n.")
    found = answer(*asked, program_and_engines())
    assert isinstance(found, Failed)
    assert found.exit_code == Bug.exit_code and "in the folder of --lake" in found.message


@pytest.mark.slow
def test_a_night_on_a_cluster_has_the_bytes_of_one_process(
    cluster: "LocalCluster", tmp_path: Path
) -> None:
    found = []
    lake = tmp_path / "lake"
    of_another = lake / ".run-0123456789abcdef-01234567" / "0"
    of_another.mkdir(parents=True)
    for name, more in (
        ("alone", {}),
        ("cluster", {"cluster": cluster.scheduler_address, "lake": lake}),
    ):
        base = tmp_path / name
        request = replace(
            request_for(ROOT / "data" / "sample", base, base / "audit.duckdb", AS_OF), **more
        )
        if request.lake:
            own = parts_folder(plan(request)).parent
            own.with_name(f"{own.name[:-8]}76543210").mkdir()  # of a run that was killed
        found.append(published(night(request).folder))
    assert found[0] == found[1]
    assert sorted(lake.glob(".*/*")) == [of_another], "nothing else waits there"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(KILLS))
def test_the_buckets_of_a_lost_worker_are_judged_elsewhere(
    seed: int, cluster: "LocalCluster", made: Plan, alone: Found, tmp_path: Path
) -> None:
    chance = random.Random(seed)
    parts, job = _parts(made, tmp_path, buckets=6)
    victim = chance.choice(list(cluster.workers.values()))
    kill = Timer(chance.uniform(0, 5), os.kill, (victim.pid, signal.SIGKILL))
    kill.start()
    ended: list[None] = []
    judge_on_cluster(
        parts,
        job,
        Cluster(cluster.scheduler_address, tmp_path, tmp_path),
        tmp_path / "parts" / "job",
        lambda: ended.append(None),
    )
    kill.join()
    found = found_in([part.folder for part in parts], tmp_path / "merged")
    assert found.same(alone) and len(ended) == len(parts)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(KILLS))
def test_the_files_of_a_lost_worker_are_read_elsewhere(
    seed: int,
    cluster: "LocalCluster",
    made: Plan,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worker_files, "FEWEST_IN_LAKE", 1)
    chance = random.Random(seed)
    (tmp_path / "out").mkdir()
    request = replace(
        request_for(ROOT / "data" / "sample", tmp_path / "out", tmp_path / "out" / "audit.duckdb"),
        cluster=cluster.scheduler_address,
        lake=tmp_path / "lake",
    )
    elsewhere = plan(request)
    begin(elsewhere)
    victim = chance.choice(list(cluster.workers.values()))
    kill = Timer(chance.uniform(0, 1), os.kill, (victim.pid, signal.SIGKILL))
    kill.start()
    loaded = load_stage(elsewhere, lambda _name: None)
    validate_stage(elsewhere)
    kill.join()
    assert loaded.said == (), "no file was read here"
    assert _tables(elsewhere) == _tables(made)


def _tables(made: Plan) -> dict[str, list[tuple[Any, ...]]]:
    """What was loaded."""
    with opened(made.bench) as connection:
        return loaded_tables(connection)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lost", "said"), [("scheduler", "Nothing was published"), ("worker", "lost its last worker")]
)
def test_a_lost_scheduler_or_last_worker_ends_the_run_with_a_sentence(
    lost: str, said: str, made: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = tmp_path / "scheduler.json"
    python = [sys.executable, "-m"]
    at = ["--scheduler-file", str(address), "--no-dashboard"]
    scheduler = subprocess.Popen(
        [*python, _SCHEDULER, *at, "--host", "127.0.0.1", "--port", "0"],
        stderr=subprocess.DEVNULL,
    )
    worker = subprocess.Popen(
        [*python, _WORKER, *at, "--nthreads", "1", "--death-timeout", "60", "--no-nanny"],
        stderr=subprocess.DEVNULL,
    )
    try:
        while not address.exists():
            time.sleep(0.1)
        parts, job = _parts(made, tmp_path, buckets=20)
        (where,) = [w for w in address.read_text().split('"') if w.startswith("tcp://")][:1]
        victim = {"scheduler": scheduler, "worker": worker}[lost]

        def kill_at_first() -> None:
            if victim.poll() is None:
                monkeypatch.setattr(cluster_module, "_PATIENCE", 2)
                victim.kill()

        with pytest.raises(ClusterTrouble, match=said):
            judge_on_cluster(
                parts, job, Cluster(where, tmp_path, tmp_path), tmp_path / "job", kill_at_first
            )
    finally:
        for process in (scheduler, worker):
            process.kill()
            process.wait()

"""Parts judged by the workers of a cluster: Dask's `distributed`, an extra of this program.

The parts wait in a folder that every worker sees. Workers get paths and return digests of what they
leave there; no row goes through the scheduler. A part whose worker is lost is judged again by
another one.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from audit_rules.errors import AuditError
from flows.errors import UsageError, passed_on, redacted_errors
from flows.intake.landing import sha256_of
from flows.judging.judge_part import FOUND, Job, found_file, read_job, write_job
from flows.judging.parts import Judged, Part, nobody_waits
from flows.process import work_privately
from flows.provenance import program_and_engines

if TYPE_CHECKING:
    from distributed import Client, Future

_PATIENCE = 60  # seconds for the scheduler to answer, and for a worker to be there or back

_TLS = "DASK_DISTRIBUTED__COMM__TLS__"
"""How the names begin by which the environment configures the TLS of distributed."""


class ClusterTrouble(AuditError):
    """The cluster could not judge."""

    exit_code = 9


def judge_on_cluster(
    parts: Sequence[Part],
    job: Job,
    address: str,
    job_file: Path,
    trace_folder: Path,
    judged: Judged = nobody_waits,
) -> None:
    """Judge every part, and leave in its folder what is found.

    address        of the scheduler.
    job_file       where the job is written, next to the parts.
    trace_folder   for what a bug of a worker leaves behind; every worker sees it.
    """
    write_job(job, job_file)
    folders = [part.folder for part in parts]
    with _client(address) as client:
        digests = _digests(client, folders, job_file, trace_folder, judged)
    for folder, digest in zip(folders, digests, strict=True):
        if _digests_of(folder) != digest:
            raise ClusterTrouble(
                "The shared folder does not show what a worker wrote there. Check that --lake is "
                "one and the same folder for this run and for every worker, then run again."
            )


def judge_on_worker(
    job_file: str, folder: str, trace_folder: str, program: list[str]
) -> Mapping[str, str] | tuple[int, str]:
    """Judge the part in a folder, on a worker.

    Returns the digest of each file that is left there, or the exit code and the message of what
    went wrong: what a worker raises, it would print.
    """
    work_privately()
    try:
        if program != program_and_engines():
            raise UsageError(
                "A worker has another version of this program, or of its engines, than the run. "
                "Install the same ones everywhere, start the workers again, then run again."
            )
        with redacted_errors(Path(trace_folder), "the folder of --lake"):
            read_job(Path(job_file)).judge_folder(Path(folder))
            return _digests_of(Path(folder))
    except AuditError as error:
        return error.exit_code, str(error)


def _digests(
    client: "Client",
    folders: Sequence[Path],
    job_file: Path,
    trace_folder: Path,
    judged: Judged,
) -> list[Mapping[str, str]]:
    """What the workers return, in the order of the folders. Raises what went wrong there."""
    ended: SimpleQueue[Future[Any]] = SimpleQueue()
    asked = {
        client.submit(
            judge_on_worker,
            str(job_file),
            str(folder),
            str(trace_folder),
            program_and_engines(),
            pure=False,
        ): number
        for number, folder in enumerate(folders)
    }
    for future in asked:
        future.add_done_callback(ended.put)  # type: ignore[no-untyped-call]
    found: dict[int, Mapping[str, str]] = {}
    while len(found) < len(folders):
        future = _next_of(ended, client)
        try:
            result = future.result(timeout=_PATIENCE)
        except TimeoutError:  # its worker was lost before it could return it: it is asked again
            future.add_done_callback(ended.put)  # type: ignore[no-untyped-call]
            continue
        except Exception as error:  # of distributed: a lost scheduler, or too many lost workers
            raise ClusterTrouble(
                f"The cluster lost a bucket ({type(error).__name__}). Nothing was published. Look "
                "at the logs of the scheduler and the workers, then run again."
            ) from None
        if isinstance(result, tuple):
            raise passed_on(*result)
        found[asked.pop(future)] = result
        del future  # or it would be judged again, should its worker be lost
        judged()
    return [found[number] for number in range(len(folders))]


def _next_of(ended: "SimpleQueue[Future[Any]]", client: "Client") -> "Future[Any]":
    """The next task that ends. Raises ClusterTrouble if no worker is left, and none comes back."""
    looks = 0
    while looks < 2:
        try:
            return ended.get(timeout=_PATIENCE / 2)
        except Empty:
            looks = 0 if _has_workers(client) else looks + 1
    raise ClusterTrouble(
        f"The cluster lost its last worker, and none came back within {_PATIENCE} seconds. Nothing "
        "was published. Look at the logs of the workers, then run again."
    )


def _has_workers(client: "Client") -> bool:
    """Whether the scheduler has workers, busy or not; if it is lost, its tasks end by that."""
    try:
        return bool(client.scheduler_info()["workers"])
    except OSError:
        return False


def _digests_of(folder: Path) -> dict[str, str]:
    return {name: sha256_of(found_file(folder, name)) for name in FOUND}


def _client(address: str) -> "Client":
    """A client of a scheduler that has a worker. Raises ClusterTrouble and UsageError."""
    try:
        from distributed import Client
    except ImportError:
        raise UsageError(
            "--cluster needs Dask's distributed. Install claims-audit[cluster]."
        ) from None
    _refuse_configuration(address)
    with_what = (
        f" with certificates of the authority in {_TLS}CA_FILE"
        if _is_private(address)
        else " (give tls:// if they have certificates)"
    )
    try:
        client = Client(  # type: ignore[no-untyped-call]  # distributed has none
            address, timeout=_PATIENCE, set_as_default=False
        )
        try:
            client.wait_for_workers(1, timeout=_PATIENCE)
        except OSError:
            client.close()  # type: ignore[no-untyped-call]
            raise
    except OSError:  # a TimeoutError among them
        raise ClusterTrouble(
            f"The scheduler of --cluster does not answer, or has no worker, within {_PATIENCE} "
            f"seconds. Start it and its workers{with_what}, then run again."
        ) from None
    return client


def _is_private(address: str) -> bool:
    return address.startswith("tls:")


def _refuse_configuration(address: str) -> None:
    """Raise UsageError for an address that the configuration of distributed does not allow."""
    from dask import config
    from distributed.security import Security

    if not _is_private(address):
        if config.get("distributed.comm.require-encryption"):
            raise UsageError(
                "The configuration of distributed requires encryption, --cluster has none. Give a "
                "tls:// address."
            )
        return
    try:
        arguments = Security().get_connection_args("client")  # type: ignore[no-untyped-call]
    except OSError:  # an SSLError among them
        arguments = {"ssl_context": None}
    if arguments["ssl_context"] is None:
        raise UsageError(
            f"--cluster with tls:// needs certificates. Set {_TLS}CA_FILE, {_TLS}CLIENT__CERT and "
            f"{_TLS}CLIENT__KEY to files that can be read, then run again."
        )

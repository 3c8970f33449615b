"""Parts judged by the workers of a cluster: Dask's `distributed`, an extra of this program.

The parts wait in a folder that every worker sees. Workers get paths and return digests of what they
leave there; no row goes through the scheduler. A part whose worker is lost is judged again by
another one.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from audit_rules.engine.judge import Judgement
from audit_rules.errors import AuditError
from flows.errors import UsageError, passed_on, redacted_errors
from flows.intake.landing import sha256_of
from flows.judging.judge_part import FOUND, Job, found_file, read_found, read_job, write_job
from flows.judging.parts import Judged, Part, nobody_waits
from flows.provenance import program_version

if TYPE_CHECKING:
    from distributed import Client

_PATIENCE = 60  # seconds for the scheduler to answer, and for a worker to be there


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
) -> list[Judgement]:
    """What is found of every part, in their order.

    address        of the scheduler.
    job_file       where the job is written, next to the parts.
    trace_folder   for what a bug of a worker leaves behind; every worker sees it.
    """
    write_job(job, job_file)
    folders = [part.folder for part in parts if part.folder is not None]
    with _client(address) as client:
        digests = _digests(client, folders, job_file, trace_folder, judged)
    for folder, digest in zip(folders, digests, strict=True):
        if _digests_of(folder) != digest:
            raise ClusterTrouble(
                "The shared folder does not show what a worker wrote there. Check that --lake is "
                "one and the same folder for this run and for every worker, then run again."
            )
    return [read_found(folder) for folder in folders]


def judge_on_worker(
    job_file: str, folder: str, trace_folder: str, version: str
) -> Mapping[str, str] | tuple[int, str]:
    """Judge the part in a folder, on a worker.

    Returns the digest of each file that is left there, or the exit code and the message of what
    went wrong: what a worker raises, it would print.
    """
    try:
        if version != program_version():
            raise UsageError(
                f"A worker has version {program_version()} of this program, the run {version}. "
                "Install the same one everywhere."
            )
        with redacted_errors(Path(trace_folder)):
            read_job(Path(job_file)).judge_folder(Path(folder))
    except AuditError as error:
        return error.exit_code, str(error)
    return _digests_of(Path(folder))


def _digests(
    client: "Client",
    folders: Sequence[Path],
    job_file: Path,
    trace_folder: Path,
    judged: Judged,
) -> list[Mapping[str, str]]:
    """What the workers return, in the order of the folders. Raises what went wrong there."""
    from distributed import as_completed

    asked = {
        client.submit(
            judge_on_worker,
            str(job_file),
            str(folder),
            str(trace_folder),
            program_version(),
            pure=False,
        ): number
        for number, folder in enumerate(folders)
    }
    found: dict[int, Mapping[str, str]] = {}
    done = as_completed(list(asked), client.loop)  # type: ignore[no-untyped-call]
    for future in done:
        try:
            result = future.result()
        except Exception as error:  # of distributed: a lost scheduler, or too many lost workers
            raise ClusterTrouble(
                f"The cluster lost a bucket ({type(error).__name__}). Nothing was published. Look "
                "at the logs of the scheduler and the workers, then run again."
            ) from None
        if isinstance(result, tuple):
            raise passed_on(*result)
        found[asked[future]] = result
        judged()
    return [found[number] for number in range(len(folders))]


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
            "seconds. Start it and its workers, then run again."
        ) from None
    return client

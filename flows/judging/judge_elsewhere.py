"""Parts judged by the workers of a cluster."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from flows.cluster.ask import Cluster, asked_of, refuse_stale
from flows.judging.judge_part import FOUND, Job, found_file, read_job, write_job
from flows.judging.parts import Judged, Part, nobody_waits
from flows.provenance import sha256_of


def judge_on_cluster(
    parts: Sequence[Part], job: Job, cluster: Cluster, job_file: Path, judged: Judged = nobody_waits
) -> None:
    """Judge every part, and leave in its folder what is found.

    job_file   where the job is written, next to the parts.
    """
    write_job(job, job_file)
    asked = [(str(job_file), str(part.folder)) for part in parts]
    with asked_of(cluster, judge_folder, asked, judged) as answers:
        for part, digests in zip(parts, answers, strict=True):
            refuse_stale(_digests_of(part.folder) == digests)


def judge_folder(job_file: str, folder: str) -> Mapping[str, str]:
    """Judge the part in a folder; returns the digest of each file that is left there."""
    read_job(Path(job_file)).judge_folder(Path(folder))
    return _digests_of(Path(folder))


def _digests_of(folder: Path) -> dict[str, str]:
    return {name: sha256_of(found_file(folder, name)) for name in FOUND}

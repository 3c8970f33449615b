"""The folders in which a run works, made empty before it and cleared away after it."""

import secrets
from pathlib import Path

from flows import ending
from flows.cluster.ask import Cluster
from flows.plan import Plan
from flows.warehouse.files import empty_folder, make_folder, path_digest
from flows.warehouse.lake_folders import passing_name
from flows.warehouse.upgrade import upgrade

_OWN = secrets.token_hex(4)
"""What no other process has in the name of its folder in a lake."""


def begin(plan: Plan) -> None:
    """Make an empty workbench, and clear away what a killed run left behind."""
    bench = plan.bench
    complete, in_lake = complete_folder(plan), _lake_folder(plan)
    shared = [in_lake] if in_lake else []
    ending.leaves(results_folder(plan), complete, *shared, lock=bench.warehouse)
    killed = in_lake.parent.glob(f"{passing_name(bench.warehouse)}*") if in_lake else ()
    for folder in (complete, *killed):
        ending.remove_folder(folder)
    if in_lake:
        make_folder(in_lake.parent)
    for folder in (bench.scratch, results_folder(plan), *shared):
        empty_folder(folder)
    upgrade(bench.warehouse, in_lake.parent if in_lake else None)


def results_folder(plan: Plan) -> Path:
    """The folder in which results are written until they are complete.

    It is in the output folder, so that it is on the file system on which it is published. Each
    warehouse has its own: runs on two warehouses may share an output folder.
    """
    return plan.request.output / f".results-{path_digest(plan.bench.warehouse)}"


def complete_folder(plan: Plan) -> Path:
    """The name of the complete results until the new rows are kept."""
    staging = results_folder(plan)
    return staging.with_name(f"{staging.name}.complete")


def clear_away(plan: Plan) -> None:
    """Remove whatever this run, or one that was killed, has not published."""
    in_lake = _lake_folder(plan)
    left = (plan.bench.scratch, results_folder(plan), complete_folder(plan))
    for folder in (*left, *([in_lake] if in_lake else [])):
        ending.remove_folder(folder)


def answers_folder(plan: Plan) -> Path:
    """The folder in which the answers of earlier runs wait while this one judges."""
    return plan.bench.scratch / "answers"


def merged_folder(plan: Plan) -> Path:
    """The folder in which the judge stage leaves the answers about everybody for the report."""
    return plan.bench.scratch / "merged"


def parts_folder(plan: Plan) -> Path:
    """The folder in which persons wait to be judged: too many to be in memory, or by others."""
    return (_lake_folder(plan) or plan.bench.scratch) / "parts"


def cluster_of(plan: Plan) -> Cluster | None:
    """The cluster that the request names."""
    folder = _lake_folder(plan)
    if plan.request.cluster is None or folder is None:
        return None
    return Cluster(plan.request.cluster, folder.parent, folder)


def _lake_folder(plan: Plan) -> Path | None:
    """The folder of this run in the lake, if there is one."""
    if plan.request.lake is None:
        return None
    return plan.request.lake.resolve() / f"{passing_name(plan.bench.warehouse)}{_OWN}"

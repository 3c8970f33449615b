"""The folders in which a run works, made empty before it and cleared away after it."""

import os
import secrets
import shutil
import socket
from pathlib import Path

from flows import ending
from flows.plan import Plan
from flows.provenance import digest
from flows.warehouse.files import empty_folder, make_folder
from flows.warehouse.upgrade import upgrade

_OWN = secrets.token_hex(4)
"""What no other process has in the name of its folder in a lake."""


def begin(plan: Plan) -> None:
    """Make an empty workbench, and clear away what a killed run left behind."""
    bench = plan.bench
    complete, parts = complete_folder(plan), parts_folder(plan)
    ending.leaves(results_folder(plan), complete, parts, lock=bench.warehouse)
    for folder in (complete, *parts.parent.glob(f"{_name_in_lake(plan)}-*")):
        shutil.rmtree(folder, ignore_errors=True)
    for folder in (bench.scratch, results_folder(plan)):
        empty_folder(folder)
    if plan.request.lake is not None:
        make_folder(plan.request.lake)
    upgrade(bench.warehouse)


def results_folder(plan: Plan) -> Path:
    """The folder in which results are written until they are complete.

    It is in the output folder, so that it is on the file system on which it is published. Each
    warehouse has its own: runs on two warehouses may share an output folder.
    """
    return plan.request.output / f".results-{_of_warehouse(plan)}"


def _of_warehouse(plan: Plan) -> str:
    return digest(os.fsencode(plan.bench.warehouse).hex())[:16]


def complete_folder(plan: Plan) -> Path:
    """The name of the complete results until the new rows are kept."""
    staging = results_folder(plan)
    return staging.with_name(f"{staging.name}.complete")


def clear_away(plan: Plan) -> None:
    """Remove whatever this run, or one that was killed, has not published."""
    left = (plan.bench.scratch, results_folder(plan), complete_folder(plan), parts_folder(plan))
    for folder in left:
        shutil.rmtree(folder, ignore_errors=True)


def answers_folder(plan: Plan) -> Path:
    """The folder in which the answers of earlier runs wait while this one judges."""
    return plan.bench.scratch / "answers"


def merged_folder(plan: Plan) -> Path:
    """The folder in which the judge stage leaves the answers about everybody for the report."""
    return plan.bench.scratch / "merged"


def parts_folder(plan: Plan) -> Path:
    """The folder in which persons wait to be judged: too many to be in memory, or by others."""
    if plan.request.lake is not None:
        return plan.request.lake.resolve() / f"{_name_in_lake(plan)}-{_OWN}"
    return plan.bench.scratch / "parts"


def _name_in_lake(plan: Plan) -> str:
    """How the folders of this warehouse begin: other machines may have one at the same path."""
    host = digest(socket.gethostname(), _of_warehouse(plan))
    return f".judging-{host[:16]}"

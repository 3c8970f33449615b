"""The folders in which a run works, made empty before it and cleared away after it."""

import os
import shutil
from pathlib import Path

from flows import ending
from flows.plan import Plan
from flows.provenance import digest
from flows.warehouse.files import empty_folder
from flows.warehouse.upgrade import upgrade


def begin(plan: Plan) -> None:
    """Make an empty workbench, and clear away what a killed run left behind."""
    bench = plan.bench
    ending.leaves(results_folder(plan), complete_folder(plan), lock=bench.warehouse)
    shutil.rmtree(complete_folder(plan), ignore_errors=True)
    for folder in (bench.scratch, results_folder(plan)):
        empty_folder(folder)
    upgrade(bench.warehouse)


def results_folder(plan: Plan) -> Path:
    """The folder in which results are written until they are complete.

    It is in the output folder, so that it is on the file system on which it is published. Each
    warehouse has its own: runs on two warehouses may share an output folder.
    """
    return plan.request.output / f".results-{digest(os.fsencode(plan.bench.warehouse).hex())[:16]}"


def complete_folder(plan: Plan) -> Path:
    """The name of the complete results until the new rows are kept."""
    staging = results_folder(plan)
    return staging.with_name(f"{staging.name}.complete")


def clear_away(plan: Plan) -> None:
    """Remove whatever this run, or one that was killed, has not published."""
    for folder in (plan.bench.scratch, results_folder(plan), complete_folder(plan)):
        shutil.rmtree(folder, ignore_errors=True)


def answers_folder(plan: Plan) -> Path:
    """The folder in which the judge stage leaves its answers for the report stage to store."""
    return plan.bench.scratch / "answers"


def parts_folder(plan: Plan) -> Path:
    """The folder in which persons wait to be judged, if they are too many to be in memory."""
    return plan.bench.scratch / "parts"

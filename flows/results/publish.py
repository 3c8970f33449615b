"""Publish results: complete, on disk and with their permissions before they get their name."""

import grp
import os
from pathlib import Path

import duckdb

from flows.errors import DiskTrouble
from flows.plan import Plan
from flows.results.failed_checks import failed_checks
from flows.results.for_editing import add_for_editing
from flows.results.manifest import FOR_EDITING
from flows.results.signature import add_signature
from flows.results.tables import write_tables
from flows.results.together import published_together
from flows.warehouse.files import make_durable, move_aside


def publish_failed_checks(connection: duckdb.DuckDBPyConnection, output: Path, plan: Plan) -> None:
    """Write quarantine and warnings into the output folder, where both appear at once."""
    with published_together(output) as staging:
        write_tables(staging, failed_checks(connection))
        make_private(staging, plan.config.result_mode, plan.config.result_group)


def make_private(folder: Path, mode: str, group: str | None) -> None:
    """Give every result the permissions of the config, and make sure that all of it is on disk."""
    bits = int(mode, 8)
    folder_bits = 0o750 if bits & 0o040 else 0o700
    gid = -1 if group is None else _group_id(group)
    for path in [*folder.rglob("*"), folder]:
        os.chmod(path, folder_bits if path.is_dir() else bits)
        os.chown(path, -1, gid)
        make_durable(path)


def _group_id(name: str) -> int:
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        raise DiskTrouble(
            "Config: result_group is not a group of this machine. Name one, or leave it out."
        ) from None


def publish(staging: Path, final: Path, is_there: bool) -> tuple[str, ...]:
    """Give complete results their name. A published folder belongs to its readers: it stays.

    is_there   whether a folder of that name holds every result already. It is left alone, and gets
               only what people edit if that is missing, and the signature of this run.

    A damaged folder is moved aside with everything in it. Returns what the user must know.
    """
    if is_there:
        notes = [add_for_editing(staging / name, final / name) for name in FOR_EDITING]
        notes.append(add_signature(staging, final))
        return tuple(note for note in notes if note)
    moved: tuple[str, ...] = ()
    if os.path.lexists(final):
        aside = move_aside(final)
        moved = (
            f"{final.name} did not hold the results of its manifest. It is now {aside.name}, with "
            "everything in it.",
        )
    staging.rename(final)
    try:
        make_durable(final.parent)
    except OSError:  # every reader sees them already, so the run has finished
        moved += (
            "The disk did not confirm that it holds the results. If the machine stops now, run "
            "again.",
        )
    return moved

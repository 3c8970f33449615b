"""Publish results: complete, on disk and with their permissions before they get their name."""

import grp
import os
import shutil
from pathlib import Path

import duckdb

from flows.errors import DiskTrouble
from flows.plan import Plan
from flows.results.failed_checks import failed_checks
from flows.results.tables import write_tables
from flows.results.together import published_together
from flows.warehouse.files import make_durable


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


def publish(staging: Path, final: Path) -> None:
    """Give a complete folder its final name; a damaged one of that name is replaced."""
    if final.exists():
        damaged = staging.with_name(staging.name + ".damaged")
        os.replace(final, damaged)
        os.replace(staging, final)
        shutil.rmtree(damaged)
    else:
        os.replace(staging, final)
    make_durable(final.parent)

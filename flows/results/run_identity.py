"""Which run this is, and where its results go."""

from dataclasses import dataclass
from pathlib import Path

import duckdb

from flows.plan import Plan
from flows.results.manifest import is_complete


@dataclass(frozen=True)
class RunIdentity:
    """The id of a run and the folder of its results.

    was_published   whether the folder is there already, with every result complete.
    new_files       hashes of the files that this run loaded.
    """

    run_id: str
    folder: Path
    was_published: bool
    new_files: frozenset[str]


def identify_run(connection: duckdb.DuckDBPyConnection, plan: Plan) -> RunIdentity:
    """Derive the run id from the plan and from everything loaded and purged so far."""
    loaded = connection.execute("SELECT sha256 FROM every_file").fetchall()
    new = connection.execute("SELECT sha256 FROM main.file").fetchall()
    (purged_before,) = connection.execute("SELECT max(before) FROM every_purge").fetchall()[0]
    run_id = plan.run_id([sha256 for (sha256,) in loaded], purged_before)
    folder = plan.request.output / f"run={run_id}"
    new_files = frozenset(sha256 for (sha256,) in new)
    return RunIdentity(run_id, folder, is_complete(folder), new_files)

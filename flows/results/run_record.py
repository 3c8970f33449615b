"""The warehouse's own record of a run: which results it published."""

import json
from datetime import date
from pathlib import Path

import duckdb

from flows.clock import now
from flows.errors import InputRefused
from flows.plan import Plan
from flows.process import system_user
from flows.provenance import program_version, sha256_of
from flows.results.manifest import MANIFEST
from flows.warehouse.connection import read_only


def record_run(
    connection: duckdb.DuckDBPyConnection, folder: Path, plan: Plan, run_id: str
) -> None:
    """Record the digests of a folder's manifest and results, to be kept with the run's rows."""
    manifest = folder / MANIFEST
    results = json.loads(manifest.read_text(encoding="utf-8"))["results"]
    values = {
        "run_id": run_id,
        "as_of": plan.request.as_of,
        "version": program_version(),
        "manifest_sha256": sha256_of(manifest),
        "results": json.dumps(results, sort_keys=True),
        "recorded_at": now(),
        "system_user": system_user(),
    }
    columns, marks = ", ".join(values), ", ".join("?" * len(values))
    connection.execute(
        f"""INSERT INTO main.run_record (record_no, {columns})
            SELECT coalesce(max(record_no), 0) + 1, {marks} FROM every_run_record""",
        list(values.values()),
    )


def runs_before(
    connection: duckdb.DuckDBPyConnection, as_of: date, run_id: str
) -> list[tuple[str, date]]:
    """Id and as-of date of the runs before a run, the one just before it first.

    They are in the order of their as-of dates, and of a date in that of their first record. So a
    run that is made again has the same runs before it.
    """
    return connection.execute(
        """WITH made AS (SELECT run_id, as_of, min(record_no) AS record_no FROM every_run_record
                         GROUP BY run_id, as_of)
           SELECT run_id, as_of FROM made
           WHERE run_id <> $run_id AND as_of <= $as_of
             AND (as_of < $as_of OR record_no < coalesce(
                 (SELECT record_no FROM made WHERE run_id = $run_id), record_no + 1))
           ORDER BY as_of DESC, record_no DESC""",
        {"run_id": run_id, "as_of": as_of},
    ).fetchall()


def refuse_unrecorded(warehouse: Path, run_id: str, manifest_sha256: str) -> None:
    """Raise InputRefused unless a warehouse has recorded a run with this manifest."""
    with read_only(warehouse) as connection:
        found = connection.execute(
            "SELECT count(*) FROM kept.main.run_record WHERE run_id = ? AND manifest_sha256 = ?",
            [run_id, manifest_sha256],
        ).fetchall()
    if not found[0][0]:
        raise InputRefused(
            f"{warehouse.name} has no record of this run as it is in --run. "
            "Give the warehouse and the folder of one run."
        )

"""Which run this is, and where its results go.

A run id names the bytes of its results. So it is made from everything that can change one of them:

- per file that the run sees: table, relative path (it decides ties and is named in results),
  content, under what it was read (flows/intake/reading.py), and which rows and texts of it a purge
  removed;
- per table the order of its files by the night they were loaded on, which decides between versions
  of a line and which of equal rows is a duplicate. Files whose names are in the order of their
  nights have the order that they would have in one load;
- of authorizations, eligibility and clinical evidence, in which the latest load of a key counts,
  the order in which the files were loaded. Loads are not dated or numbered in the id, so loading an
  archive night by night or in one load gives the same id if the order cannot matter, and another
  id if it can;
- the last day before which persons were purged;
- what the ledger knew before this as-of date (flows/ledger/before.py): `changes.parquet` compares
  with it, and the page shows what the nights before showed. A warehouse that was rebuilt in one
  load knows no earlier night, so its changes, and its id, are those of a first run. What the ledger
  knows of this as-of date or later ones is not in it, so another run of the same date has the same
  id;
- the notes of the run: the nights on which files were loaded may decide them;
- policies, reference, config, options, as-of date, the program and the libraries that write.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from flows.judging.frames import LATEST_LOAD_COUNTS
from flows.plan import Plan
from flows.results.manifest import is_complete
from flows.settle.final_action import FILE_ORDER
from flows.warehouse.sql import literals
from schemas.notes import Note

_FILES = f"""
    WITH purged AS (
        SELECT file_no, sum(rows) AS rows, bit_xor(gone) AS gone FROM every_purge
        GROUP BY file_no)
    SELECT table_name, name, sha256, read_under,
           CASE WHEN list_contains({literals(list(LATEST_LOAD_COUNTS))}, table_name)
                THEN dense_rank() OVER (PARTITION BY table_name ORDER BY load_no) END AS load,
           nullif(CAST(rows AS BIGINT), 0), gone,
           row_number() OVER (PARTITION BY table_name ORDER BY file_rank)
    FROM every_file JOIN {FILE_ORDER} USING (file_no) LEFT JOIN purged USING (file_no)
    ORDER BY ALL"""


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


def identify_run(
    connection: duckdb.DuckDBPyConnection, plan: Plan, ledger_before: str, notes: Iterable[Note]
) -> RunIdentity:
    """Derive the run id from the plan and from everything loaded and purged so far.

    ledger_before   a digest of what the ledger knew before this as-of date.
    """
    new = connection.execute("SELECT sha256 FROM main.file").fetchall()
    ((purged_before,),) = connection.execute("SELECT max(before) FROM every_purge").fetchall()
    lineage = {
        "files": connection.execute(_FILES).fetchall(),
        "purged_before": str(purged_before),
        "ledger": ledger_before,
        "notes": [str(note) for note in notes],
    }
    run_id = plan.run_id(lineage)
    folder = plan.request.output / f"run={run_id}"
    new_files = frozenset(sha256 for (sha256,) in new)
    return RunIdentity(run_id, folder, is_complete(folder), new_files)

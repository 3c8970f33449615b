"""One exception of a published run, and the receipt that ties it to the run's files."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from flows.errors import InputRefused, UsageError
from flows.intake.landing import sha256_of
from flows.provenance import digest
from flows.results.manifest import MANIFEST, is_complete

EXCEPTIONS = "exceptions.parquet"
SHORTEST_PREFIX = 8


@dataclass(frozen=True)
class PublishedCase:
    """An exception as its run published it. row: the columns of exceptions.parquet; receipt: item -> hash, id or version."""

    row: dict[str, Any]
    receipt: dict[str, str]


def read_case(run: Path, exception_id: str) -> PublishedCase:
    """An exception of a run folder, by its id or the beginning of it.

    Raises InputRefused where the folder is no complete run, and UsageError where no exception, or more than one, is meant.
    """
    if not is_complete(run):
        raise InputRefused(
            "--run names no complete run: its files are not those of its manifest. Name a folder run=ID that a run published."
        )
    if not (run / EXCEPTIONS).is_file():
        raise InputRefused(
            "The run holds no exceptions.parquet: an aggregate run has no exceptions to show. Name another run."
        )
    wanted = exception_id.strip().lower()
    begins = pl.col("exception_id").str.starts_with(wanted)
    found = (
        pl.read_parquet(run / EXCEPTIONS).filter(begins)
        if len(wanted) >= SHORTEST_PREFIX
        else pl.DataFrame()
    )
    if found.is_empty():
        raise UsageError(
            f"The run holds no exception of that id. Give the id, or at least its first {SHORTEST_PREFIX} characters."
        )
    if found["exception_id"].n_unique() > 1:
        raise UsageError("Several exceptions begin so. Give more of the id.")
    row = found.row(0, named=True)
    manifest = json.loads((run / MANIFEST).read_text(encoding="utf-8"))
    policy = manifest["policies"][row["policy_id"]]
    inputs = "\n".join(sorted(f"{file['sha256']} {file['file']}" for file in manifest["files"]))
    return PublishedCase(
        row,
        {
            "exception_id": row["exception_id"],
            "exception_sha256": digest(
                json.dumps(row, sort_keys=True, ensure_ascii=False, default=str)
            ),
            "run_id": manifest["run_id"],
            "as_of": manifest["as_of"],
            "program_version": manifest["version"],
            "policy_file": policy["file"],
            "policy_sha256": policy["sha256"],
            "input_files": str(len(manifest["files"])),
            "inputs_sha256": digest(inputs),
            "exceptions_sha256": manifest["results"][EXCEPTIONS],
            "manifest_sha256": sha256_of(run / MANIFEST),
        },
    )

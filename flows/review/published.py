"""The results of the run that the queue shows."""

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from audit_rules.given_files import read_file
from flows.errors import InputRefused
from flows.privacy import FULL
from flows.provenance import sha256_of
from flows.results.manifest import MANIFEST, read_complete_run
from flows.results.order_of_work import in_order_of_work
from flows.results.payers import one_name_per_payer
from flows.results.run_record import refuse_unrecorded
from schemas.results import LINE_KEY


@dataclass(frozen=True)
class PublishedRun:
    """What a run found.

    lines        worklist and advisories, in the order of work; payer_name: one for all spellings.
    exceptions   each exception once, in the order of exceptions.parquet.
    citations    clause of law -> where it is written.
    """

    run_id: str
    as_of: date
    lines: pl.DataFrame
    exceptions: pl.DataFrame
    citations: dict[str, str]


def folder_of(warehouse: Path, run_id: str) -> Path:
    """Where a run publishes its results if nothing else is said: next to its warehouse.

    Raises InputRefused if they are not there.
    """
    folder = warehouse.parent / f"run={run_id}"
    if not folder.is_dir():
        raise InputRefused(
            f"The results of the last night, {folder.name}, are not next to {warehouse.name}. "
            "Name their folder with --run."
        )
    return folder


def read_published_run(
    folder: Path, warehouse: Path, payer_names: dict[str, str] | None = None
) -> PublishedRun:
    """Read the results of a run of a warehouse.

    payer_names   folded spelling -> payer id, so that the filter has each payer once.

    Raises InputRefused if the folder is not complete, hides identifiers, or is of another
    warehouse, and WarehouseBusy.
    """
    manifest = read_complete_run(folder)
    if manifest.get("privacy", FULL) != FULL:
        raise InputRefused(
            "The results of the run hide who they are about, so nothing can be decided from them. "
            "Name, with --run, the folder of a run of full privacy level."
        )
    refuse_unrecorded(warehouse, manifest["run_id"], sha256_of(folder / MANIFEST))
    as_of = date.fromisoformat(manifest["as_of"])
    lines = pl.concat(
        pl.read_parquet(folder / f"{name}.parquet", glob=False)
        for name in ("worklist", "advisories")
    )
    lines = lines.with_columns(payer_name=one_name_per_payer(lines, payer_names or {}))
    exceptions = pl.read_parquet(folder / "exceptions.parquet", glob=False)
    return PublishedRun(
        run_id=manifest["run_id"],
        as_of=as_of,
        lines=in_order_of_work(lines.sort(LINE_KEY, nulls_last=True), as_of),
        exceptions=exceptions.unique("exception_id", keep="first", maintain_order=True),
        citations=dict(json.loads(read_file(folder / MANIFEST)).get("clauses_of_law", {})),
    )

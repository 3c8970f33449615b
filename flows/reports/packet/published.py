"""One exception of a published run, and the receipt that ties it to the run's files."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from audit_rules.given_files import read_file
from flows.errors import InputRefused, UsageError
from flows.ledger.exception_ids import ExceptionIds
from flows.provenance import digest, sha256_of
from flows.reports.packet.names import packet_name
from flows.results.manifest import MANIFEST, read_complete_run
from schemas.decisions import DISMISSED
from schemas.outcomes import ADVISORY, strength
from schemas.results import LINE_KEY

EXCEPTIONS, WORKLIST = "exceptions.parquet", "worklist.parquet"


@dataclass(frozen=True)
class PublishedException:
    """An exception as its run published it.

    row       the columns of exceptions.parquet.
    others    those of the other exceptions on its line that are more than an advisory and not
              dismissed.
    line      the columns of its line in worklist.parquet; None if it is not there.
    receipt   item -> hash, id or version.
    citations clause of law -> where it is written.
    name      the name of its packet's files, without suffix.
    """

    row: dict[str, Any]
    others: tuple[dict[str, Any], ...]
    line: dict[str, Any] | None
    receipt: dict[str, str]
    name: str
    citations: dict[str, str] = field(default_factory=dict)

    @property
    def is_dismissed(self) -> bool:
        """Whether a person has set the exception aside."""
        return bool(self.row.get("status") == DISMISSED)


def read_published_exception(run: Path, exception_id: str) -> PublishedException:
    """Read an exception from a run folder, by its id or the first characters of it.

    Raises InputRefused if the folder is not a complete run, and UsageError unless the id means
    exactly one exception.
    """
    read_complete_run(run)
    for name in (EXCEPTIONS, WORKLIST):
        if not (run / name).is_file():
            raise InputRefused(
                f"The run has no {name}: an aggregate run shows no exceptions. Give another run."
            )
    exceptions = pl.read_parquet(run / EXCEPTIONS, glob=False)
    row = _row(exceptions, exception_id)
    is_other = (pl.col("exception_id") != row["exception_id"]) & (pl.col("outcome") != ADVISORY)
    if "status" in exceptions.columns:  # results of an earlier version have none
        is_other &= pl.col("status") != DISMISSED
    others = exceptions.filter(_is_on_line_of(row), is_other).sort(strength(), "rule_id")
    line = pl.read_parquet(run / WORKLIST, glob=False).filter(_is_on_line_of(row))
    return PublishedException(
        row=row,
        others=tuple(others.iter_rows(named=True)),
        line=None if line.is_empty() else line.row(0, named=True),
        receipt=_receipt(run, row),
        name=packet_name(run / EXCEPTIONS, row["exception_id"]),
        citations=dict(json.loads(read_file(run / MANIFEST)).get("clauses_of_law", {})),
    )


def _is_on_line_of(row: dict[str, Any]) -> pl.Expr:
    return pl.all_horizontal(pl.col(c).eq_missing(pl.lit(row[c])) for c in LINE_KEY)


def _row(exceptions: pl.DataFrame, given: str) -> dict[str, Any]:
    ids = ExceptionIds(exceptions["exception_id"], "the run")
    exception_id, why_not = ids.find(given)
    if why_not:
        raise UsageError(f"{why_not[0].upper()}{why_not[1:]}")
    return exceptions.filter(pl.col("exception_id") == exception_id).row(0, named=True)


def _receipt(run: Path, row: dict[str, Any]) -> dict[str, str]:
    manifest = json.loads(read_file(run / MANIFEST))
    try:
        policy = manifest["policies"][row["policy_id"]]
        policy_file, policy_sha256 = policy["file"], policy["sha256"]
        inputs = "\n".join(sorted(f"{file['sha256']} {file['file']}" for file in manifest["files"]))
        exceptions_sha256 = manifest["results"][EXCEPTIONS]
    except (KeyError, TypeError):
        raise InputRefused(
            "--run: its manifest does not name the policy, inputs and results of the exception. "
            "Give a folder as a run published it."
        ) from None
    return {
        "exception_id": row["exception_id"],
        "exception_sha256": digest(
            json.dumps(row, sort_keys=True, ensure_ascii=False, default=str)
        ),
        "run_id": manifest["run_id"],
        "as_of": manifest["as_of"],
        "program_version": manifest["version"],
        "policy_file": policy_file,
        "policy_sha256": policy_sha256,
        "input_files": str(len(manifest["files"])),
        "inputs_sha256": digest(inputs),
        "exceptions_sha256": exceptions_sha256,
        "manifest_sha256": sha256_of(run / MANIFEST),
    }

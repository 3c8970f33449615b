"""Compare two published runs, also of two versions of the program."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from flows.errors import InputRefused
from flows.replay.compare import (
    EXCEPTION_COLUMNS,
    LINE_COLUMNS,
    Comparison,
    ComparisonSide,
    compared,
)
from flows.results.manifest import is_complete, read_manifest
from schemas.results import NUMBERED_LINE

_SAME = ("rule_id", "policy_id", *NUMBERED_LINE)
"""Names an exception in any version; its id depends on terms, whose names may change."""
_LINES = ("worklist.parquet", "advisories.parquet")


def compare_runs(before: Path, after: Path) -> tuple[Comparison, tuple[str, ...]]:
    """Compare what two runs found; returns also what differs between them besides the findings.

    Raises InputRefused if a folder is not a complete run with line-level results.
    """
    old, new = (_published(folder) for folder in (before, after))
    manifests = [read_manifest(folder) or {} for folder in (before, after)]
    if len({(m.get("privacy"), m.get("pseudonym_key")) for m in manifests}) > 1:
        raise InputRefused(
            "--run: the runs show identifiers at different privacy levels, or under different "
            "keys, so no line of one can be found in the other. Give two runs of one level."
        )
    return compared(old, new, _SAME), tuple(_differences(*manifests))


def _published(folder: Path) -> ComparisonSide:
    if not is_complete(folder):
        raise InputRefused(
            "--run is not a complete run: its files do not match its manifest. "
            "Give a folder run=ID that a run published."
        )
    exceptions = folder / "exceptions.parquet"
    files = [folder / name for name in _LINES if (folder / name).is_file()]
    if not exceptions.is_file() or not files:
        missing = _LINES[0] if exceptions.is_file() else exceptions.name
        raise InputRefused(
            f"The run has no {missing}: an aggregate run shows no exceptions. Give another run."
        )
    return ComparisonSide(
        pl.read_parquet(exceptions, glob=False, columns=list(EXCEPTION_COLUMNS)),
        pl.concat(pl.read_parquet(f, glob=False, columns=list(LINE_COLUMNS)) for f in files),
    )


def _differences(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    """What else differs, so that a reader knows what a finding may have changed for."""
    for entry, what in (("version", "version"), ("as_of", "as-of date")):
        if old[entry] != new[entry]:
            yield f"The {what} was {old[entry]} and is {new[entry]}."
    if _inputs(old) != _inputs(new):
        yield "The extracts differ."
    policies = old["policies"], new["policies"]
    names = sorted({**policies[0], **policies[1]})
    others = [name for name in names if policies[0].get(name) != policies[1].get(name)]
    if others:
        yield f"Policy files that differ: {', '.join(others)}."


def _inputs(manifest: dict[str, Any]) -> set[str]:
    return {file["sha256"] for file in manifest["files"]}

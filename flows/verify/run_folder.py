"""Check the folder of a run against its manifest."""

import stat
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from audit_rules.given_files import is_irregular
from flows.provenance import sha256_of
from flows.reports.printable import printable
from flows.results.manifest import FOR_EDITING, MANIFEST, TABLE_SUFFIXES, read_manifest
from flows.results.timings import TIMINGS
from flows.signing import SIGNATURE
from flows.verify.checks import Checks
from schemas.outcomes import NO_POLICY

_BESIDES = (MANIFEST, SIGNATURE, TIMINGS)
"""What a run writes besides the results that its manifest lists and what people edit."""
_NAMED_IN = (
    ("policies", "rule_coverage.parquet", "policy_id"),
    ("files", "quarantine.parquet", "file"),
    ("files", "warnings.parquet", "file"),
)
"""Entries of the manifest that must hold what a column of a result names."""
_MOST_NAMES = 5
_FILE_COUNTS = ("accepted", "quarantined", "duplicates", "purged")
_FATES = ("history", "superseded", "reversed", "denied", "after_as_of")


def check_run(checks: Checks, folder: Path) -> dict[str, Any] | None:
    """Check every result of a run, and that there are no others; returns the manifest.

    None if there is no manifest that can be read.
    """
    manifest = read_manifest(folder)
    if manifest is None and (folder / MANIFEST).is_symlink():
        checks.failed.append(
            f"{MANIFEST} is a link, which no run writes. Give a folder run=ID as it was published."
        )
        return None
    if manifest is None:
        checks.failed.append(
            f"{folder.name or 'The folder'} has no {MANIFEST} that can be read. "
            "Give a folder run=ID that a run published."
        )
        return None
    stated = {n: sha256 for n, sha256 in manifest["results"].items() if n not in FOR_EDITING}
    there = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if not p.is_dir()}
    checks.expect_none(
        [*_not_as_stated(stated, there), *_too_many(stated, there)],
        f"All {len(stated)} results have the hashes that {MANIFEST} states, and there is no other "
        "table.",
    )
    own = [p for name, p in there.items() if name in stated or name in _BESIDES]
    open_to_others = [p.relative_to(folder).as_posix() for p in own if _is_open(p)]
    open_to_others += ["the folder itself"] if _is_open(folder) else []
    checks.expect(
        not open_to_others,
        "The results are closed to everybody but their owner and group.",
        f"Open to everybody: {names(open_to_others)}. Take these permissions away.",
    )
    checks.expect_none(_unbalanced(manifest), "The counts of rows in the manifest add up.")
    checks.expect_none(
        _refuted(manifest, folder),
        "The manifest names every policy and file that the results name.",
    )
    resolved = folder.resolve().name
    if resolved.startswith("run="):
        checks.expect(
            resolved == f"run={manifest['run_id']}",
            f"The folder has the name of run {printable(manifest['run_id'])}.",
            f"The folder is named {printable(resolved)}, but {MANIFEST} is of run "
            f"{printable(manifest['run_id'])}.",
        )
    others = sorted(there.keys() - stated.keys() - {*_BESIDES, *FOR_EDITING})
    others = [name for name in others if not name.endswith(TABLE_SUFFIXES)]
    unlisted = [name for name in (*FOR_EDITING, TIMINGS) if name in there]
    if others or unlisted:
        checks.left_out.append(f"Files that are not results: {names([*unlisted, *others])}.")
    return manifest


def names(found: Iterable[str]) -> str:
    """The first names of a list, and how many more there are."""
    listed = list(found)
    more = f" and {len(listed) - _MOST_NAMES} more" if len(listed) > _MOST_NAMES else ""
    return printable(", ".join(listed[:_MOST_NAMES])) + more


def _not_as_stated(stated: Mapping[str, str], there: Mapping[str, Path]) -> list[str]:
    """A sentence each for results that are missing, changed, or links to other files."""
    missing = [name for name in stated if name not in there]
    links = [name for name in stated if name in there and there[name].is_symlink()]
    changed = [
        name
        for name, sha256 in stated.items()
        if name in there and name not in links and _sha256(there[name]) != sha256
    ]
    found = [
        f"{problem}: {names(those)}."
        for problem, those in (
            (f"Missing, though {MANIFEST} lists it", missing),
            ("A link, which no run writes", links),
            (f"Changed, so that its hash is not that of {MANIFEST}", changed),
        )
        if those
    ]
    return found if stated else [f"{MANIFEST} lists no result."]


def _sha256(path: Path) -> str | None:
    """The hash of a file; None if it cannot be read, or may have no end as a pipe has none."""
    try:
        return sha256_of(path) if path.is_file() else None
    except OSError:
        return None


def _too_many(stated: Mapping[str, str], there: Mapping[str, Path]) -> list[str]:
    extra = sorted(n for n in there if n not in stated and n.endswith(TABLE_SUFFIXES))
    return [f"A table that {MANIFEST} does not list: {names(extra)}."] if extra else []


def _is_open(path: Path) -> bool:
    return bool(path.lstat().st_mode & stat.S_IRWXO) and not path.is_symlink()


def _refuted(manifest: Mapping[str, Any], folder: Path) -> list[str]:
    """A sentence for each entry of the manifest that the results themselves contradict."""
    named = {"policies": set(manifest["policies"]), "files": {f["file"] for f in manifest["files"]}}
    found = []
    for entry, table, column in _NAMED_IN:
        if is_irregular(folder / table):
            continue  # it may have no end; it is reported already
        try:
            values = pl.read_parquet(folder / table, columns=[column], glob=False)[column].unique()
        except (pl.exceptions.PolarsError, OSError):
            continue  # an aggregate run has no such table; a damaged one is reported already
        missing = sorted(set(values.drop_nulls()) - named[entry] - {NO_POLICY})
        if missing:
            found.append(f"{MANIFEST}: {entry} lacks {names(missing)}, which {table} names.")
    try:
        date.fromisoformat(manifest["as_of"])
    except ValueError:
        found.append(f"{MANIFEST}: as_of is not a date.")
    return found


def _unbalanced(manifest: Mapping[str, Any]) -> list[str]:
    """A sentence for each file or table whose counts in the manifest do not add up."""
    try:
        files = [
            f"{MANIFEST}: the rows read from {file['file']} are not those accepted, quarantined, "
            "duplicate and purged."
            for file in manifest["files"]
            if "rows_read" in file
            and file["rows_read"] != sum(file[count] for count in _FILE_COUNTS)
        ]
        tables = [
            f"{MANIFEST}: the rows accepted of {table['table']} do not all have one fate."
            for table in manifest["tables"]
            if table["accepted"] != sum(table[fate] for fate in _FATES)
        ]
    except (KeyError, TypeError):
        return [f"{MANIFEST}: a count of rows is missing or is not a number."]
    return files + tables

"""The manifest: the counts of a run, what it was made from, and the hash of every result."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from audit_rules.given_files import read_file
from audit_rules.law.places import Places
from flows.errors import InputRefused
from flows.plan import Plan
from flows.privacy import FULL
from flows.provenance import digest, program_version, sha256_of
from flows.results.pseudonymised_values import pseudonymous_payer
from schemas.results import RESULT_SCHEMA_VERSION

MANIFEST = "manifest.json"
WORKPAPER = "exceptions.xlsx"
FOR_EDITING = (WORKPAPER,)
"""What a run writes for people to edit. A run without them, or with other ones, is complete."""


def write_manifest(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    plan: Plan,
    run_id: str,
    balance: dict[str, Any],
    repeated: Sequence[dict[str, Any]],
) -> None:
    """Write the manifest of a folder, after every other result.

    balance   the counts of files and tables, and the notes.
    """
    results = {
        path.relative_to(folder).as_posix(): sha256_of(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in FOR_EDITING
    }
    unknown = connection.execute(
        "SELECT name, unknown_columns FROM every_file ORDER BY name, sha256"
    ).fetchall()
    manifest = {
        "run_id": run_id,
        "version": program_version(),
        "result_schema_version": RESULT_SCHEMA_VERSION,
        "as_of": plan.request.as_of.isoformat(),
        **balance,
        "repeated_amounts": list(repeated),
        "unknown_columns": {name: columns for name, columns in unknown if columns},
        **_entries_by_privacy_level(plan, balance, repeated, unknown),
        "policies": {
            p.document.id: {"file": p.file_name, "sha256": p.sha256} for p in plan.library.policies
        },
        "reference": dict(sorted(plan.reference.hashes.items())),
        "clauses_of_law": plan.law.citations(),
        **({"places": places_digest(plan.places)} if plan.request.privacy == FULL else {}),
        "law": {law.law.id: {"file": law.file_name, "sha256": law.sha256} for law in plan.law.laws},
        "results": results,
    }
    text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
    (folder / MANIFEST).write_text(text, encoding="utf-8")


def places_digest(places: Places) -> str:
    """A digest of where payers and plans are: which law binds them depends on it."""
    return digest(*places.stated)


def _entries_by_privacy_level(
    plan: Plan,
    balance: dict[str, Any],
    repeated: Sequence[dict[str, Any]],
    unknown: list[tuple[str, list[str]]],
) -> dict[str, object]:
    """Entries in place of the full ones: without identifiers, names of columns and small counts."""
    if plan.request.privacy == FULL:
        return {}
    level = {"privacy": plan.request.privacy}
    if plan.pseudonyms is None:
        files = [
            {name: file[name] for name in ("table", "file", "sha256")} for file in balance["files"]
        ]
        nothing: dict[str, list[object]] = {"tables": [], "repeated_amounts": []}
        return level | {"files": files, **nothing, "unknown_columns": {}}
    claims = [
        claim
        | {
            "claim_id": plan.pseudonyms.of("claim", claim["claim_id"]),
            "payer": pseudonymous_payer(claim["payer"], plan.payer_names, plan.pseudonyms),
        }
        for claim in repeated
    ]
    return level | {
        "pseudonym_key": plan.pseudonyms.fingerprint,
        "repeated_amounts": sorted(claims, key=lambda claim: (claim["payer"], claim["claim_id"])),
        "unknown_columns": {name: len(columns) for name, columns in unknown if columns},
    }


def repeated_amounts_for_manifest(repeated: pl.DataFrame) -> list[dict[str, object]]:
    """The manifest's entries for claims that repeat the claim's amount on every line."""
    rows = repeated.select(
        pl.lit("medical").alias("claim_source"),
        "payer",
        "claim_id",
        "lines",
        pl.col("amount").cast(pl.String),
    )
    return rows.to_dicts()


_FORM: dict[str, type] = {
    "run_id": str,
    "version": str,
    "result_schema_version": int,
    "as_of": str,
    "files": list,
    "tables": list,
    "repeated_amounts": list,
    "unknown_columns": dict,
    "policies": dict,
    "reference": dict,
    "results": dict,
}
"""What every manifest states, and the JSON type of it."""
_LATER = ("law", "clauses_of_law")
"""Objects that a manifest of an earlier version lacks."""
TABLE_SUFFIXES = (".parquet", ".csv")
"""Names that only a result has; people may keep files of other names next to the results."""


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of a run's folder; None if it cannot be read or has another shape."""
    path = folder / MANIFEST
    try:
        if path.is_symlink():
            return None
        manifest = json.loads(read_file(path))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(manifest, dict) or not all(
        isinstance(manifest.get(key), kind) for key, kind in _FORM.items()
    ):
        return None
    return manifest if _is_well_formed(manifest) else None


def _is_well_formed(manifest: Mapping[str, Any]) -> bool:
    """Whether what other checks look up in a manifest is there, and is text."""
    law, clauses = (manifest.get(key, {}) for key in _LATER)
    if not isinstance(law, dict) or not isinstance(clauses, dict):
        return False
    named = [*manifest["files"], *manifest["policies"].values(), *law.values()]
    return (
        all(isinstance(entry, dict) for entry in [*named, *manifest["tables"]])
        and all(isinstance(entry.get(key), str) for entry in named for key in ("file", "sha256"))
        and all(isinstance(v, str) for k in ("results", "reference") for v in manifest[k].values())
    )


def read_complete_run(folder: Path) -> dict[str, Any]:
    """The manifest of a complete run. Raises InputRefused if --run is not one."""
    manifest = read_manifest(folder) if is_complete(folder) else None
    if manifest is None:
        raise InputRefused(
            "--run is not a complete run: its files do not match its manifest. "
            "Give a folder run=ID that a run published."
        )
    return manifest


def is_complete(folder: Path) -> bool:
    """Whether the folder of a run exists, and its results are just those that its manifest states.

    Each of them has the stated hash and is no link, and there is no further table.
    """
    manifest = read_manifest(folder)
    if manifest is None:
        return False
    try:
        there = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
        stated = {n: h for n, h in manifest["results"].items() if n not in FOR_EDITING}
        extra = {name for name in there - set(stated) if name.endswith(TABLE_SUFFIXES)}
        return (
            bool(stated)
            and not extra
            and there.issuperset(stated)
            and not any((folder / name).is_symlink() for name in stated)
            and all(sha256_of(folder / name) == sha256 for name, sha256 in stated.items())
        )
    except OSError:
        return False

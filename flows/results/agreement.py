"""Compare the results of a run with those that an earlier run published under the same id.

A run id names its bytes. If the results differ nevertheless, somebody has changed the published
ones, or the program did not give the same answer twice. Neither may pass unnoticed.
"""

import json
from pathlib import Path
from typing import NoReturn

import polars as pl

from flows.errors import DoesNotBalance
from flows.results.manifest import MANIFEST

_PERMISSIONS = 0o777


def refuse_disagreement(fresh: Path, standing: Path) -> None:
    """Raise DoesNotBalance if published results are other than the fresh ones, or less private.

    It names the first file and column that differ. Both folders hold just the results that their
    manifest states, with the stated hashes: so the manifests are compared.
    """
    if (fresh / MANIFEST).read_bytes() != (standing / MANIFEST).read_bytes():
        _refuse(standing, _first_difference(fresh, standing))
    for name in (".", MANIFEST, *_results(fresh)):
        given = (standing / name).stat().st_mode & _PERMISSIONS
        if given & ~(fresh / name).stat().st_mode:
            what = standing.name if name == "." else f"{standing.name}/{name}"
            raise DoesNotBalance(
                f"{what} can be used by more users than result_mode in the config allows. Nothing "
                "was kept or published. Take the permission away from them (chmod), or change "
                "result_mode; then run again."
            )


def _refuse(standing: Path, difference: str) -> NoReturn:
    raise DoesNotBalance(
        f"{standing.name} is there already, and is not what this run found: {difference}. Nothing "
        "was kept or published, and the folder is as it was. If somebody has changed it, move it "
        "away and run again; if not, please report this."
    )


def _results(folder: Path) -> dict[str, str]:
    """Name -> hash of every result that the manifest of a complete folder states."""
    results: dict[str, str] = _manifest(folder)["results"]
    return results


def _manifest(folder: Path) -> dict[str, dict[str, str]]:
    manifest: dict[str, dict[str, str]] = json.loads((folder / MANIFEST).read_bytes())
    return manifest


def _first_difference(fresh: Path, standing: Path) -> str:
    """The first result that is missing, added or different; else what differs in the manifest."""
    ours, theirs = _results(fresh), _results(standing)
    for name in sorted(ours.keys() | theirs.keys()):
        if name not in theirs:
            return f"{name} is missing"
        if name not in ours:
            return f"{name} is a file too many"
        if ours[name] != theirs[name]:
            column = _first_column(fresh / name, standing / name)
            return f"{name} differs" + (f" in the column {column}" if column else "")
    new, old = _manifest(fresh), _manifest(standing)
    differing = (key for key in [*new, *old] if new.get(key) != old.get(key))
    entry = next(differing, None)
    return f"{MANIFEST} differs" + (f" in the entry {entry}" if entry in new else "")


def _first_column(fresh: Path, standing: Path) -> str | None:
    """The first column of a table that differs; None if none does, or the file is not a table."""
    ours, theirs = _table(fresh), _table(standing)
    if ours is None or theirs is None:
        return None
    for name in ours.columns:
        if name not in theirs.columns or not ours[name].equals(
            theirs[name], check_dtypes=True, null_equal=True
        ):
            return name
    return None


def _table(path: Path) -> pl.DataFrame | None:
    try:
        if path.suffix == ".parquet":
            return pl.read_parquet(path, glob=False, hive_partitioning=False)
        return pl.read_csv(path, glob=False, infer_schema=False) if path.suffix == ".csv" else None
    except (pl.exceptions.PolarsError, OSError):
        return None

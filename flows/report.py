"""Report: the result files of one run, complete before any stands under its final name."""

import csv
import grp
import io
import json
import os
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from audit_rules.judge import Judgement
from flows.aggregate import aggregated
from flows.errors import DiskTrouble
from flows.plan import Plan, program_version
from flows.privacy import FULL, pseudonymised
from flows.scan import sha256_of
from flows.sql import fetched, statements
from flows.warehouse import Workbench, make_durable, opened
from schemas.results import QUARANTINE, WARNING, conform

_ROW_GROUP = 65_536
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n")
TIMINGS, MANIFEST = "timings.json", "manifest.json"


def write_tables(folder: Path, tables: dict[str, pl.DataFrame]) -> None:
    """Tables as Parquet of the same bytes for the same rows."""
    for name, frame in tables.items():
        frame.write_parquet(folder / f"{name}.parquet", row_group_size=_ROW_GROUP, compression="zstd", statistics=True)


def write_judgement(folder: Path, judgement: Judgement) -> None:
    """The tables that come from the rules."""
    exceptions = judgement.exceptions
    write_tables(folder, {"exceptions": exceptions, "worklist": judgement.worklist, "rule_coverage": judgement.coverage})
    (folder / "exceptions.csv").write_text(as_csv(exceptions), encoding="utf-8", newline="")


def write_findings(folder: Path, plan: Plan) -> None:
    """Quarantine and warnings of what was loaded."""
    write_tables(folder, {"quarantine": _quarantine(plan.bench), "warnings": _warnings(plan.bench)})


def protect(folder: Path, plan: Plan) -> None:
    """Hold the tables of a folder to the privacy level of the request; what is no such table is removed."""
    if plan.request.privacy == FULL:
        return
    whole = {path.stem: pl.read_parquet(path) for path in sorted(folder.glob("*.parquet"))}
    for path in folder.iterdir():
        path.unlink()
    if plan.pseudonyms is None:
        table = aggregated(whole["exceptions"], whole["worklist"], plan.payer_names)
        write_tables(folder, {"aggregate": table})
        (folder / "aggregate.csv").write_text(as_csv(table), encoding="utf-8", newline="")
        return
    tables = {name: pseudonymised(frame, plan.pseudonyms) for name, frame in whole.items()}
    write_tables(folder, tables)
    (folder / "exceptions.csv").write_text(as_csv(tables["exceptions"]), encoding="utf-8", newline="")


def write_manifest(folder: Path, plan: Plan, run_id: str, balance: dict[str, Any]) -> None:
    """Last of all, the manifest with the hash of every result."""
    results = {p.name: sha256_of(p) for p in sorted(folder.iterdir())}
    with opened(plan.bench) as connection:
        unknown = connection.execute("SELECT name, unknown_columns FROM every_file ORDER BY name, file_no").fetchall()
    manifest = {
        "run_id": run_id,
        "version": program_version(),
        "as_of": plan.request.as_of.isoformat(),
        **balance,
        "unknown_columns": {name: columns for name, columns in unknown if columns},
        **_of_level(plan, balance, unknown),
        "policies": {p.document.id: {"file": p.file_name, "sha256": p.sha256} for p in plan.library.policies},
        "reference": dict(sorted(plan.reference.hashes.items())),
        "results": results,
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _of_level(plan: Plan, balance: dict[str, Any], unknown: list[tuple[str, list[str]]]) -> dict[str, object]:
    """What the manifest says in other words where the results are not full: no text of a file, no small count."""
    level = plan.request.privacy
    if level == FULL:
        return {}
    if plan.pseudonyms:
        counts = {name: len(columns) for name, columns in unknown if columns}
        return {"privacy": level, "pseudonym_key": plan.pseudonyms.fingerprint, "unknown_columns": counts}
    files = [{name: file[name] for name in ("table", "file", "sha256")} for file in balance["files"]]
    return {"privacy": level, "files": files, "tables": [], "unknown_columns": {}}


def _quarantine(bench: Workbench) -> pl.DataFrame:
    """One row per failed check of severity error, in every file loaded so far."""
    with opened(bench) as connection:
        return conform(fetched(connection, "; ".join(statements("quarantine"))), QUARANTINE)


def _warnings(bench: Workbench) -> pl.DataFrame:
    """One row per file, column and check of severity warning."""
    with opened(bench) as connection:
        return conform(fetched(connection, "; ".join(statements("warnings"))), WARNING)


def as_csv(frame: pl.DataFrame) -> str:
    """The table for people: lists and structs as JSON text; text that a spreadsheet would execute gets an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(frame.columns)
    for row in frame.iter_rows():
        writer.writerow([_cell(value) for value in row])
    return out.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, list):
        return json.dumps(value, ensure_ascii=False, default=str)
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, str) and value.startswith(_DANGEROUS):
        return "'" + value
    return value


def stands_complete(folder: Path) -> bool:
    """Whether a run's folder is there and every result in it has the bytes its manifest says."""
    try:
        results = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["results"]
        return all(sha256_of(folder / name) == sha256 for name, sha256 in results.items())
    except (OSError, ValueError, KeyError):
        return False


def make_private(folder: Path, mode: str, group: str | None) -> None:
    """Permissions of the config on every result, and everything on disk before the folder gets its name."""
    bits = int(mode, 8)
    gid = -1
    if group is not None:
        try:
            gid = grp.getgrnam(group).gr_gid
        except KeyError:
            raise DiskTrouble("Config: result_group is no group of this machine. Name one, or leave it out.") from None
    for path in folder.iterdir():
        os.chmod(path, bits)
        os.chown(path, -1, gid)
        make_durable(path)
    os.chmod(folder, 0o750 if bits & 0o040 else 0o700)
    os.chown(folder, -1, gid)
    make_durable(folder)


def publish(partial: Path, final: Path) -> None:
    """Give a complete folder its final name; a damaged one that stands there makes way."""
    if final.exists():
        damaged = partial.with_name(partial.name + ".damaged")
        os.replace(final, damaged)
        os.replace(partial, final)
        shutil.rmtree(damaged)
    else:
        os.replace(partial, final)
    make_durable(final.parent)

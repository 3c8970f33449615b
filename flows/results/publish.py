"""Report: the result files of one run, complete before any stands under its final name."""

import grp
import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from audit_rules.engine.judge import Judgement
from flows.errors import DiskTrouble
from flows.intake.landing import sha256_of
from flows.plan import Plan, program_version
from flows.privacy import FULL, pseudonymise
from flows.results.small_cells import aggregated
from flows.results.tables import write_table
from flows.warehouse.connection import make_durable
from flows.warehouse.sql import fetched, statements
from schemas.results import QUARANTINE, RESULT_SCHEMA_VERSION, WARNING, conform

_DANGEROUS = r"^[=+\-@\t\r\n]"
TIMINGS, MANIFEST, AGGREGATED = "timings.json", "manifest.json", "aggregate"


def write_tables(folder: Path, tables: dict[str, pl.DataFrame]) -> None:
    """Result tables as Parquet, each in a file of its name."""
    for name, frame in tables.items():
        write_table(folder / f"{name}.parquet", name, frame)


def write_judgement(folder: Path, judgement: Judgement) -> None:
    """The tables that come from the rules."""
    exceptions = judgement.exceptions
    with ThreadPoolExecutor(1) as beside:
        in_csv = beside.submit(write_csv, folder / "exceptions.csv", exceptions)
        write_tables(
            folder,
            {
                "exceptions": exceptions,
                "worklist": judgement.worklist,
                "rule_coverage": judgement.rule_coverage,
            },
        )
        in_csv.result()


def write_findings(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Quarantine and warnings of what was loaded."""
    write_tables(folder, {"quarantine": _quarantine(connection), "warnings": _warnings(connection)})


def publish_findings(connection: duckdb.DuckDBPyConnection, output: Path, plan: Plan) -> None:
    """Quarantine and warnings, complete before either has its name."""
    output.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = output / ".findings"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(mode=0o700)
    try:
        write_findings(connection, partial)
        make_private(partial, plan.config.result_mode, plan.config.result_group)
        for path in sorted(partial.iterdir()):
            path.replace(output / path.name)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def named(repeated: pl.DataFrame) -> list[dict[str, object]]:
    """The claims whose lines repeat the claim's amount, for the manifest."""
    rows = repeated.select(
        pl.lit("medical").alias("claim_source"),
        "payer",
        "claim_id",
        "lines",
        pl.col("amount").cast(pl.String),
    )
    return rows.to_dicts()


def protect(folder: Path, plan: Plan) -> None:
    """Hold the tables of a folder to the privacy level of the request; whatever else is there is removed.

    What is written later rests on these tables, and so holds no more than they do.
    """
    if plan.request.privacy == FULL:
        return
    whole = {path.stem: pl.read_parquet(path) for path in sorted(folder.glob("*.parquet"))}
    shutil.rmtree(folder)
    folder.mkdir(mode=0o700)
    if plan.pseudonyms is None:
        tables, people = (
            {},
            {AGGREGATED: aggregated(whole["exceptions"], whole["worklist"], plan.payer_names)},
        )
    else:
        tables = {name: pseudonymise(frame, plan.pseudonyms) for name, frame in whole.items()}
        people = {"exceptions": tables["exceptions"]}
    write_tables(folder, tables)
    for name, frame in people.items():
        write_csv(folder / f"{name}.csv", frame)


def write_manifest(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    plan: Plan,
    run_id: str,
    balance: dict[str, Any],
    repeated: list[dict[str, Any]],
) -> None:
    """Last of all, the manifest with the hash of every result."""
    results = {
        p.relative_to(folder).as_posix(): sha256_of(p)
        for p in sorted(folder.rglob("*"))
        if p.is_file()
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
        "repeated_amounts": repeated,
        "unknown_columns": {name: columns for name, columns in unknown if columns},
        **_of_level(plan, balance, repeated, unknown),
        "policies": {
            p.document.id: {"file": p.file_name, "sha256": p.sha256} for p in plan.library.policies
        },
        "reference": dict(sorted(plan.reference.hashes.items())),
        "results": results,
    }
    (folder / MANIFEST).write_text(
        json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
    )


def _of_level(
    plan: Plan,
    balance: dict[str, Any],
    repeated: list[dict[str, Any]],
    unknown: list[tuple[str, list[str]]],
) -> dict[str, object]:
    """What the manifest says in other words where the results are not full: no identifier, no text of a file, no small count."""
    if plan.request.privacy == FULL:
        return {}
    level = {"privacy": plan.request.privacy}
    if plan.pseudonyms is None:
        files = [
            {name: file[name] for name in ("table", "file", "sha256")} for file in balance["files"]
        ]
        return level | {"files": files, "tables": [], "repeated_amounts": [], "unknown_columns": {}}
    claims = [
        claim | {"claim_id": plan.pseudonyms.of("claim", claim["claim_id"])} for claim in repeated
    ]
    return level | {
        "pseudonym_key": plan.pseudonyms.fingerprint,
        "repeated_amounts": sorted(claims, key=lambda claim: (claim["payer"], claim["claim_id"])),
        "unknown_columns": {name: len(columns) for name, columns in unknown if columns},
    }


def _quarantine(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """One row per failed check of severity error, in every file loaded so far."""
    return conform(fetched(connection, "; ".join(statements("results/quarantine"))), QUARANTINE)


def _warnings(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """One row per file, column and check of severity warning."""
    return conform(fetched(connection, "; ".join(statements("results/warnings"))), WARNING)


def write_csv(file: Path, frame: pl.DataFrame) -> None:
    """The table for people: lists and structs as JSON text; text that a spreadsheet would execute gets an apostrophe."""
    frame.select(_cell(name, dtype) for name, dtype in frame.schema.items()).write_csv(file)


def _cell(name: str, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if dtype == pl.String:
        return (
            pl.when(column.str.contains(_DANGEROUS))
            .then(pl.lit("'") + column)
            .otherwise(column)
            .alias(name)
        )
    if dtype.is_nested():
        as_json = pl.struct(column.alias("")).struct.json_encode()
        return (
            pl.when(column.is_not_null())
            .then(as_json.str.slice(len('{"":')).str.head(-1))
            .alias(name)
        )
    return column


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
            raise DiskTrouble(
                "Config: result_group is no group of this machine. Name one, or leave it out."
            ) from None
    for path in [*folder.rglob("*"), folder]:
        folder_bits = 0o750 if bits & 0o040 else 0o700
        os.chmod(path, folder_bits if path.is_dir() else bits)
        os.chown(path, -1, gid)
        make_durable(path)


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

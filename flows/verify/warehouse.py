"""Check the warehouse's own record: its journal, its rows, its view, and a run's results."""

import json
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from flows.provenance import sha256_of
from flows.results.manifest import MANIFEST
from flows.signing import is_signed_link, read_public_key
from flows.verify.checks import Checks
from flows.verify.ledger import check_decisions
from flows.verify.run_folder import names
from flows.warehouse.journal import FILE, Entry, differences, subject
from flows.warehouse.lake import changed_files, unlisted_folders
from flows.warehouse.layout import LEDGERS, create_ledger_view
from flows.warehouse.sql import identifier
from schemas.tables import TABLES

_UPGRADE = "upgrade"
_LEDGER = "ledger"


def check_warehouse(
    checks: Checks, connection: duckdb.DuckDBPyConnection, public_key: Path | None
) -> bool:
    """Check the journal, every row it seals, the balance of rows, and the view `ledger`.

    Returns whether the warehouse has its tables. Raises UsageError if the key cannot be read.
    """
    if not check_ledger(checks, connection, public_key):
        return False
    checks.expect_none(
        _not_as_sealed(connection),
        "Every file, night, decision, run and remembered answer in the warehouse is as the journal "
        "says.",
    )
    checks.expect_none(
        list(_unbalanced(connection)),
        "In every file, the rows read are those stored, quarantined and purged.",
    )
    checks.expect(
        _view_of(connection, "kept") == _own_view(),
        f"The view {_LEDGER} is the program's.",
        f"The view {_LEDGER} is not the program's: somebody replaced or removed it.",
    )
    folders = unlisted_folders(connection, "kept.main")
    if folders:
        checks.left_out.append(
            f"Folders of a lake that the warehouse does not list: {names(folders)}."
        )
    unrecorded = _nights_without_record(connection)
    checks.expect(
        not unrecorded,
        "Every night has the record of its run.",
        f"Nights of the ledger without a recorded run: {names(unrecorded)}.",
    )
    return True


def check_ledger(
    checks: Checks, connection: duckdb.DuckDBPyConnection, public_key: Path | None
) -> bool:
    """Check the journal and the chain of decisions that it seals.

    Returns whether the warehouse has its tables. Raises UsageError if the key cannot be read.
    """
    problems = list(_other_relations(connection))
    if problems:
        checks.failed += problems
        return False
    columns = ", ".join((*Entry._fields, "link", "signature"))
    entries = connection.execute(f"SELECT {columns} FROM kept.journal ORDER BY entry_no").fetchall()
    checks.expect(
        _is_a_chain(entries),
        f"The journal is one chain; its entries: {len(entries):,}.",
        "The journal was changed: an entry does not continue the one before it.",
    )
    if public_key:
        _check_signatures(checks, entries, public_key)
    check_decisions(checks, connection)
    return True


def check_recorded(
    checks: Checks,
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    manifest: Mapping[str, Any],
) -> None:
    """Check that a folder's manifest is the one that the warehouse recorded for its run."""
    rows = connection.execute(
        """SELECT as_of, version, manifest_sha256, results FROM kept.run_record WHERE run_id = ?
           ORDER BY record_no DESC LIMIT 1""",
        [manifest["run_id"]],
    ).fetchall()
    if not rows:
        checks.failed.append(
            f"The warehouse has no record of run {manifest['run_id']}. Give its own warehouse."
        )
        return
    ((as_of, version, manifest_sha256, results),) = rows
    recorded = {"as_of": str(as_of), "version": version, "results": results}
    stated = {**manifest, "results": json.dumps(manifest["results"], sort_keys=True)}
    different = [key for key, value in recorded.items() if stated[key] != value]
    if sha256_of(folder / MANIFEST) != manifest_sha256 and not different:
        different = ["some other entry"]
    checks.expect(
        not different,
        f"{MANIFEST} is the one that the warehouse recorded for run {manifest['run_id']}.",
        f"{MANIFEST} is not the one that the warehouse recorded for run {manifest['run_id']}: "
        f"{names(different)} differs.",
    )


def _other_relations(connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """A sentence for each table of the layout that is missing, or is a view."""
    rows = connection.execute(
        """SELECT table_name FROM duckdb_tables()
           WHERE database_name = 'kept' AND schema_name = 'main'"""
    ).fetchall()
    tables = {name for (name,) in rows}
    missing = [name for name in [*TABLES, *LEDGERS] if name not in tables]
    if missing:
        yield f"The warehouse lacks the table {names(missing)}: somebody replaced or removed it."


def _is_a_chain(entries: list[tuple[Any, ...]]) -> bool:
    """Whether each entry continues the one before it."""
    link = ""
    for number, (*values, stated, _) in enumerate(entries, 1):
        entry = Entry(*values)
        link = entry.link(link)
        if entry.entry_no != number or link != stated:
            return False
    return True


def _check_signatures(checks: Checks, entries: list[tuple[Any, ...]], public_key: Path) -> None:
    """Check that a run has signed the journal; a signature holds for all entries before it."""
    key = read_public_key(public_key)
    signed = [
        number
        for number, (*_, link, signature) in enumerate(entries, 1)
        if signature and link and is_signed_link(signature, link, key)
    ]
    last = max(signed, default=0)
    checks.expect(
        bool(signed),
        f"The owner of {public_key.name} signed the journal up to entry {last:,}.",
        f"No entry of the journal is signed by the owner of {public_key.name}.",
    )
    if signed and last < len(entries):
        checks.left_out.append(f"Entries of the journal after the last signature: {last + 1:,} on.")


def _not_as_sealed(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """A sentence for each kind of difference between rows and their last entries."""
    found = differences(connection, "kept.main")
    in_lake = [
        f"{subject(FILE, file.file_no)} ({file.name} in {file.path.parent.name})"
        for file in changed_files(connection, "kept.main")
    ]
    lists = (
        ("Changed in the lake by another program", in_lake),
        ("Changed in the warehouse by another program", found.changed),
        ("Put into the warehouse by another program", found.added),
        ("Removed from the warehouse by another program", found.removed),
        (
            "Cannot be compared with the journal, because the engine that wrote it hashes "
            "otherwise than this one",
            found.not_comparable,
        ),
    )
    return [f"{problem}: {names(subjects)}." for problem, subjects in lists if subjects]


def _unbalanced(connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """A sentence for each file with missing or extra rows."""
    stored = " UNION ALL ".join(
        f"SELECT file_no, count(*) AS rows FROM kept.{identifier(t)} GROUP BY file_no"
        for t in TABLES
    )
    rows = connection.execute(
        f"""WITH counted AS (
                {stored}
                UNION ALL SELECT file_no, count(DISTINCT row_number) FROM kept.quarantine
                          GROUP BY file_no
                UNION ALL SELECT file_no, sum(rows) FROM kept.purge GROUP BY file_no
                UNION ALL SELECT file_no, sum(rows) FROM kept.lake_file GROUP BY file_no)
            SELECT f.name, any_value(f.rows_read), CAST(coalesce(sum(c.rows), 0) AS BIGINT) AS there
            FROM kept.file f LEFT JOIN counted c USING (file_no)
            GROUP BY f.file_no, f.name HAVING any_value(f.rows_read) <> there
            ORDER BY f.name, f.file_no"""
    )
    for name, rows_read, there in rows.fetchall():
        yield (
            f"{names([name])}: rows read: {rows_read:,}, but the warehouse holds {there:,} "
            "stored, quarantined or purged."
        )


def _view_of(connection: duckdb.DuckDBPyConnection, database: str) -> str | None:
    """The text of the view `ledger`, as the engine keeps it; None if there is none."""
    rows = connection.execute(
        """SELECT sql FROM duckdb_views()
           WHERE database_name = ? AND schema_name = 'main' AND view_name = ?""",
        [database, _LEDGER],
    ).fetchall()
    return str(rows[0][0]) if rows else None


def _own_view() -> str | None:
    """The text of the view as this program makes it."""
    with duckdb.connect() as connection:
        for name, ddl in LEDGERS.items():
            connection.execute(f"CREATE TABLE main.{identifier(name)} ({ddl})")
        create_ledger_view(connection)
        return _view_of(connection, "memory")


def _nights_without_record(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """As-of dates of the ledger whose run is not recorded, though it was after the upgrade."""
    rows = connection.execute(
        f"""SELECT as_of FROM kept.night n
            WHERE NOT EXISTS (FROM kept.run_record r
                              WHERE r.run_id = n.run_id AND r.as_of = n.as_of)
              AND NOT EXISTS (FROM kept.journal j WHERE j.action = '{_UPGRADE}'
                              AND j.subject = concat('night ', n.as_of))
            ORDER BY as_of"""
    )
    return [_iso(day) for (day,) in rows.fetchall()]


def _iso(day: date) -> str:
    return day.isoformat()

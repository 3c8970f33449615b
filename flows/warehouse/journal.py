"""The journal: what was written into the warehouse, when and by whom.

Each entry holds a digest of the rows of one subject: a file, a night, a decision, the record of a
run, or what is remembered of the last run. Rows that another program changed, added or removed no
longer match the last entry of their subject. Each entry also holds a link, a digest of itself and
of the link before it, so an entry that was changed, added or removed breaks the chain.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from enum import Enum
from typing import NamedTuple

import duckdb
import polars as pl

from flows.clock import now
from flows.process import system_user
from flows.provenance import digest
from flows.warehouse.hashes import fingerprint, is_hashed_right, sealed
from flows.warehouse.layout import OF_A_NIGHT, remembered_tables
from flows.warehouse.sql import identifier, literal, one
from schemas.table import Table
from schemas.tables import TABLES

Sign = Callable[[str], str]
"""Gives the signature of a link."""
FILE, NIGHT, DECISION, RUN, MEMORY = "file", "night", "decision", "run", "memory"
_ROWS = {
    FILE: dict.fromkeys(
        ("file", "lake_file", "quarantine", "warning", "value_count", "purge"), "file_no"
    ),
    NIGHT: OF_A_NIGHT,
    DECISION: {"decision": "decision_no"},
    RUN: {"run_record": "record_no"},
}
"""Kind of subject -> the tables that hold its rows, each with the column that says whose."""
KINDS = (*_ROWS, MEMORY)
_LAST_RUN = f"{MEMORY} of the last run"
_HASHED = (FILE, MEMORY)
"""Kinds whose digest depends on the engine's hash: their rows may be millions."""
_TOTAL = "count(*), ' ', sum(CAST({} AS HUGEINT))"
_OF_ALL = "hash(t)"  # of every column, in the order in which the table has them


class Rows(Enum):
    """How the rows of a file are looked at: there may be millions."""

    AS_HASHED = "trusting the two hashes that each row has; only this program has them open"
    CHECKED = "value by value"
    BEFORE_12 = "as they were sealed before schema version 12"


_MANY = 100_000  # rows; with fewer, leaving columns without a value out saves nothing
GONE = ""
"""In place of a digest: the subject has no rows left."""


class Entry(NamedTuple):
    """An entry of the journal; columns of the table.

    hashed_by   the fingerprint of the engine's hash, if the digest depends on it.
    """

    entry_no: int
    action: str
    subject: str
    content_sha256: str
    made_at: datetime
    system_user: str
    hashed_by: str | None = None

    def link(self, before: str) -> str:
        """The link of this entry, which continues that of the entry before."""
        return digest(before, *map(str, self[:-1]), *filter(None, [self.hashed_by]))


def subject(kind: str, key: object) -> str:
    """The name of a subject, such as `night 2026-06-30`."""
    return f"{kind} {key}"


def memory_subject(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """The name of what an open warehouse remembers of its last run; none if that is nothing."""
    return [_LAST_RUN] if remembered_tables(connection) else []


def seal(
    connection: duckdb.DuckDBPyConnection,
    action: str,
    subjects: Iterable[str],
    sign: Sign | None = None,
) -> None:
    """Add an entry for each subject as it is now, in the current transaction.

    sign   signs the last of the entries, and so all that are before it.
    """
    wanted = sorted(set(subjects))
    if not wanted:
        return
    found, engine = digests(connection, "main", wanted), fingerprint(connection)
    last = connection.execute(
        "SELECT entry_no, link FROM main.journal ORDER BY entry_no DESC LIMIT 1"
    ).fetchall()
    number, link = last[0] if last else (0, "")
    made_at, user = now(), system_user()
    rows = []
    for entry_no, name in enumerate(wanted, number + 1):
        is_hashed = name in found and _kind(name) in _HASHED
        hashed_by = engine if is_hashed else None
        entry = Entry(entry_no, action, name, found.get(name, GONE), made_at, user, hashed_by)
        link = entry.link(link)
        is_last = entry_no == number + len(wanted)
        rows.append((*entry, link, sign(link) if sign and is_last else None))
    schema = [*Entry._fields, "link", "signature"]
    entries = pl.DataFrame(rows, schema=schema, orient="row", infer_schema_length=None)
    connection.register("entries", entries)
    connection.execute("INSERT INTO main.journal BY NAME FROM entries")
    connection.unregister("entries")


def intact(
    connection: duckdb.DuckDBPyConnection,
    schema: str,
    subjects: list[str],
    rows: Rows = Rows.CHECKED,
) -> list[str]:
    """Those of the subjects that are as the journal says.

    Only their later contents may be sealed: a change by another program must stay visible.
    """
    found = digests(connection, schema, subjects, rows=rows)
    stated = last_digests(connection, schema)
    otherwise = set(hashed_otherwise(connection, schema))
    return [
        name
        for name in subjects
        if name in stated and name not in otherwise and found.get(name, GONE) == stated[name]
    ]


class Differences(NamedTuple):
    """Subjects whose rows differ from the journal, and those that cannot be compared."""

    changed: list[str]
    added: list[str]
    removed: list[str]
    not_comparable: list[str]


def differences(
    connection: duckdb.DuckDBPyConnection, schema: str, kinds: Iterable[str] = KINDS
) -> Differences:
    """Compare every row of some kinds of subject with the last entries of the journal."""
    found = digests(connection, schema, kinds=kinds, rows=Rows.CHECKED)
    stated = {
        name: sha256
        for name, sha256 in last_digests(connection, schema).items()
        if sha256 != GONE and _kind(name) in kinds
    }
    both = found.keys() & stated.keys()
    otherwise = both & set(hashed_otherwise(connection, schema))
    return Differences(
        changed=_in_order(name for name in both - otherwise if found[name] != stated[name]),
        added=_in_order(found.keys() - stated.keys()),
        removed=_in_order(stated.keys() - found.keys()),
        not_comparable=_in_order(otherwise),
    )


def hashed_otherwise(connection: duckdb.DuckDBPyConnection, schema: str) -> list[str]:
    """Subjects whose last digest was made by an engine that hashes otherwise than this one."""
    comparable = (None, fingerprint(connection))
    entries = _last_entries(connection, schema)
    return [name for name, _, hashed_by in entries if hashed_by not in comparable]


def _kind(subject_: str) -> str:
    return subject_.partition(" ")[0]


def _in_order(subjects: Iterable[str]) -> list[str]:
    """Subjects by kind, and by number or date within it."""
    return sorted(subjects, key=lambda name: (name.split(" ")[0], len(name), name))


def last_digests(connection: duckdb.DuckDBPyConnection, schema: str) -> dict[str, str]:
    """Subject -> the digest of its last entry."""
    return {name: sha256 for name, sha256, _ in _last_entries(connection, schema)}


def _last_entries(
    connection: duckdb.DuckDBPyConnection, schema: str
) -> list[tuple[str, str, str | None]]:
    """Subject, digest and fingerprint of the last entry of every subject."""
    rows = connection.execute(
        f"""SELECT subject, content_sha256, hashed_by FROM {schema}.journal
            WHERE subject IS NOT NULL
            QUALIFY row_number() OVER (PARTITION BY subject ORDER BY entry_no DESC) = 1"""
    )
    return rows.fetchall()


def digests(
    connection: duckdb.DuckDBPyConnection,
    schema: str,
    subjects: list[str] | None = None,
    kinds: Iterable[str] = KINDS,
    rows: Rows = Rows.AS_HASHED,
) -> dict[str, str]:
    """Subject -> a digest of its rows as they are now, without subjects that have none.

    subjects   the ones to look at; without them all of the kinds.
    """
    found: dict[str, str] = {}
    for kind in kinds:
        only = None if subjects is None else [s for s in subjects if _kind(s) == kind]
        if only == []:
            continue
        tables = _ROWS.get(kind, {})
        parts = [_hashed(connection, schema, kind, t, key, only) for t, key in tables.items()]
        if kind == FILE:
            parts += [_summed(connection, schema, t, only, rows) for t in TABLES.values()]
        if kind == MEMORY:
            parts = [_whole(schema, table) for table in remembered_tables(connection, schema)]
        if not parts:
            continue
        found |= dict(
            connection.execute(
                f"""SELECT subject, sha256(string_agg(hashed, '' ORDER BY hashed))
                    FROM ({" UNION ALL ".join(parts)}) GROUP BY subject"""
            ).fetchall()
        )
    return found


def _hashed(
    connection: duckdb.DuckDBPyConnection,
    schema: str,
    kind: str,
    table: str,
    key: str,
    only: list[str] | None,
) -> str:
    """SQL of the digest of every row of a table: each value with its length, so none runs over."""
    name = f"{schema}.{identifier(table)}"
    columns = [row[0] for row in connection.execute(f"DESCRIBE {name}").fetchall()]
    texts = [f"CAST({identifier(column)} AS VARCHAR)" for column in columns]
    values = ", ".join(f"coalesce(concat(strlen({text}), ':', {text}), '-')" for text in texts)
    return f"""SELECT concat('{kind} ', {key}) AS subject,
                      sha256(concat('{table} ', {values})) AS hashed
               FROM {name} {_where(kind, key, only)}"""


def _summed(
    connection: duckdb.DuckDBPyConnection,
    schema: str,
    table: Table,
    only: list[str] | None,
    rows: Rows,
) -> str:
    """SQL of one digest for all rows of a file: there may be millions, so a fast hash is summed."""
    name, where = f"{schema}.{identifier(table.name)}", _where(FILE, "file_no", only)
    hashed, wrong = _OF_ALL, "NULL"
    if rows is not Rows.BEFORE_12:
        columns = [row[0] for row in connection.execute(f"DESCRIBE {name}").fetchall()]
        filled = columns
        if rows is Rows.CHECKED:
            wrong = f"nullif(count(*) FILTER ({is_hashed_right(table)} IS NOT TRUE), 0)"
        elif one(connection, f"SELECT count(*) FROM {name} {where}") > _MANY:
            filled = [c for c in columns if _has_value(connection, name, c)]
        hashed = sealed(table, columns, filled)
    return f"""SELECT concat('{FILE} ', file_no) AS subject,
                      sha256(concat('{table.name} ', {_TOTAL.format(hashed)}, {wrong})) AS hashed
               FROM {name} t {where}
               GROUP BY file_no"""


def _has_value(connection: duckdb.DuckDBPyConnection, table: str, column: str) -> bool:
    query = f"SELECT 1 FROM {table} WHERE {identifier(column)} IS NOT NULL LIMIT 1"
    return bool(connection.execute(query).fetchall())


def _whole(schema: str, table: str) -> str:
    """SQL of one digest for all rows of a table that the warehouse remembers."""
    total = _TOTAL.format(_OF_ALL)
    return f"""SELECT '{_LAST_RUN}' AS subject, sha256(concat('{table} ', {total})) AS hashed
               FROM {schema}.{identifier(table)} t"""


def _where(kind: str, key: str, only: list[str] | None) -> str:
    """SQL that selects the rows of some subjects, by keys of the column's own type."""
    if only is None:
        return ""
    type_ = "DATE" if kind == NIGHT else "INTEGER"
    keys = ", ".join(f"{type_} {literal(name.removeprefix(f'{kind} '))}" for name in only)
    return f"WHERE {key} IN ({keys})"

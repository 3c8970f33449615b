"""Who is judged, under which member ids their rows may be, and the cache of those rows."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import duckdb

from flows.judging.affected import AFFECTED_PERSON
from flows.judging.audited_codes import AUDITED_HCPCS, AUDITED_NDC
from flows.judging.population import EVERY_ROW, AuditedRows
from flows.settle.claims import create_settled_view, settled
from flows.settle.persons import (
    ASKED_PERSON,
    EVERY_LINK,
    EVERY_UNDATED,
    OF_ASKED,
    PERSON_OF,
    SOLE_PERSON,
    ask_about,
)
from flows.warehouse.columns import seen_columns
from flows.warehouse.memory import NEW_FILE, newly_known_since
from flows.warehouse.run_table import Columns, Reuse, RunTable
from flows.warehouse.sql import day, one, run
from schemas.tables import CLAIM_TABLES
from schemas.tables import TABLES as INPUT

_CACHED = (*CLAIM_TABLES, "diagnosis")
"""The large tables: rows of judged members are cached for the runs that follow."""
_ENOUGH_ROWS = 10_000
"""Claim rows for which another process starts: it takes a second or two until it judges."""
_HASH = {"member_hash": "UBIGINT"}
_PART = {"bucket": "UBIGINT", "only_prices": "BOOLEAN"}
"""What decides in which part a person is judged."""
AUDITED_MEMBER = RunTable(
    "audited_member",
    grain="member_id and person_id of a line that may be of an audited drug",
    columns={"member_id": "VARCHAR", "person_id": "VARCHAR"},
    reuse=Reuse.WHOLE,
)
JUDGED_PERSON = RunTable(
    "judged_person",
    grain="person with a line that may be of an audited drug, who is judged in this run; "
    "only_prices: as AFFECTED_PERSON says",
    columns={"person": "VARCHAR"} | _PART,
)
JUDGED_MEMBER = RunTable(
    "judged_member",
    grain="judged person, and a member_id under which that person may have rows",
    columns={"member_id": "VARCHAR"} | _HASH | _PART,
)
NEWLY_CACHED_MEMBER = RunTable(
    "newly_cached_member",
    grain="hash of a judged member whose rows no earlier run cached",
    columns=_HASH,
)
CACHED_MEMBER = RunTable(
    "cached_member",
    grain="hash of a member whose rows are cached: judged in this run or an earlier one",
    columns=_HASH,
    reuse=Reuse.WHOLE,
)


def cached_columns(table: str) -> Columns:
    """Name and SQL type of every column of a cached row."""
    left_out = ("row_hash", "notes", "raw_record", "place")
    return {n: t for n, t in seen_columns(INPUT[table]).items() if n not in left_out}


CACHED_ROW = {
    table: RunTable(
        f"cached_{table}",
        grain="row of a cached member that no earlier run cached",
        columns=cached_columns(table),
        reuse=Reuse.ADDED,
    )
    for table in _CACHED
}
EVERY_CACHED_ROW = {
    table: RunTable(
        f"every_cached_{table}",
        grain="row of a cached member",
        columns=cached_columns(table),
    )
    for table in _CACHED
}
AUDITED_ROW = {
    table: RunTable(
        f"audited_{table}",
        grain="claim row; every known line that may be of an audited drug is among them",
        columns=cached_columns(table),
    )
    for table in CLAIM_TABLES
}
SETTLED_AUDITED = {
    table: RunTable(
        f"settled_audited_{table}",
        grain="row of AUDITED_ROW, with its person and what became of it",
        columns=settled(cached_columns(table)),
    )
    for table in CLAIM_TABLES
}
TABLES = (
    AUDITED_MEMBER,
    JUDGED_PERSON,
    JUDGED_MEMBER,
    NEWLY_CACHED_MEMBER,
    CACHED_MEMBER,
    *CACHED_ROW.values(),
    *EVERY_CACHED_ROW.values(),
    *AUDITED_ROW.values(),
    *SETTLED_AUDITED.values(),
)


@dataclass(frozen=True)
class Cut:
    """Into how many parts the judged persons are cut.

    most      claim rows of a part, about.
    buckets   how many parts; None: as `most` and `workers` say.
    workers   how many parts are judged at a time: no fewer, if each has enough to do.
    """

    most: int
    buckets: int | None = None
    workers: int = 1

    def count(self, rows: int) -> int:
        """How many parts so many claim rows are."""
        worth_it = min(self.workers, rows // _ENOUGH_ROWS)
        return max(1, worth_it, math.ceil(rows / self.most))


def audited_rows(
    connection: duckdb.DuckDBPyConnection, as_of: date, before: date | None
) -> AuditedRows:
    """Settled claim rows, among which is every line that may be of an audited drug.

    before   as AuditedRows has it: of the rows that run knew, only the cached ones are looked at.
    """
    if before is None:
        return EVERY_ROW
    for table in CLAIM_TABLES:
        run(
            connection,
            "judging/audited_rows",
            reads=(NEW_FILE, CACHED_ROW[table].remembered),
            makes=(AUDITED_ROW[table],),
            table=table,
            columns=", ".join(cached_columns(table)),
            as_of=day(as_of),
            after=newly_known_since(before),
        )
        create_settled_view(connection, table, AUDITED_ROW[table], SETTLED_AUDITED[table], as_of)
    return AuditedRows(SETTLED_AUDITED, before)


def find_judged_members(
    connection: duckdb.DuckDBPyConnection,
    as_of: date,
    before: date | None,
    persons: Sequence[str] | None = None,
) -> None:
    """Find who is judged and under which member ids, and cache the rows of these members.

    before    the as-of date of the run whose answers are valid for everybody but those of
              AFFECTED_PERSON; without it everybody is judged.
    persons   the only ones to be judged, affected or not; None: everybody.
    """
    ask_about(connection, persons or [])
    _find_members(connection, as_of, before, persons is not None)
    for table in _CACHED:
        _cache_rows(connection, table, before)


class PersonsOfPart(NamedTuple):
    """Which of the judged persons are a part.

    condition     SQL, over columns of JUDGED_PERSON.
    only_prices   as WarehouseFrames has it.
    """

    condition: str
    only_prices: bool


EVERYBODY = PersonsOfPart("true", False)
"""All judged persons as one part, about whom every rule is asked."""


def judged_parts(connection: duckdb.DuckDBPyConnection, cut: Cut) -> list[PersonsOfPart]:
    """Cut the judged persons into parts: first those about whom every rule is asked, one part at
    least, and then the others. No answer depends on the parts.
    """
    others = one(connection, f"SELECT count(*) FROM {JUDGED_PERSON} WHERE only_prices")
    exact_from = cut.most if cut.workers == 1 else 2 * _ENOUGH_ROWS  # fewer are one part anyway
    parts = []
    for only_prices in (False, True) if others else (False,):
        asked = f"only_prices = {only_prices}"
        count = cut.buckets or cut.count(_judged_rows(connection, asked, exact_from))
        parts += [
            PersonsOfPart(f"{asked} AND bucket % {count} = {n}", only_prices) for n in range(count)
        ]
    return parts


def _judged_rows(connection: duckdb.DuckDBPyConnection, asked: str, exact_from: int) -> int:
    """How many claim rows judged persons have; up to `exact_from`, rows of others may count too.

    asked   a condition on JUDGED_MEMBER.
    """
    rows = sum(one(connection, f"SELECT count(*) FROM {EVERY_CACHED_ROW[t]}") for t in CLAIM_TABLES)
    if rows > exact_from:
        judged = f"member_hash IN (SELECT member_hash FROM {JUDGED_MEMBER} WHERE {asked})"
        rows = sum(
            one(connection, f"SELECT count(*) FROM {EVERY_CACHED_ROW[t]} WHERE {judged}")
            for t in CLAIM_TABLES
        )
    return rows


def _find_members(
    connection: duckdb.DuckDBPyConnection, as_of: date, before: date | None, of_asked: bool
) -> None:
    """Find who is judged, under which member ids, and whose rows are to be cached."""
    looked_at, asked_for, only_prices = _looked_at(before), "true", "false"
    if of_asked:
        asked_for = f"person IN (FROM {ASKED_PERSON})"
        looked_at = looked_at if before else f"member_hash IN {OF_ASKED}"
    elif before:
        asked_for = f"person IN (SELECT person FROM {AFFECTED_PERSON})"
        only_prices = f"person IN (SELECT person FROM {AFFECTED_PERSON} WHERE only_prices)"
    run(
        connection,
        "judging/judged_members",
        reads=(
            EVERY_LINK,
            EVERY_UNDATED,
            SOLE_PERSON,
            PERSON_OF,
            AUDITED_HCPCS,
            AUDITED_NDC,
            NEW_FILE,
            AFFECTED_PERSON,
            ASKED_PERSON,
            AUDITED_MEMBER.remembered,
            CACHED_MEMBER.remembered,
        ),
        makes=(
            AUDITED_MEMBER,
            JUDGED_PERSON,
            JUDGED_MEMBER,
            NEWLY_CACHED_MEMBER,
            CACHED_MEMBER,
        ),
        as_of=day(as_of),
        after=newly_known_since(before),
        looked_at=looked_at,
        asked_for=asked_for,
        only_prices=only_prices,
        audited_before=AUDITED_MEMBER.remembered if before else AUDITED_MEMBER.empty,
        cached_before=CACHED_MEMBER.remembered if before else CACHED_MEMBER.empty,
    )


def _cache_rows(connection: duckdb.DuckDBPyConnection, table: str, before: date | None) -> None:
    """Cache rows of the members in CACHED_MEMBER that no earlier run cached."""
    made = CACHED_ROW[table]
    run(
        connection,
        "judging/cached_rows",
        reads=(CACHED_MEMBER, NEWLY_CACHED_MEMBER, NEW_FILE, made.remembered),
        makes=(made, EVERY_CACHED_ROW[table]),
        table=table,
        looked_at=_looked_at(before),
        cached_before=made.remembered if before else made.empty,
    )


def _looked_at(before: date | None) -> str:
    """SQL condition on `file_no`: files whose rows are searched one by one."""
    return f"file_no IN (FROM {NEW_FILE})" if before else "true"

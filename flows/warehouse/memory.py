"""What a warehouse remembers of its last night, so that the next one looks only at what moved since.

Everything here can be derived again from the rows. A night that may not build on the last one (its day is earlier, its
texts are others, files are gone) looks at everything, and what it finds is remembered in place of what was.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import NamedTuple

import duckdb

from flows.provenance import digest, program_digest
from flows.warehouse.sql import day
from schemas.tables import CLAIM_TABLES

_NO_DAY = date.max
NO_PAIRS = "(SELECT '' AS member_id, '' AS person_id WHERE false)"
"""SQL of what is remembered of members and persons where nothing is."""
_FACTS = (
    "found_link",
    "undated",
    "sole_person",
    *(f"{t}_fate" for t in CLAIM_TABLES),
    "file_repeats",
)
GATHERED = (*CLAIM_TABLES, "diagnosis")
"""The large tables, whose rows of affected members are gathered for the nights that follow."""
_GATHERED = tuple(f"{t}_gathered" for t in GATHERED)
_ANSWERS = (
    "judged_exception",
    "judged_coverage",
    "judged_repeat",
    "payer_start",
    "generic_price",
    "audited_member",
    "gathered_member",
    *_GATHERED,
)
_ADDED = ("found_link", *_GATHERED)
"""Tables of which tonight found only what is not remembered yet."""
_MOVED = {
    f"{t}_fate": f"(file_no, row_number) IN (SELECT file_no, row_number FROM fresh.run.{t}_touched)"
    for t in CLAIM_TABLES
}
_MOVED |= {"undated": "file_no IN (FROM fresh.run.new_file)"}
_MOVED |= {"sole_person": "member_id IN (SELECT member_id FROM fresh.run.moved_member)"}
_MOVED |= {
    f"judged_{what}": "person_id IN (SELECT person FROM fresh.run.touched_person)"
    for what in ("exception", "coverage")
}
_MOVED |= {"judged_repeat": "person IN (FROM fresh.run.touched_person)"}
"""Tables of which only the rows that moved are exchanged; the others are small, and exchanged as a whole."""


def begin_night(
    connection: duckdb.DuckDBPyConnection, night: date, payer_names: Mapping[str, str], whole: bool
) -> date | None:
    """Lay down what tonight builds on; returns the night that is remembered, None where everything must be looked at.

    run.new_file   files that are looked at row by row: those that the remembered night did not know, else all.
    run.builds_on  one row: whether the facts (persons, final action) of the warehouse are built on, whether its answers
                   are, whether no later night is remembered, and whether tonight was judged.
    """
    under = digest(program_digest(), *(f"{k}\t{v}" for k, v in sorted(payer_names.items())))
    kept = _remembered(connection)
    visible = {n for (n,) in connection.execute("SELECT file_no FROM every_file").fetchall()}
    before = None
    if (
        kept
        and not whole
        and kept.as_of <= night
        and kept.settled_under == under
        and visible >= set(kept.file_nos)
    ):
        before = kept.as_of
    seen = set(kept.file_nos) if kept and before else set()
    connection.execute("CREATE OR REPLACE TABLE run.new_file (file_no INTEGER)")
    connection.execute("INSERT INTO run.new_file SELECT unnest(?)", [sorted(visible - seen)])
    connection.execute(
        """CREATE OR REPLACE TABLE run.builds_on AS
           SELECT ? AS on_facts, false AS on_answers, ? AS is_last, false AS is_judged""",
        [before is not None, not kept or kept.as_of <= night],
    )
    connection.execute(
        """CREATE OR REPLACE TABLE run.remembered AS
           SELECT CAST(? AS DATE) AS as_of, ? AS settled_under, CAST(NULL AS VARCHAR) AS texts,
                  CAST(? AS INTEGER[]) AS file_nos""",
        [night, under, sorted(visible)],
    )
    return before


def builds_on_answers(
    connection: duckdb.DuckDBPyConnection, texts: str, supplied: Iterable[str]
) -> date | None:
    """The remembered night, where its answers still stand for everybody whom nothing touched since; else None.

    They do under the same texts and where the same tables were supplied.
    """
    texts = digest(texts, *sorted(supplied))
    kept = _remembered(connection)
    on_facts = connection.execute("SELECT on_facts FROM run.builds_on").fetchall()[0][0]
    stands = bool(on_facts and kept and kept.texts == texts)
    connection.execute("UPDATE run.builds_on SET on_answers = ?, is_judged = true", [stands])
    connection.execute("UPDATE run.remembered SET texts = ?", [texts])
    return kept.as_of if kept and stands else None


def after(before: date | None) -> str:
    """SQL of the day after which rows of known files came to be known; without a night before no file is known."""
    return day(before or _NO_DAY)


def remember(connection: duckdb.DuckDBPyConnection, source: str) -> None:
    """Keep in the warehouse what tonight found; `source` is the schema that holds it. Part of the transaction of `keep`."""
    on_facts, on_answers, is_last, is_judged = connection.execute(
        f"FROM {source}.builds_on"
    ).fetchall()[0]
    if not (is_last and is_judged):
        return
    for names, builds in ((_FACTS, on_facts), (_ANSWERS, on_answers), (("remembered",), False)):
        for name in names:
            if builds and name in _MOVED:
                connection.execute(f"DELETE FROM main.{name} WHERE {_MOVED[name]}")
                connection.execute(
                    f"INSERT INTO main.{name} BY NAME SELECT * FROM {source}.{name} WHERE {_MOVED[name]}"
                )
            elif builds and name in _ADDED:
                connection.execute(f"INSERT INTO main.{name} BY NAME FROM {source}.{name}")
            else:
                connection.execute(f"CREATE OR REPLACE TABLE main.{name} AS FROM {source}.{name}")


class _RememberedRun(NamedTuple):
    """The night that a warehouse remembers, its files, and under what it was settled (final action) and judged (texts)."""

    as_of: date
    settled_under: str
    texts: str
    file_nos: list[int]


def _remembered(connection: duckdb.DuckDBPyConnection) -> _RememberedRun | None:
    query = (
        "SELECT 1 FROM duckdb_tables() WHERE database_name = 'kept' AND table_name = 'remembered'"
    )
    if not connection.execute(query).fetchall():
        return None
    (row,) = connection.execute(
        "SELECT as_of, settled_under, texts, file_nos FROM kept.main.remembered"
    ).fetchall()
    return _RememberedRun(*row)

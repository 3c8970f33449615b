"""Who is who: which rows are about one person, and what dates the undated diagnoses."""

from collections.abc import Sequence
from datetime import date

import duckdb
import polars as pl

from flows.warehouse.memory import NEW_FILE, newly_known_since
from flows.warehouse.run_table import ChangedRows, Reuse, RunMacro, RunTable
from flows.warehouse.sql import day, literals, one, run
from schemas.row_warnings import MANY_MEMBERS
from schemas.tables import TABLES as INPUT

_MOST_MEMBERS = 25  # an assumption: family members that share an id, and re-enrollments
_LINK_ROUNDS = 8  # each settles one more step of a chain of links; real extracts need two

_LINK = {"member_id": "VARCHAR", "person_id": "VARCHAR"}
_ROW = {"file_no": "INTEGER", "row_number": "BIGINT"}

PERSON_OF = RunMacro("person_of", "the person of a row with (person_id, sole_person_id, member_id)")
STATED_LINK = RunTable(
    "stated_link",
    grain="member_id and person_id that one dated row states, and no row of an earlier run",
    columns=_LINK,
    reuse=Reuse.ADDED,
)
EVERY_LINK = RunTable(
    "every_link", grain="member_id and person_id that any dated row states", columns=_LINK
)
UNDATED_DIAGNOSIS = RunTable(
    "undated_diagnosis",
    grain="diagnosis row without a date, in a file that no earlier run had",
    columns=_ROW | {"claim_id": "VARCHAR"} | _LINK,
    reuse=Reuse.ADDED,
)
EVERY_UNDATED = RunTable(
    "every_undated",
    grain="diagnosis row without a date",
    columns=UNDATED_DIAGNOSIS.columns,
)
CLAIM_OF_UNDATED = RunTable(
    "claim_of_undated",
    grain="claim row known on the as-of date whose claim an undated diagnosis names",
    columns={"claim_id": "VARCHAR"} | _LINK | {"service_date": "DATE"},
)
UNRESOLVED_DIAGNOSIS = RunTable(
    "unresolved_diagnosis",
    grain="undated diagnosis row without such a claim: it is quarantined, and links nobody",
    columns=_ROW,
)
DATED_DIAGNOSIS = RunTable(
    "dated_diagnosis",
    grain="undated diagnosis row; diagnosis_date: the earliest service date of the claim that it "
    "names of its person, null if there is none",
    columns=_ROW | {"diagnosis_date": "DATE"},
)
CROWDED_PERSON = RunTable(
    "crowded_person",
    grain="person_id that goes with so many member_ids that it links nobody",
    columns={"person_id": "VARCHAR"},
    reuse=Reuse.WHOLE,
)
PERSON_WARNING = RunTable(
    "person_warning",
    grain="file with rows of crowded persons; first_position: of the first of them",
    columns={
        "file_no": "INTEGER",
        "check_name": "VARCHAR",
        "rows": "BIGINT",
        "first_position": "BIGINT",
    },
)
CHANGED_LINK = RunTable(
    "changed_link",
    grain="undated diagnosis row that links other persons in the next round than in this one",
    columns=_ROW,
)
_SOLE_PERSON = {"member_id": "VARCHAR", "sole_person_id": "VARCHAR"}
RELINKED_MEMBER = RunTable(
    "relinked_member",
    grain="member_id whose sole person differs from the remembered run (null: none), or of a "
    "person that was crowded in one of both runs",
    columns={"member_id": "VARCHAR", "person_before": "VARCHAR", "person_now": "VARCHAR"},
)
SOLE_PERSON = RunTable(
    "sole_person",
    grain="member_id that goes with exactly one person_id: it is that person everywhere",
    columns=_SOLE_PERSON,
    reuse=ChangedRows(("member_id",), RELINKED_MEMBER, ("member_id",)),
)
ASKED_PERSON = RunTable(
    "asked_person",
    grain="person about whom a question is, which is about nobody else",
    columns={"person": "VARCHAR"},
)
OF_ASKED = f"""(
    SELECT hash(member_id)
    FROM (SELECT member_id, person_id AS person FROM {EVERY_LINK}
          UNION ALL SELECT member_id, person_id FROM {EVERY_UNDATED}
          UNION ALL SELECT person, person FROM {ASKED_PERSON})
    WHERE person IN (FROM {ASKED_PERSON}))"""
"""SQL: the hashes of the member ids under which persons of ASKED_PERSON may have rows."""
TABLES = (
    STATED_LINK,
    EVERY_LINK,
    UNDATED_DIAGNOSIS,
    EVERY_UNDATED,
    CLAIM_OF_UNDATED,
    UNRESOLVED_DIAGNOSIS,
    DATED_DIAGNOSIS,
    CROWDED_PERSON,
    PERSON_WARNING,
    CHANGED_LINK,
    RELINKED_MEMBER,
    SOLE_PERSON,
    ASKED_PERSON,
)


def link_persons(connection: duckdb.DuckDBPyConnection, as_of: date, before: date | None) -> None:
    """Link persons and date the undated diagnoses.

    A diagnosis that finds no claim links nobody, which may undo other links: hence the rounds.

    before   the as-of date of the remembered run, if its links are reused.
    """
    run(
        connection,
        "settle/persons",
        reads=(NEW_FILE, STATED_LINK.remembered, UNDATED_DIAGNOSIS.remembered),
        makes=(
            STATED_LINK,
            EVERY_LINK,
            UNDATED_DIAGNOSIS,
            EVERY_UNDATED,
            UNRESOLVED_DIAGNOSIS,
        ),
        as_of=day(as_of),
        after=newly_known_since(before),
        links_before=STATED_LINK.remembered if before else STATED_LINK.empty,
        is_new=_is_new_link() if before else "true",
        undated_before=UNDATED_DIAGNOSIS.remembered if before else UNDATED_DIAGNOSIS.empty,
    )
    _find_claims_of_undated(connection, as_of)
    for _ in range(_LINK_ROUNDS):
        _leave_out_crowds(connection)
        run(
            connection,
            "settle/sole_persons",
            reads=(EVERY_LINK, EVERY_UNDATED, UNRESOLVED_DIAGNOSIS, CROWDED_PERSON),
            makes=(SOLE_PERSON,),
        )
        _date_diagnoses(connection)
        run(
            connection,
            "settle/changed_links",
            reads=(EVERY_LINK, EVERY_UNDATED, DATED_DIAGNOSIS, UNRESOLVED_DIAGNOSIS),
            makes=(UNRESOLVED_DIAGNOSIS, CHANGED_LINK),
        )
        if not one(connection, f"SELECT count(*) FROM {CHANGED_LINK}"):
            break
    _warn_of_crowds(connection)
    if before:
        run(
            connection,
            "settle/relinked_members",
            reads=(
                SOLE_PERSON,
                EVERY_LINK,
                EVERY_UNDATED,
                CROWDED_PERSON,
                SOLE_PERSON.remembered,
                CROWDED_PERSON.remembered,
            ),
            makes=(RELINKED_MEMBER,),
        )


def reuse_links(connection: duckdb.DuckDBPyConnection) -> None:
    """Take who is who from the remembered run, if nothing has changed since; dates no diagnosis."""
    for made, remembered in (
        (EVERY_LINK, STATED_LINK.remembered),
        (EVERY_UNDATED, UNDATED_DIAGNOSIS.remembered),
        (CROWDED_PERSON, CROWDED_PERSON.remembered),
        (SOLE_PERSON, SOLE_PERSON.remembered),
    ):
        connection.execute(f"CREATE VIEW {made} AS FROM {remembered}")
    _name_persons(connection)


def date_diagnoses(
    connection: duckdb.DuckDBPyConnection, as_of: date, persons: Sequence[str] | None = None
) -> None:
    """Date the undated diagnoses, of everybody or of some persons, once it is known who is who."""
    if persons is None:
        _find_claims_of_undated(connection, as_of)
        _date_diagnoses(connection)
        return
    ask_about(connection, persons)
    asked = f"hash(member_id) IN {OF_ASKED}"
    _find_claims_of_undated(connection, as_of, asked, f"member_hash IN {OF_ASKED}")
    _date_diagnoses(connection, asked)


def ask_about(connection: duckdb.DuckDBPyConnection, persons: Sequence[str]) -> None:
    """List in ASKED_PERSON whom a question is about."""
    ASKED_PERSON.store_frame(connection, pl.DataFrame({"person": persons}, {"person": pl.String}))


def _find_claims_of_undated(
    connection: duckdb.DuckDBPyConnection,
    as_of: date,
    asked_undated: str = "true",
    asked_rows: str = "true",
) -> None:
    run(
        connection,
        "settle/claims_of_undated",
        reads=(EVERY_UNDATED, EVERY_LINK, ASKED_PERSON),
        makes=(CLAIM_OF_UNDATED,),
        as_of=day(as_of),
        asked_undated=asked_undated,
        asked_rows=asked_rows,
    )


def _date_diagnoses(connection: duckdb.DuckDBPyConnection, asked_undated: str = "true") -> None:
    run(
        connection,
        "settle/dated_diagnoses",
        reads=(EVERY_UNDATED, CLAIM_OF_UNDATED, SOLE_PERSON, PERSON_OF, EVERY_LINK, ASKED_PERSON),
        makes=(DATED_DIAGNOSIS,),
        asked_undated=asked_undated,
    )


def _is_new_link() -> str:
    """SQL: whether no earlier run found the `link`."""
    same = " AND ".join(f"k.{name} = link.{name}" for name in _LINK)
    return f"NOT EXISTS (FROM {STATED_LINK.remembered} k WHERE {same})"


def assume_resolved(connection: duckdb.DuckDBPyConnection) -> None:
    """Make UNRESOLVED_DIAGNOSIS, without rows, for a run that was refused before it linked any."""
    connection.execute(
        f"CREATE TABLE IF NOT EXISTS {UNRESOLVED_DIAGNOSIS} AS FROM {UNRESOLVED_DIAGNOSIS.empty}"
    )


def _leave_out_crowds(connection: duckdb.DuckDBPyConnection) -> None:
    """Find the persons with too many members, and say that they are nobody's person."""
    run(
        connection,
        "settle/crowded_persons",
        reads=(EVERY_LINK, EVERY_UNDATED, UNRESOLVED_DIAGNOSIS),
        makes=(CROWDED_PERSON,),
        most_members=str(_MOST_MEMBERS),
    )
    _name_persons(connection)


def _name_persons(connection: duckdb.DuckDBPyConnection) -> None:
    """Make PERSON_OF: crowded persons are nobody's person.

    They are few or none, so the macro lists them (in hex, so that no id is taken for SQL), which
    costs nothing if there are none.
    """
    crowded = connection.execute(f"FROM {CROWDED_PERSON} ORDER BY ALL").fetchall()
    own = "person_id"
    if crowded:
        codes = literals([str(person).encode().hex().upper() for (person,) in crowded])
        own = f"CASE WHEN hex(person_id) NOT IN {codes} THEN person_id END"
    run(connection, "settle/person_of", makes=(PERSON_OF,), own=own)


def _warn_of_crowds(connection: duckdb.DuckDBPyConnection) -> None:
    """Count the rows of crowded persons in every file."""
    rows = " UNION ALL ".join(
        f"SELECT file_no, row_number, person_id FROM every_{table.name}"
        for table in INPUT.values()
        if any(column.name == "person_id" for column in table.columns)
    )
    PERSON_WARNING.create(
        connection,
        f"""SELECT file_no, '{MANY_MEMBERS}' AS check_name, count(*) AS rows,
                   min(row_number) AS first_position
            FROM ({rows}) SEMI JOIN {CROWDED_PERSON} USING (person_id) GROUP BY file_no""",
    )

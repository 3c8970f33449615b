"""Tables whose members appear nowhere in the claims, probably because ids differ in form."""

from collections.abc import Iterator

import duckdb

from flows.settle.claims import SETTLED
from flows.settle.persons import PERSON_OF, SOLE_PERSON
from flows.warehouse.sql import one
from schemas.notes import NO_MEMBER_IN_COMMON, Note, counted
from schemas.tables import CLAIM_TABLES, TABLES

_FEW_ROWS = 1_000
_CLAIMS = " UNION ALL ".join(f"SELECT member_hash, member_id FROM every_{t}" for t in CLAIM_TABLES)
_PERSONS = " UNION ALL ".join(f"SELECT person FROM {SETTLED[t]}" for t in CLAIM_TABLES)


def members_in_no_claim(connection: duckdb.DuckDBPyConnection) -> Iterator[Note]:
    """One note per table that has rows, none of them of a member or person with a claim."""
    if not _exists(connection, _CLAIMS):
        return
    for table in TABLES.values():
        names = {column.name for column in table.columns}
        if table.is_claim or "member_id" not in names:
            continue
        rows = f"every_{table.name}"
        if _exists(connection, f"FROM {rows}") and not _meets_claims(connection, rows):
            members = one(connection, f"SELECT count(DISTINCT member_id) FROM {rows}")
            yield Note(
                NO_MEMBER_IN_COMMON, {"table": table.name, "members": counted(members, "member")}
            )


def _meets_claims(connection: duckdb.DuckDBPyConnection, rows: str) -> bool:
    """Whether some row of a table is of a member of the claims, or of a person.

    Usually one of the first few rows is, so those are tried first: it takes no time.
    """
    for some in (f"SELECT * FROM {rows} LIMIT {_FEW_ROWS}", f"FROM {rows}"):
        members = f"SELECT DISTINCT member_hash, member_id FROM ({some})"
        if _exists(
            connection, f"FROM ({_CLAIMS}) SEMI JOIN ({members}) USING (member_hash, member_id)"
        ):
            return True
    persons = f"""SELECT {PERSON_OF}(t.person_id, s.sole_person_id, t.member_id) AS person
                  FROM {rows} t LEFT JOIN {SOLE_PERSON} s ON s.member_id = t.member_id"""
    return _exists(connection, f"FROM ({persons}) SEMI JOIN ({_PERSONS}) USING (person)")


def _exists(connection: duckdb.DuckDBPyConnection, query: str) -> bool:
    return bool(connection.execute(f"SELECT 1 FROM ({query}) LIMIT 1").fetchall())

"""From the warehouse to frames: everything known about the persons with audited drug lines."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import duckdb
import polars as pl

from audit_rules.engine.dossier import WarehouseFrames
from audit_rules.reference.codes import Reference
from audit_rules.reference.drug_words import with_known_words
from flows.judging.members import (
    EVERY_CACHED_ROW,
    EVERYBODY,
    JUDGED_MEMBER,
    JUDGED_PERSON,
    Cut,
    cached_columns,
    find_judged_members,
    judged_parts,
)
from flows.judging.population import PopulationFacts, population_facts, supplied_tables
from flows.settle.claims import create_settled_view, settled
from flows.settle.payers import PAYER_JOIN
from flows.settle.persons import DATED_DIAGNOSIS, PERSON_OF, SOLE_PERSON
from flows.warehouse.run_table import RunTable
from flows.warehouse.sql import day, fetched, fetched_from, run
from schemas.senders import TWO_DIGIT_YEAR
from schemas.tables import CLAIM_TABLES
from schemas.tables import TABLES as INPUT

PART_ROW = {
    table: RunTable(
        f"part_{table}",
        grain="row of a member of the judged persons who are read at a time",
        columns=cached_columns(table),
    )
    for table in CLAIM_TABLES
}
SETTLED_CACHED = {
    table: RunTable(
        f"settled_cached_{table}",
        grain="row of PART_ROW, with its person and what became of it",
        columns=settled(cached_columns(table)),
    )
    for table in CLAIM_TABLES
}
KNOWN_CLAIM = {
    table: RunTable(
        f"known_{table}",
        grain="claim row of a judged person, known on the as-of date and not an exact duplicate",
        columns={
            "payer": "VARCHAR",
            "claim_id": "VARCHAR",
            "claim_line_number": "BIGINT",
            "original_claim_id": "VARCHAR",
            "is_paid_history": "BOOLEAN",
        },
    )
    for table in CLAIM_TABLES
}
TABLES = (*PART_ROW.values(), *SETTLED_CACHED.values(), *KNOWN_CLAIM.values())

LATEST_LOAD_COUNTS = ("authorization", "eligibility", "clinical_evidence")
"""Tables in which the row of the latest load of a key counts: the order of loads decides."""
_LATEST_DECISION = """
    ANTI JOIN (SELECT authorization_id, max(load_no) AS load_no
               FROM every_authorization JOIN every_file USING (file_no) GROUP BY authorization_id) l
    ON l.authorization_id = t.authorization_id AND l.load_no > every_file.load_no"""


def read_frames(
    connection: duckdb.DuckDBPyConnection,
    reference: Reference,
    as_of: date,
    facts: PopulationFacts | None = None,
    before: date | None = None,
    persons: Sequence[str] | None = None,
) -> WarehouseFrames:
    """Read one frame per table, for all persons to be judged; see `read_parts`."""
    facts = facts or population_facts(connection, reference)
    (frames,) = read_parts(connection, reference, as_of, facts, before, persons=persons)
    return frames


def read_parts(
    connection: duckdb.DuckDBPyConnection,
    reference: Reference,
    as_of: date,
    facts: PopulationFacts,
    before: date | None = None,
    cut: Cut | None = None,
    persons: Sequence[str] | None = None,
) -> Iterator[WarehouseFrames]:
    """Read one frame per table, for the persons to be judged, some persons after others.

    facts               what answers take from other persons.
    before              the as-of date of the run whose answers are valid for everybody but those of
                        AFFECTED_PERSON; without it everybody is judged.
    cut                 into how many parts; without it all are read at once, and every rule is to
                        be asked about all of them.
    persons             the only ones to be judged, affected or not; None: everybody.
    medical, pharmacy   grain: claim row known on the as-of date, without exact duplicates; columns
                        of the contract with person, payer_id, service_date, fate and netted
                        figures.
    other tables        grain: row; with person and payer_id; diagnoses that had no date are dated.
    """
    find_judged_members(connection, as_of, before, persons)
    for known in KNOWN_CLAIM.values():
        known.create(connection)
    of_everybody: dict[str, Any] = {
        "provider": fetched(connection, "SELECT DISTINCT npi, taxonomy_code FROM every_provider"),
        "payer_start": facts.payer_start,
        "authorization_start": facts.authorization_start,
        "priced_lines": facts.priced_lines,
        "supplied": supplied_tables(connection, as_of),
    }
    for of_part, only_prices in [EVERYBODY] if cut is None else judged_parts(connection, cut):
        of_persons = _of_persons(connection, reference, as_of, of_part)
        yield WarehouseFrames(**(of_everybody | of_persons), only_prices=only_prices)


def _of_persons(
    connection: duckdb.DuckDBPyConnection, reference: Reference, as_of: date, of_part: str
) -> dict[str, pl.DataFrame]:
    """The frames that have rows of persons, for those of a part: a condition on `bucket`."""
    return {
        "medical": _claims(connection, "medical_claim", as_of, of_part),
        "pharmacy": _claims(connection, "pharmacy_claim", as_of, of_part),
        "diagnosis": _rows(
            connection,
            "diagnosis",
            "t.claim_id, t.diagnosis_code, t.diagnosis_code_type, "
            "coalesce(t.diagnosis_date, d.diagnosis_date) AS diagnosis_date",
            f"""LEFT JOIN {DATED_DIAGNOSIS} d
                ON d.file_no = t.file_no AND d.row_number = t.row_number""",
            of_part,
        ),
        "eligibility": _rows(
            connection,
            "eligibility",
            f"p.payer_id, {_born(as_of)} AS birth_date, t.death_date, t.gender, t.payer_type, "
            "t.plan, t.enrollment_start_date, t.enrollment_end_date",
            PAYER_JOIN,
            of_part,
            key=("person", "p.payer_id", "t.enrollment_start_date"),
        ),
        "authorization": with_known_words(
            _rows(
                connection,
                "authorization",
                "p.payer_id, t.authorization_id, t.drug, t.product, t.status, t.start_date, "
                "t.end_date, t.override, t.units",
                f"{PAYER_JOIN} {_LATEST_DECISION}",
                of_part,
            ),
            reference,
        ),
        "clinical_evidence": _rows(
            connection,
            "clinical_evidence",
            "t.evidence_date, t.evidence_code, t.evidence_value",
            "",
            of_part,
            key=("person", "t.evidence_date", "t.evidence_code"),
        ),
    }


def _born(as_of: date) -> str:
    """SQL of a birth date: one after the as-of date is a century earlier if that was a guess."""
    is_guess = f"contains(coalesce(t.notes, ''), 'birth_date|{TWO_DIGIT_YEAR}')"
    return (
        f"CASE WHEN t.birth_date > {day(as_of)} AND {is_guess} "
        "THEN CAST(t.birth_date - INTERVAL 100 YEAR AS DATE) ELSE t.birth_date END"
    )


def _rows(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    columns: str,
    join: str,
    of_part: str,
    key: tuple[str, ...] = (),
) -> pl.DataFrame:
    """Rows of one table for the persons of a part, in a total order of their content.

    key   if given, only the rows of each key's latest load.
    """
    source = EVERY_CACHED_ROW.get(table, f"every_{table}")
    latest = f"QUALIFY load_no = max(load_no) OVER (PARTITION BY {', '.join(key)})" if key else ""
    person = f"{PERSON_OF}(t.person_id, s.sole_person_id, t.member_id)"
    return fetched(
        connection,
        f"""WITH of_members AS MATERIALIZED (
                SELECT * FROM {source}
                WHERE member_hash IN (SELECT member_hash FROM {JUDGED_MEMBER} WHERE {of_part}))
            SELECT {person} AS person, {columns}
            FROM of_members t
            JOIN every_file USING (file_no)
            LEFT JOIN {SOLE_PERSON} s ON s.member_id = t.member_id
            SEMI JOIN (FROM {JUDGED_PERSON} WHERE {of_part}) j ON j.person = {person}
            {join} {latest}""",
    )


def _claims(
    connection: duckdb.DuckDBPyConnection, table: str, as_of: date, of_part: str
) -> pl.DataFrame:
    """Settled claim rows of the persons of a part, in a total order of their content.

    Adds to KNOWN_CLAIM what the ledger looks at.
    """
    part = PART_ROW[table]
    run(
        connection,
        "judging/part_rows",
        reads=(EVERY_CACHED_ROW[table], JUDGED_MEMBER),
        makes=(part,),
        table=table,
        of_part=of_part,
    )
    create_settled_view(connection, table, part, SETTLED_CACHED[table], as_of)
    known = fetched_from(
        connection,
        "judging/known_claims",
        reads=(SETTLED_CACHED[table], JUDGED_PERSON),
        table=table,
        as_of=day(as_of),
        quantity=str(INPUT[table].quantity),
        of_part=of_part,
    )
    KNOWN_CLAIM[table].add_frame(connection, known)
    return known.drop("is_paid_history")

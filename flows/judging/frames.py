"""Extract: from the warehouse, everything known about the persons with audited drug lines, as Polars frames."""

from datetime import date
from typing import NamedTuple

import duckdb
import polars as pl

from audit_rules.engine.dossier import WarehouseFrames
from audit_rules.reference.codes import Reference
from flows.settle.claims import FEE, QUANTITY, SERVICE_DATE
from flows.warehouse.connection import left
from flows.warehouse.memory import GATHERED, NO_PAIRS, after
from flows.warehouse.sql import day, fetched, run
from schemas.tables import TABLES, Kind

_PAYER_ID = "p.payer_id"
_PAYER = "JOIN run.payer p ON p.name = lower(t.payer)"
_PERSON = "coalesce(t.person_id, s.sole_person_id, t.member_id)"
_AFFECTED = f"""
    LEFT JOIN run.sole_person s ON s.member_id = t.member_id
    SEMI JOIN run.affected_person ap ON ap.person = {_PERSON}"""

_LATEST_DECISION = """
    ANTI JOIN (SELECT authorization_id, max(load_no) AS load_no
               FROM every_authorization JOIN every_file USING (file_no) GROUP BY authorization_id) l
    ON l.authorization_id = t.authorization_id AND l.load_no > every_file.load_no"""


_OF_KNOWN = ("payer", "claim_id", "claim_line_number", "original_claim_id", "fate", "paid_cents")
"""What the ledger asks of the claim rows of affected persons, left for it in run.known_TABLE."""
_EVERYBODY = {
    "asked_for": "true",
    "looked_at": "true",
    "audited_before": NO_PAIRS,
    "gathered_before": "(SELECT hash('') AS member_hash WHERE false)",
}
_TOUCHED = {
    "asked_for": "person IN (FROM run.touched_person)",
    "looked_at": "file_no IN (FROM run.new_file)",
    "audited_before": "kept.main.audited_member",
    "gathered_before": "kept.main.gathered_member",
}


class PopulationFacts(NamedTuple):
    """What a person's answers take from others.

    priced_fills   grain: history fill of an audited drug of any person; person, ndc_code, payer_id, service_date, figures.
    payer_start    grain: payer_id; first_dispensing_date among accepted fills, whenever it is, but not before the last purge:
                   who knows what went.
    """

    priced_fills: pl.DataFrame
    payer_start: pl.DataFrame


def extract(
    connection: duckdb.DuckDBPyConnection,
    reference: Reference,
    as_of: date,
    others: PopulationFacts | None = None,
    before: date | None = None,
) -> WarehouseFrames:
    """One frame per table, for affected persons only; claim rows carry their fate and netted figures.

    others              where they were asked for before; else they are now.
    before              the night whose answers stand for everybody but those of run.touched_person; without it, everybody is
                        asked for.
    medical, pharmacy   grain: claim row known on the as-of date, duplicates left out; columns of the contract and
                        person, payer_id, service_date, fate, quantity_milli, paid_cents, fee_cents.
    other tables        grain: row; person and payer_id added, dates of diagnoses filled in.
    """
    priced_fills, payer_start = others or of_others(connection, reference, as_of)
    _list_codes(
        connection, "audited_hcpcs", reference.hcpcs.filter(pl.col("role") != "never")["hcpcs"]
    )
    _list_codes(connection, "audited_ndc", reference.ndc.filter(pl.col("audited"))["ndc11"])
    today = day(as_of)
    asked = _TOUCHED if before else _EVERYBODY
    run(connection, "judging/affected", as_of=today, after=after(before), **asked)
    for table in GATHERED:
        rows_before = f"UNION ALL BY NAME FROM kept.main.{table}_gathered" if before else ""
        run(
            connection,
            "judging/gathered",
            table=table,
            looked_at=asked["looked_at"],
            rows_before=rows_before,
        )
    return WarehouseFrames(
        medical=_claims(connection, "medical_claim", today),
        pharmacy=_claims(connection, "pharmacy_claim", today),
        diagnosis=_rows(
            connection,
            "diagnosis",
            "t.claim_id, t.diagnosis_code, t.diagnosis_code_type, "
            "coalesce(t.diagnosis_date, d.diagnosis_date) AS diagnosis_date",
            "LEFT JOIN run.dated_diagnosis d ON d.file_no = t.file_no AND d.row_number = t.row_number",
        ),
        eligibility=_rows(
            connection,
            "eligibility",
            f"{_PAYER_ID}, t.birth_date, t.death_date, t.enrollment_start_date, "
            "t.enrollment_end_date",
            _PAYER,
            key=("person", "p.payer_id", "t.enrollment_start_date"),
        ),
        authorization=_rows(
            connection,
            "authorization",
            f"{_PAYER_ID}, t.authorization_id, t.drug, t.product, t.status, t.start_date, "
            "t.end_date, t.override",
            f"{_PAYER} {_LATEST_DECISION}",
        ),
        clinical_evidence=_rows(
            connection,
            "clinical_evidence",
            "t.evidence_date, t.evidence_code, t.evidence_value",
            key=("person", "t.evidence_date", "t.evidence_code"),
        ),
        provider=fetched(connection, "SELECT DISTINCT npi, taxonomy_code FROM every_provider"),
        payer_start=payer_start,
        priced_fills=priced_fills,
        supplied=supplied(connection),
    )


def of_others(
    connection: duckdb.DuckDBPyConnection, reference: Reference, as_of: date
) -> PopulationFacts:
    """What answers take from other persons, for everybody at once."""
    _list_codes(connection, "audited_ndc", reference.ndc.filter(pl.col("audited"))["ndc11"])
    priced_fills = fetched(
        connection,
        f"""SELECT {_PERSON} AS person, t.ndc_code, {_PAYER_ID}, t.dispensing_date AS service_date,
                   {_figure("t.quantity", "quantity", 1000)} AS quantity_milli,
                   {_figure("t.paid_amount", "paid_amount", 100)} AS paid_cents,
                   {_figure(FEE["pharmacy_claim"], "fee", 100)} AS fee_cents
            FROM every_pharmacy_claim t {_PAYER}
            LEFT JOIN run.sole_person s ON s.member_id = t.member_id
            LEFT JOIN run.pharmacy_claim_fate f ON f.file_no = t.file_no AND f.row_number = t.row_number
            WHERE t.ndc_code IN (FROM run.audited_ndc) AND t.dispensing_date <= {day(as_of)}
              AND coalesce(f.fate, 'history') = 'history'""",
    )
    payer_start = fetched(
        connection,
        f"""SELECT {_PAYER_ID},
                   greatest(min(t.dispensing_date), (SELECT max(before) FROM every_purge)) AS first_dispensing_date
            FROM every_pharmacy_claim t {_PAYER} GROUP BY ALL""",
    )
    return PopulationFacts(priced_fills, payer_start)


def _figure(own: str, netted: str, parts: int) -> str:
    """SQL of a figure of a claim row, netted where its key was, as an integer of so many parts of the whole."""
    return f"CAST(CASE WHEN f.is_netted THEN f.netted_{netted} ELSE {own} END * {parts} AS BIGINT)"


def supplied(connection: duckdb.DuckDBPyConnection) -> frozenset[str]:
    """Names of the tables that were supplied, and `any_diagnosis` where a diagnosis source was."""
    files = connection.execute("SELECT table_name, columns FROM every_file").fetchall()
    columns = {t.name: set(t.of_kind(Kind.ICD10CM)) for t in TABLES.values()}
    return frozenset(t for t, _ in files) | {
        "any_diagnosis" for table, present in files if columns[table] & set(present)
    }


def _list_codes(connection: duckdb.DuckDBPyConnection, name: str, codes: pl.Series) -> None:
    left(connection, name, codes.to_frame("code"))


def _rows(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    columns: str,
    join: str = "",
    key: tuple[str, ...] = (),
) -> pl.DataFrame:
    """Rows of one table for affected persons, in a total order of their content; of each key those of its latest load."""
    source = f"gathered_{table}" if table in GATHERED else f"every_{table}"
    latest = f"QUALIFY load_no = max(load_no) OVER (PARTITION BY {', '.join(key)})" if key else ""
    query = f"""
        WITH of_members AS MATERIALIZED (
            SELECT * FROM {source} WHERE member_hash IN (SELECT member_hash FROM run.affected_member))
        SELECT {_PERSON} AS person, {columns} FROM of_members t JOIN every_file USING (file_no) {_AFFECTED} {join} {latest}"""
    return fetched(connection, query)


def _claims(connection: duckdb.DuckDBPyConnection, table: str, as_of: str) -> pl.DataFrame:
    """Claim rows of affected persons (sql/judging/known_claims.sql), in a total order of their content."""
    run(
        connection,
        "judging/known_claims",
        table=table,
        as_of=as_of,
        service_date=SERVICE_DATE[table],
        quantity=QUANTITY[table],
        fee=FEE[table],
    )
    known = fetched(connection, f"FROM known_{table}")
    left(connection, f"known_{table}", known.select(_OF_KNOWN))
    return known

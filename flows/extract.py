"""Extract: from the warehouse, everything known about the persons with audited drug lines, as Polars frames."""

from datetime import date

import duckdb
import polars as pl

from audit_rules.dossier import Extracted
from audit_rules.reference import Reference
from flows.net import FEE, QUANTITY, SERVICE_DATE
from flows.sql import fetched, literal, run
from flows.warehouse import Workbench, opened
from schemas.tables import TABLES, Kind

_PAYER_ID = "p.payer_id"
_PAYER = "JOIN run.payer p ON p.name = lower(t.payer)"
_PERSON = "coalesce(t.person_id, s.sole_person_id, t.member_id)"
_AFFECTED = """
    JOIN run.affected_member a ON a.member_hash = t.member_hash AND a.member_id = t.member_id
    LEFT JOIN run.sole_person s ON s.member_id = t.member_id
    SEMI JOIN run.affected_person ap ON ap.person = coalesce(t.person_id, s.sole_person_id, t.member_id)"""

_LATEST_DECISION = """
    ANTI JOIN (SELECT authorization_id, max(load_no) AS load_no
               FROM every_authorization JOIN every_file USING (file_no) GROUP BY authorization_id) l
    ON l.authorization_id = t.authorization_id AND l.load_no > every_file.load_no"""


def extract(bench: Workbench, reference: Reference, as_of: date) -> Extracted:
    """One frame per table, for affected persons only; claim rows carry their fate and netted figures.

    medical, pharmacy   grain: claim row known on the as-of date, duplicates left out; columns of the contract and
                        person, payer_id, service_date, fate, quantity_milli, paid_cents, fee_cents.
    other tables        grain: row; person and payer_id added, dates of diagnoses filled in.
    """
    with opened(bench) as connection:
        _list_codes(connection, "audited_hcpcs", reference.hcpcs.filter(pl.col("role") != "never")["hcpcs"])
        _list_codes(connection, "audited_ndc", reference.ndc.filter(pl.col("audited"))["ndc11"])
        day = f"DATE {literal(as_of.isoformat())}"
        run(connection, "affected", as_of=day)
        supplied = connection.execute("SELECT table_name, columns FROM every_file").fetchall()
        return Extracted(
            medical=_claims(connection, "medical_claim", day),
            pharmacy=_claims(connection, "pharmacy_claim", day),
            diagnosis=_rows(
                connection, "diagnosis", "t.claim_id, t.diagnosis_code, t.diagnosis_code_type, "
                "coalesce(t.diagnosis_date, d.diagnosis_date) AS diagnosis_date",
                "LEFT JOIN run.dated_diagnosis d ON d.file_no = t.file_no AND d.row_number = t.row_number",
            ),
            eligibility=_rows(
                connection, "eligibility", f"{_PAYER_ID}, t.birth_date, t.death_date, t.enrollment_start_date, "
                "t.enrollment_end_date", _PAYER, key=("person", "p.payer_id", "t.enrollment_start_date"),
            ),
            authorization=_rows(
                connection, "authorization", f"{_PAYER_ID}, t.authorization_id, t.drug, t.product, t.status, t.start_date, "
                "t.end_date, t.override", f"{_PAYER} {_LATEST_DECISION}",
            ),
            clinical_evidence=_rows(
                connection, "clinical_evidence", "t.evidence_date, t.evidence_code, t.evidence_value",
                key=("person", "t.evidence_date", "t.evidence_code"),
            ),
            provider=fetched(connection, "SELECT DISTINCT npi, taxonomy_code FROM every_provider"),
            payer_start=fetched(
                connection,
                f"SELECT {_PAYER_ID}, greatest(min(t.dispensing_date), (SELECT max(before) FROM every_purge)) "
                "AS first_dispensing_date "
                f"FROM every_pharmacy_claim t {_PAYER} GROUP BY ALL",
            ),
            supplied=frozenset(t for t, _ in supplied) | _diagnosis_source(supplied),
        )  # fmt: skip


def _diagnosis_source(supplied: list[tuple[str, list[str]]]) -> set[str]:
    columns = {t.name: set(t.of_kind(Kind.ICD10CM)) for t in TABLES.values()}
    return {"any_diagnosis" for table, present in supplied if columns[table] & set(present)}


def _list_codes(connection: duckdb.DuckDBPyConnection, name: str, codes: pl.Series) -> None:
    frame = codes.to_frame("code")
    connection.register("codes", frame)
    connection.execute(f"CREATE OR REPLACE TABLE run.{name} AS SELECT code FROM codes")
    connection.unregister("codes")


def _rows(
    connection: duckdb.DuckDBPyConnection, table: str, columns: str, join: str = "", key: tuple[str, ...] = ()
) -> pl.DataFrame:
    """Rows of one table for affected persons, in a total order of their content; of each key those of its latest load."""
    latest = f"QUALIFY load_no = max(load_no) OVER (PARTITION BY {', '.join(key)})" if key else ""
    query = (
        f"SELECT {_PERSON} AS person, {columns} FROM every_{table} t JOIN every_file USING (file_no) {_AFFECTED} {join} {latest}"
    )
    return fetched(connection, query)


def _claims(connection: duckdb.DuckDBPyConnection, table: str, as_of: str) -> pl.DataFrame:
    run(
        connection,
        "known_claims",
        table=table,
        as_of=as_of,
        service_date=SERVICE_DATE[table],
        quantity=QUANTITY[table],
        fee=FEE[table],
    )
    return fetched(connection, f"FROM run.known_{table}")

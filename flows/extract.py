"""Extract: from the warehouse, everything known about the persons with audited drug lines, as Polars frames."""

from datetime import date

import duckdb
import polars as pl

from audit_rules.dossier import Extracted
from audit_rules.reference import Reference
from flows.net import SERVICE_DATE
from flows.sql import literal, run
from flows.warehouse import Workbench, opened
from schemas.tables import Kind, TABLES

_PERSON = "coalesce(t.person_id, s.sole_person_id, t.member_id)"
_AFFECTED = """
    JOIN run.affected_member a ON a.member_hash = t.member_hash AND a.member_id = t.member_id
    LEFT JOIN run.sole_person s ON s.member_id = t.member_id
    SEMI JOIN run.affected_person ap ON ap.person = coalesce(t.person_id, s.sole_person_id, t.member_id)"""


def extract(bench: Workbench, reference: Reference, as_of: date) -> Extracted:
    """One frame per table, for affected persons only; claim rows carry their fate and netted figures.

    medical, pharmacy   grain: claim row known on the as-of date, duplicates left out; columns of the contract and
                        person, payer_id, service_date, fate, quantity_milli, paid_cents, fee_cents.
    other tables        grain: row; person and payer_id added, dates of diagnoses filled in.
    """
    with opened(bench) as connection:
        _list_codes(connection, "audited_hcpcs", reference.hcpcs.filter(pl.col("role") != "never")["hcpcs"])
        _list_codes(connection, "audited_ndc", reference.ndc.filter(pl.col("audited"))["ndc11"])
        run(connection, "affected", as_of=f"DATE {literal(as_of.isoformat())}")
        supplied = connection.execute("SELECT table_name, columns FROM every_file").fetchall()
        return Extracted(
            medical=_claims(connection, "medical_claim", "service_unit_quantity", as_of),
            pharmacy=_claims(connection, "pharmacy_claim", "quantity", as_of),
            diagnosis=_rows(
                connection, "diagnosis", "t.claim_id, t.diagnosis_code, t.diagnosis_code_type, "
                "coalesce(t.diagnosis_date, d.diagnosis_date) AS diagnosis_date",
                "LEFT JOIN run.dated_diagnosis d ON d.file_no = t.file_no AND d.row_number = t.row_number",
            ),
            eligibility=_rows(
                connection, "eligibility", f"{_PAYER_ID}, t.birth_date, t.death_date, t.enrollment_start_date, t.enrollment_end_date",
                _PAYER,
            ),
            authorization=_rows(
                connection, "authorization", f"{_PAYER_ID}, t.authorization_id, t.drug, t.product, t.status, t.start_date, "
                "t.end_date, t.override", _PAYER,
            ),
            clinical_evidence=_rows(connection, "clinical_evidence", "t.evidence_date, t.evidence_code, t.evidence_value"),
            provider=connection.sql("SELECT DISTINCT npi, taxonomy_code FROM every_provider ORDER BY ALL").pl(),
            payer_start=connection.sql(
                "SELECT p.payer_id, min(t.dispensing_date) AS first_dispensing_date FROM every_pharmacy_claim t "
                "JOIN run.payer p ON p.name = lower(t.payer) GROUP BY ALL ORDER BY ALL"
            ).pl(),
            supplied=frozenset(t for t, _ in supplied) | _diagnosis_source(supplied),
        )  # fmt: skip


_PAYER_ID = "p.payer_id"
_PAYER = "JOIN run.payer p ON p.name = lower(t.payer)"


def _diagnosis_source(supplied: list[tuple[str, list[str]]]) -> set[str]:
    columns = {t.name: set(t.of_kind(Kind.ICD10CM)) for t in TABLES.values()}
    return {"any_diagnosis" for table, present in supplied if columns[table] & set(present)}


def _list_codes(connection: duckdb.DuckDBPyConnection, name: str, codes: pl.Series) -> None:
    frame = codes.to_frame("code")
    connection.register("codes", frame)
    connection.execute(f"CREATE OR REPLACE TABLE run.{name} AS SELECT code FROM codes")
    connection.unregister("codes")


def _rows(connection: duckdb.DuckDBPyConnection, table: str, columns: str, join: str = "") -> pl.DataFrame:
    """Rows of one table for affected persons, in a total order of their content."""
    query = f"SELECT {_PERSON} AS person, {columns} FROM every_{table} t {_AFFECTED} {join} ORDER BY ALL"
    return connection.sql(query).pl()


def _claims(connection: duckdb.DuckDBPyConnection, table: str, quantity: str, as_of: date) -> pl.DataFrame:
    has_fee = table == "pharmacy_claim"
    netted = f"""quantity_or_netted AS quantity, CAST(quantity_or_netted * 1000 AS BIGINT) AS quantity_milli,
                 paid_or_netted AS paid_amount, CAST(paid_or_netted * 100 AS BIGINT) AS paid_cents
                 {", CAST(fee_or_netted * 100 AS BIGINT) AS fee_cents" if has_fee else ""}"""
    dropped = ["file_no", "row_number", "member_hash", "row_hash", "notes", "raw_record", "person_id", quantity, "paid_amount"]
    query = f"""
        SELECT * EXCLUDE ({", ".join(["quantity_or_netted", "paid_or_netted", *(["fee_or_netted"] if has_fee else [])])}), {netted}
        FROM (SELECT t.* EXCLUDE ({", ".join([*dropped, *(["dispensing_fee"] if has_fee else [])])}),
                     {_PERSON} AS person, {_PAYER_ID}, {SERVICE_DATE[table]} AS service_date,
                     coalesce(f.fate, 'history') AS fate,
                     CASE WHEN f.is_netted THEN f.netted_quantity ELSE t.{quantity} END AS quantity_or_netted,
                     CASE WHEN f.is_netted THEN f.netted_paid_amount ELSE t.paid_amount END AS paid_or_netted
                     {", CASE WHEN f.is_netted THEN f.netted_fee ELSE t.dispensing_fee END AS fee_or_netted" if has_fee else ""}
              FROM every_{table} t {_AFFECTED} {_PAYER}
              LEFT JOIN run.{table}_fate f ON f.file_no = t.file_no AND f.row_number = t.row_number
              WHERE {SERVICE_DATE[table]} <= DATE {literal(as_of.isoformat())}
                AND coalesce(f.fate, 'history') <> 'duplicate')
        ORDER BY ALL"""
    return connection.sql(query).pl()

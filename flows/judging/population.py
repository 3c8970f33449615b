"""What a person's answers take from everybody's rows: generic prices and payers' first fills."""

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

import duckdb
import polars as pl

from audit_rules.engine.history import with_drug
from audit_rules.reference.codes import Reference
from audit_rules.reference.drug_words import with_known_words
from audit_rules.reference.product_sets import GovernedCodes
from flows.judging.audited_codes import AUDITED_NDC, GOVERNED_HCPCS, list_audited_codes
from flows.settle.claims import SETTLED
from flows.settle.payers import PAYER_JOIN
from flows.warehouse.memory import NEW_FILE
from flows.warehouse.run_table import Reuse, RunTable
from flows.warehouse.sql import day, fetched, literals
from schemas.paid import is_paid
from schemas.table import Kind
from schemas.tables import TABLES as INPUT

PAYER_START = RunTable(
    "payer_start",
    grain="payer_id; the first dates of its fills and medical lines",
    columns={
        "payer_id": "VARCHAR",
        "first_dispensing_date": "DATE",
        "first_service_date": "DATE",
    },
    reuse=Reuse.WHOLE,
)
TABLES = (PAYER_START,)
EVIDENCE = "evidence:"
"""What the codes of evidence begin with among what was supplied."""


class AuditedRows(NamedTuple):
    """Settled claim rows, among which is every line that may be of an audited drug.

    settled   claim table -> its rows.
    before    the as-of date of the run whose answers are valid for whoever is not affected since;
              None: there is none, and these are all rows.
    """

    settled: Mapping[str, RunTable]
    before: date | None


EVERY_ROW = AuditedRows(SETTLED, None)


class PopulationFacts(NamedTuple):
    """What a person's answers take from other persons.

    priced_lines          grain: history line that may be of an audited drug, of any person; what it
                          cost.
    payer_start           grain: payer_id; the first dates of its fills and of its medical lines,
                          but not earlier than the last purge, because earlier rows may have been
                          removed.
    authorization_start   grain: payer_id and drug; the first start of an authorization of anyone.
    audited               grain: payer_id and spelling of the payer; paid lines of audited drugs and
                          of sets of documents. No answer depends on it.
    """

    priced_lines: pl.DataFrame
    payer_start: pl.DataFrame
    authorization_start: pl.DataFrame
    audited: pl.DataFrame


def population_facts(
    connection: duckdb.DuckDBPyConnection, reference: Reference, rows: AuditedRows = EVERY_ROW
) -> PopulationFacts:
    """Read what answers take from other persons, for everybody at once."""
    list_audited_codes(connection, reference)
    own_codes = reference.hcpcs.filter(pl.col("role") == "drug")["hcpcs"].to_list()
    is_of_a_drug = f"""(list_contains({literals(own_codes)}, hcpcs_code)
                        OR ndc_code IN (FROM {AUDITED_NDC}))"""
    found_first = f"""place IN (SELECT place FROM every_medical_claim WHERE {is_of_a_drug})
                      AND {is_of_a_drug}"""
    of_a_drug = {  # among all rows, the few are found first: joining all takes far longer
        "medical_claim": is_of_a_drug if rows.before else found_first,
        "pharmacy_claim": f"ndc_code IN (FROM {AUDITED_NDC})",
    }
    code = {"medical_claim": "hcpcs_code", "pharmacy_claim": "CAST(NULL AS VARCHAR) AS hcpcs_code"}
    lines = fetched(
        connection,
        " UNION ALL ".join(
            f"""SELECT '{table.removesuffix("_claim")}' AS claim_source, claim_id,
                       claim_line_number, person, payer_id, {code[table]}, ndc_code, service_date,
                       CAST(netted_quantity * 1000 AS BIGINT) AS quantity_milli,
                       CAST(netted_paid_amount * 100 AS BIGINT) AS paid_cents,
                       CAST(netted_fee * 100 AS BIGINT) AS fee_cents, payer
                FROM {rows.settled[table]}
                WHERE {condition} AND fate = 'history'"""
            for table, condition in of_a_drug.items()
        ),
    )
    payer_start = _payer_start(connection, rows.before)
    PAYER_START.store_frame(connection, payer_start)
    return PopulationFacts(
        lines.drop("payer"),
        payer_start,
        _authorization_start(connection, reference),
        _audited_by_payer(connection, lines, rows, reference, own_codes),
    )


def _audited_by_payer(
    connection: duckdb.DuckDBPyConnection,
    lines: pl.DataFrame,
    rows: AuditedRows,
    reference: Reference,
    own_codes: list[str],
) -> pl.DataFrame:
    """Paid lines of audited drugs and of sets of documents: payer_id, payer, lines.

    lines       history lines that may be of an audited drug or that have an NDC of a set.
    own_codes   HCPCS codes that all `lines` of theirs are among.
    """
    governed = reference.governed
    is_of_a_set = pl.col("hcpcs_code").is_in(list(governed.hcpcs)) | pl.col("ndc_code").is_in(
        list(governed.ndcs)
    )
    is_audited = pl.col("drug").is_not_null() | is_of_a_set.fill_null(False)
    counted = (
        with_drug(lines, reference)
        .filter(is_audited & is_paid(pl.col("paid_cents")))
        .group_by("payer_id", "payer")
    )
    others = fetched(
        connection,
        f"""SELECT payer_id, payer, count(*)::UINTEGER AS lines FROM {rows.settled["medical_claim"]}
            WHERE hcpcs_code IN (FROM {GOVERNED_HCPCS}) AND is_paid_history
                  AND NOT list_contains({literals(own_codes)}, hcpcs_code)
                  AND (ndc_code IS NULL OR ndc_code NOT IN (FROM {AUDITED_NDC}))
            GROUP BY ALL""",
    )
    every = pl.concat([counted.agg(lines=pl.len()), others], how="vertical_relaxed")
    return every.group_by("payer_id", "payer").agg(pl.col("lines").sum()).sort("payer_id", "payer")


def governed_persons(
    connection: duckdb.DuckDBPyConnection,
    rows: AuditedRows,
    codes: GovernedCodes,
    payers: list[str] | None,
    since: date | None,
) -> pl.Series:
    """Persons with a history line under one of the codes, dated from `since` on, of one of the
    payers (None: of any)."""
    from_day = "" if since is None else f"AND service_date >= {day(since)}"
    of_payers = "" if payers is None else f"AND payer_id IN {literals(payers)}"
    has_code = {
        "medical_claim": """hcpcs_code IN (SELECT unnest($hcpcs))
                            OR ndc_code IN (SELECT unnest($ndcs))""",
        "pharmacy_claim": "ndc_code IN (SELECT unnest($ndcs))",
    }
    persons: pl.DataFrame = connection.sql(
        " UNION ".join(
            f"SELECT person FROM {rows.settled[table]}"
            f" WHERE ({condition}) AND fate = 'history' {from_day} {of_payers}"
            for table, condition in has_code.items()
        ),
        params={"hcpcs": sorted(codes.hcpcs), "ndcs": sorted(codes.ndcs)},
    ).pl()
    return persons["person"]


def _payer_start(connection: duckdb.DuckDBPyConnection, before: date | None) -> pl.DataFrame:
    """The first dates of each payer.

    before   as AuditedRows has it: then new rows are added to what that run found.
    """

    def first(table: str, remembered: str) -> str:
        rows = f"SELECT p.payer_id, t.service_date FROM every_{table} t {PAYER_JOIN}"
        if before:
            rows += f""" WHERE t.file_no IN (FROM {NEW_FILE})
                         UNION ALL SELECT payer_id, {remembered} FROM {PAYER_START.remembered}
                                   WHERE {remembered} IS NOT NULL"""
        return f"SELECT payer_id, min(service_date) AS first_date FROM ({rows}) GROUP BY ALL"

    purged = "(SELECT max(before) FROM every_purge)"
    return fetched(
        connection,
        f"""SELECT payer_id,
                   if(f.first_date IS NULL, NULL, greatest(f.first_date, {purged}))
                       AS first_dispensing_date,
                   if(s.first_date IS NULL, NULL, greatest(s.first_date, {purged}))
                       AS first_service_date
            FROM ({first("pharmacy_claim", "first_dispensing_date")}) f
            FULL JOIN ({first("medical_claim", "first_service_date")}) s USING (payer_id)""",
    )


def _authorization_start(
    connection: duckdb.DuckDBPyConnection, reference: Reference
) -> pl.DataFrame:
    by_word = fetched(
        connection,
        f"""SELECT p.payer_id, t.drug, min(t.start_date) AS first_start_date
            FROM every_authorization t {PAYER_JOIN}
            WHERE t.drug IS NOT NULL GROUP BY ALL""",
    )
    named = with_known_words(by_word, reference)
    starts = named.group_by("payer_id", "drug").agg(pl.col("first_start_date").min())
    return starts.sort("payer_id", "drug")


def supplied_tables(connection: duckdb.DuckDBPyConnection, as_of: date) -> frozenset[str]:
    """What was supplied, as `Dossier.supplied` says it."""
    files = connection.execute("SELECT table_name, columns FROM every_file").fetchall()
    codes = {name: set(table.of_kind(Kind.ICD10CM)) for name, table in INPUT.items()}
    evidence = connection.execute(
        "SELECT DISTINCT evidence_code FROM every_clinical_evidence WHERE evidence_date <= ?",
        [as_of],
    ).fetchall()
    return (
        frozenset(name for name, _ in files)
        | {"any_diagnosis" for name, present in files if codes[name] & set(present)}
        | {f"{EVIDENCE}{code}" for (code,) in evidence}
    )

"""What a person's answers take from everybody's rows: generic prices and payers' first fills."""

from datetime import date
from typing import NamedTuple

import duckdb
import polars as pl

from audit_rules.reference.codes import Reference
from flows.settle.claims import SETTLED
from flows.settle.persons import PAYER_JOIN
from flows.warehouse.run_table import RunTable
from flows.warehouse.sql import fetched
from schemas.tables import TABLES as INPUT
from schemas.tables import Kind

AUDITED_NDC = RunTable("audited_ndc", grain="NDC of an audited drug", columns={"code": "VARCHAR"})
TABLES = (AUDITED_NDC,)


class PopulationFacts(NamedTuple):
    """What a person's answers take from other persons.

    priced_fills   grain: history fill of an audited drug, of any person; what it cost.
    payer_start    grain: payer_id; first_dispensing_date among all its fills, but not earlier than
                   the last purge, because earlier fills may have been removed.
    """

    priced_fills: pl.DataFrame
    payer_start: pl.DataFrame


def population_facts(
    connection: duckdb.DuckDBPyConnection, reference: Reference, as_of: date
) -> PopulationFacts:
    """Read what answers take from other persons, for everybody at once."""
    audited = reference.ndc.filter(pl.col("audited")).select(code="ndc11")
    AUDITED_NDC.store_frame(connection, audited)
    priced_fills = fetched(
        connection,
        f"""SELECT person, ndc_code, payer_id, service_date,
                   CAST(netted_quantity * 1000 AS BIGINT) AS quantity_milli,
                   CAST(netted_paid_amount * 100 AS BIGINT) AS paid_cents,
                   CAST(netted_fee * 100 AS BIGINT) AS fee_cents
            FROM {SETTLED["pharmacy_claim"]}
            WHERE ndc_code IN (FROM {AUDITED_NDC}) AND fate = 'history'""",
    )
    payer_start = fetched(
        connection,
        f"""SELECT p.payer_id,
                   greatest(min(t.service_date), (SELECT max(before) FROM every_purge))
                       AS first_dispensing_date
            FROM every_pharmacy_claim t {PAYER_JOIN} GROUP BY ALL""",
    )
    return PopulationFacts(priced_fills, payer_start)


def supplied_tables(connection: duckdb.DuckDBPyConnection) -> frozenset[str]:
    """Names of the tables with any file, and `any_diagnosis` if any file has a diagnosis column."""
    files = connection.execute("SELECT table_name, columns FROM every_file").fetchall()
    codes = {name: set(table.of_kind(Kind.ICD10CM)) for name, table in INPUT.items()}
    return frozenset(name for name, _ in files) | {
        "any_diagnosis" for name, present in files if codes[name] & set(present)
    }

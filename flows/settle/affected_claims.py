"""Which claims must be settled again: those that may differ from the remembered run."""

from datetime import date

import duckdb

from flows.settle.persons import PERSON_OF, RELINKED_MEMBER, SOLE_PERSON
from flows.settle.plain_fate import plain_fate
from flows.warehouse.columns import seen_columns
from flows.warehouse.memory import NEW_FILE, newly_known_since
from flows.warehouse.run_table import Columns, RunTable
from flows.warehouse.sql import day, run
from schemas.table import Table
from schemas.tables import CLAIM_TABLES
from schemas.tables import TABLES as INPUT

_SETTLED_BY = (
    "file_no",
    "row_number",
    "place",
    "row_hash",
    "member_id",
    "person_id",
    "payer",
    "claim_id",
    "claim_line_number",
    "original_claim_id",
    "claim_status",
    "claim_frequency_code",
    "hcpcs_code",
    "ndc_code",
    "paid_date",
    "paid_amount",
    "service_date",
)
"""Columns of a claim row that final action looks at, besides its quantity and fee."""


def _settled_by(table: Table) -> Columns:
    """All columns of a claim row that final action looks at."""
    names = {*_SETTLED_BY, table.quantity, table.fee}
    return {name: kind for name, kind in seen_columns(table).items() if name in names}


AFFECTED_CLAIM = {
    table: RunTable(
        f"affected_{table}",
        grain="row of a claim whose final action may differ from the remembered run",
        columns=_settled_by(INPUT[table]),
    )
    for table in CLAIM_TABLES
}
TABLES = tuple(AFFECTED_CLAIM.values())


def find_affected_claims(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    as_of: date,
    before: date,
    lone_before: str,
) -> None:
    """List in AFFECTED_CLAIM the rows of one claim table that must be settled again.

    lone_before   SQL of the reversals under a claim id of their own that the remembered run found.
    """
    affected = AFFECTED_CLAIM[table.name]
    run(
        connection,
        "settle/affected_claims",
        reads=(NEW_FILE, SOLE_PERSON, RELINKED_MEMBER, PERSON_OF, lone_before),
        makes=(affected,),
        table=table.name,
        as_of=day(as_of),
        after=newly_known_since(before),
        columns=", ".join(affected.columns),
        product=product_code(table),
        plain_fate=plain_fate(as_of),
        lone_before=lone_before,
    )


def product_code(table: Table) -> str:
    """SQL of the product code of a claim row: the HCPCS code, or the NDC if there is none."""
    names = {c.name for c in table.columns}
    codes = [f"t.{name}" for name in ("hcpcs_code", "ndc_code") if name in names]
    return f"coalesce({', '.join(codes)})" if len(codes) > 1 else codes[0]

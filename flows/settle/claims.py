"""Claims once they are settled: each row with its person and what became of it."""

from datetime import date

import duckdb

from flows.settle.final_action import FATE, fee_of, order_files, reuse_table, settle_table
from flows.settle.payers import PAYER
from flows.settle.persons import PERSON_OF, SOLE_PERSON
from flows.settle.plain_fate import plain_fate
from flows.warehouse.columns import seen_columns
from flows.warehouse.run_table import Columns, RunTable
from flows.warehouse.sql import day, run
from schemas.paid import is_paid_sql
from schemas.tables import CLAIM_TABLES
from schemas.tables import TABLES as INPUT

_SETTLED = {
    "person": "VARCHAR",
    "payer_id": "VARCHAR",
    "fate": "VARCHAR",
    "is_netted": "BOOLEAN",
    "shares_key": "BOOLEAN",
    "netted_quantity": "DECIMAL(38, 3)",
    "netted_paid_amount": "DECIMAL(38, 2)",
    "netted_fee": "DECIMAL(38, 2)",
    "is_paid_history": "BOOLEAN",
}
"""What final action adds to a claim row."""
SETTLED = {
    table: RunTable(
        f"settled_{table}",
        grain="claim row, accepted or duplicate, with its person and what became of it",
        columns=seen_columns(INPUT[table]) | _SETTLED,
    )
    for table in CLAIM_TABLES
}
TABLES = tuple(SETTLED.values())


def settled(columns: Columns) -> Columns:
    """Columns of claim rows once they are settled."""
    return {**columns, **_SETTLED}


def settle_claims(
    connection: duckdb.DuckDBPyConnection,
    as_of: date,
    before: date | None,
    is_unchanged: bool = False,
) -> None:
    """Decide what becomes of every row of both claim tables.

    before         the as-of date of the remembered run, if its fates are reused: only claims
                   affected since are then settled again.
    is_unchanged   whether nothing has changed since: then all of its fates are taken as they are.
    """
    order_files(connection, as_of)
    for table in CLAIM_TABLES:
        if is_unchanged:
            reuse_table(connection, table)
        else:
            settle_table(connection, INPUT[table], as_of, before)
        create_settled_view(connection, table, f"every_{table}", SETTLED[table], as_of)


def create_settled_view(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    rows: RunTable | str,
    view: RunTable,
    as_of: date,
) -> None:
    """Create the view of settled claim rows over `rows`: every row of a table, or some."""
    of_run = (rows,) if isinstance(rows, RunTable) else ()
    run(
        connection,
        "settle/settled",
        reads=(PAYER, SOLE_PERSON, FATE[table], PERSON_OF, *of_run),
        makes=(view,),
        table=table,
        rows=str(rows),
        settled=str(view),
        as_of=day(as_of),
        quantity=f"t.{INPUT[table].quantity}",
        fee=fee_of(INPUT[table]),
        plain_fate=plain_fate(as_of),
        is_paid=is_paid_sql("netted_paid_amount"),
    )

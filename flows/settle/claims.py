"""Final action: what becomes of every claim row."""

from datetime import date

import duckdb

from flows.errors import DoesNotBalance
from flows.settle.persons import PAYER, PERSON_OF, SOLE_PERSON
from flows.settle.removed import POSITIVE_VOID, warn_of_circles
from flows.warehouse.layout import DECIMAL_DIGITS, seen_columns
from flows.warehouse.memory import NEW_FILE, newly_known_since
from flows.warehouse.run_table import ChangedRows, Columns, RunTable
from flows.warehouse.sql import day, identifier, one, run
from schemas.paid import is_paid_sql
from schemas.tables import CLAIM_TABLES, Kind, Table
from schemas.tables import TABLES as INPUT

FILE_ORDER = RunTable(
    "file_order",
    grain="file; file_rank: by path, then content, so that the order of runs does not matter",
    columns={"file_no": "INTEGER", "file_rank": "BIGINT"},
)
_SETTLED_BY = (
    "file_no",
    "row_number",
    "row_hash",
    "member_id",
    "person_id",
    "payer",
    "claim_id",
    "claim_line_number",
    "original_claim_id",
    "claim_status",
    "claim_frequency_code",
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
FATE = {
    table: RunTable(
        f"{table}_fate",
        grain="claim row that is not a single plain paid line; its figures are netted",
        columns={
            "file_no": "INTEGER",
            "row_number": "BIGINT",
            "fate": "VARCHAR",  # duplicate, after_as_of, denied, reversed, superseded or history
            "is_netted": "BOOLEAN",
            "paid_amount": "DECIMAL(38, 2)",
            "fee": "DECIMAL(38, 2)",
            "quantity": "DECIMAL(38, 3)",
            "is_unmatched_reversal": "BOOLEAN",
            "is_after_as_of": "BOOLEAN",
            "is_unpriced": "BOOLEAN",  # the row itself has no paid_amount
            "warning": "VARCHAR",  # why somebody should look at the row; see removed.py
        },
        reuse=ChangedRows(
            ("file_no", "row_number"), AFFECTED_CLAIM[table], ("file_no", "row_number")
        ),
    )
    for table in CLAIM_TABLES
}
REPLACED_CLAIM = {
    table: RunTable(
        f"replaced_{table}",
        grain="claim and one that replaces it, if all that replace it are replaced themselves",
        columns={"payer_id": "VARCHAR", "claim_id": "VARCHAR", "replaced_by": "VARCHAR"},
    )
    for table in CLAIM_TABLES
}
_SETTLED = {
    "person": "VARCHAR",
    "payer_id": "VARCHAR",
    "fate": "VARCHAR",
    "is_netted": "BOOLEAN",
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
TABLES = (
    FILE_ORDER,
    *AFFECTED_CLAIM.values(),
    *REPLACED_CLAIM.values(),
    *FATE.values(),
    *SETTLED.values(),
)


def settled(columns: Columns) -> Columns:
    """Columns of claim rows once they are settled."""
    return {**columns, **_SETTLED}


def settle_claims(connection: duckdb.DuckDBPyConnection, as_of: date, before: date | None) -> None:
    """Decide what becomes of every row of both claim tables.

    before   the as-of date of the remembered run, if its fates are reused: only claims affected
             since are then settled again.
    """
    FILE_ORDER.create(
        connection,
        "SELECT file_no, row_number() OVER (ORDER BY name, sha256) AS file_rank FROM every_file",
    )
    for table in CLAIM_TABLES:
        _settle(connection, INPUT[table], as_of, before)
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
        fee=_fee(INPUT[table], "t."),
        is_paid=is_paid_sql("netted_paid_amount"),
    )


def _settle(
    connection: duckdb.DuckDBPyConnection, table: Table, as_of: date, before: date | None
) -> None:
    rows = f"every_{table.name}"
    if before:
        run(
            connection,
            "settle/affected_claims",
            reads=(NEW_FILE,),
            makes=(AFFECTED_CLAIM[table.name],),
            table=table.name,
            as_of=day(as_of),
            after=newly_known_since(before),
            columns=", ".join(AFFECTED_CLAIM[table.name].columns),
        )
        rows = str(AFFECTED_CLAIM[table.name])
    fate = FATE[table.name]
    run(
        connection,
        "settle/final_action",
        reads=(FILE_ORDER, PAYER, *([AFFECTED_CLAIM[table.name]] if before else [])),
        makes=(fate, REPLACED_CLAIM[table.name]),
        table=table.name,
        rows=rows,
        as_of=day(as_of),
        quantity=str(table.quantity),
        fee=_fee(table),
        positive_void=POSITIVE_VOID,
        paid_bound=_bound(Kind.AMOUNT),
        quantity_bound=_bound(Kind.QUANTITY),
        columns=", ".join(f"t.{identifier(c.name)}" for c in table.columns if c.name != "payer"),
    )
    warn_of_circles(connection, REPLACED_CLAIM[table.name], rows, fate)
    if before:
        connection.execute(
            f"""INSERT INTO {fate} BY NAME
                FROM {fate.remembered} ANTI JOIN {rows} USING (file_no, row_number)"""
        )
    doubled = one(
        connection, f"SELECT count(*) - count(DISTINCT (file_no, row_number)) FROM {fate}"
    )
    if doubled:
        raise DoesNotBalance(
            f"{table.name}: {doubled} rows have two fates. Nothing was published; please report it."
        )


def _bound(kind: Kind) -> str:
    """SQL of the smallest figure that is too large for a column of a kind."""
    precision, scale = DECIMAL_DIGITS[kind]
    return str(10 ** (precision - scale))


def _fee(table: Table, prefix: str = "") -> str:
    """SQL of the dispensing fee of a claim row: 0 if it has none."""
    return f"coalesce({prefix}{table.fee}, 0)" if table.fee else "CAST(0 AS DECIMAL(18, 2))"

"""Final action: what becomes of every claim row.

One claim table at a time: which rows need more than a look at themselves, what voids and
replacements of whole claims remove, which row each reversal takes back, and what is left.
"""

from datetime import date

import duckdb
import polars as pl

from flows.errors import DoesNotBalance
from flows.settle.affected_claims import AFFECTED_CLAIM, find_affected_claims, product_code
from flows.settle.payers import PAYER
from flows.settle.persons import PERSON_OF, SOLE_PERSON
from flows.settle.plain_fate import plain_fate
from flows.settle.removed import warn_of_circles
from flows.settle.repeated import REPEATED_HASH, find_repeated_hashes
from flows.settle.tangled import TangledRow, taken_back
from flows.warehouse.columns import DECIMAL_DIGITS
from flows.warehouse.run_table import ChangedRows, RunTable
from flows.warehouse.sql import day, identifier, one, run
from schemas.row_warnings import POSITIVE_VOID
from schemas.table import Kind, Table
from schemas.tables import CLAIM_TABLES

FILE_ORDER = RunTable(
    "file_order",
    grain="file; file_rank: its place by night, path and content, whatever the order of runs",
    columns={"file_no": "INTEGER", "file_rank": "BIGINT"},
)
_ROW = ("file_no", "row_number")
_OF_REPEATED_ROW = ("payer", "person_id", "member_id", "claim_id")
"""What special_rows.sql has read of a row before it compares all columns."""
SPECIAL_ROW = RunTable(
    "special_row",
    grain="claim row of one table that needs more than a look at itself; key_no: its line key",
    columns={
        "file_no": "INTEGER",
        "row_number": "BIGINT",
        "payer_id": "VARCHAR",
        "person": "VARCHAR",
        "claim_id": "VARCHAR",
        "claim_line_number": "BIGINT",
        "original_claim_id": "VARCHAR",
        "service_date": "DATE",
        "product": "VARCHAR",
        "paid_amount": "DECIMAL(18,2)",
        "quantity": "DECIMAL(18,3)",
        "fee": "DECIMAL(18,2)",
        "plain_fate": "VARCHAR",
        "paid_rank": "DATE",
        "version": "BIGINT",
        "is_duplicate": "BOOLEAN",
        "is_negative": "BOOLEAN",
        "frequency": "VARCHAR",
        "is_live": "BOOLEAN",
        "key_no": "BIGINT",
        "names_itself": "BOOLEAN",
        "is_reversal": "BOOLEAN",
        "states_nothing": "BOOLEAN",
        "is_void": "BOOLEAN",
        "is_replacement": "BOOLEAN",
    },
)
REMOVED_ROW = RunTable(
    "removed_row",
    grain="special row that a void or a replacement of a whole claim removes",
    columns={"version": "BIGINT", "is_voided": "BOOLEAN", "is_replaced": "BOOLEAN"},
)
LONE_REVERSAL = {
    table: RunTable(
        f"{table}_lone_reversal",
        grain="reversal that names no claim and is all there is of its own",
        columns={
            "file_no": "INTEGER",
            "row_number": "BIGINT",
            "claim_id": "VARCHAR",
            "payer_id": "VARCHAR",
            "person": "VARCHAR",
            "service_date": "DATE",
            "product": "VARCHAR",
            "amount": "DECIMAL(18,2)",
        },
        reuse=ChangedRows(_ROW, AFFECTED_CLAIM[table], _ROW),
    )
    for table in CLAIM_TABLES
}
REPLACED_CLAIM = RunTable(
    "replaced_claim",
    grain="claim and one that replaces it, if all that replace it are replaced themselves",
    columns={
        "payer_id": "VARCHAR",
        "person": "VARCHAR",
        "claim_id": "VARCHAR",
        "replaced_by": "VARCHAR",
    },
)
TAKEN_BACK = RunTable(
    "taken_back",
    grain="row that a reversal takes back, or a reversal that takes one back",
    columns={"file_no": "INTEGER", "row_number": "BIGINT"},
)
COUNTED_ROW = RunTable(
    "counted_row",
    grain="correction that found no row to correct, or found it by content",
    columns={"version": "BIGINT", "check_name": "VARCHAR"},
)
TANGLED_ROW = RunTable(
    "tangled_row",
    grain="row of a line key whose reversals `tangled` pairs",
    columns={
        "file_no": "INTEGER",
        "row_number": "BIGINT",
        "key_no": "BIGINT",
        "version": "BIGINT",
        "paid_rank": "DATE",
        "amount": "DECIMAL(18,2)",
        "is_reversal": "BOOLEAN",
        "is_blank": "BOOLEAN",
        "is_replaced": "BOOLEAN",
    },
)
FATE = {
    table: RunTable(
        f"{table}_fate",
        grain="claim row that is more than a plain line; its figures are netted",
        columns={
            "file_no": "INTEGER",
            "row_number": "BIGINT",
            "fate": "VARCHAR",  # duplicate, after_as_of, denied, reversed, superseded or history
            "is_netted": "BOOLEAN",
            "paid_amount": "DECIMAL(38, 2)",
            "fee": "DECIMAL(38, 2)",
            "quantity": "DECIMAL(38, 3)",
            "plain_fate": "VARCHAR",  # what it would be, looked at alone
            "is_unpriced": "BOOLEAN",  # the row itself has no paid_amount
            "shares_key": "BOOLEAN",  # whether its line key goes with several persons
        },
        reuse=ChangedRows(_ROW, AFFECTED_CLAIM[table], _ROW),
    )
    for table in CLAIM_TABLES
}
SETTLE_WARNING = {
    table: RunTable(
        f"{table}_warning",
        grain="claim row and what final action warns about it",
        columns={"file_no": "INTEGER", "row_number": "BIGINT", "check_name": "VARCHAR"},
        reuse=ChangedRows(_ROW, AFFECTED_CLAIM[table], _ROW),
    )
    for table in CLAIM_TABLES
}
_OF_SPECIAL_ROWS = (REMOVED_ROW, REPLACED_CLAIM, TAKEN_BACK, COUNTED_ROW, TANGLED_ROW)
TABLES = (
    FILE_ORDER,
    SPECIAL_ROW,
    *LONE_REVERSAL.values(),
    *_OF_SPECIAL_ROWS,
    *FATE.values(),
    *SETTLE_WARNING.values(),
)


def order_files(connection: duckdb.DuckDBPyConnection, as_of: date) -> None:
    """Make FILE_ORDER. A file of a later night that this run was given again is of this night."""
    FILE_ORDER.create(
        connection,
        f"""SELECT file_no,
                   row_number() OVER (ORDER BY least(night, {day(as_of)}), name, sha256)
                       AS file_rank
            FROM every_file""",
    )


def settle_table(
    connection: duckdb.DuckDBPyConnection, table: Table, as_of: date, before: date | None
) -> None:
    """Make the FATE and SETTLE_WARNING of one claim table.

    before   the as-of date of the remembered run, if its fates are reused.
    """
    rows: RunTable | str = f"every_{table.name}"
    if before:
        lone_before = LONE_REVERSAL[table.name].remembered
        find_affected_claims(connection, table, as_of, before, lone_before)
        rows = AFFECTED_CLAIM[table.name]
    _decide(connection, table, as_of, rows)
    fate, warning = FATE[table.name], SETTLE_WARNING[table.name]
    warn_of_circles(connection, REPLACED_CLAIM, SPECIAL_ROW, fate, warning)
    if before:
        for made in (fate, warning):
            connection.execute(
                f"""INSERT INTO {made} BY NAME
                    FROM {made.remembered} ANTI JOIN {rows} USING (file_no, row_number)"""
            )
    doubled = one(
        connection, f"SELECT count(*) - count(DISTINCT (file_no, row_number)) FROM {fate}"
    )
    if doubled:
        raise DoesNotBalance(
            f"{table.name}: {doubled} rows have two fates. Nothing was published; please report it."
        )


def reuse_table(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    """Make the FATE of one claim table that of the remembered run, if nothing has changed since."""
    connection.execute(f"CREATE VIEW {FATE[table]} AS FROM {FATE[table].remembered}")


def _decide(
    connection: duckdb.DuckDBPyConnection, table: Table, as_of: date, rows: RunTable | str
) -> None:
    """Decide what becomes of rows of one claim table: of every row, or of some claims."""
    given = (rows,) if isinstance(rows, RunTable) else ()
    if find_repeated_hashes(connection, str(rows)):
        run(
            connection,
            "settle/special_rows",
            reads=(REPEATED_HASH, FILE_ORDER, PAYER, SOLE_PERSON, PERSON_OF, *given),
            makes=(SPECIAL_ROW,),
            table=table.name,
            rows=str(rows),
            as_of=day(as_of),
            quantity=f"t.{table.quantity}",
            fee=fee_of(table),
            product=product_code(table),
            plain_fate=plain_fate(as_of),
            columns=", ".join(
                f"t.{identifier(c.name)}" for c in table.columns if c.name not in _OF_REPEATED_ROW
            ),
        )
    else:
        SPECIAL_ROW.create(connection)
    if not one(connection, f"SELECT count(*) FROM {SPECIAL_ROW}"):
        of_table = (made[table.name] for made in (LONE_REVERSAL, FATE, SETTLE_WARNING))
        for made in (*_OF_SPECIAL_ROWS, *of_table):
            made.create(connection)
        return
    run(
        connection,
        "settle/corrections",
        reads=(PAYER, SOLE_PERSON, PERSON_OF, SPECIAL_ROW, *given),
        makes=(
            REMOVED_ROW,
            REPLACED_CLAIM,
            LONE_REVERSAL[table.name],
            TAKEN_BACK,
            COUNTED_ROW,
        ),
        table=table.name,
        rows=str(rows),
        product=product_code(table),
        plain_fate=plain_fate(as_of),
    )
    run(
        connection,
        "settle/pairs",
        reads=(SPECIAL_ROW, REMOVED_ROW, TAKEN_BACK),
        makes=(TAKEN_BACK, TANGLED_ROW),
    )
    _pair_tangled(connection)
    run(
        connection,
        "settle/fates",
        reads=(SPECIAL_ROW, REMOVED_ROW, TAKEN_BACK, COUNTED_ROW),
        makes=(FATE[table.name], SETTLE_WARNING[table.name]),
        table=table.name,
        paid_bound=_bound(Kind.AMOUNT),
        quantity_bound=_bound(Kind.QUANTITY),
        positive_void=POSITIVE_VOID,
    )


def _pair_tangled(connection: duckdb.DuckDBPyConnection) -> None:
    """Pair the reversals that order alone does not decide."""
    columns = ", ".join(TangledRow._fields)
    rows = connection.execute(
        f"SELECT {columns} FROM {TANGLED_ROW} ORDER BY key_no, version"
    ).fetchall()
    if not rows:
        return
    versions = taken_back(map(TangledRow._make, rows))
    frame = pl.DataFrame({"version": sorted(versions)}, schema={"version": pl.Int64})
    connection.register("paired", frame)
    connection.execute(
        f"""INSERT INTO {TAKEN_BACK}
            SELECT file_no, row_number FROM {TANGLED_ROW} SEMI JOIN paired USING (version)"""
    )
    connection.unregister("paired")


def _bound(kind: Kind) -> str:
    """SQL of the smallest figure that is too large for a column of a kind."""
    precision, scale = DECIMAL_DIGITS[kind]
    return str(10 ** (precision - scale))


def fee_of(table: Table) -> str:
    """SQL of the dispensing fee of a claim row: 0 if it has none."""
    return f"coalesce(t.{table.fee}, 0)" if table.fee else "CAST(0 AS DECIMAL(18, 2))"

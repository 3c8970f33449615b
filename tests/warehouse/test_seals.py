"""The digest of a file's rows: every value of every row is in it, whatever hashes the row has."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import duckdb
import pytest

from flows.warehouse import hashes as row_hashes
from flows.warehouse import journal
from flows.warehouse.columns import stored_columns
from flows.warehouse.hashes import hash_again
from flows.warehouse.journal import FILE, Differences, Rows, differences, digests, seal, subject
from flows.warehouse.layout import SCHEMA_VERSION
from flows.warehouse.sql import identifier
from flows.warehouse.upgrade import upgrade
from schemas.table import Table
from schemas.tables import TABLES
from tests.support.ledger import make_tables

FIRST = subject(FILE, 1)
NOTHING = Differences([], [], [], [])
CHANGED = Differences([FIRST], [], [], [])
OF_EACH_FORM = [TABLES[n] for n in ("pharmacy_claim", "diagnosis", "eligibility", "provider")]
"""Claims, and others: without a payer, with one, and without a member."""
COLUMNS = [(table, column) for table in OF_EACH_FORM for column in stored_columns(table)]


def _value(number: int, kind: str) -> str:
    """SQL of one of several values of a type."""
    if kind == "DATE":
        return f"DATE '2026-02-0{number}'"
    return f"'v{number}'" if kind == "VARCHAR" else str(number)


def _fill(connection: duckdb.DuckDBPyConnection) -> None:
    """Three rows of file 1 in every table; in every other column no row has a value."""
    make_tables(connection)
    connection.execute("INSERT INTO main.file (file_no) VALUES (1)")
    for table in OF_EACH_FORM:
        columns = {n: k for n, k in stored_columns(table).items() if n != "file_no"}
        filled = [*list(columns)[::2], "row_number"]
        for number in (1, 2, 3):
            values = [_value(number, k) if n in filled else "NULL" for n, k in columns.items()]
            names = ", ".join(map(identifier, columns))
            connection.execute(
                f"""INSERT INTO main.{identifier(table.name)} ({names}, file_no)
                    VALUES ({", ".join(values)}, 1)"""
            )
    hash_again(connection)


@pytest.fixture(scope="module")
def sealed() -> Iterator[duckdb.DuckDBPyConnection]:
    """A warehouse in memory, sealed."""
    with duckdb.connect() as connection, pytest.MonkeyPatch.context() as patched:
        _fill(connection)
        patched.setattr(journal, "_MANY", 0)
        seal(connection, "run", [FIRST])
        yield connection


def _after(connection: duckdb.DuckDBPyConnection, table: Table, change: str) -> Differences:
    """What differs after a change of a table, which is undone."""
    connection.execute("BEGIN")
    try:
        connection.execute(f"UPDATE main.{identifier(table.name)} SET {change}")
        return differences(connection, "main", [FILE])
    finally:
        connection.execute("ROLLBACK")


def test_rows_that_nobody_changed_are_as_they_were_sealed(
    sealed: duckdb.DuckDBPyConnection,
) -> None:
    assert differences(sealed, "main", [FILE]) == NOTHING


@pytest.mark.parametrize(
    ("table", "column"), [pytest.param(t, c, id=f"{t.name}-{c}") for t, c in COLUMNS]
)
def test_b5_another_value_in_any_column_is_found(
    sealed: duckdb.DuckDBPyConnection, table: Table, column: str
) -> None:
    name, other = identifier(column), _value(4, stored_columns(table)[column])
    found = _after(sealed, table, f"{name} = CASE row_number WHEN 2 THEN {other} ELSE {name} END")
    if column == "file_no":
        assert (found.changed, found.added) == ([FIRST], [subject(FILE, 4)])
        return
    assert found == CHANGED


@pytest.mark.parametrize("column", ["claim_id", "member_id", "paid_amount", "row_hash"])
def test_b5_two_values_that_are_exchanged_are_found(
    sealed: duckdb.DuckDBPyConnection, column: str
) -> None:
    of_other = f"(SELECT {column} FROM main.pharmacy_claim o WHERE o.row_number = 3 - t.row_number)"
    sealed.execute("BEGIN")
    sealed.execute(f"UPDATE main.pharmacy_claim SET {column} = row_number")
    hash_again(sealed)
    seal(sealed, "run", [FIRST])
    sealed.execute(
        f"UPDATE main.pharmacy_claim t SET {column} = {of_other} WHERE row_number IN (1, 2)"
    )
    found = differences(sealed, "main", [FILE])
    sealed.execute("ROLLBACK")
    assert found == CHANGED


@pytest.mark.parametrize("table", ["pharmacy_claim", "eligibility"])
def test_b5_the_name_of_a_payer_in_another_case_is_found(
    sealed: duckdb.DuckDBPyConnection, table: str
) -> None:
    sealed.execute("BEGIN")
    sealed.execute(f"UPDATE main.{table} SET payer = 'Cigna'")
    hash_again(sealed)
    seal(sealed, "run", [FIRST])
    sealed.execute(f"UPDATE main.{table} SET payer = upper(payer)")
    found = differences(sealed, "main", [FILE])
    sealed.execute("ROLLBACK")
    assert found == CHANGED


def test_b5_a_column_that_another_program_added_is_found(
    sealed: duckdb.DuckDBPyConnection,
) -> None:
    sealed.execute("BEGIN")
    sealed.execute("ALTER TABLE main.provider ADD COLUMN more VARCHAR")
    found = differences(sealed, "main", [FILE])
    sealed.execute("ROLLBACK")
    assert found == CHANGED


# ---------------------------------------------------------------- as version 11 sealed them


def _upgraded(
    path: Path, hashes: str = "", change: str = "", is_other_engine: bool = False
) -> Differences:
    """What differs after the upgrade of a warehouse that version 11 sealed.

    hashes            how its rows were hashed; as the program does now if empty.
    change            what another program did with it before the upgrade.
    is_other_engine   whether its engine hashed otherwise.
    """
    with duckdb.connect(str(path)) as connection, pytest.MonkeyPatch.context() as patched:
        _fill(connection)
        if hashes:
            connection.execute(f"UPDATE main.pharmacy_claim SET {hashes}")
        if is_other_engine:
            patched.setattr(row_hashes, "_FIXED", ("'another engine'",))
        patched.setattr(journal, "digests", partial(digests, rows=Rows.BEFORE_12))
        seal(connection, "run", [FIRST])
        connection.execute("UPDATE main.meta SET schema_version = 11")
        if change:
            connection.execute(f"UPDATE main.pharmacy_claim SET {change}")
    upgrade(path)
    with duckdb.connect(str(path)) as connection:
        assert connection.execute("FROM main.meta").fetchall() == [(SCHEMA_VERSION,)]
        return differences(connection, "main", [FILE])


@pytest.mark.parametrize("hashes", ["", "row_hash = 7, member_hash = 7"])
def test_a_warehouse_of_version_11_is_sealed_as_this_one_is(tmp_path: Path, hashes: str) -> None:
    assert _upgraded(tmp_path / "audit.duckdb", hashes) == NOTHING


def test_a_warehouse_of_version_11_and_of_another_engine_is_sealed_at_once(tmp_path: Path) -> None:
    other = "row_hash = 7, member_hash = 7"
    assert _upgraded(tmp_path / "audit.duckdb", other, is_other_engine=True) == NOTHING


@pytest.mark.parametrize("change", ["claim_id = 'x'", "row_hash = 7", "paid_amount = 0"])
def test_b5_what_was_changed_in_a_warehouse_of_version_11_stays_visible(
    tmp_path: Path, change: str
) -> None:
    assert _upgraded(tmp_path / "audit.duckdb", change=change) == CHANGED

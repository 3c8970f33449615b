"""Growth: a purge follows the bonds of members, however many share one."""

import json
from datetime import date
from string import Template
from typing import Any

import duckdb
import pytest

from flows.warehouse.sql import day, statements

DAY = date(2025, 1, 1)
_CLAIM = "(member_id VARCHAR, payer VARCHAR, claim_id VARCHAR, original_claim_id VARCHAR)"
_TABLES = f"""
    ATTACH ':memory:' AS kept;
    CREATE TABLE kept_medical_claim {_CLAIM};
    CREATE TABLE kept_pharmacy_claim {_CLAIM};
    CREATE TABLE kept.main.ledger_event (exception_id VARCHAR, member_id VARCHAR);
    CREATE TABLE kept.main.file (file_no INTEGER, night DATE);
    CREATE TABLE kept.main.quarantine
        (file_no INTEGER, row_number BIGINT, column_name VARCHAR, raw_record VARCHAR);
    CREATE TEMP TABLE purge_dated
        (member_id VARCHAR, person_id VARCHAR, last_date DATE, loaded DATE);
"""
_SHARED = {
    "person": "INSERT INTO purge_dated SELECT 'm' || range, 'p', $date, $date FROM range($n)",
    "claim": """INSERT INTO purge_dated SELECT 'm' || range, NULL, $date, $date FROM range($n);
                INSERT INTO kept_medical_claim
                SELECT 'm' || range, 'Cigna', 'c', NULL FROM range($n)""",
}


def _rows_made(shared: str, members: int) -> tuple[int, int]:
    """The rows that all operators of the purge's statements make, and the members who stay.

    Every second member has a record after the day.
    """
    connection = duckdb.connect()
    connection.execute(_TABLES)
    dates = "CASE WHEN range % 2 = 0 THEN DATE '2026-01-01' ELSE DATE '2024-01-01' END"
    connection.execute(Template(_SHARED[shared]).substitute(n=members, date=dates))
    connection.execute("PRAGMA enable_profiling = 'no_output'")
    made = 0
    for statement in statements("warehouse/purge"):
        connection.execute(Template(statement).substitute(day=day(DAY)))
        profile = json.loads(connection.get_profiling_information())
        made += sum(map(_rows_of, profile.get("operator", ())))
    (stay,) = connection.execute("SELECT count(*) FROM purge_stays").fetchall()[0]
    return made, stay


def _rows_of(operator: dict[str, Any]) -> int:
    below = sum(map(_rows_of, operator.get("children", ())))
    return int(operator["intermediate_rows"]) + below


@pytest.mark.parametrize("shared", _SHARED)
def test_d6_purge_grows_with_the_members_who_share_a_bond(shared: str) -> None:
    """Each member who stays was joined to every member of the bond."""
    (few, all_few), (many, all_many) = _rows_made(shared, 200), _rows_made(shared, 800)

    assert (all_few, all_many) == (200, 800)
    assert many < 5 * few

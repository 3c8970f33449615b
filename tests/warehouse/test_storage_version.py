"""The newest DuckDB 1.x reads the warehouse, whatever has written into it last.

Its file format is that of 1.5; by default DuckDB 2 writes one that no earlier version can open.
"""

from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from flows.request import RunRequest
from flows.warehouse.forget import forget_night
from flows.warehouse.purge import purge
from tests.support.extracts import as_csv, good
from tests.support.nights import night
from tests.support.running import AS_OF, request_for

NEWEST_OF_1 = 68  # the highest number of a file format that DuckDB 1.5 opens
_NUMBER = slice(12, 20)  # its place in the file's header


def _format(warehouse: Path) -> int:
    return int.from_bytes(warehouse.read_bytes()[_NUMBER], "little")


def _request(base: Path, number: int) -> RunRequest:
    landing = base / str(number)
    landing.mkdir()
    fill = good("pharmacy_claim", claim_id=f"C{number}", member_id=f"M{number}")
    (landing / f"pharmacy_claim_{number}.csv").write_text(as_csv([fill]), encoding="utf-8")
    as_of = AS_OF + timedelta(days=number)
    return request_for(landing, base / "out", base / "audit.duckdb", as_of)


def test_a_new_warehouse_has_the_file_format_of_duckdb_1(tmp_path: Path) -> None:
    night(_request(tmp_path, 0))
    assert _format(tmp_path / "audit.duckdb") <= NEWEST_OF_1


@pytest.mark.slow
def test_whatever_writes_into_a_warehouse_keeps_its_file_format(tmp_path: Path) -> None:
    warehouse = tmp_path / "audit.duckdb"
    for number in range(2):
        night(_request(tmp_path, number))
    assert _format(warehouse) <= NEWEST_OF_1
    purge(warehouse, AS_OF)
    assert _format(warehouse) <= NEWEST_OF_1
    forget_night(warehouse, AS_OF + timedelta(days=1), dry_run=False)
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("CHECKPOINT")
    assert _format(warehouse) <= NEWEST_OF_1

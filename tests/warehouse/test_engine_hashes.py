"""A version of the engine that hashes otherwise: nothing is missed, and nothing seems forged."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest

from flows.cli.app import main
from flows.errors import UsageError
from flows.intake import parsing
from flows.replay.explain import explain
from flows.request import RunRequest
from flows.warehouse import hashes
from flows.warehouse.hashes import fingerprint
from schemas.tables import TABLES
from tests.support.extracts import good, write
from tests.support.nights import night
from tests.support.running import request_for

FIRST, SECOND = date(2026, 6, 29), date(2026, 6, 30)
HASHES = ("member_hash", "row_hash")


@pytest.fixture
def other_engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Another engine: its hash gives other numbers. `undo` it to come back to this one."""
    by_row = hashes.row_hash
    with monkeypatch.context() as patched:
        patched.setattr(hashes, "_FIXED", ("'another engine'",))
        patched.setattr(parsing, "member_hash", lambda _: "hash('x')")
        patched.setattr(parsing, "row_hash", lambda *table: f"hash('x', {by_row(*table)})")
        yield patched


def _request(home: Path, landing: str | None, as_of: date) -> RunRequest:
    folder = home / landing if landing else None
    return request_for(folder, home / "out", home / "audit.duckdb", as_of)


def _claims(home: Path) -> None:
    first = {
        "pharmacy_claim_1.csv": [good("pharmacy_claim", claim_id=f"C{n}") for n in range(3)],
        "eligibility_1.csv": [good("eligibility")],
        "provider_1.csv": [good("provider")],
    }
    second = {
        "pharmacy_claim_2.csv": [
            good("pharmacy_claim", claim_id="C1", paid_amount="7.00", paid_date="2026-03-03"),
            good("pharmacy_claim", claim_id="C9"),
        ],
        "eligibility_2.csv": [good("eligibility")],
    }
    write(home / "first", first)
    write(home / "second", second)


def _found(home: Path) -> pl.DataFrame:
    """What the rules found as of the second night, whenever it was found first."""
    (folder,) = (f for f in (home / "out").glob("run=*") if str(SECOND) in _manifest(f))
    exceptions = pl.read_parquet(folder / "exceptions.parquet")
    return exceptions.drop("status", "first_seen", strict=False)


def _manifest(folder: Path) -> str:
    return (folder / "manifest.json").read_text(encoding="utf-8")


def _hashes(home: Path) -> dict[str, list[tuple[int, ...]]]:
    with duckdb.connect(str(home / "audit.duckdb"), read_only=True) as connection:
        columns = ", ".join(HASHES)
        return {
            table: connection.execute(f'SELECT {columns} FROM "{table}" ORDER BY ALL').fetchall()
            for table in TABLES
        }


def test_the_fingerprint_of_a_hash_differs_if_the_hash_does(
    other_engine: pytest.MonkeyPatch,
) -> None:
    with duckdb.connect() as connection:
        other = fingerprint(connection)
        other_engine.undo()
        assert fingerprint(connection) == fingerprint(connection) != other


@pytest.mark.slow
def test_rows_of_another_engine_are_sealed_and_found_again(
    tmp_path: Path, other_engine: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("mixed", "own"):
        _claims(tmp_path / name)
    mixed, own = tmp_path / "mixed", tmp_path / "own"
    night(_request(mixed, "first", FIRST))
    other_engine.undo()
    arguments = ["verify", "--warehouse", str(mixed / "audit.duckdb")]

    assert main(arguments) == 3
    said = capsys.readouterr().err
    assert "Cannot be compared with the journal" in said and "Changed in" not in said
    with pytest.raises(UsageError, match="DuckDB that hashes otherwise"):
        explain(_request(mixed, None, FIRST), "C1")

    night(_request(mixed, "second", SECOND))
    night(_request(own, "first", FIRST))
    night(_request(own, "second", SECOND))
    assert main(arguments) == 0
    assert _hashes(mixed) == _hashes(own)
    assert _found(mixed).equals(_found(own))
    assert explain(_request(mixed, None, SECOND), "C1").rows


@pytest.mark.slow
def test_another_fingerprint_in_the_journal_breaks_its_chain(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _claims(tmp_path)
    night(_request(tmp_path, "first", FIRST))
    with duckdb.connect(str(tmp_path / "audit.duckdb")) as connection:
        connection.execute("UPDATE journal SET hashed_by = NULL WHERE subject = 'file 1'")
    assert main(["verify", "--warehouse", str(tmp_path / "audit.duckdb")]) == 3
    assert "an entry does not continue the one before it" in capsys.readouterr().err

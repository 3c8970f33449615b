"""A new database of Prefect's has the tables of its migrations, and any other is left alone."""

import sqlite3
from contextlib import closing
from pathlib import Path

import prefect
import pytest
from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL, temporary_settings

from flows.prefect_server import TABLES, make_database
from tools.write_prefect_tables import migrated, tables_of

pytestmark = pytest.mark.slow  # imports Prefect, and migrates a database


def _make(database: Path) -> None:
    url = f"sqlite+aiosqlite:///{database}"
    with temporary_settings({PREFECT_API_DATABASE_CONNECTION_URL: url}):
        make_database()


def test_the_tables_are_those_of_the_migrations(tmp_path: Path) -> None:
    """Write them anew with `python -m tools.write_prefect_tables` if Prefect's version moves."""
    assert tables_of(migrated(tmp_path)) == TABLES.read_text(encoding="utf-8")


def test_a_new_database_has_them_and_an_old_one_keeps_its_own(tmp_path: Path) -> None:
    new, old = tmp_path / "new.db", tmp_path / "old.db"
    with closing(sqlite3.connect(old)) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
    before = old.read_bytes()
    for database in (new, old):
        _make(database)
    assert tables_of(new) == TABLES.read_text(encoding="utf-8")
    assert old.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["new.db", "old.db"]


def test_two_servers_may_make_one_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second one has seen no file, and finds the tables of the first."""
    _make(tmp_path / "one.db")
    monkeypatch.setattr(Path, "exists", lambda _self: False)
    _make(tmp_path / "one.db")
    assert tables_of(tmp_path / "one.db") == TABLES.read_text(encoding="utf-8")


def test_another_version_of_prefect_migrates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prefect, "__version__", "3.8.7")
    _make(tmp_path / "one.db")
    _make(tmp_path / "missing" / "two.db")
    assert list(tmp_path.iterdir()) == []

"""Write flows/prefect_tables.sql: the tables of a new database of Prefect, as it makes them itself.

To be run when the version of Prefect moves; a run with another version migrates as Prefect does.
"""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from flows.prefect_server import TABLES

_MIGRATE = [sys.executable, "-m", "prefect", "server", "database", "upgrade", "--yes"]
_CONSTRAINT = ", \n\tCONSTRAINT "


def main() -> None:
    """Let Prefect make a database, and write down its tables."""
    with TemporaryDirectory() as folder:
        TABLES.write_text(tables_of(migrated(Path(folder))), encoding="utf-8")


def migrated(home: Path) -> Path:
    """A database that Prefect's own migrations have made, in an empty folder."""
    url = f"sqlite+aiosqlite:///{home / 'prefect.db'}"
    mine = {"PREFECT_HOME": str(home), "PREFECT_API_DATABASE_CONNECTION_URL": url}
    subprocess.run(_MIGRATE, env=os.environ | mine, check=True, capture_output=True)
    return home / "prefect.db"


def tables_of(database: Path) -> str:
    """The statements that make the tables and rows of a database, after a line with the version."""
    from prefect import __version__

    with closing(sqlite3.connect(database)) as connection:
        return "\n".join([f"-- Prefect {__version__}", *_statements(connection)]) + "\n"


def _statements(connection: sqlite3.Connection) -> Iterator[str]:
    wanted = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type DESC, name"
    for (statement,) in connection.execute(wanted).fetchall():
        yield f"{_in_one_order(statement)};"
    for (version,) in connection.execute("SELECT version_num FROM alembic_version").fetchall():
        yield f"INSERT INTO alembic_version VALUES ('{version}');"


def _in_one_order(statement: str) -> str:
    """A statement with its constraints in alphabetical order: migrations write them in any."""
    columns, *constraints = statement.removesuffix("\n)").split(_CONSTRAINT)
    if not constraints:
        return statement
    return "".join([columns, *(f"{_CONSTRAINT}{text}" for text in sorted(constraints)), "\n)"])


if __name__ == "__main__":
    main()

"""What a connection needs before files are loaded into it: tables, and macros that parse values."""

import duckdb

from flows.intake.parsing import macro_words
from flows.intake.table_config import TableSettings
from flows.warehouse.columns import create_table
from flows.warehouse.sql import identifier, run
from schemas.tables import TABLES


class Macros:
    """The macros that parse values, for one list of date formats at a time."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        """None are made yet."""
        self._connection = connection
        self._formats: tuple[str, ...] | None = None

    def use(self, settings: TableSettings) -> None:
        """Make those that the files of a table need, unless they are there."""
        if settings.date_formats != self._formats:
            self._formats = settings.date_formats
            words = macro_words(settings.date_formats)
            run(self._connection, "intake/parse", **words)
            run(self._connection, "intake/fast", **words)


def make_narrow_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Make each table of this run anew, with its required columns only."""
    for table in TABLES.values():
        connection.execute(f"DROP TABLE main.{identifier(table.name)}")
        create_table(connection, table, [c.name for c in table.columns if c.required])

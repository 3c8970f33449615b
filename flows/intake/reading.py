"""How a file is read: a digest of everything besides its bytes that decides what its rows are.

The warehouse keeps it for each file. A known file whose digest differs under the config of a run is
read again, so that a config that was corrected, or another way of parsing, reaches old files too.
"""

import json

from flows.intake.config import OF_COLLECTING, Config
from flows.intake.landing import is_parquet
from flows.intake.parsing import insert_statement, macro_words
from flows.provenance import digest
from flows.warehouse.sql import statements
from schemas.table import Kind, Table
from schemas.tables import TABLES

AFTER_READING = {
    "payer_aliases",
    "max_error_rate",
    "result_mode",
    "result_group",
    "tables.files",
    *OF_COLLECTING,
}
"""Settings that decide nothing about the rows of a file; every other one does."""
_TYPES = ("VARCHAR", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "DOUBLE", "FLOAT")
"""Types of Parquet columns that are read in different ways."""


class Reading:
    """How the files of a run would be read."""

    def __init__(self, config: Config) -> None:
        """Read under this config."""
        self._config = config
        self._digests: dict[tuple[str, bool], str] = {}

    def of(self, table: str, name: str) -> str:
        """The digest for a file of a table; its name says whether it is Parquet or CSV."""
        kind = (table, is_parquet(name))
        if kind not in self._digests:
            settings = json.dumps(_settings(self._config, *kind), sort_keys=True)
            self._digests[kind] = digest(settings, *_statements(TABLES[table], kind[1]))
        return self._digests[kind]


def _settings(config: Config, table: str, in_parquet: bool) -> dict[str, object]:
    """The settings that matter to files of a table, each in one spelling."""
    settings = config.of(table).of_rows(in_parquet)
    if not TABLES[table].of_kind(Kind.DATE):
        del settings["date_formats"]
    return settings


def _statements(table: Table, in_parquet: bool) -> list[str]:
    """What the engine is asked to do with a file that has every column of its table.

    The fast path changes no row, so it is left out.
    """
    positions = {column.name: i for i, column in enumerate(table.columns)}
    types = [[kind] * len(positions) for kind in _TYPES] if in_parquet else [None]
    inserts = [insert_statement(table, positions, "file", 0, t, is_fast=False) for t in types]
    return [*statements("intake/parse"), *macro_words(()).values(), *inserts]

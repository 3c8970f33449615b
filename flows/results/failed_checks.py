"""The tables of failed checks: quarantine (severity error) and warnings."""

import duckdb
import polars as pl

from flows.warehouse.sql import fetched, statements
from schemas.results import QUARANTINE, WARNING, conform


def failed_checks(connection: duckdb.DuckDBPyConnection) -> dict[str, pl.DataFrame]:
    """Both tables by name, for every file loaded so far."""
    return {
        name: conform(fetched(connection, "; ".join(statements(f"results/{name}"))), schema)
        for name, schema in (("quarantine", QUARANTINE), ("warnings", WARNING))
    }

"""The tables of failed checks: quarantine (severity error) and warnings."""

import duckdb
import polars as pl

from flows.settle.claims import FATE
from flows.settle.persons import UNRESOLVED_DIAGNOSIS
from flows.settle.removed import IN_A_CIRCLE
from flows.warehouse.sql import fetched_from
from schemas.results import QUARANTINE, WARNING, conform


def failed_checks(connection: duckdb.DuckDBPyConnection) -> dict[str, pl.DataFrame]:
    """Both tables by name, for every file loaded so far."""
    quarantine = fetched_from(connection, "results/quarantine", reads=(UNRESOLVED_DIAGNOSIS,))
    warnings = fetched_from(
        connection, "results/warnings", reads=FATE.values(), in_a_circle=IN_A_CIRCLE
    )
    return {"quarantine": conform(quarantine, QUARANTINE), "warnings": conform(warnings, WARNING)}

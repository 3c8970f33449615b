"""The tables of failed checks: quarantine (severity error) and warnings."""

import duckdb
import polars as pl

from flows.settle.final_action import SETTLE_WARNING
from flows.settle.persons import MANY_MEMBERS, PERSON_WARNING, UNRESOLVED_DIAGNOSIS
from flows.settle.removed import WARNINGS
from flows.warehouse.sql import fetched_from
from schemas.results import QUARANTINE, WARNING, conform


def failed_checks(connection: duckdb.DuckDBPyConnection) -> dict[str, pl.DataFrame]:
    """Both tables by name, for every file loaded so far."""
    quarantine = fetched_from(connection, "results/quarantine", reads=(UNRESOLVED_DIAGNOSIS,))
    columns = ", ".join(f"'{check}': '{w.column}'" for check, w in WARNINGS.items())
    columns += f", '{MANY_MEMBERS}': 'person_id'"
    warnings = fetched_from(
        connection,
        "results/warnings",
        reads=(*SETTLE_WARNING.values(), PERSON_WARNING),
        column_of=f"MAP {{{columns}}}",
    )
    return {"quarantine": conform(quarantine, QUARANTINE), "warnings": conform(warnings, WARNING)}

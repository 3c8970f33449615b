"""The tables of failed checks: quarantine (severity error) and warnings."""

import duckdb
import polars as pl

from flows.judging.authorization_words import WORD_WARNING
from flows.settle.final_action import SETTLE_WARNING
from flows.settle.persons import PERSON_WARNING, UNRESOLVED_DIAGNOSIS
from flows.warehouse.sql import fetched_from, literal
from schemas.results import QUARANTINE, WARNING, conform
from schemas.row_warnings import COLUMN_OF
from schemas.rows import CLAIM_DATE_UNKNOWN


def failed_checks(connection: duckdb.DuckDBPyConnection) -> dict[str, pl.DataFrame]:
    """Both tables by name, for every file loaded so far."""
    return {"quarantine": quarantine(connection), "warnings": warnings(connection)}


def quarantine(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """The failed checks of severity error."""
    found = fetched_from(
        connection,
        "results/quarantine",
        reads=(UNRESOLVED_DIAGNOSIS,),
        claim_date_unknown=literal(CLAIM_DATE_UNKNOWN),
    )
    return conform(found, QUARANTINE)


def warnings(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """The failed checks of severity warning, counted."""
    columns = ", ".join(f"{literal(check)}: {literal(c)}" for check, c in COLUMN_OF.items())
    found = fetched_from(
        connection,
        "results/warnings",
        reads=(*SETTLE_WARNING.values(), PERSON_WARNING, WORD_WARNING),
        column_of=f"MAP {{{columns}}}",
    )
    return conform(found, WARNING)

"""Merge this run's answers with those of the last run that are still valid."""

from dataclasses import replace

import duckdb
import polars as pl

from audit_rules.engine.coverage import COUNTED
from audit_rules.engine.exceptions import EXCEPTION_ORDER
from audit_rules.engine.judge import Judgement
from audit_rules.engine.repeated_amounts import REPEATED_ORDER
from flows.judging.affected import AFFECTED_PERSON
from flows.warehouse.memory import reuses_answers
from flows.warehouse.run_table import ChangedRows, RunTable, sql_columns
from schemas.results import EXCEPTION, REPEATED, Schema, conform

_OF_AFFECTED = ChangedRows(("person_id",), AFFECTED_PERSON, ("person",))
JUDGED_EXCEPTION = RunTable(
    "judged_exception",
    grain="exception of a person judged in this run",
    columns=sql_columns(EXCEPTION),
    reuse=_OF_AFFECTED,
)
JUDGED_COVERAGE = RunTable(
    "judged_coverage",
    grain="person judged in this run, policy, rule, outcome and reason; lines: how many",
    columns=sql_columns(COUNTED),
    reuse=_OF_AFFECTED,
)
JUDGED_REPEAT = RunTable(
    "judged_repeat",
    grain="claim whose lines repeat its amount, of a person judged in this run",
    columns=sql_columns(REPEATED),
    reuse=ChangedRows(("person",), AFFECTED_PERSON, ("person",)),
)
TABLES = (JUDGED_EXCEPTION, JUDGED_COVERAGE, JUDGED_REPEAT)


def store_and_merge_answers(
    connection: duckdb.DuckDBPyConnection, judgement: Judgement
) -> Judgement:
    """Store the answers of this run for the next, and merge them with the remembered ones still
    valid.

    `judgement` is that of the affected persons, or of everybody if no answers are reused; what
    comes back is that of everybody.
    """
    JUDGED_EXCEPTION.store_frame(connection, judgement.exceptions)
    JUDGED_COVERAGE.store_frame(connection, judgement.counted)
    JUDGED_REPEAT.store_frame(connection, judgement.repeated)
    if not reuses_answers(connection):
        return judgement

    def valid(table: RunTable, columns: Schema) -> pl.DataFrame:
        assert isinstance(table.reuse, ChangedRows)
        query = f"FROM {table.remembered} WHERE NOT {table.reuse.condition('run')}"
        return conform(connection.sql(query).pl(), columns)

    exceptions = pl.concat([judgement.exceptions, valid(JUDGED_EXCEPTION, EXCEPTION)])
    repeated = pl.concat([judgement.repeated, valid(JUDGED_REPEAT, REPEATED)])
    return replace(
        judgement,
        exceptions=exceptions.sort(EXCEPTION_ORDER, nulls_last=True),
        counted=pl.concat([judgement.counted, valid(JUDGED_COVERAGE, COUNTED)]),
        repeated=repeated.sort(REPEATED_ORDER),
    )

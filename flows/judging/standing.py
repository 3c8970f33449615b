"""Merge this run's answers with those of the last run that are still valid."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import duckdb
import polars as pl

from audit_rules.catalogue import Question
from audit_rules.engine.coverage import COUNTED, OF_DOCUMENT
from audit_rules.engine.exceptions import EXCEPTION_ORDER
from audit_rules.engine.judge import Judgement
from audit_rules.engine.repeated_amounts import REPEATED_ORDER
from audit_rules.engine.rule import Described, ids_of_price_rules
from flows.judging.affected import AFFECTED_PERSON
from flows.warehouse.connection import read_only, refuse_missing
from flows.warehouse.memory import reuses_answers
from flows.warehouse.run_table import ChangedRows, RunTable, sql_columns
from flows.warehouse.sql import literals
from schemas.outcomes import NOT_APPLICABLE
from schemas.results import JUDGED, REPEATED, Schema, conform

_OF_AFFECTED = ChangedRows(("person_id",), AFFECTED_PERSON, ("person",))
JUDGED_EXCEPTION = RunTable(
    "judged_exception",
    grain="exception of a person judged in this run",
    columns=sql_columns(JUDGED),
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
_ROWS = 16_384
_EXCEPTIONS, _REPEATED = "exceptions.parquet", "repeated.parquet"


class ValidAnswers(NamedTuple):
    """Remembered answers of persons whom no change has affected since, as the tables above."""

    exceptions: pl.DataFrame
    counted: pl.DataFrame
    repeated: pl.DataFrame


def read_valid_answers(connection: duckdb.DuckDBPyConnection) -> ValidAnswers | None:
    """The remembered answers that are still valid; None if everybody is judged."""
    if not reuses_answers(connection):
        return None

    def valid(table: RunTable, columns: Schema) -> pl.DataFrame:
        assert isinstance(table.reuse, ChangedRows)
        query = f"FROM {table.remembered} WHERE NOT {table.reuse.condition('run')}"
        return conform(connection.sql(query).pl(), columns)

    return ValidAnswers(
        exceptions=valid(JUDGED_EXCEPTION, JUDGED),
        counted=valid(JUDGED_COVERAGE, COUNTED),
        repeated=valid(JUDGED_REPEAT, REPEATED),
    )


def read_answers_of_other_rules(
    connection: duckdb.DuckDBPyConnection, rules: Iterable[Described]
) -> ValidAnswers | None:
    """The remembered answers of persons about whom only rules that look at prices are asked: those
    of all other rules. None if everybody is judged.

    Repeated amounts are not among them: those are found again.
    """
    if not reuses_answers(connection):
        return None
    asked = literals(ids_of_price_rules(rules))
    of_others = f"""person_id IN (SELECT person FROM {AFFECTED_PERSON} WHERE only_prices)
                    AND (rule_id IS NULL OR NOT list_contains({asked}, rule_id))"""
    exceptions, counted = (
        connection.sql(f"FROM {table.remembered} WHERE {of_others}").pl()
        for table in (JUDGED_EXCEPTION, JUDGED_COVERAGE)
    )
    return ValidAnswers(
        conform(exceptions, JUDGED), conform(counted, COUNTED), pl.DataFrame(schema=REPEATED)
    )


def merge_answers(judgement: Judgement, valid: ValidAnswers | None) -> Judgement:
    """The judgement of this run, and the remembered answers that are still valid."""
    if valid is None:
        return judgement
    exceptions = pl.concat([judgement.exceptions, valid.exceptions])
    return replace(
        judgement,
        exceptions=exceptions.sort(EXCEPTION_ORDER, nulls_last=True),
        counted=pl.concat([judgement.counted, valid.counted]),
        repeated=pl.concat([judgement.repeated, valid.repeated]).sort(REPEATED_ORDER),
    )


def write_answers(folder: Path, judgement: Judgement) -> None:
    """Write the answers of this run to files, so that no connection is open while rules run.

    An open workbench keeps gigabytes in memory.
    """
    folder.mkdir(mode=0o700)
    files = files_of_answers(folder)
    for table, frame in (
        (JUDGED_EXCEPTION, judgement.exceptions),
        (JUDGED_COVERAGE, judgement.counted),
        (JUDGED_REPEAT, judgement.repeated),
    ):
        _write(files[table], frame)


def write_merged(folder: Path, judgement: Judgement) -> None:
    """Write what was found of everybody: the exceptions, and the claims that repeat their amount,
    for the worklist."""
    _write(folder / _EXCEPTIONS, judgement.exceptions)
    _write(folder / _REPEATED, judgement.repeated)


def _write(file: Path, frame: pl.DataFrame) -> None:
    """Write a file that passes between stages: so few rows at a time that they take little room."""
    frame.write_parquet(file, compression="lz4", row_group_size=_ROWS)


def read_merged_exceptions(folder: Path) -> pl.DataFrame:
    """The exceptions that write_merged wrote, with the columns JUDGED."""
    return pl.read_parquet(folder / _EXCEPTIONS, glob=False)


def read_repeated(folder: Path) -> pl.DataFrame:
    """The claims that write_merged wrote."""
    return pl.read_parquet(folder / _REPEATED, glob=False)


def files_of_answers(folder: Path) -> dict[RunTable, Path]:
    """The files that write_answers wrote, which the warehouse is to remember for the next run."""
    return {table: folder / f"{table.name}.parquet" for table in TABLES}


def asked_in(warehouse: Path) -> set[Question]:
    """What the answers that a warehouse remembers were given to: not those that do not apply.

    Raises UsageError if there is no such warehouse.
    """
    refuse_missing(warehouse)
    with read_only(warehouse) as connection:
        rows = connection.execute(
            f"""SELECT DISTINCT policy_id, rule_id, term_id FROM {JUDGED_COVERAGE.remembered}
                WHERE outcome NOT IN (?, ?) AND rule_id IS NOT NULL""",
            [NOT_APPLICABLE, OF_DOCUMENT],
        ).fetchall()
    return set(rows)

"""Put this run's answers together with those of the last run that are still valid.

Answers wait in folders, like those of a part: exceptions with all that they say take kilobytes
each, and a run may find a million. So only what the report compares is read into memory.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import duckdb
import polars as pl

from audit_rules.catalogue import Question
from audit_rules.engine.coverage import COUNTED, OF_DOCUMENT, rule_coverage
from audit_rules.engine.exceptions import EXCEPTION_ORDER
from audit_rules.engine.repeated_amounts import REPEATED_ORDER
from audit_rules.engine.rule import Described, ids_of_price_rules
from flows.judging.affected import AFFECTED_PERSON
from flows.judging.judge_part import FOUND, ROW_GROUP, found_files, read_found, write_found
from flows.judging.sorted_files import merged
from flows.warehouse.connection import read_only, refuse_missing
from flows.warehouse.memory import reuses_answers
from flows.warehouse.run_table import ChangedRows, RunTable, sql_columns
from flows.warehouse.sql import literals
from schemas.outcomes import NOT_APPLICABLE
from schemas.results import EXCEPTION, JUDGED, REPEATED, Schema, conform

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
_EXCEPTIONS, _COUNTED, _GAPS, _REPEATED = FOUND
_FOUND: dict[RunTable, tuple[str, Schema]] = {
    JUDGED_EXCEPTION: (_EXCEPTIONS, JUDGED),
    JUDGED_COVERAGE: (_COUNTED, COUNTED),
    JUDGED_REPEAT: (_REPEATED, REPEATED),
}
"""Table of the warehouse -> the frame of a judgement that it remembers, and its columns."""
_ROWS = 16_384  # exceptions, with all that they say, in memory at a time
_LEFT_IN_FILES = ("citation", "evidence", "documents_needed", "rationale")
"""What only the results show of an exception: most of what it takes."""
COMPARED = {name: kind for name, kind in JUDGED.items() if name not in _LEFT_IN_FILES}
"""The columns of an exception that are in memory for all of them."""


class RememberedAnswers(NamedTuple):
    """Folders with answers that the warehouse remembers.

    valid            of persons whom no change has affected since.
    of_other_rules   of persons about whom only rules that look at prices are asked: those of all
                     other rules. Repeated amounts are not among them: those are found again.
    """

    valid: Sequence[Path] = ()
    of_other_rules: Sequence[Path] = ()


class Answers(NamedTuple):
    """What is known of everybody.

    exceptions      with the columns COMPARED, in EXCEPTION_ORDER.
    persons         how many have an answer.
    judged_again    how many have one of this run.
    rule_coverage   the contract's table.
    repeated        the claims whose lines repeat its amount.
    """

    exceptions: pl.DataFrame
    persons: int
    judged_again: int
    rule_coverage: pl.DataFrame
    repeated: pl.DataFrame


def put_remembered_aside(
    connection: duckdb.DuckDBPyConnection, rules: Iterable[Described], folder: Path
) -> RememberedAnswers:
    """Write the remembered answers that are still valid below a folder; none if all are judged.

    They wait there, so that no connection is open while rules run: an open workbench keeps
    gigabytes in memory.
    """
    if not reuses_answers(connection):
        return RememberedAnswers()
    is_valid = {table: f"NOT {_reuse(table).condition('run')}" for table in TABLES}
    asked = literals(ids_of_price_rules(rules))
    of_others = f"""person_id IN (SELECT person FROM {AFFECTED_PERSON} WHERE only_prices)
                    AND (rule_id IS NULL OR NOT list_contains({asked}, rule_id))"""
    by_other_rules = dict.fromkeys((JUDGED_EXCEPTION, JUDGED_COVERAGE), of_others)
    return RememberedAnswers(
        _put_aside(connection, is_valid, folder / "valid"),
        _put_aside(connection, by_other_rules, folder / "of_other_rules"),
    )


def _reuse(table: RunTable) -> ChangedRows:
    assert isinstance(table.reuse, ChangedRows)
    return table.reuse


def _put_aside(
    connection: duckdb.DuckDBPyConnection, conditions: Mapping[RunTable, str], folder: Path
) -> list[Path]:
    """Write the remembered rows of some tables that meet a condition. Returns their folders."""
    folders = {}
    for table, condition in conditions.items():
        name, columns = _FOUND[table]
        found = connection.sql(f"FROM {table.remembered} WHERE {condition}")
        rows = _in_slices(found) if name == _EXCEPTIONS else [found.pl()]
        for number, some in enumerate(rows):
            own = folders[number] = folder / f"{number}"
            own.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_found(own, name, conform(some, columns))
    return list(folders.values())


def _in_slices(exceptions: duckdb.DuckDBPyRelation) -> Iterator[pl.DataFrame]:
    """Exceptions some at a time, those in EXCEPTION_ORDER."""
    for batch in exceptions.to_arrow_reader(_ROWS):
        yield pl.DataFrame(batch).sort(EXCEPTION_ORDER, nulls_last=True)


def merge_answers(fresh: Sequence[Path], valid: Sequence[Path], folder: Path) -> Answers:
    """Put the answers of this run together with those that are still valid, which are in folders.

    All that exceptions say, and the repeated claims, go into another folder, which is made.
    """
    folder.mkdir(mode=0o700)
    folders = (*fresh, *valid)
    found = merged(found_files(folders, _EXCEPTIONS), EXCEPTION_ORDER, _ROWS)
    for number, exceptions in enumerate(found):
        _write(exceptions, folder / f"{number:06}.parquet")
    repeated = read_found(folders, _REPEATED).sort(REPEATED_ORDER)
    write_found(folder, _REPEATED, repeated)
    again = read_found(fresh, _COUNTED)
    counted = pl.concat([again, read_found(valid, _COUNTED)]) if valid else again
    gaps = read_found(folders, _GAPS)
    return Answers(
        read_merged(folder),
        counted["person_id"].n_unique(),
        again["person_id"].n_unique(),
        rule_coverage(counted, gaps.unique(maintain_order=True)),
        repeated,
    )


def read_merged(folder: Path) -> pl.DataFrame:
    """The exceptions that merge_answers wrote, with the columns COMPARED."""
    return scan_merged(folder).select(list(COMPARED)).collect()


def scan_merged(folder: Path) -> pl.LazyFrame:
    """The exceptions that merge_answers wrote, with the columns JUDGED."""
    return pl.scan_parquet(_merged_files(folder), glob=False)


def with_all_columns(exceptions: pl.DataFrame, folder: Path) -> pl.LazyFrame:
    """Exceptions that read_merged gave, with what was added since and what is left in files: the
    columns EXCEPTION. They are written next to those files, one file after the other."""
    files, start = [], 0
    for file in _merged_files(folder):
        left = pl.read_parquet(file, columns=list(_LEFT_IN_FILES), glob=False)
        rows = pl.concat([exceptions.slice(start, left.height), left], how="horizontal")
        files.append(folder / f"shown_{file.name}")
        _write(rows.select(list(EXCEPTION)), files[-1])
        start += left.height
    return pl.scan_parquet(files, glob=False)


def _write(exceptions: pl.DataFrame, file: Path) -> None:
    exceptions.write_parquet(file, compression="lz4", row_group_size=ROW_GROUP)


def _merged_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("[0-9]*.parquet"))


def read_repeated(folder: Path) -> pl.DataFrame:
    """The repeated claims that merge_answers wrote."""
    return read_found([folder], _REPEATED)


def files_of_answers(folders: Sequence[Path]) -> dict[RunTable, list[Path]]:
    """The files in folders that the warehouse is to remember for the next run."""
    return {table: found_files(folders, name) for table, (name, _) in _FOUND.items()}


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

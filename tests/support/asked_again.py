"""What a question about a warehouse finds, with and without what that remembers of its last run."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date
from typing import Any

import duckdb
import polars as pl
import pytest

from flows.judging.affected import last_valid_run
from flows.judging.frames import read_frames
from flows.judging.members import audited_rows
from flows.judging.population import population_facts
from flows.plan import Plan
from flows.replay.as_of import settled_as_of
from flows.request import RunRequest
from flows.settle import settle
from flows.settle.final_action import FATE
from flows.settle.persons import (
    DATED_DIAGNOSIS,
    EVERY_LINK,
    EVERY_UNDATED,
    SOLE_PERSON,
    date_diagnoses,
)

_SETTLED = (EVERY_LINK, EVERY_UNDATED, SOLE_PERSON, DATED_DIAGNOSIS, *FATE.values())


def check_questions(request: RunRequest, days: Iterable[date]) -> None:
    """Compare what is found of everybody, and of some persons, as of some days."""
    for day in days:
        asked = replace(request, as_of=day)
        remembering = _found(asked)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(settle, "start_from_last_run", _starts_over(settle.start_from_last_run))
            assert _found(asked) == remembering


def _starts_over(starts: Callable[..., Any]) -> Callable[..., Any]:
    return lambda connection, as_of, under, _whole: starts(connection, as_of, under, True)


def _found(request: RunRequest) -> dict[str, object]:
    found: dict[str, object] = {}
    with settled_as_of(request) as (made, connection):
        for table in _SETTLED:
            found[str(table)] = connection.execute(f"FROM {table} ORDER BY ALL").fetchall()
        persons = _persons(made, connection)
        texts = made.texts.judgement_digest()
        before = last_valid_run(connection, texts, (), request.as_of)
        rows = audited_rows(connection, request.as_of, before)
        facts = population_facts(connection, made.reference, rows)
        found |= {f"facts {n}": frame.to_dicts() for n, frame in facts._asdict().items()}
    for person in persons[:: max(1, len(persons) // 3)]:
        with settled_as_of(request, date_diagnoses=False) as (made, connection):
            date_diagnoses(connection, request.as_of, [person])
            before = last_valid_run(connection, texts, (), request.as_of)
            rows = audited_rows(connection, request.as_of, before)
            facts = population_facts(connection, made.reference, rows)
            frames = read_frames(connection, made.reference, request.as_of, facts, before, [person])
        found |= {f"{person} {name}": _plain(frame) for name, frame in vars(frames).items()}
    return found


def _persons(made: Plan, connection: duckdb.DuckDBPyConnection) -> list[str]:
    frames = read_frames(connection, made.reference, made.request.as_of)
    return sorted({*frames.medical["person"], *frames.pharmacy["person"]})


def _plain(value: object) -> object:
    return value.to_dicts() if isinstance(value, pl.DataFrame) else value

"""What a question about a warehouse finds, with and without what that remembers of its last run."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from audit_rules.counterfactuals.case import FRAMES
from flows.judging.affected import last_valid_run
from flows.judging.frames import read_frames
from flows.judging.members import audited_rows
from flows.judging.population import population_facts
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
            starting_over = _found(asked)
            differing = [n for n in remembering if remembering[n] != starting_over[n]]
            assert differing == []


def _starts_over(starts: Callable[..., Any]) -> Callable[..., Any]:
    return lambda connection, as_of, under, _whole: starts(connection, as_of, under, True)


def _found(request: RunRequest) -> dict[str, object]:
    as_of = request.as_of
    with settled_as_of(request) as (made, connection):
        found: dict[str, object] = {
            str(table): connection.execute(f"FROM {table} ORDER BY ALL").fetchall()
            for table in _SETTLED
        }
        before = last_valid_run(connection, made.texts.judgement_digest(), (), as_of)
        rows = audited_rows(connection, as_of, before)
        facts = population_facts(connection, made.reference, rows)
        everybody = read_frames(connection, made.reference, as_of, facts)
        persons = sorted({*everybody.medical["person"], *everybody.pharmacy["person"]})
        for first in range(2):
            some = persons[first::2]
            date_diagnoses(connection, as_of, some)
            own = read_frames(connection, made.reference, as_of, facts, before, some)
            for name in FRAMES.values():
                of_some = getattr(everybody, name).filter(pl.col("person").is_in(some))
                assert_frame_equal(getattr(own, name), of_some)
    found |= {f"facts {name}": frame.to_dicts() for name, frame in facts._asdict().items()}
    return found | {name: getattr(everybody, name).to_dicts() for name in FRAMES.values()}

"""Persons are judged in parts, and what is found of all of them is what one judgement finds."""

from dataclasses import fields
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from audit_rules.engine.dossier import WarehouseFrames, compile_dossier
from audit_rules.engine.judge import Judgement
from audit_rules.engine.parts import parts, together
from audit_rules.engine.rule import PolicyBook
from audit_rules.kinds.judge import judge_all
from audit_rules.policy.library import PolicyLibrary, load_policies
from audit_rules.reference.codes import load_reference
from audit_rules.rules import RULES
from flows.judging.frames import read_frames
from flows.warehouse.connection import opened
from tests.support.running import AS_OF, ROOT, planned, run_to_final_action
from tests.support.spoken import DAY, World, policy

TEXT = """
[[products]]
name = "infused"
hcpcs = ["J1000"]
observed_days = 0

[[quantity]]
measure = "units"
most = 3
per = "30 days"
finding = { outcome = "recover" }

[[on_file]]
forbid = [{ service = "99213", window = [-9, 0] }]
finding = { outcome = "review", once = "date" }
"""
PERSONS = ("A", "B", "C", "D")


def _line(person: str, day: int, code: str = "J1000") -> dict[str, object]:
    when = DAY + timedelta(days=day)
    return {"person": person, "hcpcs_code": code, "service_date": when, "quantity": 2}


WORLD = World(
    medical=[_line(p, 5 * n) for n in range(3) for p in PERSONS] + [_line("B", 4, "99213")],
    diagnosis=[{"person": p, "diagnosis_code": "C61", "diagnosis_date": DAY} for p in PERSONS],
    eligibility=[{"person": p} for p in PERSONS],
)


def _of(frames: WarehouseFrames, book: PolicyBook) -> Judgement:
    dossier = compile_dossier(frames, book.reference, 30, AS_OF)
    return judge_all(dossier, book, RULES)


def _same(one: Judgement, other: Judgement) -> None:
    assert one.exceptions.equals(other.exceptions)
    assert one.rule_coverage.equals(other.rule_coverage)
    assert one.repeated.equals(other.repeated)


@pytest.mark.slow
def test_persons_judged_in_parts_have_the_answers_of_all_at_once() -> None:
    shipped = load_policies()
    book = PolicyBook(PolicyLibrary((*shipped.policies, policy(TEXT))), load_reference(shipped))
    frames = WORLD.frames()
    whole = _of(frames, book)
    assert {"recover", "review"} <= set(whole.exceptions["outcome"])
    _same(together([_of(part, book) for part in parts(frames, 4)]), whole)


@pytest.mark.parametrize("most", [1, 2, 5, 13, 99])
def test_every_row_of_a_person_is_in_one_part(most: int) -> None:
    frames = WORLD.frames()
    found = list(parts(frames, most))
    assert len(found) == {1: 4, 2: 4, 5: 3, 13: 1, 99: 1}[most]
    for field in fields(frames):
        whole = getattr(frames, field.name)
        if field.name in ("medical", "diagnosis", "eligibility"):
            split = pl.concat(getattr(part, field.name) for part in found)
            assert split.sort(pl.all()).equals(whole.sort(pl.all()))
            persons = [p for part in found for p in getattr(part, field.name)["person"].unique()]
            assert sorted(persons) == list(PERSONS)
        elif isinstance(whole, pl.DataFrame):
            assert all(getattr(part, field.name).equals(whole) for part in found)


@pytest.mark.slow
def test_the_sample_judged_in_parts_is_the_sample_judged_at_once(tmp_path: Path) -> None:
    made = planned(ROOT / "data" / "sample", tmp_path)
    run_to_final_action(made)
    with opened(made.bench) as connection:
        frames = read_frames(connection, made.reference, AS_OF)
    book = PolicyBook(made.library, made.reference)
    found = list(parts(frames, (frames.medical.height + frames.pharmacy.height) // 3))
    assert len(found) > 2
    _same(together([_of(part, book) for part in found]), _of(frames, book))

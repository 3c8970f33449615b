"""Persons are judged in parts, and what is found of all of them is what one judgement finds."""

from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from audit_rules.engine.dossier import WarehouseFrames, compile_dossier
from audit_rules.engine.judge import Judgement
from audit_rules.engine.parts import together
from audit_rules.engine.rule import PolicyBook
from audit_rules.kinds.judge import judge_all
from audit_rules.policy.library import PolicyLibrary, load_policies
from audit_rules.reference.codes import load_reference
from audit_rules.rules import CATALOGUE
from flows import stages
from flows.judging.frames import KNOWN_CLAIM, read_frames, read_parts
from flows.judging.parts import OF_PERSONS, put_aside
from flows.judging.population import population_facts
from flows.plan import Plan
from flows.warehouse.connection import opened
from tests.support.nights import night, published
from tests.support.running import AS_OF, ROOT, planned, request_for, run_to_final_action
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
    return judge_all(dossier, book, CATALOGUE)


def _same(one: Judgement, other: Judgement) -> None:
    assert one.exceptions.equals(other.exceptions)
    assert one.rule_coverage.equals(other.rule_coverage)
    assert one.repeated.equals(other.repeated)


def _of_person(frames: WarehouseFrames, person: str) -> WarehouseFrames:
    own = {n: getattr(frames, n).filter(pl.col("person") == person) for n in OF_PERSONS}
    return replace(frames, **own)


@pytest.mark.slow
def test_persons_judged_one_by_one_have_the_answers_of_all_at_once() -> None:
    shipped = load_policies()
    book = PolicyBook(PolicyLibrary((*shipped.policies, policy(TEXT))), load_reference(shipped))
    frames = WORLD.frames()
    whole = _of(frames, book)
    assert {"recover", "review"} <= set(whole.exceptions["outcome"])
    _same(together([_of(_of_person(frames, person), book) for person in PERSONS]), whole)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """The sample, up to final action."""
    plan = planned(ROOT / "data" / "sample", tmp_path_factory.mktemp("parts"))
    run_to_final_action(plan)
    return plan


@pytest.mark.slow
def test_every_row_of_a_person_is_read_in_one_part(made: Plan, tmp_path: Path) -> None:
    tables = KNOWN_CLAIM.values()
    with opened(made.bench) as connection:
        facts = population_facts(connection, made.reference, AS_OF)
        whole = read_frames(connection, made.reference, AS_OF, facts)
        known = [connection.sql(f"FROM {t} ORDER BY ALL").fetchall() for t in tables]
        most = (whole.medical.height + whole.pharmacy.height) // 5
        read = read_parts(connection, made.reference, AS_OF, facts, most=most)
        parts = list(put_aside(read, tmp_path / "aside"))
        for table, rows in zip(tables, known, strict=True):
            assert connection.sql(f"FROM {table} ORDER BY ALL").fetchall() == rows
    assert len(parts) > 4 and all(part.frames.medical.is_empty() for part in parts)
    assert sum(part.rows for part in parts) == whole.medical.height + whole.pharmacy.height
    found = [part.read() for part in parts]
    for field in fields(whole):
        everybody = getattr(whole, field.name)
        if field.name in OF_PERSONS:
            split = [getattr(part, field.name) for part in found]
            assert pl.concat(split).sort(pl.all()).equals(everybody.sort(pl.all()))
            persons = [p for frame in split for p in frame["person"].unique()]
            assert len(persons) == len(set(persons))
        elif isinstance(everybody, pl.DataFrame):
            assert all(getattr(part, field.name).equals(everybody) for part in found)


@pytest.mark.slow
def test_a_run_in_parts_has_the_bytes_of_a_run_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for most in (stages.ROWS_AT_A_TIME, 300):
        monkeypatch.setattr(stages, "ROWS_AT_A_TIME", most)
        base = tmp_path / str(most)
        summary = night(request_for(ROOT / "data" / "sample", base, base / "audit.duckdb", AS_OF))
        found.append(published(summary.folder))
    assert found[0] == found[1]

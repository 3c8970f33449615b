"""Persons are judged in parts, and what is found of all of them is what one judgement finds."""

import gc
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import polars as pl
import pytest

from audit_rules.engine.dossier import Dossier, WarehouseFrames, compile_dossier
from audit_rules.engine.judge import run_rules
from audit_rules.engine.rule import Described, PolicyBook
from audit_rules.errors import AuditError
from audit_rules.policy.library import PolicyLibrary, load_policies
from audit_rules.reference.codes import load_reference
from audit_rules.rules import CATALOGUE, RULES
from flows import stages
from flows.judging import judge_part, spread
from flows.judging.frames import KNOWN_CLAIM, read_frames, read_parts
from flows.judging.judge_part import Job, read_found
from flows.judging.members import Cut
from flows.judging.parts import OF_PERSONS, put_aside
from flows.judging.population import population_facts
from flows.judging.spread import judge_parts
from flows.plan import Plan
from flows.warehouse.connection import opened
from tests.support.examples import MANY
from tests.support.judged_parts import found_in, judged_in_parts
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
FEW = tuple(
    m for m in CATALOGUE if m.RULE.id in ("AUTH01", "DUP01", "DX01", "ELIG01", "PAY01", "SPEC01")
)
CUTS = [((1, 2, 7, 64) if MANY else (1, 2, 7), CATALOGUE), ((1, 64), FEW)]
"""Into how many buckets the sample is cut, and which rules are asked about each."""
_KILLS_ITSELF = b"cos\nsystem\n(S'kill -9 $PPID'\ntR."
"""A job that kills whoever reads it."""


def _line(person: str, day: int, code: str = "J1000") -> dict[str, object]:
    when = DAY + timedelta(days=day)
    return {"person": person, "hcpcs_code": code, "service_date": when, "quantity": 2}


WORLD = World(
    medical=[_line(p, 5 * n) for n in range(3) for p in PERSONS] + [_line("B", 4, "99213")],
    diagnosis=[{"person": p, "diagnosis_code": "C61", "diagnosis_date": DAY} for p in PERSONS],
    eligibility=[{"person": p} for p in PERSONS],
)


def _of_person(frames: WarehouseFrames, person: str) -> WarehouseFrames:
    own = {n: getattr(frames, n).filter(pl.col("person") == person) for n in OF_PERSONS}
    return replace(frames, **own)


@pytest.mark.slow
def test_persons_judged_one_by_one_have_the_answers_of_all_at_once(tmp_path: Path) -> None:
    shipped = load_policies()
    book = PolicyBook(PolicyLibrary((*shipped.policies, policy(TEXT))), load_reference(shipped))
    frames = WORLD.frames()
    job = Job(book, 30, AS_OF, frames)
    whole = found_in(judged_in_parts([frames], job, tmp_path / "1"), tmp_path / "of 1")
    assert {"recover", "review"} <= set(whole.exceptions["outcome"])
    one_by_one = (_of_person(frames, person) for person in PERSONS)
    assert found_in(judged_in_parts(one_by_one, job, tmp_path / "4"), tmp_path / "of 4").same(whole)


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
        facts = population_facts(connection, made.reference)
        whole = read_frames(connection, made.reference, AS_OF, facts)
        known = [connection.sql(f"FROM {t} ORDER BY ALL").fetchall() for t in tables]
        most = (whole.medical.height + whole.pharmacy.height) // 5
        read = read_parts(connection, made.reference, AS_OF, facts, cut=Cut(most))
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
def test_what_is_read_of_some_persons_is_what_is_read_of_them_among_everybody(made: Plan) -> None:
    with opened(made.bench) as connection:
        facts = population_facts(connection, made.reference)
        whole = read_frames(connection, made.reference, AS_OF, facts)
        ids = whole.pharmacy.group_by("person").agg(pl.col("member_id").n_unique())
        several = ids.filter(pl.col("member_id") > 1)["person"].sort()
        persons = [*whole.medical["person"].unique().sort()[::9], *several]
        assert several.len()
        own = read_frames(connection, made.reference, AS_OF, facts, persons=persons)
        nobody = read_frames(connection, made.reference, AS_OF, facts, persons=["no such person"])
    for name in OF_PERSONS:
        of_them = getattr(whole, name).filter(pl.col("person").is_in(persons))
        assert getattr(own, name).equals(of_them)
        assert getattr(nobody, name).is_empty()
    assert own.medical.height and own.diagnosis.height
    assert own.priced_lines.equals(whole.priced_lines)


@pytest.mark.slow
@pytest.mark.parametrize(("buckets", "rules"), CUTS, ids=["all rules", "few rules"])
def test_the_number_of_buckets_changes_no_answer(
    buckets: Sequence[int], rules: Sequence[Described], made: Plan, tmp_path: Path
) -> None:
    found = []
    with opened(made.bench) as connection:
        facts = population_facts(connection, made.reference)
        cuts = [
            (count, list(read_parts(connection, made.reference, AS_OF, facts, cut=Cut(1, count))))
            for count in buckets
        ]
    book = PolicyBook(made.library, made.reference)
    for count, parts in cuts:
        assert len(parts) == count
        job = Job(book, made.default_supply_days, AS_OF, parts[0])
        folders = judged_in_parts(parts, job, tmp_path / f"{count}", rules)
        found.append(found_in(folders, tmp_path / f"of {count}"))
    assert all(other.same(found[0]) for other in found[1:])


@pytest.mark.slow
def test_a_run_of_several_processes_has_the_bytes_of_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, buckets_shown = [], []
    whole = stages.judge_stage
    monkeypatch.setattr(
        stages, "judge_stage", lambda *given: whole(*given, lambda *b: buckets_shown.append(b))
    )
    for buckets, workers in ((None, 1), (5, 2)):
        base = tmp_path / f"{buckets} {workers}"
        request = request_for(ROOT / "data" / "sample", base, base / "audit.duckdb", AS_OF)
        summary = night(replace(request, buckets=buckets, workers=workers))
        found.append(published(summary.folder))
    assert found[0] == found[1]
    assert buckets_shown == [(1, 1), *((number, 5) for number in range(1, 6))]


def test_the_memory_of_a_part_is_free_when_it_is_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = PolicyLibrary((policy(TEXT),))
    made = []

    def compiled(*arguments: Any) -> Dossier:
        dossier = compile_dossier(*arguments)
        made.append(weakref.ref(dossier))
        return dossier

    monkeypatch.setattr(judge_part, "compile_dossier", compiled)
    (part,) = put_aside([WORLD.frames()], tmp_path / "aside", for_others=True)
    job = Job(PolicyBook(library, load_reference(library)), 30, AS_OF, part.frames)
    gc.disable()
    try:
        job.judge_folder(part.folder)
        assert read_found([part.folder], "exceptions").height
        assert [dossier() for dossier in made] == [None]
    finally:
        gc.enable()


def test_of_parts_that_wait_no_more_than_two_are_in_memory(tmp_path: Path) -> None:
    read: list[weakref.ref[WarehouseFrames]] = []

    def frames() -> Iterator[WarehouseFrames]:
        for _ in range(5):
            assert sum(one() is not None for one in read) <= 2
            part = WORLD.frames()
            read.append(weakref.ref(part))
            yield part
            del part

    assert len(list(put_aside(frames(), tmp_path / "aside"))) == 5


@pytest.mark.slow
def test_rules_that_look_at_prices_say_so(made: Plan) -> None:
    class Looked(Exception):
        pass

    class Prices:
        def __getattr__(self, name: str) -> object:
            raise Looked

    with opened(made.bench) as connection:
        frames = read_frames(connection, made.reference, AS_OF)
    dossier = compile_dossier(frames, made.reference, made.default_supply_days, AS_OF)
    without: Any = replace(dossier, priced_lines=cast(pl.LazyFrame, Prices()))
    book = PolicyBook(made.library, made.reference)
    looked = set()
    for module in RULES:
        try:
            asked = len(list(run_rules(without, book, [module])))
            assert asked, f"{module.RULE.id} has no line in the sample"
        except Looked:
            looked.add(module.RULE.id)
    assert looked == {m.RULE.id for m in CATALOGUE if m.RULE.looks_at_prices} != set()


def test_a_process_starts_only_if_it_has_enough_to_do() -> None:
    assert Cut(most=100_000, workers=4).count(rows=9_999) == 1
    assert Cut(most=100_000, workers=4).count(rows=25_000) == 2
    assert Cut(most=100_000, workers=4).count(rows=500_000) == 5
    assert Cut(most=100_000).count(rows=0) == 1


@pytest.mark.slow
@pytest.mark.parametrize("how", ["killed", "wrong"])
def test_a_process_that_fails_ends_the_run_with_a_sentence(
    how: str, made: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(made.bench) as connection:
        facts = population_facts(connection, made.reference)
        read = read_parts(connection, made.reference, AS_OF, facts, cut=Cut(1, buckets=4))
        parts = list(put_aside(read, tmp_path / "aside"))
    job = Job(PolicyBook(made.library, made.reference), 30, AS_OF, parts[0].frames)
    if how == "wrong":
        (tmp_path / "aside" / "2" / "medical.parquet").write_bytes(b"PAR1")
        said = "A bug: ComputeError"
    else:
        monkeypatch.setattr(spread, "write_job", lambda _job, file: file.write_bytes(_KILLS_ITSELF))
        said = r"A process that judged ended early \(exit -9\)"
    with pytest.raises(AuditError, match=said):
        judge_parts(parts, job, CATALOGUE, 2, tmp_path / "job", tmp_path)

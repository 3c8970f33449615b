"""A run re-evaluates only affected persons, and its results are those of a full run."""

import csv
import inspect
import random
import shutil
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from types import ModuleType
from typing import cast

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from audit_rules.engine.dossier import WarehouseFrames
from audit_rules.engine.rule import PolicyBook
from audit_rules.policy.library import SHIPPED_POLICIES, PolicyLibrary
from audit_rules.reference.codes import load_reference
from audit_rules.rules import CATALOGUE
from flows import stages
from flows.judging.affected import _price_rules_stand_alone, last_valid_run, mark_affected_persons
from flows.judging.frames import read_frames, read_parts
from flows.judging.judge_part import Job
from flows.judging.members import JUDGED_PERSON, Cut, audited_rows
from flows.judging.population import population_facts
from flows.judging.standing import (
    JUDGED_COVERAGE,
    put_remembered_aside,
)
from flows.plan import plan
from flows.request import RunRequest
from flows.summary import Summary
from flows.warehouse.connection import opened
from tests.support.extracts import ANY_ERROR_RATE, Row, as_csv, good
from tests.support.judged_parts import found_in, judged_in_parts
from tests.support.nights import night, published
from tests.support.running import AS_OF, ROOT, request_for, run_to_final_action
from tests.support.spoken import ACME, LIMIT, policy

pytestmark = pytest.mark.slow

BRAND = "00078040134"
OTHER_DRUG = "00093720110"
NPI, OTHER_NPI = "1234567893", "1679576722"
FIRST = AS_OF - timedelta(days=30)
FEW = tuple(
    m
    for m in CATALOGUE
    if m.RULE.id in ("AUTH01", "DUP01", "DX01", "ELIG01", "GEN01", "PAY01", "SAFE02", "SPEC01")
)
"""Rules that between them look at every table: judging with all takes four times as long."""
Rows = dict[str, list[Row]]


def _fill(member: str, **values: object) -> Row:
    return good("pharmacy_claim", **{"claim_id": f"{member}1", "member_id": member} | values)


def _dose(member: str, **values: object) -> Row:
    day = {"claim_start_date": "2026-05-28", "claim_line_start_date": "2026-05-28"}
    dose = {
        "hcpcs_code": "J9229",
        "service_unit_quantity": "9",
        "paid_amount": "20000.00",
        "rendering_npi": NPI,
    }
    return good(
        "medical_claim", **{"claim_id": f"{member}d", "member_id": member} | day | dose | values
    )


SMALL: Rows = {
    "pharmacy_claim": [
        _fill("A"),
        _fill("B", ndc_code=BRAND, paid_amount="9000.00"),
        _fill("C", payer="Aetna", prescribing_provider_npi=NPI),
        _fill("D"),
        _fill("E", person_id="PE"),
    ],
    "medical_claim": [
        _dose("B", payer="Aetna", rendering_npi=OTHER_NPI),
        _dose("F", payer="MMM"),
        _dose("G", payer="Aetna", rendering_npi=OTHER_NPI),
    ],
    "eligibility": [good("eligibility", member_id=m) for m in "ABD"],
    "authorization": [good("authorization", authorization_id=f"A{m}", member_id=m) for m in "AD"],
    "provider": [good("provider", npi=OTHER_NPI)],
    "clinical_evidence": [
        good(
            "clinical_evidence",
            member_id="A",
            evidence_code="philadelphia",
            evidence_value="positive",
        )
    ],
    "diagnosis": [
        good("diagnosis", member_id="A"),
        good("diagnosis", member_id="D", diagnosis_date=None, claim_id="D1"),
    ],
}
"""Seven persons: A, B, C, D, PE with fills, B, F and G with doses."""


def _land(folder: Path, tables: Rows) -> Path:
    folder.mkdir()
    for table, rows in tables.items():
        (folder / f"{table}.csv").write_text(as_csv(rows), encoding="utf-8")
    return folder


def _request(base: Path, landing: Path | None, as_of: date) -> RunRequest:
    (base / "config.toml").write_text(ANY_ERROR_RATE, encoding="utf-8")
    return request_for(landing, base / "out", base / "audit.duckdb", as_of, base / "config.toml")


@pytest.fixture(scope="module")
def first_night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a first night with SMALL."""
    base = tmp_path_factory.mktemp("first")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stages, "CATALOGUE", FEW)
        night(_request(base, _land(base / "one", SMALL), FIRST))
    return base


def _judged_again(request: RunRequest) -> set[str]:
    """Who is judged again in a run that is not kept; asserts that judging all gives the same."""
    return set(_asked_again(request))


def _asked_again(request: RunRequest) -> dict[str, bool]:
    """Who is judged again, and whether only by rules that look at prices."""
    made = plan(request)
    run_to_final_action(made)
    book = PolicyBook(made.library, made.reference)

    aside = made.bench.scratch / "aside"

    def judged(name: str, parts: Iterable[WarehouseFrames]) -> list[Path]:
        return judged_in_parts(parts, job, aside / name, FEW)

    with opened(made.bench) as connection:
        texts = made.texts.judgement_digest()
        before = last_valid_run(connection, texts, (), request.as_of)  # no term is demoted
        rows = audited_rows(connection, request.as_of, before)
        facts = population_facts(connection, made.reference, rows)
        of_every_row = population_facts(connection, made.reference)
        for found, expected in zip(facts, of_every_row, strict=True):
            assert_frame_equal(found, expected)
        mark_affected_persons(connection, book, FEW, facts, rows, request.as_of, JUDGED_COVERAGE)
        valid, of_other_rules = put_remembered_aside(connection, FEW, aside)
        changed = read_frames(connection, made.reference, request.as_of, facts, before)
        job = Job(book, made.default_supply_days, request.as_of, changed)
        by_all_rules = judged("by all rules", [changed])
        read = read_parts(connection, made.reference, request.as_of, facts, before, Cut(10**6))
        asked = judged("asked", read)
        query = f"SELECT person, only_prices FROM {JUDGED_PERSON}"
        persons = dict(connection.execute(query).fetchall())
        everybody = read_frames(connection, made.reference, request.as_of, of_every_row)
    whole = found_in(judged("whole", [everybody]), aside / "of whole")
    assert found_in([*by_all_rules, *valid], aside / "of all rules").same(whole)
    assert found_in([*asked, *of_other_rules, *valid], aside / "of asked").same(whole)
    shutil.rmtree(made.bench.scratch)
    return persons


def _second_night(first_night: Path, base: Path, tables: Rows, as_of: date = FIRST) -> set[str]:
    """Who is judged again on the second night, which brings these rows."""
    shutil.copy(first_night / "audit.duckdb", base)
    return _judged_again(_request(base, _land(base / "two", tables), as_of))


def test_only_rules_that_look_at_prices_are_asked_if_only_prices_changed(
    first_night: Path, tmp_path: Path
) -> None:
    shutil.copy(first_night / "audit.duckdb", tmp_path)
    fill = _fill("Q", paid_amount="700.00")
    request = _request(tmp_path, _land(tmp_path / "two", {"pharmacy_claim": [fill]}), FIRST)
    assert _asked_again(request) == {"B": True, "Q": False}


def test_a_median_that_others_come_to_have_is_asked_about_again(
    first_night: Path, tmp_path: Path
) -> None:
    shutil.copy(first_night / "audit.duckdb", tmp_path)
    fills = [_fill("Q", claim_id=f"Q{n}", paid_amount=f"{n}00.00") for n in (7, 8, 9)]
    request = _request(tmp_path, _land(tmp_path / "two", {"pharmacy_claim": fills}), FIRST)
    assert _asked_again(request) == {"A": True, "B": True, "D": True, "PE": True, "Q": False}


@pytest.mark.parametrize(("rule_id", "alone"), [("DUP01", True), ("GEN02", False)])
def test_every_rule_is_asked_if_a_document_answers_for_one_that_looks_at_prices(
    rule_id: str, alone: bool
) -> None:
    text = ACME + LIMIT.replace("basis", f'rule_id = "{rule_id}"\nbasis')
    library = PolicyLibrary((policy(text),))
    book = PolicyBook(library, load_reference(library))
    assert _price_rules_stand_alone(book, CATALOGUE) is alone


def _same_as_whole(request: RunRequest, summary: Summary) -> None:
    """Assert that the night's results have the bytes of looking at everything."""
    found = {k: v for k, v in published(request.output).items() if summary.run_id in k}
    shutil.rmtree(summary.folder)
    again = night(replace(request, input=None, whole=True))
    assert (again.run_id, again.judged_again) == (summary.run_id, again.persons)
    assert {k: v for k, v in published(request.output).items() if summary.run_id in k} == found


EVERYBODY = {"A", "B", "C", "D", "PE", "F", "G"}
CAUSES: dict[str, tuple[Rows, set[str]]] = {
    "nothing": ({}, set()),
    "new rows": (
        {"pharmacy_claim": [_fill("A", claim_id="A2", dispensing_date="2026-02-05")]},
        {"A", "B"},
    ),
    "new rows of nobody audited": ({"pharmacy_claim": [_fill("Z", ndc_code=OTHER_DRUG)]}, set()),
    "a new patient": ({"medical_claim": [_dose("H")]}, {"B", "F", "G", "H"}),
    "the same rows again": ({"eligibility": SMALL["eligibility"][::-1]}, {"A", "B", "D"}),
    "evidence": ({"clinical_evidence": [good("clinical_evidence", member_id="F")]}, {"B", "F"}),
    "a price that others are compared with": (
        {"pharmacy_claim": [_fill("Q", paid_amount="700.00")]},
        {"B", "Q"},
    ),
    "a payer's fills known from an earlier day": (
        {"pharmacy_claim": [_fill("Z", ndc_code=OTHER_DRUG, dispensing_date="2024-01-01")]},
        {"B", "F", "G"},
    ),
    "a specialty of a provider": (
        {"provider": [good("provider", npi=NPI, taxonomy_code="207R00000X")]},
        {"C", "F"},
    ),
    "a specialty that was known": ({"provider": [good("provider", npi=OTHER_NPI)]}, set()),
    "a member known as a person": (
        {"eligibility": [good("eligibility", member_id="A", person_id="PY")]},
        {"PY"},
    ),
    "a second person of a member": (
        {"eligibility": [good("eligibility", member_id="E", person_id="PX")]},
        {"PE"},
    ),
    "members who are one person": (
        {"diagnosis": [good("diagnosis", member_id=m, person_id="PE") for m in "AD"]},
        {"PE"},
    ),
    "an authorization that was another's": (
        {"authorization": [good("authorization", authorization_id="AA", member_id="B")]},
        {"A", "B"},
    ),
    "a void under another member": (
        {
            "pharmacy_claim": [
                _fill(
                    "Z",
                    claim_id="v",
                    claim_frequency_code="8",
                    original_claim_id="D1",
                    paid_amount="-100.00",
                )
            ]
        },
        {"D", "Z"},
    ),
    "a replacement of a replacement": (
        {
            "pharmacy_claim": [
                _fill("C", claim_id="r1", claim_frequency_code="7", original_claim_id="C1"),
                _fill("Z", claim_id="r2", claim_frequency_code="7", original_claim_id="r1"),
            ]
        },
        {"B", "C", "Z"},
    ),
}
"""What a second run loads, and which persons with lines of audited drugs it re-evaluates."""


@pytest.mark.parametrize("cause", CAUSES)
def test_everybody_whom_it_affects_is_judged_again(
    first_night: Path, tmp_path: Path, cause: str
) -> None:
    tables, touched = CAUSES[cause]
    assert _second_night(first_night, tmp_path, tables) == touched


def test_an_open_window_is_evaluated_again(first_night: Path, tmp_path: Path) -> None:
    assert [m.RULE.id for m in CATALOGUE if m.RULE.passing] == ["CYC05", "ADM01", "COMB01"]
    assert _second_night(first_night, tmp_path, {}, AS_OF) == {
        "F"
    }  # the dose of three days before, at a payer who asks


def test_rules_that_know_the_day_say_which_answers_pass() -> None:
    for module in CATALOGUE:
        text = inspect.getsource(cast(ModuleType, module))
        assert ("as_of" in text) == bool(module.RULE.passing), module.RULE.id


def test_what_comes_to_be_known_as_days_go_by_touches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that the first run loaded and that are dated after it, of every kind of table."""
    monkeypatch.setattr(stages, "CATALOGUE", FEW)
    later = "2026-06-15"
    rows: Rows = {
        "pharmacy_claim": [
            _fill("A"),
            _fill("A", claim_id="A2", dispensing_date=later),
            _fill("B"),
            _fill("C"),
            _fill("D"),
            _fill("H", dispensing_date=later),
        ],
        "medical_claim": [_dose("I", claim_start_date=later, claim_line_start_date=later)],
        "diagnosis": [good("diagnosis", member_id="B", diagnosis_date=later)],
        "clinical_evidence": [good("clinical_evidence", member_id="C", evidence_date=later)],
    }
    night(_request(tmp_path, _land(tmp_path / "one", rows), FIRST))
    assert _judged_again(_request(tmp_path, None, AS_OF)) == {"A", "B", "C", "H", "I"}


def test_an_undated_diagnosis_of_an_earlier_run_still_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is dated by a claim that is not the one it speaks for."""
    monkeypatch.setattr(stages, "CATALOGUE", FEW)
    rows: Rows = {
        "medical_claim": [_dose("F", payer="MMM")],
        "pharmacy_claim": [_fill("F", ndc_code=OTHER_DRUG, dispensing_date="2026-05-20")],
        "diagnosis": [
            good(
                "diagnosis",
                member_id="F",
                diagnosis_code="C91.00",
                diagnosis_date=None,
                claim_id="F1",
            )
        ],
    }
    night(_request(tmp_path, _land(tmp_path / "one", rows), FIRST))
    later = _dose("F", payer="MMM", claim_id="F2", claim_line_start_date="2026-05-30")
    request = _request(tmp_path, _land(tmp_path / "two", {"medical_claim": [later]}), FIRST)
    _same_as_whole(request, night(request))


def test_a_medical_claim_that_is_now_known_says_who_its_member_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No file is new: the diagnosis of the person counts for the dose as soon as both are one."""
    monkeypatch.setattr(stages, "CATALOGUE", FEW)
    linking = _dose(
        "F", payer="MMM", claim_id="F2", person_id="p", claim_line_start_date=str(AS_OF)
    )
    rows: Rows = {
        "medical_claim": [_dose("F", payer="MMM"), linking],
        "pharmacy_claim": [_fill("H", ndc_code=OTHER_DRUG)],
        "diagnosis": [
            good(
                "diagnosis",
                member_id="G",
                person_id="p",
                diagnosis_code="C91.00",
                diagnosis_date="2026-05-01",
            )
        ],
    }
    night(_request(tmp_path, _land(tmp_path / "one", rows), FIRST))
    request = _request(tmp_path, None, AS_OF)
    _same_as_whole(request, night(request))


def test_all_rows_of_a_patient_are_judged_whichever_runs_loaded_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows before the first audited line, the line, another that day, then one of the person."""
    monkeypatch.setattr(stages, "CATALOGUE", FEW)
    dose = _dose("Z", payer="MMM")
    visit = dose | {
        "claim_id": "visit",
        "hcpcs_code": "99213",
    }  # in the place in its file that the dose has in the next
    leukemia = good(
        "diagnosis", member_id="Z", diagnosis_code="C91.00", diagnosis_date="2026-05-01"
    )
    brought: list[Rows] = [
        SMALL
        | {
            "medical_claim": [visit, *SMALL["medical_claim"]],
            "diagnosis": [*SMALL["diagnosis"], leukemia],
        },
        {"medical_claim": [dose]},
        {"medical_claim": [dose | {"claim_id": "again"}]},
        {"eligibility": [good("eligibility", member_id="Z", payer="MMM")]},
    ]
    for number, tables in enumerate(brought):
        request = _request(tmp_path, _land(tmp_path / str(number), tables), FIRST)
        summary = night(request)
    assert summary.judged_again == 1
    found = (
        pl.read_parquet(summary.folder / "exceptions.parquet")
        .filter(pl.col("member_id") == "Z")["rule_id"]
        .to_list()
    )
    assert "DUP01" in found and "DX01" not in found
    _same_as_whole(request, summary)


def test_a_table_supplied_for_the_first_time_judges_everybody_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stages, "CATALOGUE", FEW)
    night(
        _request(
            tmp_path, _land(tmp_path / "one", {"pharmacy_claim": SMALL["pharmacy_claim"]}), FIRST
        )
    )
    brings = _land(tmp_path / "two", {"provider": SMALL["provider"]})
    assert _judged_again(_request(tmp_path, brings, FIRST)) == {"A", "B", "C", "D", "PE"}


def test_with_other_policies_everybody_is_judged_again(first_night: Path, tmp_path: Path) -> None:
    shutil.copy(first_night / "audit.duckdb", tmp_path)
    folder = tmp_path / "policies"
    folder.mkdir()
    path = next(iter(sorted(SHIPPED_POLICIES.glob("cigna*quantity*.toml"))))
    (folder / path.name).write_text(
        path.read_text(encoding="utf-8").replace("limit = 60", "limit = 1"), encoding="utf-8"
    )
    assert _judged_again(replace(_request(tmp_path, None, FIRST), policies=folder)) == EVERYBODY


def test_with_other_payer_names_everybody_is_judged_again(
    first_night: Path, tmp_path: Path
) -> None:
    shutil.copy(first_night / "audit.duckdb", tmp_path)
    path = tmp_path / "aliased.toml"
    path.write_text(ANY_ERROR_RATE + '[payer_aliases]\n"aetna" = "cigna"\n', encoding="utf-8")
    assert _judged_again(replace(_request(tmp_path, None, FIRST), config=path)) == EVERYBODY


def test_another_program_settles_and_judges_everything_again(
    first_night: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(first_night / "audit.duckdb", tmp_path)
    monkeypatch.setattr("flows.settle.settle.program_digest", lambda: "another")
    assert _judged_again(_request(tmp_path, None, FIRST)) == EVERYBODY


def test_a_run_of_an_earlier_date_is_not_remembered(
    first_night: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file given to an earlier night after a later one was judged is new to the night after."""
    monkeypatch.setattr(stages, "CATALOGUE", FEW)
    shutil.copy(first_night / "audit.duckdb", tmp_path)
    night(_request(tmp_path, None, AS_OF))
    late = night(
        _request(
            tmp_path,
            _land(tmp_path / "two", {"pharmacy_claim": [_fill("A", claim_id="A2")]}),
            FIRST,
        )
    )
    assert late.judged_again == late.persons == len(EVERYBODY)
    assert _judged_again(_request(tmp_path, None, AS_OF)) == {"A", "B"}


# ---------------------------------------------------------------- any nights


def _drawn(chance: random.Random) -> tuple[str, tuple[str, ...], list[str]]:
    """A row of the sample, perhaps with a value or two of another row of its table."""
    table = chance.choice(list(_SAMPLE))
    header, rows = _SAMPLE[table]
    row, other = list(chance.choice(rows)), chance.choice(rows)
    for i in chance.sample(range(len(row)), chance.choice([0, 1, 1, 2])):
        row[i] = other[i]
    return table, header, row


def _sample() -> dict[str, tuple[tuple[str, ...], list[list[str]]]]:
    found = {}
    for path in sorted((ROOT / "data" / "sample").glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as stream:
            header, *rows = list(csv.reader(stream))
        found[path.stem] = (tuple(header), rows)
    return found


_SAMPLE = _sample()


@given(seed=st.integers(0, 2**32))
@settings(
    max_examples=3,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_any_sequence_of_runs_gives_the_results_of_full_runs(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    base, chance = tmp_path_factory.mktemp("nights"), random.Random(seed)
    request = _request(
        base, ROOT / "data" / "sample", AS_OF - timedelta(days=chance.randrange(400))
    )
    night(request)
    for number in range(3):
        tables: Rows = {}
        for _ in range(chance.choice([1, 3, 10])):
            table, header, row = _drawn(chance)
            tables.setdefault(table, []).append(
                {h: v or None for h, v in zip(header, row, strict=True)}
            )
        day = request.as_of + timedelta(days=chance.choice([0, 1, 30]))
        request = _request(base, _land(base / str(number), tables), min(day, AS_OF))
        summary = night(request)
    _same_as_whole(request, summary)

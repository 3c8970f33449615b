"""The mutants tool on known mutants of DOSE04, and the reasons given for survivors."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from audit_rules.engine import places
from audit_rules.rules import RULES
from tests.support.case_files import read_case_file
from tools.mutation.mutants import CASES, REFUSED, Trials, in_place, reasons
from tools.mutation.mutations import AUDIT_RULES, Mutant, every_mutant

RULE = "rules/dose04_strong_inhibitor.py: evaluate:"
POLICY = "policies/cigna-imatinib-quantity.toml:"
KILLED = [
    f"{RULE} ~ dropped: ~pl.col('has_inhibitor')",
    "facts/daily_dose.py: reaches: ~ dropped: ~exceeds((least[1], least[0]), (total[1], total[0]))",
    "facts/daily_dose.py: with_daily_dose: > to >=: days > 0",
    "engine/dossier.py: compile_dossier: == to !=: pl.col('claim_source') == 'pharmacy'",
    f"{POLICY} cigna-imatinib-quantity.strong-inhibitor: daily_mg: 600 + 1",
    f"{POLICY} cigna-imatinib-quantity.strong-inhibitor: effective_from: 2023-12-13 + 1 day",
]
SURVIVING = [
    f"{RULE} condition dropped: pl.col('strength_mg').is_not_null()",
    "facts/courses.py: _dose_dates: keep flipped: keep='first'",
    f"{POLICY} document: payer_names: without Cigna",
]
REFUSED_ON_LOADING = f"{POLICY} version 2023-12-13: effective_from: 2023-12-13 + 1 day"


@pytest.fixture(scope="module")
def mutants() -> dict[str, Mutant]:
    found = every_mutant()
    assert len({m.id for m in found}) == len(found), "two mutants share an id"
    return {m.id: m for m in found}


@pytest.fixture(scope="module")
def trials(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trials]:
    made = Trials(read_case_file(CASES / "DOSE04.md").cases, tmp_path_factory.mktemp("trials"))
    yield made
    assert made.failures("DOSE04") == [], "a change was not undone"


@pytest.mark.parametrize("mutant_id", KILLED)
def test_a_case_kills_a_change_that_matters(
    mutant_id: str, mutants: dict[str, Mutant], trials: Trials
) -> None:
    killed_by = trials.verdict(mutants[mutant_id]).killed_by
    assert killed_by is not None
    assert killed_by.startswith("DOSE04.")


@pytest.mark.parametrize("mutant_id", SURVIVING)
def test_a_change_that_makes_no_difference_survives(
    mutant_id: str, mutants: dict[str, Mutant], trials: Trials
) -> None:
    assert trials.verdict(mutants[mutant_id]).killed_by is None


@pytest.mark.slow
def test_cases_kill_a_change_of_a_term_that_answers_under_the_id_of_a_rule(
    mutants: dict[str, Mutant], tmp_path: Path
) -> None:
    cases = [c for c in read_case_file(CASES / "CODE01.md").cases if c.tag == "CODE01.01"]
    term = "policies/bcbsnc-besponsa.toml: bcbsnc-besponsa.code.C9028:"
    changed = mutants[f"{term} last_day: 2018-12-31 + 1 day"]
    assert changed.rules == ("CODE01",)
    made = Trials(cases, tmp_path)
    assert made.verdict(changed).killed_by == "CODE01.01 plain"
    assert made.failures("CODE01") == []


def test_a_mutant_whose_policy_is_refused_counts_as_killed(
    mutants: dict[str, Mutant], trials: Trials
) -> None:
    assert trials.verdict(mutants[REFUSED_ON_LOADING]).killed_by == REFUSED


def test_a_change_of_a_shared_constant_reaches_its_readers_and_is_undone(
    mutants: dict[str, Mutant],
) -> None:
    present = vars(places)["_CALENDAR"]
    with in_place(mutants["engine/places.py: _CALENDAR: 1 to 0: 1 << 22"]):
        assert vars(places)["_CALENDAR"] == 0
    assert vars(places)["_CALENDAR"] == present > 0


def test_every_reason_is_for_a_mutant_that_exists(mutants: dict[str, Mutant]) -> None:
    assert sorted(set(reasons()) - set(mutants)) == []


def test_every_survivor_has_a_reason_of_at_least_four_words() -> None:
    assert [i for i, reason in reasons().items() if len(reason.split()) < 4] == []


def test_every_rule_and_policy_has_mutants(mutants: dict[str, Mutant]) -> None:
    rules = {f"{m.RULE.id.lower()}_" for m in RULES}
    policies = {p.name for p in (AUDIT_RULES / "policies").glob("*.toml")}
    mutated = {m.path.name for m in mutants.values()}
    assert policies <= mutated
    assert rules <= {name[: len(name.split("_")[0]) + 1] for name in mutated}

"""Persons with a great many rows: the same answers and evidence as if every pair were joined.

The engine joins lines and facts pair by pair unless a person has too many pairs of them; then each
line takes the nearest. Both ways are compared on persons made at random,
with a small limit, so that little data already fills it.
"""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from audit_rules.engine import dossier, duplicates, nearest, pieces, places
from audit_rules.engine.dossier import Dossier, WarehouseFrames, compile_dossier
from audit_rules.engine.judge import Judgement, judge
from audit_rules.engine.rule import PolicyBook
from audit_rules.facts import diagnoses
from audit_rules.rules import RULES
from flows.plan import Plan
from schemas.results import MOST_EVIDENCE
from tests.support.examples import examples
from tests.support.extracts import ANY_ERROR_RATE, Row, good, run

SEEDS = examples(3, 6, "CROWDED_SEEDS")
LIMIT = 3
START = date(2026, 1, 5)
MADE_WITH_LIMIT = (nearest, pieces, places, diagnoses, duplicates)
FILLS = ("47335047281", "00078040134", "00078043815", "24658080130", "00378267001")
NPIS = ("1234567893", "1245319599", None)
CODES = ("C91.00", "C91.01", "C83.50", "C83.30", "C92.10", "C50.911", "K76.5", "I10", "E11.9")
FEW_DAYS = 40

pytestmark = pytest.mark.slow


def _some_rows(seed: int) -> dict[str, list[Row]]:
    """Two members' rows, many of them on the same days."""
    pick = random.Random(seed)
    start = START
    span = pick.choice([1, 5, FEW_DAYS, 120])

    def day(most: int = span) -> date:
        return start + timedelta(days=pick.randrange(most))

    def member() -> str:
        return pick.choice("MMMN")

    def fill(n: int) -> Row:
        return good(
            "pharmacy_claim",
            claim_id=f"f{n // 2 if pick.random() < 0.3 else n}",
            claim_line_number=str(n),
            member_id=member(),
            payer=pick.choice(["Cigna", "Cigna", "NantHealth"]),
            dispensing_date=day(),
            ndc_code=pick.choice(FILLS),
            quantity=pick.choice(["30", "60", "90", "181", None]),
            days_supply=pick.choice(["30", "30", "7", "90", None]),
            dispensing_provider_npi=pick.choice(NPIS),
            dispensing_channel=pick.choice(["retail", "home_delivery", None]),
            diagnosis_code=pick.choice(CODES),
        )

    def service(n: int) -> Row:
        on = day(300)
        return good(
            "medical_claim",
            claim_id=f"s{n // 3}",
            claim_line_number=str(n),
            member_id=member(),
            payer=pick.choice(["MMM", "MMM", "BCBSNC"]),
            claim_start_date=on,
            claim_line_start_date=on,
            hcpcs_code=pick.choice(["J9229", "J9229", "J9229", "38240", "80076", "93000", "85025"]),
            service_unit_quantity=pick.choice(["9", "18", "27", None]),
            rendering_npi=pick.choice(NPIS),
            diagnosis_code_1=pick.choice(CODES),
            diagnosis_code_2=pick.choice(CODES),
        )

    def authorization(n: int) -> Row:
        begins = day(FEW_DAYS) - timedelta(days=20)
        return good(
            "authorization",
            authorization_id=f"a{n}",
            member_id=member(),
            drug=pick.choice(["imatinib", "inotuzumab"]),
            payer=pick.choice(["Cigna", "MMM"]),
            product=pick.choice(["brand", "generic", None]),
            status=pick.choice(["approved", "denied", "pended"]),
            start_date=begins,
            end_date=begins + timedelta(days=30),
            override=pick.choice(["cyp3a4_inducer", None]),
        )

    def evidence(_n: int) -> Row:
        code, value = pick.choice(
            [
                ("response", pick.choice(["CR", "PR", "NR"])),
                ("mrd", pick.choice(["negative", "positive"])),
                ("bsa_m2", str(pick.randrange(150, 220) / 100)),
                ("generic_trial", "documented"),
                ("formulation_intolerance", "attested"),
                ("philadelphia", pick.choice(["negative", "positive"])),
                ("hsct_planned", pick.choice(["yes", "no"])),
                ("relapsed_refractory", pick.choice(["yes", "no"])),
            ]
        )
        return good(
            "clinical_evidence",
            member_id=member(),
            evidence_date=day(300),
            evidence_code=code,
            evidence_value=value,
        )

    def span_of(n: int) -> Row:
        begins = start - timedelta(days=100) + timedelta(days=10 * n)
        return good(
            "eligibility",
            member_id=member(),
            payer=pick.choice(["Cigna", "MMM"]),
            enrollment_start_date=begins,
            enrollment_end_date=pick.choice([begins + timedelta(days=pick.randrange(60)), None]),
        )

    counts = {fill: 60, service: 60, authorization: 30, evidence: 60, span_of: 12}
    tables = dict(
        zip(
            (
                "pharmacy_claim",
                "medical_claim",
                "authorization",
                "clinical_evidence",
                "eligibility",
            ),
            counts,
            strict=True,
        )
    )
    made: dict[str, list[Row]] = {
        name: [make(n) for n in range(counts[make])] for name, make in tables.items()
    }
    made["provider"] = [good("provider"), good("provider", npi=NPIS[1], taxonomy_code="207Q00000X")]
    made["diagnosis"] = [
        good(
            "diagnosis", member_id=member(), diagnosis_code=pick.choice(CODES), diagnosis_date=day()
        )
        for _ in range(20)
    ]
    return made


@pytest.fixture
def limited(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A limit that little data exceeds."""
    for module in MADE_WITH_LIMIT:
        monkeypatch.setattr(module, "MOST_EVIDENCE", LIMIT)
    for module in (nearest, dossier):
        monkeypatch.setattr(module, "MOST_PAIRS", LIMIT)
    yield


def _extracted(folder: Path, rows: dict[str, list[Row]]) -> tuple[WarehouseFrames, Plan]:
    files = {f"{name}.csv": made for name, made in rows.items()}
    ran = run(folder, files, config=ANY_ERROR_RATE)
    return ran.extracted(), ran.plan


def _compiled(frames: WarehouseFrames, plan: Plan) -> Dossier:
    return compile_dossier(frames, plan.reference, plan.default_supply_days, plan.request.as_of)


def _judged(compiled: Dossier, plan: Plan) -> Judgement:
    return judge(compiled, PolicyBook(plan.library, plan.reference), RULES)


def _both_ways(folder: Path, rows: dict[str, list[Row]]) -> tuple[Judgement, Judgement]:
    """The judgement with the nearest facts, and with every pair of line and fact."""
    frames, plan = _extracted(folder, rows)
    compiled = _compiled(frames, plan)
    assert compiled.crowded_persons
    in_pairs = replace(compiled, crowded_persons=frozenset())
    return _judged(compiled, plan), _judged(in_pairs, plan)


def _fills(count: int, **values: object) -> list[Row]:
    return [
        good(
            "pharmacy_claim",
            claim_id=f"F{n:03}",
            dispensing_date=START + timedelta(days=n // 20),
            dispensing_channel="retail",
            **({"quantity": f"30.{n:03}"} | values),
        )
        for n in range(count)
    ]


def _evidence(folder: Path, rows: dict[str, list[Row]], rule_id: str) -> dict[str, list[Any]]:
    """The evidence of each exception of a rule, by claim."""
    frames, plan = _extracted(folder, rows)
    found = _judged(_compiled(frames, plan), plan).exceptions
    of_rule = found.filter(pl.col("rule_id") == rule_id)
    return dict(of_rule.select("claim_id", "evidence").iter_rows())


def test_d3_evidence_names_the_nearest_facts_and_counts_the_others(tmp_path: Path) -> None:
    """Each exception named every fill around it: evidence grew with the square of the fills."""
    found = _evidence(tmp_path, {"pharmacy_claim": _fills(120)}, "QTY02")

    last = found["F119"]  # the fills of the days before are farther than those of its own day
    named = [piece for piece in last if piece["kind"] == "fill"]
    assert len(named) == MOST_EVIDENCE == 50
    assert [p["claim_id"] for p in named] == [f"F{n:03}" for n in (*range(60, 70), *range(80, 120))]
    assert [(p["side"], p["value"]) for p in last if p["kind"] == "more"] == [("against", "70")]
    assert [p["kind"] for p in found["F040"]].count("more") == 1
    assert all(piece["kind"] == "fill" for piece in found["F010"])


def test_d3_a_repeated_claim_names_the_first_of_its_many_twins(tmp_path: Path) -> None:
    rows = _fills(80, dispensing_provider_npi=NPIS[0], quantity="30")
    for row in rows:
        row["dispensing_date"] = START
    found = _evidence(tmp_path, {"pharmacy_claim": rows}, "DUP01")

    last = {piece["claim_id"]: piece for piece in found["F079"]}
    assert list(last) == [*(f"F{n:03}" for n in range(49)), "F079", None]
    assert last[None]["value"] == "30"  # of 79 earlier fills and the line itself, 50 are named
    assert len(found["F049"]) == 50


def test_d3_codes_beyond_the_limit_are_counted_in_the_rationale(tmp_path: Path) -> None:
    codes = [f"A{n // 10}{n % 10}" for n in range(60)]
    diagnoses = [good("diagnosis", diagnosis_code=code) for code in codes]
    files = {"pharmacy_claim": _fills(1, payer="NantHealth"), "diagnosis": diagnoses}
    frames, plan = _extracted(tmp_path, files)
    found = _judged(_compiled(frames, plan), plan).exceptions.filter(rule_id="DX01")

    (words,) = found["rationale"]
    (evidence,) = found["evidence"]
    assert "A00, A01" in words
    assert "A49 and 10 more" in words
    assert [p["value"] for p in evidence if p["kind"] == "more"] == ["11"]  # the line is one


def test_d3_the_codes_named_are_the_same_however_many_lines_ask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = [START + timedelta(days=(n * 7) % 60 - 30) for n in range(90)]
    diagnoses = [
        good("diagnosis", diagnosis_code=f"A{n // 10}{n % 10}", diagnosis_date=day)
        for n, day in enumerate(days)
    ]
    files = {"pharmacy_claim": _fills(1, payer="NantHealth"), "diagnosis": diagnoses}
    frames, plan = _extracted(tmp_path, files)
    compiled = _compiled(frames, plan)
    assert not compiled.crowded_persons  # 90 pairs are few
    every_pair = _judged(compiled, plan)
    for module in (nearest, dossier):
        monkeypatch.setattr(module, "MOST_PAIRS", 1)
    nearest_only = _judged(_compiled(frames, plan), plan)

    assert "and 40 more" in every_pair.exceptions.filter(rule_id="DX01")["rationale"].item()
    assert nearest_only.exceptions.equals(every_pair.exceptions)


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.usefixtures("limited")
def test_d3_the_nearest_facts_give_what_every_pair_gives(tmp_path: Path, seed: int) -> None:
    nearest_only, every_pair = _both_ways(tmp_path, _some_rows(seed))
    assert nearest_only.answers.sort(pl.all()).equals(every_pair.answers.sort(pl.all()))
    assert nearest_only.exceptions.equals(every_pair.exceptions)

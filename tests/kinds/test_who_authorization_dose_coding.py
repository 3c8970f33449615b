"""Of whom, where and by whom; approvals; doses by weight or age; how a line is coded."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.support.spoken import DAY, World, answers

NDC = "11111111111"
SETS = f"""
[[products]]
name = "Brandy"
ingredient = "drug"
ndc = ["{NDC}"]
hcpcs = ["J1000"]
unit_mg = 0.5
observed_days = 0

[[codes]]
name = "pemphigus"
system = "icd10cm"
codes = ["L10"]
with_children = true

[[fact]]
code = "weight_kg"
unit = "kg"
"""


def text(kind: str, *fields: str, finding: str = 'outcome = "recover"') -> str:
    end = f'finding = {{ {finding}, documents = ["record"] }}'
    return SETS + f"[[{kind}]]\n" + "\n".join(fields) + f"\n{end}\n"


def line(**values: object) -> dict[str, object]:
    return {"hcpcs_code": "J1000", "service_date": DAY} | values


def fill(**values: object) -> dict[str, object]:
    return {"ndc_code": NDC, "service_date": DAY, "days_supply": 30} | values


# ---------------------------------------------------------------- who


def test_the_first_that_fails_answers_before_any_that_is_unknown() -> None:
    term = text("who", 'age = { from = "18 years" }', 'not_places = ["19", "22"]')
    world = World(medical=[line(place_of_service_code="22")], eligibility=[{"birth_date": None}])
    assert answers(term, world)["C1"].startswith("recover place_not_allowed")
    world = World(medical=[line(place_of_service_code="11")], eligibility=[{"birth_date": None}])
    assert answers(term, world) == {"C1": "not_evaluable birth_date_missing"}
    young = World(medical=[line()], eligibility=[{"birth_date": date(2010, 1, 1)}])
    assert answers(term, young)["C1"].startswith("recover age_outside")


def test_what_is_asked_is_asked_of_its_benefit() -> None:
    places, channels = text("who", 'places = "11"'), text("who", 'channels = "retail"')
    assert answers(places, World(pharmacy=[fill()])) == {}
    assert answers(channels, World(medical=[line()])) == {}
    assert answers(places, World(medical=[line()])) == {"C1": "not_evaluable place_missing"}
    assert answers(channels, World(pharmacy=[fill()])) == {"C101": "not_evaluable channel_unknown"}
    found = answers(channels, World(pharmacy=[fill(dispensing_channel="home_delivery")]))
    assert found["C101"].startswith("recover channel_not_allowed")


def test_the_prescriber_is_the_rendering_or_else_the_billing_provider() -> None:
    term = text("who", 'taxonomies = ["207RX0202X"]')
    provider = [
        {"npi": "1234567893", "taxonomy_code": "207RX0202X"},
        {"npi": "1003000126", "taxonomy_code": "208D00000X"},
    ]
    specialist, other = "1234567893", "1003000126"
    for values, answer in (
        ({"rendering_npi": specialist}, "pass"),
        ({"billing_npi": specialist}, "pass"),
        ({"rendering_npi": other, "billing_npi": specialist}, "recover no_specialist"),
        ({"rendering_npi": "1999999992"}, "not_evaluable prescriber_unknown"),
        ({}, "not_evaluable prescriber_unknown"),
    ):
        found = answers(term, World(medical=[line(**values)], provider=provider))
        assert found["C1"].startswith(answer), values
    found = answers(term, World(pharmacy=[fill(prescribing_provider_npi=other)], provider=provider))
    assert found["C101"].startswith("recover no_specialist")
    found = answers(term, World(medical=[line()], absent=["provider"]))
    assert found == {"C1": "not_evaluable provider_extract_missing"}


def test_a_consultation_holds_for_any_prescriber() -> None:
    term = text(
        "who",
        'taxonomies = ["207RX0202X"]',
        'consultation = { specialist = "207RX0202X", window = [-365, 30] }',
    )
    provider = [
        {"npi": "1234567893", "taxonomy_code": "207RX0202X"},
        {"npi": "1003000126", "taxonomy_code": "208D00000X"},
    ]
    visit = {"hcpcs_code": "99213", "service_date": DAY, "rendering_npi": "1234567893"}
    drug = line(rendering_npi="1003000126")
    assert answers(term, World(medical=[drug, visit], provider=provider)) == {"C1": "pass"}
    found = answers(term, World(medical=[drug], provider=provider))
    assert found["C1"].startswith("recover no_specialist")


# ---------------------------------------------------------------- authorization


@pytest.mark.parametrize("word", ["Brandy", "brandy", "DRUG", "j1000", NDC, "11111-1111-11"])
def test_an_approval_names_the_set_its_ingredient_or_a_code(word: str) -> None:
    world = World(medical=[line()], authorization=[{"drug": word}])
    assert answers(text("authorization"), world) == {"C1": "pass"}


def test_another_drug_product_payer_or_person_covers_nothing() -> None:
    for row in (
        {"drug": "other"},
        {"drug": "drug", "product": "generic"},
        {"drug": "drug", "payer_id": "other"},
        {"drug": "drug", "person": "N"},
    ):
        world = World(medical=[line()], authorization=[row])
        assert answers(text("authorization"), world) == {
            "C1": "recover no_authorization amount=100.00"
        }, row
    world = World(medical=[line()], authorization=[{"drug": "drug", "product": "brandy"}])
    assert answers(text("authorization"), world) == {"C1": "pass"}


def test_denied_and_ended_approvals_have_reasons_of_their_own() -> None:
    for row, reason in (
        ({"status": "denied"}, "authorization_denied"),
        ({"end_date": DAY - timedelta(days=1)}, "authorization_expired"),
        ({"status": "pended"}, "no_authorization"),
        ({"start_date": DAY + timedelta(days=1)}, "no_authorization"),
    ):
        world = World(medical=[line()], authorization=[{"drug": "drug"} | row])
        assert answers(text("authorization"), world)["C1"].split()[1] == reason
    world = World(medical=[line()], senders=["other"])
    assert answers(text("authorization"), world) == {
        "C1": "not_evaluable authorization_extract_missing"
    }


def test_none_is_needed_if_the_clause_says_so() -> None:
    term = text("authorization", "needed = false", 'length = "1 month"')
    assert answers(term, World(medical=[line()])) == {}


@pytest.mark.parametrize(
    ("start", "answer"),
    [
        (date(2026, 2, 2), "pass"),
        (
            date(2026, 2, 1),
            "advisory authorization_longer_than_policy observed=29 allowed=28 amount=0.00",
        ),
    ],
)
def test_an_approval_may_run_to_the_day_after_its_span(start: date, answer: str) -> None:
    term = text("authorization", 'length = "1 month"')
    world = World(medical=[line()], authorization=[{"drug": "drug", "start_date": start}])
    assert answers(term, world) == {"C1": answer}


def test_the_first_row_that_fits_an_approval_gives_its_span() -> None:
    term = text(
        "authorization",
        'length = [{ most = "12 months", when = { diagnosis = "pemphigus", window = [-9, 0] },'
        ' first = true }, { most = "1 month" }]',
    )
    old = {"drug": "drug", "start_date": date(2025, 12, 1)}
    sick = line(diagnosis_code_1="L10.0")
    assert answers(term, World(medical=[sick], authorization=[old])) == {"C1": "pass"}
    found = answers(term, World(medical=[line()], authorization=[old]))
    assert found["C1"].startswith("advisory authorization_longer_than_policy")
    earlier = {
        "drug": "drug",
        "authorization_id": "A0",
        "start_date": date(2024, 1, 1),
        "end_date": date(2024, 2, 1),
    }
    found = answers(term, World(medical=[sick], authorization=[old, earlier]))
    assert found["C1"].startswith("advisory authorization_longer_than_policy")
    unknown = World(medical=[line()], authorization=[old], absent=["any_diagnosis"])
    assert answers(term, unknown) == {"C1": "not_evaluable diagnosis_extract_missing"}


def test_lines_stay_within_the_units_of_an_approval() -> None:
    term = text("authorization", "units = true", finding='outcome = "recover", amount = "excess"')
    from decimal import Decimal

    row = {"drug": "drug", "units": Decimal("10")}
    lines = [line(quantity=6), line(quantity=6, service_date=DAY + timedelta(days=1))]
    found = answers(term, World(medical=lines, authorization=[row]))
    assert found["C1"] == "pass"
    assert found["C2"] == "recover units_over_approval observed=12 allowed=10 amount=33.33"
    two = [row, row | {"authorization_id": "A2", "units": Decimal("12")}]
    assert set(answers(term, World(medical=lines, authorization=two)).values()) == {"pass"}
    none = World(medical=lines, authorization=[row | {"units": None}])
    assert set(answers(term, none).values()) == {"not_evaluable units_missing"}


# ---------------------------------------------------------------- dose_basis


def weights(*values: str) -> list[dict[str, object]]:
    return [
        {"evidence_code": "weight_kg", "evidence_value": v, "evidence_date": DAY} for v in values
    ]


BANDS = (
    "bands = [{ under = 10, mg_per = 0.1 }, { from = 10, under = 21, mg = 1.5 },"
    " { from = 21, under = 45, mg = 4 }]"
)


@pytest.mark.parametrize(
    ("weight", "units", "answer"),
    [
        ("9.9", 2, "pass"),  # 0.99 mg are 1.98 units: 2
        ("9.9", 3, "recover units_over_dose observed=3 allowed=2 amount=33.33"),
        ("10", 3, "pass"),
        ("20.9", 4, "recover units_over_dose observed=4 allowed=3 amount=25.00"),
        ("21", 8, "pass"),
        ("45", 100, ""),
    ],
)
def test_a_band_of_the_weight_gives_the_dose(weight: str, units: int, answer: str) -> None:
    term = text("dose_basis", 'basis = "weight_kg"', "window = [-90, 0]", BANDS)
    world = World(medical=[line(quantity=units)], evidence=weights(weight))
    assert answers(term, world).get("C1", "") == answer


def test_of_several_values_the_one_that_allows_most_counts_and_none_is_missing() -> None:
    term = text("dose_basis", 'basis = "weight_kg"', "window = [-90, 0]", "mg_per = 0.1")
    world = World(medical=[line(quantity=4)], evidence=weights("10", "20"))
    assert answers(term, world) == {"C1": "pass"}
    assert answers(term, World(medical=[line()])) == {"C1": "not_evaluable fact_missing"}
    assert answers(term, World(pharmacy=[fill()], evidence=weights("10"))) == {}


def test_a_dose_has_a_most_and_is_rounded_up_to_whole_vials() -> None:
    fields = ('basis = "weight_kg"', "window = [-90, 0]", "mg_per = 1")
    world = World(medical=[line(quantity=121)], evidence=weights("100"))
    most = text("dose_basis", *fields, "most_mg = 60")
    assert answers(most, world)["C1"].startswith("recover units_over_dose observed=121 allowed=120")
    vials = text("dose_basis", *fields, "vials_mg = [40, 70]")  # 100 mg: 110 in vials, 220 units
    waste = line(quantity=100, hcpcs_modifier_1="JW", claim_id="W")
    world = World(medical=[line(quantity=121, claim_id="A"), waste], evidence=weights("100"))
    found = answers(vials, world)
    assert found == {
        "A": "pass",
        "W": "recover units_over_dose observed=221 allowed=220 amount=1.00",
    }


def test_the_dose_may_follow_the_age() -> None:
    term = text("dose_basis", 'basis = "age"', 'bands = [{ under = "9 years", mg = 4 }]')
    child = World(medical=[line(quantity=9)], eligibility=[{"birth_date": date(2018, 1, 1)}])
    assert answers(term, child)["C1"].startswith("recover units_over_dose observed=9 allowed=8")
    assert answers(term, World(medical=[line(quantity=9)])) == {}
    unborn = World(medical=[line()], eligibility=[{"birth_date": None}])
    assert answers(term, unborn) == {"C1": "not_evaluable birth_date_missing"}


# ---------------------------------------------------------------- coding


@pytest.mark.parametrize(
    ("day", "answer"),
    [
        (date(2025, 12, 31), "code_not_yet_valid"),
        (date(2026, 1, 1), ""),
        (date(2026, 3, 31), ""),
        (date(2026, 4, 1), "code_expired"),
    ],
)
def test_a_code_has_a_first_and_a_last_day(day: date, answer: str) -> None:
    term = text("coding", 'code = "J1000"', "first_day = 2026-01-01", "last_day = 2026-03-31")
    found = answers(term, World(medical=[line(service_date=day)]))
    assert found["C1"].split()[1:2] == ([answer] if answer else [])


def test_an_unclassified_code_is_of_the_set_by_its_ndc() -> None:
    term = text("coding", 'unclassified = ["J3490", "J3590"]')
    world = World(
        medical=[line(), line(hcpcs_code="J3490", ndc_code=NDC), line(hcpcs_code="J3490")]
    )
    found = answers(term, world)
    assert found == {"C1": "pass", "C2": "recover unclassified_code amount=100.00"}


@pytest.mark.parametrize(
    ("asked", "modifiers", "reason"),
    [
        ('{ any = ["JW", "JZ"] }', [], "modifier_missing"),
        ('{ any = ["JW", "JZ"] }', ["JZ"], None),
        ('{ all = ["RT", "59"] }', ["RT"], "modifier_missing"),
        ('{ all = ["RT", "59"] }', ["RT", "59"], None),
        ('{ none = ["KX"] }', ["KX"], "modifier_not_allowed"),
        ('{ one_of = ["JW", "JZ"] }', ["JW", "JZ"], "modifiers_contradict"),
        ('{ one_of = ["JW", "JZ"] }', ["JW"], None),
    ],
)
def test_modifiers_of_a_line(asked: str, modifiers: list[str], reason: str | None) -> None:
    values = {f"hcpcs_modifier_{n}": m for n, m in enumerate(modifiers, 1)}
    found = answers(text("coding", f"modifiers = {asked}"), World(medical=[line(**values)]))
    assert found["C1"].split()[1:2] == ([reason] if reason else [])


def test_modifiers_of_a_date_are_those_of_all_its_lines() -> None:
    term = text("coding", 'modifiers = { any = ["JW", "JZ"], on = "date" }')
    lines = [
        line(claim_id="A"),
        line(claim_id="B", hcpcs_modifier_1="JW"),
        line(claim_id="D", service_date=DAY + timedelta(days=1)),
    ]
    found = answers(term, World(medical=lines))
    assert found["A"] == found["B"] == "pass" and found["D"].startswith("recover modifier_missing")


def test_units_of_a_date_with_a_modifier_are_whole_vials() -> None:
    term = text("coding", 'vial_units = { sizes = [40, 70], with = ["JW", "JZ"] }')
    for units, answer in ((110, "pass"), (80, "pass"), (100, "recover"), (30, "recover")):
        world = World(medical=[line(quantity=units, hcpcs_modifier_1="JZ")])
        assert answers(term, world)["C1"].split()[0] == answer, units
    assert answers(term, World(medical=[line(quantity=100)])) == {"C1": "pass"}
    world = World(medical=[line(quantity=None, hcpcs_modifier_1="JZ")])
    assert answers(term, world) == {"C1": "not_evaluable quantity_missing"}


def test_an_ndc_under_another_code_than_the_crosswalk_gives_it(tmp_path: Path) -> None:
    (tmp_path / "walk.csv").write_text("hcpcs,ndc11\nJ1000,44444444444\nJ2000,55555555555\n")
    term = text("coding", 'crosswalk = "walk.csv"')
    for ndc, answer in (
        ("44444444444", "pass"),
        ("55555555555", "recover ndc_of_another_code"),
        ("66666666666", "pass"),
        (None, "pass"),
    ):
        found = answers(term, World(medical=[line(ndc_code=ndc)]), tmp_path)
        assert found["C1"].startswith(answer)

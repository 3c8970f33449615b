"""Conditions of a line in three values, and the numbers of doses."""

from datetime import date, timedelta

import pytest

from tests.support.spoken import DAY, World, answers

NDC = "11111111111"
SETS = f"""
[[products]]
name = "drug"
ndc = ["{NDC}"]
hcpcs = ["J1000"]
gap = "30 days"
observed_days = 90

[[products]]
name = "other"
ndc = ["22222222222"]
hcpcs = ["J1000"]
observed_days = 0

[document]
of = ["drug"]
"""


def asked(condition: str, world: World) -> str:
    """Whether a condition is true, false, or unknown for which reason, of the last line."""
    term = (
        f'[[quantity]]\nmeasure = "doses"\nmost = 1000\nper = "line"\napplies_to = {condition}\n'
        'finding = { outcome = "review" }\n'
    )
    if world.pharmacy:
        term = term.replace('"doses"', '"quantity"')
    else:
        term = term.replace('"doses"', '"units"')
    found = answers(SETS + term, world)
    last = f"C{100 + len(world.pharmacy)}" if world.pharmacy else f"C{len(world.medical)}"
    answer = found.get(last, "false")
    return answer.removeprefix("not_evaluable ").replace("pass", "true")


def line(**values: object) -> dict[str, object]:
    return {"hcpcs_code": "J1000", "service_date": DAY} | values


def fill(**values: object) -> dict[str, object]:
    return {"ndc_code": NDC, "service_date": DAY, "days_supply": 30} | values


@pytest.mark.parametrize(
    ("birth", "answer"),
    [
        (date(2008, 3, 2), "true"),
        (date(2008, 3, 3), "false"),
        (None, "birth_date_missing"),
        (date(2027, 1, 1), "birth_date_missing"),
    ],
)
def test_an_age_is_completed_on_the_birthday(birth: date | None, answer: str) -> None:
    world = World(medical=[line()], eligibility=[{"birth_date": birth}])
    assert asked('{ age = { from = "18 years" } }', world) == answer


def test_born_on_29_february_is_a_year_older_on_1_march() -> None:
    for day, answer in ((date(2026, 2, 28), "false"), (date(2026, 3, 1), "true")):
        world = World(
            medical=[line(service_date=day)], eligibility=[{"birth_date": date(2024, 2, 29)}]
        )
        assert asked('{ age = { from = "2 years" } }', world) == answer


def test_several_birth_dates_are_none() -> None:
    spans = [{}, {"birth_date": date(1980, 1, 1), "enrollment_start_date": date(2021, 1, 1)}]
    world = World(medical=[line()], eligibility=spans)
    assert asked('{ age = { under = "18 years" } }', world) == "birth_date_missing"


@pytest.mark.parametrize(
    ("genders", "answer"),
    [
        (["female"], "true"),
        (["male"], "false"),
        ([None], "sex_unknown"),
        (["female", "male"], "sex_unknown"),
        (["female", None], "true"),
    ],
)
def test_a_sex_that_is_not_one_is_unknown(genders: list[str | None], answer: str) -> None:
    spans = [
        {"gender": g, "enrollment_start_date": date(2020 + i, 1, 1)} for i, g in enumerate(genders)
    ]
    assert asked('{ sex = "female" }', World(medical=[line()], eligibility=spans)) == answer


@pytest.mark.parametrize(
    ("place", "answer"), [("11", "true"), ("22", "false"), (None, "place_missing")]
)
def test_a_place_is_of_medical_lines(place: str | None, answer: str) -> None:
    world = World(medical=[line(place_of_service_code=place)])
    assert asked('{ place = "11" }', world) == answer
    assert asked('{ place = "11" }', World(pharmacy=[fill()])) == "false"


def test_a_channel_is_of_fills() -> None:
    assert (
        asked('{ channel = "retail" }', World(pharmacy=[fill(dispensing_channel="retail")]))
        == "true"
    )
    assert asked('{ channel = "retail" }', World(pharmacy=[fill()])) == "channel_unknown"
    assert asked('{ channel = "retail" }', World(medical=[line()])) == "false"


@pytest.mark.parametrize(
    ("plans", "answer"),
    [
        (["gold"], "true"),
        (["GOLD", None], "true"),
        (["silver"], "false"),
        (["silver", None], "plan_unknown"),
        ([], "plan_unknown"),
    ],
)
def test_a_plan_is_of_a_span_that_covers_the_day(plans: list[str | None], answer: str) -> None:
    spans = [
        {"plan": p, "payer_type": p, "enrollment_start_date": date(2020 + i, 1, 1)}
        for i, p in enumerate(plans)
    ]
    spans.append({"plan": "gold", "payer_type": "gold", "enrollment_end_date": date(2020, 1, 2)})
    for key in ("plan", "payer_type"):
        assert asked(f'{{ {key} = "gold" }}', World(medical=[line()], eligibility=spans)) == answer


def test_the_quantity_and_the_ndc_of_a_line() -> None:
    assert asked("{ quantity = { from = 5, to = 6 } }", World(medical=[line(quantity=6)])) == "true"
    assert (
        asked("{ quantity = { from = 5, to = 6 } }", World(medical=[line(quantity="6.1")]))
        == "false"
    )
    assert (
        asked("{ quantity = { to = 6 } }", World(medical=[line(quantity=None)]))
        == "quantity_missing"
    )
    assert asked('{ ndc = "drug" }', World(medical=[line(ndc_code=NDC)])) == "true"
    assert asked('{ ndc = "other" }', World(medical=[line(ndc_code=NDC)])) == "false"
    assert asked('{ ndc = "drug" }', World(medical=[line()])) == "ndc_missing"


def test_kleenes_logic_decides_what_it_can_and_the_first_unknown_gives_the_reason() -> None:
    world = World(medical=[line()], eligibility=[{"birth_date": None}])
    age, sex, code = '{ age = { from = "1 year" } }', '{ sex = "male" }', '{ hcpcs = "J1000" }'
    no = '{ hcpcs = "J9999" }'
    for condition, answer in (
        (f"{{ any_of = [{age}, {code}] }}", "true"),
        (f"{{ all_of = [{age}, {no}] }}", "false"),
        (f"{{ all_of = [{age}, {sex}] }}", "birth_date_missing"),
        (f"{{ any_of = [{sex}, {age}] }}", "sex_unknown"),
        (f"{{ none_of = [{no}] }}", "true"),
        (f"{{ none_of = [{no}, {age}] }}", "birth_date_missing"),
        (f"{{ none_of = [{age}, {code}] }}", "false"),
        ('{ sex = "male", age = { from = "1 year" } }', "sex_unknown"),
        ('{ age = { from = "1 year" }, sex = "male" }', "birth_date_missing"),
    ):
        assert asked(condition, world) == answer, condition


def test_none_of_turns_round_what_of_several_values_is_enough() -> None:
    facts = [
        {"evidence_code": "mrd", "evidence_value": v, "evidence_date": DAY}
        for v in ("positive", "negative")
    ]
    world = World(medical=[line()], evidence=facts)
    thing = '{ fact = "mrd", is = "positive", window = ["ever", 0] }'
    assert asked(thing, world) == "false"
    assert asked(f"{{ none_of = [{thing}] }}", world) == "false"


# ---------------------------------------------------------------- numbers of doses


def doses(*days: int, since: int = 365, **values: object) -> World:
    lines = [line(service_date=DAY + timedelta(days=d), **values) for d in days]
    return World(medical=lines, starts={"acme": (DAY - timedelta(days=since), None)})


@pytest.mark.parametrize(
    ("key", "value", "answer"),
    [
        ("dose", "{ from = 3 }", "true"),
        ("dose", "{ from = 4 }", "false"),
        ("dose", "{ to = 3 }", "true"),
        ("dose", "{ to = 2 }", "false"),
        ("day", "{ from = 14, to = 14 }", "true"),
        ("course", "{ to = 1 }", "true"),
    ],
)
def test_doses_are_numbered_in_their_course(key: str, value: str, answer: str) -> None:
    assert asked(f"{{ {key} = {value} }}", doses(0, 7, 14)) == answer


def test_a_longer_time_than_the_gap_begins_a_course() -> None:
    assert asked("{ dose = { to = 1 } }", doses(0, 31)) == "true"
    assert asked("{ dose = { to = 1 } }", doses(0, 30)) == "false"
    assert asked("{ course = { from = 2 } }", doses(0, 31)) == "true"


def test_if_the_start_is_not_certain_the_true_numbers_may_be_higher() -> None:
    for value, answer in (
        ("{ from = 2 }", "true"),
        ("{ from = 3 }", "history_too_short"),
        ("{ to = 1 }", "false"),
        ("{ to = 2 }", "history_too_short"),
    ):
        assert asked(f"{{ dose = {value} }}", doses(0, 7, since=89)) == answer
    assert asked("{ dose = { to = 2 } }", doses(0, 7, since=90)) == "true"


def test_a_later_course_is_certain_after_its_gap_and_its_number_is_not() -> None:
    world = doses(0, 100, since=10)
    assert asked("{ dose = { to = 1 } }", world) == "true"
    assert asked("{ course = { to = 2 } }", world) == "history_too_short"


def test_a_line_on_no_dose_date_has_no_number() -> None:
    assert asked("{ dose = { from = 1 } }", doses(0, hcpcs_modifier_1="JW")) == "false"
    assert asked("{ dose = { from = 1 } }", doses(0, quantity=0)) == "false"

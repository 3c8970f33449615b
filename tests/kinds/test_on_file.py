"""What must be on file, or must not be: things, windows, silence, counts, facts."""

from datetime import date, timedelta

import pytest

from tests.support.spoken import AS_OF, DAY, World, answers

JUDGED, STEP, OTHER = "11111111111", "22222222222", "33333333333"
SETS = f"""
[[products]]
name = "new"
ndc = ["{JUDGED}"]
hcpcs = ["J1000"]
observed_days = 0
gap = "30 days"

[[products]]
name = "old"
ndc = ["{STEP}"]

[[products]]
name = "third"
ndc = ["{OTHER}"]

[[codes]]
name = "cancer"
system = "icd10cm"
codes = ["C18-C20", "C50"]
with_children = true

[[fact]]
code = "marker"
values = ["positive", "negative"]

[[fact]]
code = "weight_kg"
unit = "kg"

[document]
of = ["new"]
"""


def text(*fields: str, outcome: str = "recover") -> str:
    finding = f'finding = {{ outcome = "{outcome}", documents = ["record"] }}'
    return SETS + "[[on_file]]\n" + "\n".join(fields) + f"\n{finding}\n"


def fill(day: int = 0, ndc: str = JUDGED, **values: object) -> dict[str, object]:
    own = {"ndc_code": ndc, "service_date": DAY + timedelta(days=day), "days_supply": 30}
    return own | values


def line(**values: object) -> dict[str, object]:
    return {"hcpcs_code": "J1000", "service_date": DAY} | values


def service(day: int, code: str = "99213", **values: object) -> dict[str, object]:
    return {"hcpcs_code": code, "service_date": DAY + timedelta(days=day)} | values


REQUIRE = 'require = [{ fill = "old", window = [-90, -1] }]'


@pytest.mark.parametrize(
    ("day", "answer"), [(-90, "pass"), (-1, "pass"), (-91, "recover"), (0, "recover")]
)
def test_a_window_counts_days_from_the_service_date_with_both_ends(day: int, answer: str) -> None:
    found = answers(text(REQUIRE), World(pharmacy=[fill(), fill(day, STEP)]))
    assert found["C101"].split()[0] == answer


def test_what_is_not_found_is_a_finding_if_its_silence_means_something() -> None:
    found = answers(text(REQUIRE), World(pharmacy=[fill()]))
    assert found == {"C101": "recover not_on_file amount=100.00"}


@pytest.mark.parametrize(
    ("days", "answer"), [(90, "recover not_on_file"), (89, "records_request history_too_short")]
)
def test_a_person_must_be_observed_for_as_far_as_the_window_reaches(days: int, answer: str) -> None:
    starts = {"acme": (None, DAY - timedelta(days=days))}
    found = answers(text(REQUIRE), World(pharmacy=[fill()], starts=starts))
    assert found["C101"].startswith(answer)
    enrolled = [{"enrollment_start_date": DAY - timedelta(days=days)}]
    found = answers(text(REQUIRE), World(pharmacy=[fill()], eligibility=enrolled))
    assert found["C101"].startswith(answer)


def test_observed_days_are_those_of_the_thing_if_it_says_so() -> None:
    starts = {"acme": (None, DAY - timedelta(days=10))}
    term = text(REQUIRE.replace("-1] }", "-1], observed_days = 10 }"))
    assert answers(term, World(pharmacy=[fill()], starts=starts))["C101"].startswith("recover")


def test_the_payer_of_the_line_observes_a_person_without_enrollment() -> None:
    world = World(pharmacy=[fill()], eligibility=[])
    assert answers(text(REQUIRE), world)["C101"].startswith("recover not_on_file")
    nobody = World(pharmacy=[fill()], eligibility=[{"payer_id": "other"}])
    assert answers(text(REQUIRE), nobody)["C101"].startswith("records_request history_too_short")


@pytest.mark.parametrize(
    ("thing", "absent", "reason"),
    [
        ('fill = "old", window = [-9, -1]', "pharmacy_claim", "pharmacy_extract_missing"),
        ('drug = "old", window = [-9, -1]', "pharmacy_claim", "pharmacy_extract_missing"),
        ('service = "99213", window = [-9, -1]', "medical_claim", "medical_extract_missing"),
        ('diagnosis = "cancer", window = [-9, 0]', "any_diagnosis", "diagnosis_extract_missing"),
        (
            'fact = "marker", window = ["ever", 0]',
            "clinical_evidence",
            "clinical_evidence_extract_missing",
        ),
        ('authorization = "approved"', "authorization", "authorization_extract_missing"),
        ('specialist = "207RX0202X", window = [-9, 0]', "provider", "provider_extract_missing"),
    ],
)
@pytest.mark.parametrize("how", ["require", "forbid"])
def test_a_table_that_was_not_supplied_says_nothing(
    thing: str, absent: str, reason: str, how: str
) -> None:
    world = World(medical=[line()], absent=[absent])
    assert answers(text(f"{how} = [{{ {thing} }}]"), world) == {"C1": f"not_evaluable {reason}"}
    if how == "require":
        silent = text(f'{how} = [{{ {thing}, silence = "absent" }}]')
        assert answers(silent, world)["C1"].startswith("recover not_on_file")


def test_a_payer_without_any_authorization_says_nothing() -> None:
    world = World(medical=[line()], senders=["other"])
    found = answers(text('require = [{ authorization = "approved" }]'), world)
    assert found == {"C1": "not_evaluable authorization_extract_missing"}


@pytest.mark.parametrize(("days", "answer"), [(0, "pass"), (1, "not_evaluable window_open")])
def test_a_window_that_ends_after_the_as_of_date_is_open(days: int, answer: str) -> None:
    world = World(medical=[line(service_date=AS_OF)])
    term = text(f'forbid = [{{ service = "99213", window = [0, {days}] }}]')
    assert answers(term, world) == {"C1": answer}


def test_a_supply_that_touches_the_window_is_found() -> None:
    forbid = text('forbid = [{ fill = "old", window = [0, 0], touches = "supply" }]')
    for day, answer in ((-29, "recover"), (-30, "pass"), (0, "recover"), (1, "pass")):
        found = answers(forbid, World(pharmacy=[fill(), fill(day, STEP)]))
        assert found["C101"].split()[0] == answer, day


def test_so_many_dates_and_so_many_days_of_supply() -> None:
    dates = text('require = [{ fill = "old", window = [-90, -1], least = 2 }]')
    twice = [fill(), fill(-9, STEP), fill(-9, STEP, quantity=2)]
    assert answers(dates, World(pharmacy=twice))["C101"].startswith("recover")
    assert answers(dates, World(pharmacy=[*twice, fill(-8, STEP)])) == {"C101": "pass"}
    days = text('require = [{ fill = "old", window = [-90, -1], least_days_supply = 60 }]')
    fills = [fill(), fill(-40, STEP), fill(-9, STEP, days_supply=29)]
    assert answers(days, World(pharmacy=fills))["C101"].startswith("recover")
    unknown = [*fills, fill(-8, STEP, days_supply=None)]
    assert answers(days, World(pharmacy=unknown))["C101"] == "not_evaluable days_supply_missing"
    enough = [*fills, fill(-8, STEP, days_supply=1)]
    assert answers(days, World(pharmacy=enough)) == {"C101": "pass"}


def test_own_lines_count_as_own_and_the_line_itself_never_does() -> None:
    own = text('require = [{ fill = "own", window = [-90, 0] }]')
    assert answers(own, World(pharmacy=[fill()]))["C101"].startswith("recover")
    found = answers(own, World(pharmacy=[fill(-9), fill()]))
    assert found["C102"] == "pass"
    others = text('forbid = [{ fill = ["new", "old"], not_own = true, window = [-90, 0] }]')
    assert answers(others, World(pharmacy=[fill(-9), fill()])) == {"C101": "pass", "C102": "pass"}
    found = answers(others, World(pharmacy=[fill(-9, STEP), fill()]))
    assert found["C102"].startswith("recover")


def test_the_same_claim_and_the_same_provider() -> None:
    claim = text('forbid = [{ service = "99213", window = [0, 0], same = "claim" }]')
    lines = [line(claim_id="A"), service(0, claim_id="A", claim_line_number=2)]
    assert answers(claim, World(medical=lines))["A"].startswith("recover")
    apart = [line(claim_id="A"), service(0, claim_id="B")]
    assert answers(claim, World(medical=apart)) == {"A": "pass"}
    provider = text('forbid = [{ service = "99213", window = [0, 0], same = "provider" }]')
    for mine, theirs, answer in (("1", "1", "recover"), ("1", "2", "pass"), (None, None, "pass")):
        lines = [line(claim_id="A", billing_npi=mine), service(0, claim_id="B", billing_npi=theirs)]
        assert answers(provider, World(medical=lines))["A"].split()[0] == answer


def test_diagnoses_on_the_claim_count_and_by_dates_alone_they_do_not() -> None:
    forbid = 'forbid = [{ diagnosis = "cancer", window = [-30, -1]'
    world = World(medical=[line(diagnosis_code_3="C18.9")])
    assert answers(text(forbid + " }]"), world)["C1"].startswith("recover excluded_on_file")
    assert answers(text(forbid + ', same = "dates" }]'), world) == {"C1": "pass"}
    named = World(
        medical=[line(claim_id="A")],
        diagnosis=[
            {"claim_id": "A", "diagnosis_code": "C50.911", "diagnosis_date": date(2020, 1, 1)}
        ],
    )
    assert answers(text(forbid + " }]"), named)["A"].startswith("recover")
    assert answers(text(forbid + ', same = "claim" }]'), named)["A"].startswith("recover")


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        ("C18.0", "recover"),
        ("C20", "recover"),
        ("C21.0", "pass"),
        ("C50.911", "recover"),
        ("C17.9", "pass"),
    ],
)
def test_ranges_of_codes_are_in_the_official_order(code: str, answer: str) -> None:
    world = World(medical=[line(diagnosis_code_1=code)])
    found = answers(text('forbid = [{ diagnosis = "cancer", window = [0, 0] }]'), world)
    assert found["C1"].split()[0] == answer


def _facts(*values: tuple[int, str], code: str = "marker") -> list[dict[str, object]]:
    return [
        {"evidence_code": code, "evidence_value": v, "evidence_date": DAY + timedelta(days=d)}
        for d, v in values
    ]


def test_the_latest_fact_counts_and_another_value_is_a_reason_of_its_own() -> None:
    term = text('require = [{ fact = "marker", is = "positive", window = ["ever", 0] }]')
    world = World(medical=[line()], evidence=_facts((-9, "positive"), (-2, "negative")))
    assert answers(term, world) == {"C1": "recover otherwise_on_file amount=100.00"}
    world = World(medical=[line()], evidence=_facts((-9, "negative"), (-2, "positive")))
    assert answers(term, world) == {"C1": "pass"}
    any_value = term.replace('is = "positive"', 'is = "positive", which = "any"')
    world = World(medical=[line()], evidence=_facts((-9, "positive"), (-2, "negative")))
    assert answers(any_value, world) == {"C1": "pass"}
    assert answers(term, World(medical=[line()]))["C1"] == "recover not_on_file amount=100.00"


def test_of_two_values_on_one_date_one_is_enough_to_hold_and_all_must_fit_to_accuse() -> None:
    both = World(medical=[line()], evidence=_facts((-2, "positive"), (-2, "negative")))
    thing = '{ fact = "marker", is = "positive", window = ["ever", 0] }'
    assert answers(text(f"require = [{thing}]"), both) == {"C1": "pass"}
    assert answers(text(f"forbid = [{thing}]"), both) == {"C1": "pass"}
    one = World(medical=[line()], evidence=_facts((-2, "positive")))
    assert answers(text(f"forbid = [{thing}]"), one)["C1"].startswith("recover")


def test_a_number_must_be_within_its_ends() -> None:
    term = text('require = [{ fact = "weight_kg", from = 45, to = 90, window = [-90, 0] }]')
    for value, answer in (("45", "pass"), ("90.0", "pass"), ("44.9", "recover"), ("x", "recover")):
        world = World(medical=[line()], evidence=_facts((-2, value), code="weight_kg"))
        assert answers(term, world)["C1"].split()[0] == answer, value


def test_all_of_what_is_required_counts_what_is_missing() -> None:
    term = text(
        'require = [{ fill = "old", window = [-90, -1] }, { fill = "third", window = [-90, -1] }]',
        'at_least = "all"',
    )
    found = answers(term, World(pharmacy=[fill(), fill(-9, STEP)]))
    assert found["C101"] == "recover not_on_file observed=1 allowed=0 amount=100.00"
    found = answers(term, World(pharmacy=[fill(), fill(-9, STEP), fill(-8, OTHER)]))
    assert found["C101"] == "pass"


def test_enough_that_is_true_holds_whatever_is_unknown() -> None:
    term = text('require = [{ authorization = "approved" }, { fill = "old", window = [-90, -1] }]')
    world = World(pharmacy=[fill(), fill(-9, STEP)], absent=["authorization"])
    assert answers(term, world)["C101"] == "pass"
    world = World(pharmacy=[fill()], absent=["authorization"])
    assert answers(term, world)["C101"] == "not_evaluable authorization_extract_missing"


def test_what_excuses_passes_and_an_unknown_excuse_asks_for_records_at_most() -> None:
    term = text(REQUIRE, 'unless = { authorization = "approved" }')
    approval = {"drug": "new"}
    assert answers(term, World(pharmacy=[fill()], authorization=[approval])) == {"C101": "pass"}
    found = answers(term, World(pharmacy=[fill()], absent=["authorization"]))
    assert found == {"C101": "records_request not_on_file amount=100.00"}
    assert answers(term, World(pharmacy=[fill()]))["C101"].startswith("recover")


def test_a_window_from_the_course_asks_only_lines_of_one() -> None:
    term = text('forbid = [{ diagnosis = "cancer", same = "dates", window = ["course", -1] }]')
    world = World(
        medical=[
            line(service_date=DAY - timedelta(days=20)),
            line(),
            line(hcpcs_modifier_1="JW", service_date=DAY + timedelta(days=9)),
        ],
        diagnosis=[{"diagnosis_code": "C50.911", "diagnosis_date": DAY - timedelta(days=20)}],
    )
    found = answers(term, world)
    assert found["C1"] == "pass" and found["C2"].startswith("recover") and "C3" not in found


def test_a_consultation_is_by_rendering_or_billing_provider_and_may_be_the_line() -> None:
    term = text('require = [{ specialist = "207RX0202X", window = [-365, 30] }]')
    provider = [{"npi": "1234567893", "taxonomy_code": "207RX0202X"}]
    world = World(medical=[line(billing_npi="1234567893")], provider=provider)
    assert answers(term, world) == {"C1": "pass"}
    world = World(medical=[line()], provider=provider)
    assert answers(term, world)["C1"].startswith("recover not_on_file")

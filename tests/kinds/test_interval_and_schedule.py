"""How long between doses, and the phases of a course."""

from datetime import date, timedelta

import pytest

from tests.support.spoken import DAY, World, answers

TABLET = "11111111111"


def sets(gap: str = "never", observed: int = 0) -> str:
    return f"""
[[products]]
name = "drug"
ndc = ["{TABLET}"]
hcpcs = ["J1000"]
gap = "{gap}"
observed_days = {observed}
"""


def text(kind: str, *fields: str, gap: str = "never", observed: int = 0) -> str:
    finding = 'finding = { outcome = "recover", documents = ["record"] }'
    return sets(gap, observed) + f"[[{kind}]]\n" + "\n".join(fields) + f"\n{finding}\n"


def dose(day: int = 0, **values: object) -> dict[str, object]:
    own = {"hcpcs_code": "J1000", "service_date": DAY + timedelta(days=day)}
    return own | values


def fill(day: int = 0, days: int | None = 30, **values: object) -> dict[str, object]:
    own = {"ndc_code": TABLET, "service_date": DAY + timedelta(days=day), "days_supply": days}
    return own | values


def outcomes(found: dict[str, str]) -> list[str]:
    return [answer.split()[0] for _, answer in sorted(found.items())]


def test_a_dose_on_the_day_on_which_the_span_is_over_is_not_too_soon() -> None:
    found = answers(text("interval", 'least = "14 days"'), World(medical=[dose(0), dose(13)]))
    assert found["C2"] == "recover doses_too_close observed=13 allowed=14 amount=100.00"
    found = answers(text("interval", 'least = "14 days"'), World(medical=[dose(0), dose(14)]))
    assert found == {"C1": "pass", "C2": "pass"}


def test_six_months_after_6_october_are_6_april() -> None:
    days = [date(2025, 10, 6), date(2026, 4, 5), date(2026, 4, 6)]
    for day, answer in zip(days[1:], ("recover", "pass"), strict=True):
        lines = [dose() | {"service_date": d} for d in (days[0], day)]
        found = answers(text("interval", 'least = "6 months"'), World(medical=lines))
        assert found["C2"].split()[0] == answer


def test_a_date_is_compared_with_the_latest_that_was_not_too_soon_or_with_the_latest() -> None:
    lines = [dose(0), dose(10), dose(20)]
    allowed = text("interval", 'least = "14 days"')
    assert outcomes(answers(allowed, World(medical=lines))) == ["pass", "recover", "pass"]
    last = text("interval", 'least = "14 days"', 'against = "last"')
    assert outcomes(answers(last, World(medical=lines))) == ["pass", "recover", "recover"]


def test_every_line_of_a_date_has_the_finding_waste_too() -> None:
    lines = [
        dose(0),
        dose(3, claim_id="D"),
        dose(3, claim_id="E", hcpcs_modifier_1="JW"),
        dose(5, claim_id="W", hcpcs_modifier_1="JW"),
    ]
    found = answers(text("interval", 'least = "14 days"'), World(medical=lines))
    assert found["D"].split()[0] == found["E"].split()[0] == "recover"
    assert "W" not in found


def test_a_date_is_asked_by_the_first_line_that_makes_it_one() -> None:
    lines = [
        dose(0),
        dose(3, claim_id="D"),
        dose(3, claim_id="E", hcpcs_modifier_1="RT"),
    ]
    term = text("interval", 'least = "14 days"', 'applies_to = { modifiers = "RT" }')
    assert answers(term, World(medical=lines)) == {"E": "pass"}


def test_an_excused_line_passes_and_its_date_stays_too_soon() -> None:
    lines = [dose(0), dose(10, hcpcs_modifier_1="RT"), dose(14)]
    term = text("interval", 'least = "14 days"', 'unless = { modifiers = "RT" }')
    assert outcomes(answers(term, World(medical=lines))) == ["pass", "pass", "pass"]


def test_payers_and_benefits_of_the_doses_before() -> None:
    lines = [dose(0, payer="Other"), dose(3)]
    assert (
        answers(text("interval", 'least = "14 days"'), World(medical=lines))["C2"][:7] == "recover"
    )
    own = text("interval", 'least = "14 days"', 'payers = "own"')
    assert answers(own, World(medical=lines)) == {"C2": "pass"}
    world = World(medical=[dose(0)], pharmacy=[fill(3)])
    assert set(answers(text("interval", 'least = "14 days"'), world).values()) == {"pass"}
    both = text("interval", 'least = "14 days"', 'benefits = "both"')
    assert answers(both, world)["C101"][:7] == "recover"


@pytest.mark.parametrize(("day", "outcome"), [(22, "recover"), (23, "pass")])
def test_a_refill_may_come_when_the_share_is_used_up(day: int, outcome: str) -> None:
    """Of 30 days 22 are less than three quarters used: 8 are left, 7.5 may be."""
    found = answers(text("interval", "used = 0.75"), World(pharmacy=[fill(0), fill(day)]))
    assert found["C102"].split()[0] == outcome
    if outcome == "recover":
        assert found["C102"] == "recover refill_too_soon observed=8 allowed=7.5 amount=100.00"


def test_what_earlier_fills_left_counts_unless_the_clause_says_no() -> None:
    fills = [fill(0), fill(23), fill(46)]
    found = answers(text("interval", "used = 0.75"), World(pharmacy=fills))
    assert outcomes(found) == ["pass", "pass", "recover"]
    plain = text("interval", "used = 0.75", "carry_over = false")
    assert outcomes(answers(plain, World(pharmacy=fills))) == ["pass", "pass", "pass"]


def test_a_fill_of_unknown_days_moves_no_supply() -> None:
    fills = [fill(0), fill(25, None), fill(29)]
    found = answers(text("interval", "used = 0.75"), World(pharmacy=fills))
    assert outcomes(found) == ["pass", "pass", "pass"]


# ---------------------------------------------------------------- schedules


def test_the_dose_after_the_last_phase_is_one_too_many() -> None:
    term = text("schedule", 'phase = [{ doses = 2, every = "7 days" }]')
    found = answers(term, World(medical=[dose(0), dose(7), dose(14)]))
    assert outcomes(found) == ["pass", "pass", "recover"]
    assert found["C3"] == "recover after_last_phase observed=3 allowed=2 amount=100.00"


def test_a_course_after_the_gap_begins_anew() -> None:
    term = text("schedule", "phase = [{ doses = 1 }]", gap="30 days")
    assert outcomes(answers(term, World(medical=[dose(0), dose(31)]))) == ["pass", "pass"]
    assert outcomes(answers(term, World(medical=[dose(0), dose(30)]))) == ["pass", "recover"]
    own = text("schedule", 'gap = "never"', "phase = [{ doses = 1 }]", gap="30 days")
    assert outcomes(answers(own, World(medical=[dose(0), dose(31)]))) == ["pass", "recover"]


def test_a_phase_ends_with_its_doses_or_its_span_and_the_next_date_begins_the_next() -> None:
    term = text(
        "schedule",
        'phase = [{ doses = 2, within = "14 days", every = "7 days" }, { every = "28 days" }]',
    )
    found = answers(term, World(medical=[dose(0), dose(20), dose(47)]))
    assert found["C2"] == "recover doses_too_close observed=20 allowed=28 amount=100.00"
    assert found["C3"] == "pass"


def test_a_phase_may_last_so_long_and_an_approval_renews_it() -> None:
    phase = 'phase = [{ longest = "1 month" }]'
    lines = [dose(0), dose(30), dose(31)]  # from 2 March: 1 and 2 April
    found = answers(text("schedule", phase), World(medical=lines))
    assert outcomes(found) == ["pass", "pass", "recover"]
    assert found["C3"] == "recover phase_too_long observed=31 amount=100.00"
    renewed = phase.replace('"1 month"', '"1 month", renewed_by = "authorization"')
    approval = {"drug": "drug", "start_date": DAY + timedelta(days=10)}
    found = answers(text("schedule", renewed), World(medical=lines, authorization=[approval]))
    assert outcomes(found) == ["pass", "pass", "pass"]


def test_dose_dates_in_a_span_are_counted_without_those_that_failed() -> None:
    term = text("schedule", 'phase = [{ most = 2, in = "21 days" }]')
    found = answers(term, World(medical=[dose(0), dose(5), dose(10), dose(21)]))
    assert outcomes(found) == ["pass", "pass", "recover", "pass"]
    assert found["C3"] == "recover too_many_doses observed=3 allowed=2 amount=100.00"
    last = text("schedule", 'against = "last"', 'phase = [{ most = 2, in = "21 days" }]')
    found = answers(last, World(medical=[dose(0), dose(5), dose(10), dose(21)]))
    assert outcomes(found) == ["pass", "pass", "recover", "recover"]


def test_units_of_a_date_are_compared_with_its_phase() -> None:
    term = text(
        "schedule",
        "phase = [{ doses = 1, units = 100 }, { units = 130 }]",
    ).replace('outcome = "recover"', 'outcome = "recover", amount = "excess"')
    lines = [dose(0, quantity=120), dose(7, quantity=130), dose(14, quantity=131)]
    found = answers(term, World(medical=lines))
    assert found["C1"] == "recover units_over_phase observed=120 allowed=100 amount=16.67"
    assert found["C2"] == "pass"
    assert found["C3"] == "recover units_over_phase observed=131 allowed=130 amount=0.76"


def test_a_course_whose_start_is_not_certain_is_a_records_request_at_most() -> None:
    term = text("schedule", "phase = [{ doses = 1 }]", observed=90)
    since = {"acme": (DAY - timedelta(days=89), None)}
    found = answers(term, World(medical=[dose(0), dose(7)], starts=since))
    assert found["C2"] == "records_request after_last_phase observed=2 allowed=1 amount=100.00"
    since = {"acme": (DAY - timedelta(days=90), None)}
    found = answers(term, World(medical=[dose(0), dose(7)], starts=since))
    assert found["C2"].startswith("recover")


def test_the_clause_of_a_phase_is_cited() -> None:
    """Numbers of doses count every date of the course, whatever the clause applies to."""
    term = text(
        "schedule", 'applies_to = { modifiers = "RT" }', 'phase = [{ doses = 1, cite = "II.B" }]'
    )
    found = answers(term, World(medical=[dose(0), dose(7, hcpcs_modifier_1="RT")]))
    assert found == {"C2": "recover after_last_phase observed=2 allowed=1 amount=100.00"}

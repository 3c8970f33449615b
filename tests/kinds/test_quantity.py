"""How much may be billed in a period: windows, parts, measures, amounts, what is unknown."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.support.spoken import DAY, World, answers

TABLET = "11111111111"
OTHER = "22222222222"
SETS = f"""
[[products]]
name = "tablets"
ingredient = "druga"
ndc = ["{TABLET}"]
hcpcs = ["J1000"]
unit_mg = 5
observed_days = 0
"""


def term(*fields: str, finding: str = '{ outcome = "recover" }') -> str:
    return SETS + "[[quantity]]\n" + "\n".join(fields) + f"\nfinding = {finding}\n"


def fill(day: int = 0, **values: object) -> dict[str, object]:
    own = {"ndc_code": TABLET, "service_date": DAY + timedelta(days=day), "days_supply": 30}
    return own | values


def dose(day: int = 0, **values: object) -> dict[str, object]:
    own = {"hcpcs_code": "J1000", "service_date": DAY + timedelta(days=day)}
    return own | values


def test_a_fill_within_the_limit_passes_and_one_above_it_is_asked_for_the_excess() -> None:
    text = term('measure = "quantity"', "most = 30", 'per = "line"')
    found = answers(text, World(pharmacy=[fill(quantity=30), fill(1, quantity=40)]))
    assert found == {
        "C101": "pass",
        "C102": "recover quantity_over_limit observed=40 allowed=30 amount=25.00",
    }


def test_the_excess_is_priced_without_the_dispensing_fee() -> None:
    text = term('measure = "quantity"', "most = 30", 'per = "line"')
    found = answers(text, World(pharmacy=[fill(quantity=40, dispensing_fee="20.00")]))
    assert found == {"C101": "recover quantity_over_limit observed=40 allowed=30 amount=20.00"}


def test_a_rolling_span_ends_on_the_day_on_which_it_is_over() -> None:
    text = term('measure = "quantity"', "most = 1", 'per = "30 days"')
    found = answers(text, World(pharmacy=[fill(0), fill(29), fill(30)]))
    assert found["C101"] == found["C103"] == "pass"
    assert found["C102"].startswith("recover quantity_over_limit observed=2 allowed=1")


def test_an_excess_fills_no_later_window() -> None:
    """The fill of day 29 is too much, so that of day 30 has only that of day 0 before it, and that
    one is over."""
    text = term('measure = "quantity"', "most = 1", 'per = "30 days"')
    found = answers(text, World(pharmacy=[fill(0), fill(20), fill(30), fill(45)]))
    assert [found[f"C10{n}"].split()[0] for n in (1, 2, 3, 4)] == [
        "pass",
        "recover",
        "pass",
        "recover",
    ]


@pytest.mark.parametrize(
    ("second", "outcome"), [(date(2026, 2, 27), "recover"), (date(2026, 2, 28), "pass")]
)
def test_a_span_of_months_ends_on_the_last_day_of_a_short_month(second: date, outcome: str) -> None:
    text = term('measure = "quantity"', "most = 1", 'per = "1 month"')
    fills = [fill() | {"service_date": date(2026, 1, 31)}, fill() | {"service_date": second}]
    assert answers(text, World(pharmacy=fills))["C102"].split()[0] == outcome


def test_parts_of_several_lines_of_a_date_are_taken_in_their_order() -> None:
    text = term('measure = "units"', "most = 10", 'per = "date"')
    lines = [
        dose(quantity=6, claim_id="A"),
        dose(quantity=8, claim_id="B"),
        dose(quantity=2, claim_id="C"),
    ]
    found = answers(text, World(medical=lines))
    assert found["A"] == "pass"
    assert found["B"] == "recover quantity_over_limit observed=14 allowed=10 amount=50.00"
    assert found["C"] == "recover quantity_over_limit observed=12 allowed=10 amount=100.00"


def test_whole_lines_are_asked_for_if_the_finding_says_so() -> None:
    text = term(
        'measure = "units"',
        "most = 10",
        'per = "line"',
        finding='{ outcome = "recover", amount = "whole_line" }',
    )
    assert answers(text, World(medical=[dose(quantity=12)]))["C1"].endswith("amount=100.00")


def test_a_line_that_the_clause_does_not_apply_to_is_allowed_whole_and_counts() -> None:
    text = term(
        'measure = "units"', "most = 10", 'per = "date"', 'applies_to = { modifiers = "RT" }'
    )
    lines = [dose(quantity=12, claim_id="A"), dose(quantity=1, claim_id="B", hcpcs_modifier_1="RT")]
    found = answers(text, World(medical=lines))
    assert found == {"B": "recover quantity_over_limit observed=13 allowed=10 amount=100.00"}


def test_lines_that_the_clause_does_not_apply_to_count_not_if_it_says_so() -> None:
    text = term(
        'measure = "units"',
        "most = 10",
        'per = "date"',
        'counted = "applies_to"',
        'applies_to = { modifiers = "RT" }',
    )
    lines = [dose(quantity=12, claim_id="A"), dose(quantity=1, claim_id="B", hcpcs_modifier_1="RT")]
    assert answers(text, World(medical=lines)) == {"B": "pass"}


@pytest.mark.parametrize(
    ("quantity", "days", "answer"),
    [
        (30, 30, "pass"),
        (30, 15, "recover quantity_over_limit observed=2 allowed=1 amount=50.00"),
        (90, 90, "pass"),
        (30, None, "not_evaluable days_supply_missing"),
        (30, 0, "not_evaluable days_supply_missing"),
        (None, 30, "not_evaluable quantity_missing"),
        (None, None, "not_evaluable quantity_missing"),
    ],
)
def test_a_quantity_a_day_is_asked_of_each_fill(
    quantity: int | None, days: int | None, answer: str
) -> None:
    text = term('measure = "quantity"', "most = 1", 'per = "day_of_supply"')
    fills = [fill(quantity=quantity, days_supply=days)]
    assert answers(text, World(pharmacy=fills)) == {"C101": answer}


@pytest.mark.parametrize(("quantity", "outcome"), [(239, "pass"), (240, "advisory")])
def test_a_limit_that_must_stay_above_is_reached_by_its_number(quantity: int, outcome: str) -> None:
    text = term(
        'measure = "quantity"',
        "below = 8",
        'per = "day_of_supply"',
        finding='{ outcome = "advisory" }',
    )
    found = answers(text, World(pharmacy=[fill(quantity=quantity, days_supply=30)]))
    assert found["C101"].split()[0] == outcome


def test_limits_with_decimals_are_exact() -> None:
    text = term('measure = "quantity"', "most = 1.3", 'per = "day_of_supply"')
    fills = [fill(quantity="3.9", days_supply=3), fill(1, quantity="3.901", days_supply=3)]
    found = answers(text, World(pharmacy=fills))
    assert found["C101"] == "pass" and found["C102"].startswith("recover")


def test_a_claim_counts_once_among_fills() -> None:
    text = term('measure = "fills"', "most = 1", 'per = "23 days"')
    fills = [
        fill(0, claim_id="A"),
        fill(0, claim_id="A", claim_line_number=2),
        fill(22, claim_id="B"),
        fill(23, claim_id="D"),
    ]
    found = answers(text, World(pharmacy=fills))
    assert (found["A"], found["A.2"], found["D"]) == ("pass", "pass", "pass")
    assert found["B"].startswith("recover quantity_over_limit observed=2 allowed=1")


def test_a_measure_in_mg_reads_units_and_strengths() -> None:
    text = term('measure = "mg"', "most = 50", 'per = "date"', 'benefits = "both"')
    ndc = [{"ndc11": TABLET, "ingredient": "druga", "strength_mg": 20.0, "form": "tablet"}]
    world = World(medical=[dose(quantity=10)], pharmacy=[fill(quantity=1)], ndc=ndc)
    found = answers(text, world)
    assert sorted(found.values()) == [
        "pass",
        "recover quantity_over_limit observed=70 allowed=50 amount=100.00",
    ]


def test_a_strength_that_no_table_has_is_missing() -> None:
    text = term('measure = "mg"', "most = 50", 'per = "date"')
    found = answers(text, World(pharmacy=[fill(quantity=1)]))
    assert found == {"C101": "not_evaluable strength_missing"}


def test_a_date_counts_once_among_doses_and_its_lines_share_its_fate() -> None:
    text = term('measure = "doses"', "most = 1", 'per = "lifetime"')
    lines = [
        dose(0, claim_id="A"),
        dose(0, claim_id="B", quantity=2),
        dose(7, claim_id="D"),
        dose(7, claim_id="E", quantity=2),
    ]
    found = answers(text, World(medical=lines))
    assert found["A"] == found["B"] == "pass"
    assert (
        found["D"] == found["E"] == "recover quantity_over_limit observed=2 allowed=1 amount=100.00"
    )


def test_a_course_is_a_window_and_a_line_on_no_dose_date_is_not_asked() -> None:
    text = term('measure = "units"', "most = 2", 'per = "course"', 'waste = "in"').replace(
        "observed_days = 0", 'observed_days = 0\ngap = "30 days"'
    )
    lines = [
        dose(0, claim_id="A", quantity=2),
        dose(31, claim_id="B", quantity=2),
        dose(61, claim_id="D", quantity=1),
        dose(200, claim_id="W", hcpcs_modifier_1="JW"),
    ]
    found = answers(text, World(medical=lines))
    assert found["A"] == found["B"] == "pass" and found["D"].startswith("recover")
    assert "W" not in found


@pytest.mark.parametrize(
    ("per", "days", "outcomes"),
    [
        ("calendar month", (date(2026, 1, 31), date(2026, 2, 1)), ["pass", "pass"]),
        ("calendar month", (date(2026, 1, 1), date(2026, 1, 31)), ["pass", "recover"]),
        ("calendar year", (date(2025, 12, 31), date(2026, 1, 1)), ["pass", "pass"]),
        ("lifetime", (date(2021, 12, 31), date(2026, 1, 1)), ["pass", "recover"]),
    ],
)
def test_calendar_periods_begin_on_their_first_day(
    per: str, days: tuple[date, date], outcomes: list[str]
) -> None:
    text = term('measure = "units"', "most = 1", f'per = "{per}"')
    found = answers(text, World(medical=[dose() | {"service_date": d} for d in days]))
    assert [found[c].split()[0] for c in ("C1", "C2")] == outcomes


def test_waste_is_left_out_unless_the_clause_counts_it() -> None:
    lines = [dose(quantity=1, claim_id="A"), dose(quantity=1, claim_id="W", hcpcs_modifier_1="JW")]
    out = term('measure = "units"', "most = 1", 'per = "date"')
    assert answers(out, World(medical=lines)) == {"A": "pass"}
    with_waste = term('measure = "units"', "most = 1", 'per = "date"', 'waste = "in"')
    assert answers(with_waste, World(medical=lines))["W"].startswith("recover")


def _audited(text: str) -> str:
    """The text of a set of an audited drug, of which DUP01 finds repeats."""
    return text.replace("J1000", "J9229")


def test_repeats_add_nothing_and_are_asked_only_by_themselves() -> None:
    twins = [dose(quantity=6, claim_id=c, paid_date=DAY, hcpcs_code="J9229") for c in ("A", "B")]
    summed = _audited(term('measure = "units"', "most = 10", 'per = "date"'))
    assert answers(summed, World(medical=twins)) == {"A": "pass"}
    alone = _audited(term('measure = "units"', "most = 5", 'per = "line"'))
    assert {a.split()[0] for a in answers(alone, World(medical=twins)).values()} == {"recover"}
    assert set(answers(alone, World(medical=twins))) == {"A", "B"}


def test_a_line_billed_twice_counts_twice_if_no_other_rule_asks_about_it() -> None:
    twins = [dose(quantity=6, claim_id=c, paid_date=DAY) for c in ("A", "B")]
    text = term('measure = "units"', "most = 10", 'per = "date"')
    found = answers(text, World(medical=twins))
    assert found["A"] == "pass" and found["B"].startswith("recover")


def test_other_payers_count_only_if_the_clause_says_so() -> None:
    lines = [dose(0, quantity=6, payer="Other"), dose(1, quantity=6)]
    own = term('measure = "units"', "most = 10", 'per = "30 days"')
    assert answers(own, World(medical=lines)) == {"C2": "pass"}
    every = term('measure = "units"', "most = 10", 'per = "30 days"', 'payers = "any"')
    assert answers(every, World(medical=lines))["C2"].startswith("recover")


def test_zero_paid_lines_count_and_carry_no_finding() -> None:
    lines = [dose(0, quantity=6), dose(1, quantity=6, paid_amount="0.00"), dose(2, quantity=1)]
    text = term('measure = "units"', "most = 10", 'per = "30 days"')
    found = answers(text, World(medical=lines))
    assert set(found) == {"C1", "C3"} and found["C3"].startswith("recover")


def test_an_unknown_provider_is_like_no_other() -> None:
    text = term('measure = "units"', "most = 1", 'per = "date"', 'providers = "own"')
    lines = [
        dose(claim_id="A", billing_npi="1"),
        dose(claim_id="B", billing_npi="2", hcpcs_modifier_1="LT"),
        dose(claim_id="C"),
        dose(claim_id="D", hcpcs_modifier_1="RT"),
        dose(claim_id="E", billing_npi="1", quantity=2),
    ]
    found = answers(text, World(medical=lines))
    assert [c for c, a in found.items() if a != "pass"] == ["E"]


def test_sets_count_together_or_by_the_ingredient_they_share() -> None:
    more = SETS + f'[[products]]\nname = "b"\ningredient = "druga"\nndc = ["{OTHER}"]\n'
    more += '[[products]]\nname = "c"\ningredient = "drugc"\nndc = ["33333333333"]\n'
    fills = [
        fill(0, claim_id="A"),
        fill(1, claim_id="B", ndc_code=OTHER),
        fill(2, claim_id="D", ndc_code="33333333333"),
    ]
    told = {}
    for by in ("set", "together", "ingredient"):
        text = term('measure = "quantity"', "most = 1", 'per = "30 days"', f'by = "{by}"')
        found = answers(text.replace(SETS, more), World(pharmacy=fills))
        told[by] = [c for c, a in found.items() if a != "pass"]
    assert told == {"set": [], "together": ["B", "D"], "ingredient": ["B"]}


def test_terms_of_a_table_are_rows_with_sets_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "edits.csv").write_text(
        "id,hcpcs,most,effective_from,effective_to,cite\n"
        "a,J2000,10,2020-01-01,2026-03-02,old\nb,J2000,20,2026-03-02,,new\nc,J3000,5,,,other\n"
    )
    text = (
        '[document]\neverything = true\n[[quantity]]\nterm_id = "edit"\nmeasure = "units"\n'
        'per = "line"\ntable = "edits.csv"\nfinding = { outcome = "recover" }\n'
    )
    lines = [
        dose(-1, hcpcs_code="J2000", quantity=15),
        dose(0, hcpcs_code="J2000", quantity=15),
        dose(0, hcpcs_code="J3000", quantity=6),
    ]
    found = answers(text, World(medical=lines), tmp_path)
    assert found == {
        "C1 edit.a": "recover quantity_over_limit observed=15 allowed=10 amount=33.33",
        "C2 edit.b": "pass",
        "C3 edit.c": "recover quantity_over_limit observed=6 allowed=5 amount=16.67",
    }


def test_a_limit_for_each_day_of_a_fraction_of_a_day_is_compared_exactly() -> None:
    """As numbers, 30 times 0.017 is more than 0.51."""
    fills = [fill(quantity=q, days_supply=0.017) for q in (0.509, 0.51, 0.511)]
    reached = term('measure = "quantity"', "below = 30", 'per = "day_of_supply"')
    over = term('measure = "quantity"', "most = 30", 'per = "day_of_supply"')
    for text, expected in ((reached, [False, True, True]), (over, [False, False, True])):
        found = answers(text, World(pharmacy=fills))
        assert [found[c] != "pass" for c in sorted(found)] == expected


def test_milligrams_of_the_largest_quantity_do_not_end_the_run() -> None:
    text = term('measure = "mg"', "most = 100", 'per = "line"').replace("= 5", "= 50")
    found = answers(text, World(medical=[dose(quantity=999_999_999_999_999)]))
    assert found["C1"].startswith("recover quantity_over_limit")

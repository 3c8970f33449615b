"""From a condition to an answer: findings, caps, alternatives, one rule id, once, sets, and what
documents do not do to each other."""

from datetime import date, timedelta

import polars as pl
import pytest

from tests.support.spoken import DAY, World, answers, judgement, policy

A, B = "11111111111", "22222222222"
SETS = f"""
[[products]]
name = "a"
ndc = ["{A}"]
hcpcs = ["J1000"]

[[products]]
name = "b"
ndc = ["{B}"]
hcpcs = ["J1000"]
"""


def units(most: int, *fields: str, of: str = "a", outcome: str = "recover") -> str:
    return (
        f'[[quantity]]\nof = "{of}"\nmeasure = "units"\nmost = {most}\nper = "line"\n'
        + "\n".join(fields)
        + f'\nfinding = {{ outcome = "{outcome}", documents = ["x"] }}\n'
    )


def line(**values: object) -> dict[str, object]:
    return {"hcpcs_code": "J1000", "service_date": DAY} | values


# ---------------------------------------------------------------- sets


def test_a_document_without_a_line_has_no_answer_and_still_counts() -> None:
    """Whichever comes first; its term is counted with no line."""
    own = policy(SETS + units(1))
    sets = SETS.replace("J1000", "J3000")
    idle = policy('[document]\nid = "idle"\n' + sets + units(1, 'term_id = "idle.1"'))
    world = World(medical=[line(quantity=2, ndc_code=A), line(payer="other", hcpcs_code="J3000")])
    alone = judgement([own], world)
    assert alone.exceptions.height == 1
    for documents in ([idle, own], [own, idle]):
        both = judgement(documents, world)
        assert both.exceptions.equals(alone.exceptions)
        assert both.counted.equals(alone.counted)
        assert set(both.gaps["policy_id"]) == {"a-policy", "idle"}
    assert set(judgement([idle], world).gaps["policy_id"]) == {"idle"}


def test_an_ndc_tells_sets_of_one_code_apart() -> None:
    text = SETS + units(1) + units(1, of="b")
    world = World(medical=[line(), line(ndc_code=A), line(ndc_code=B), line(ndc_code="9" * 11)])
    found = answers(text, world)
    assert {k: v for k, v in found.items() if v == "pass"} == {
        "C1 quantity.1": "pass",
        "C1 quantity.2": "pass",
        "C2 quantity.1": "pass",
        "C3 quantity.2": "pass",
        "C4 quantity.1": "pass",
        "C4 quantity.2": "pass",
    }


def test_an_unclassified_code_or_none_and_fills_go_by_the_ndc() -> None:
    world = World(
        medical=[
            line(hcpcs_code="J3490", ndc_code=A),
            line(hcpcs_code=None, ndc_code=A),
            line(hcpcs_code="J9999", ndc_code=A),
            line(hcpcs_code="J2000", ndc_code=A),
        ],
    )
    assert sorted(answers(SETS + units(1), world)) == ["C1", "C2", "C3"]


def test_a_line_in_several_sets_is_judged_in_each_and_one_is_enough() -> None:
    text = SETS + units(5).replace('of = "a"', 'of = ["a", "b"]').replace(
        "finding", 'applies_to = { any_of = [{ ndc = "a" }, { quantity = { from = 9 } }] }\nfinding'
    )
    assert answers(text, World(medical=[line(quantity=9)]))["C1"].startswith("recover")


def test_ndcs_by_the_words_of_the_tables() -> None:
    rows = [
        {"ndc11": A, "ingredient": "druga", "form": "tablet", "strength_mg": 5.0},
        {"ndc11": B, "ingredient": "druga", "form": "tablet", "strength_mg": 10.0},
    ]
    text = (
        '[[products]]\nname = "x"\nndc_of = { ingredient = "DrugA", strength_mg = 10 }\n'
        '[[quantity]]\nmeasure = "quantity"\nmost = 1\nper = "line"\n'
        'finding = { outcome = "recover" }\n'
    )
    fills = [{"ndc_code": n, "days_supply": 30} for n in (A, B)]
    assert answers(text, World(pharmacy=fills, ndc=rows)) == {"C102": "pass"}


# ---------------------------------------------------------------- findings


def test_a_list_of_findings_answers_by_reason() -> None:
    text = SETS + (
        '[[authorization]]\nof = "a"\nfinding = [\n'
        '{ outcome = "review", for = ["authorization_denied"] },\n'
        '{ outcome = "recover", reason = "no_approval" },\n]\n'
    )
    denied = World(medical=[line()], authorization=[{"drug": "a", "status": "denied"}])
    assert answers(text, denied)["C1"].startswith("review authorization_denied")
    assert answers(text, World(medical=[line()]))["C1"].startswith("recover no_approval")


def test_the_documents_own_words_name_figures() -> None:
    text = SETS + units(1).replace(
        'outcome = "recover"',
        'outcome = "recover", says = "{quantity} of {product}, {allowed} allowed ({cite})"',
    )
    found = judgement([policy(text)], World(medical=[line(quantity="2.5")])).exceptions
    assert found["rationale"].to_list() == ["2.5 of a, 1 allowed (clause)"]
    assert found["drug"].to_list() == ["a"] and found["term_id"].to_list() == ["quantity.1"]


@pytest.mark.parametrize(
    ("amount", "answer"),
    [("excess", "50.00"), ("whole_line", "100.00"), ("none", "0.00"), ("difference", "null")],
)
def test_amounts_are_those_of_the_finding(amount: str, answer: str) -> None:
    text = SETS + units(1, outcome="review").replace("documents", f'amount = "{amount}", documents')
    assert answers(text, World(medical=[line(quantity=2)]))["C1"].endswith(f"amount={answer}")


def test_a_recovery_without_an_amount_is_a_review_and_of_nothing_an_advisory() -> None:
    for amount, outcome in (("difference", "review"), ("none", "advisory")):
        text = SETS + units(1).replace("documents", f'amount = "{amount}", documents')
        assert answers(text, World(medical=[line(quantity=2)]))["C1"].startswith(outcome)


def test_caps_lower_a_finding_unless_it_is_exempt() -> None:
    head = '[[version]]\neffective_from = 2020-01-01\nbasis = "stated"\ncite = "one"\n'
    for field, before, after in (
        ("text_in_hand = false\n", "recover", "review"),
        ("reviewed_through = 2026-01-01\n", "recover", "review"),
        ("reviewed_through = 2026-01-01\n", "records_request", "records_request"),
        ("approved_on = 2026-06-01\n", "records_request", "review"),
    ):
        text = head + field + SETS + units(1, outcome=before)
        assert answers(text, World(medical=[line(quantity=2)]))["C1"].split()[0] == after
        free = text.replace("documents", "capped = false, documents")
        assert answers(free, World(medical=[line(quantity=2)]))["C1"].split()[0] == before


def test_approved_care_caps_only_under_the_id_of_such_a_rule() -> None:
    approval = [{"drug": "a"}]
    for rule, outcome in (("SPEC01", "review"), ("X1", "recover")):
        text = SETS + units(1, f'rule_id = "{rule}"')
        world = World(medical=[line(quantity=2)], authorization=approval)
        assert answers(text, world)["C1"].split()[0] == outcome


def test_a_term_is_asked_from_its_first_day_to_the_day_before_its_last() -> None:
    text = SETS + units(1, "effective_from = 2026-03-01", "effective_to = 2026-03-03")
    days = [date(2026, 2, 28), date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3)]
    found = answers(text, World(medical=[line(service_date=d) for d in days]))
    assert set(found) == {"C2", "C3"}


# ---------------------------------------------------------------- answers that are one


def test_of_alternatives_one_is_enough_and_else_the_kindest_answers() -> None:
    word = 'alternatives = "dose"'
    text = SETS + units(5, word) + units(10, word, outcome="review")
    assert answers(text, World(medical=[line(quantity=7)])) == {"C1 quantity.2": "pass"}
    found = answers(text, World(medical=[line(quantity=12)]))
    assert list(found) == ["C1 quantity.2"] and found["C1 quantity.2"].startswith("review")
    same = SETS + units(5, word) + units(10, word)
    assert list(answers(same, World(medical=[line(quantity=12)]))) == ["C1 quantity.2"]
    unknown = SETS + units(5, word) + units(10, word, 'applies_to = { age = { from = "1 year" } }')
    world = World(medical=[line(quantity=12)], eligibility=[{"birth_date": None}])
    assert answers(unknown, world) == {"C1 quantity.2": "not_evaluable birth_date_missing"}


def test_terms_under_one_rule_id_answer_the_strongest() -> None:
    rule = 'rule_id = "X1"'
    text = SETS + units(5, rule, outcome="review") + units(10, rule)
    assert answers(text, World(medical=[line(quantity=12)]))["C1 quantity.2"].startswith("recover")
    found = answers(text, World(medical=[line(quantity=7)]))
    assert list(found) == ["C1 quantity.1"] and found["C1 quantity.1"].startswith("review")
    told = judgement([policy(text)], World(medical=[line(quantity=12)]))
    assert told.exceptions["rule_id"].to_list() == ["X1"]
    counted = told.rule_coverage.filter(pl.col("rule_id") == "X1")
    assert counted["term_id"].to_list() == [None] and counted["lines"].sum() == 1


def test_once_a_date_the_first_line_with_the_strongest_answer_keeps_it() -> None:
    lines = [
        line(claim_id="B", quantity=2),
        line(claim_id="A", quantity=1),
        line(claim_id="D", quantity=3),
        line(claim_id="E", service_date=DAY + timedelta(days=1)),
    ]
    text = SETS + units(1).replace("documents", 'once = "date", documents')
    found = answers(text, World(medical=lines))
    assert set(found) == {"B", "E"} and found["B"].startswith("recover")
    claim = SETS + units(1).replace("documents", 'once = "claim", documents')
    twice = [line(claim_id="B", quantity=2), line(claim_id="B", claim_line_number=2, quantity=9)]
    assert set(answers(claim, World(medical=twice))) == {"B"}


# ---------------------------------------------------------------- documents and counts


def test_counts_of_every_term_add_up_to_the_lines_of_the_document() -> None:
    text = SETS + units(1) + units(1, of="b") + units(9, 'rule_id = "X1"')
    world = World(
        medical=[
            line(),
            line(ndc_code=A, quantity=2),
            line(ndc_code=B),
            line(payer="Other"),
            line(paid_amount="0.00"),
            line(hcpcs_code="99213"),
        ],
    )
    counted = judgement([policy(text)], world).rule_coverage.filter(
        pl.col("policy_id") == "a-policy"
    )
    sums = counted.group_by("rule_id", "term_id").agg(pl.col("lines").sum())
    assert sums["lines"].to_list() == [3, 3, 3]


@pytest.mark.slow
def test_no_document_changes_what_another_sees() -> None:
    """Documents share codes, payers and NDCs, also with the shipped ones."""
    other = SETS.replace('hcpcs = ["J1000"]', 'hcpcs = ["J1000", "J9229"]') + (
        '[[authorization]]\nterm_id = "z.1"\nfinding = { outcome = "review" }\n'
        '[[products]]\nname = "imatinib"\nndc = ["47335047281"]\n'
        '[document]\nid = "z-policy"\npayer = "mmm"\npayer_names = ["MMM"]\n'
    )
    world = World(
        medical=[
            line(quantity=2),
            line(payer="mmm", hcpcs_code="J9229", quantity=40),
            line(payer="mmm", hcpcs_code="J9229", quantity=40, claim_id="TWIN"),
        ],
        pharmacy=[
            {"ndc_code": "47335047281", "payer": "cigna", "quantity": 400, "days_supply": 30}
        ],
        senders=("acme", "mmm"),
    )
    mine = policy(SETS + units(1))
    alone = judgement([mine], world, shipped=True)
    beside = judgement([mine, policy(other)], world, shipped=True)
    is_other = pl.col("policy_id") == "z-policy"
    assert beside.exceptions.filter(is_other).height > 0
    assert beside.exceptions.filter(~is_other).equals(alone.exceptions)
    assert beside.rule_coverage.filter(~is_other).equals(alone.rule_coverage)


def test_one_document_governs_several_payers() -> None:
    text = (
        '[document]\npayer = "acme"\n[[payer]]\nid = "umbra"\nnames = ["Umbra"]\n' + SETS + units(1)
    )
    world = World(medical=[line(quantity=2), line(payer="umbra", quantity=2), line(payer="third")])
    assert set(answers(text, world)) == {"C1", "C2"}


def test_the_drug_of_a_document_is_a_set_of_its_reference_lines() -> None:
    text = (
        '[document]\ndrug = "inotuzumab"\n[[quantity]]\nmeasure = "units"\nmost = 9\nper = "line"\n'
        'finding = { outcome = "recover" }\n'
    )
    lines = [line(hcpcs_code="J9229", quantity=10), line(hcpcs_code="J1000", quantity=10)]
    assert set(answers(text, World(medical=lines))) == {"C1"}


def test_earlier_lines_and_doses_of_a_finding_are_evidence_against_it() -> None:
    days = [line(service_date=DAY + timedelta(days=d), claim_id=f"D{d}") for d in (0, 5)]
    summed = SETS + units(1).replace('per = "line"', 'per = "30 days"')
    found = judgement([policy(summed)], World(medical=days)).exceptions
    facts = [(f["kind"], f["side"], f["claim_id"]) for f in found["evidence"][0]]
    assert facts == [("service", "against", "D0"), ("service", "against", "D5")]
    close = SETS + '[[interval]]\nof = "a"\nleast = "9 days"\nfinding = { outcome = "review" }\n'
    found = judgement([policy(close)], World(medical=days)).exceptions
    facts = [(f["kind"], f["value"], f["claim_id"]) for f in found["evidence"][0]]
    assert facts == [("dose", "dose 1", "D0"), ("service", "1.000", "D5")]


def test_of_equal_alternatives_the_first_in_the_file_answers_whatever_its_kind() -> None:
    word = 'alternatives = "dose"'
    interval = (
        f'[[interval]]\nof = "a"\n{word}\nleast = "9 days"\n'
        'finding = { outcome = "review", amount = "none" }\n'
    )
    quantity = units(1, word, outcome="review").replace("documents", 'amount = "none", documents')
    days = [line(service_date=DAY + timedelta(days=d), quantity=2) for d in (0, 5)]
    for terms, first in (
        (units(1) + interval + quantity, "interval.1"),
        (units(1) + quantity + interval, "quantity.2"),
    ):
        found = answers(SETS + terms, World(medical=days))
        assert [k for k in found if k.startswith("C2") and k != "C2 quantity.1"] == [f"C2 {first}"]


def test_a_demoted_term_of_a_document_asks_for_reviews_and_says_why() -> None:
    document = policy(SETS + units(1) + units(5))
    world = World(medical=[line(quantity=9)])
    before = judgement([document], world).exceptions
    first, second = before["term_id"].unique().sort()
    after = judgement([document], world, demoted=[first]).exceptions
    outcomes = dict(after.select("term_id", "outcome").iter_rows())
    assert set(before["outcome"]) == {"recover"}
    assert outcomes == {first: "review", second: "recover"}
    (text,) = after.filter(term_id=first)["rationale"]
    assert "were overturned when they were reviewed" in text
    assert after["amount_at_risk"].equals(before["amount_at_risk"])

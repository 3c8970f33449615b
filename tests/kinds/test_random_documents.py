"""Random documents of the language: none changes what another says of a line."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from random import Random

import polars as pl
import pytest

from audit_rules.engine.judge import Judgement
from audit_rules.policy.document import Policy
from tests.support.spoken import World, judgement, policy

pytestmark = pytest.mark.slow  # judges dozens of times

CODES = ("J1000", "J2000", "J3490", "99213", "J9229")
NDCS = ("1" * 11, "2" * 11, "47335047281")
DIAGNOSES = ("C50.911", "C91.00", "D61.818")
SETS = f"""
[[products]]
name = "a"
hcpcs = ["J1000"]
ndc = ["{NDCS[0]}", "{NDCS[2]}"]
unit_mg = 10
observed_days = 0
gap = "4 months"

[[products]]
name = "b"
hcpcs = ["J1000", "J2000", "J9229"]
ndc = ["{NDCS[1]}"]
unit_mg = 5
observed_days = 30

[[fact]]
code = "weight_kg"
unit = "kg"

[[fact]]
code = "marker"
values = ["positive", "negative"]
"""
OUTCOMES = ("recover", "records_request", "review", "advisory")
OF = ('"a"', '"b"', '["a", "b"]')
SPANS = ("14 days", "28 days", "1 month", "6 months")


def any_world(random: Random) -> World:
    """Some persons with lines, facts, diagnoses and approvals on random days."""
    first = date(2025, 6, 1)

    def day() -> date:
        return first + timedelta(days=random.randrange(390))

    def person() -> dict[str, object]:
        name = random.choice("MNO")
        return {"person": name, "member_id": name}

    def line(**values: object) -> dict[str, object]:
        modifier = random.choice([None, None, "JW", "RT"])
        return person() | {
            "payer": random.choice(["acme", "acme", "other"]),
            "service_date": day(),
            "quantity": random.choice([None, "1", "4", "30"]),
            "paid_amount": random.choice(["0.00", "80.00", "81.37"]),
            "billing_npi": random.choice([None, "1234567893", "1245319599"]),
            "hcpcs_modifier_1": modifier,
            **values,
        }

    return World(
        medical=[
            line(
                hcpcs_code=random.choice(CODES),
                ndc_code=random.choice([None, *NDCS]),
                place_of_service_code=random.choice([None, "11", "19"]),
            )
            for _ in range(24)
        ],
        pharmacy=[
            line(ndc_code=random.choice(NDCS), days_supply=random.choice([None, 10, 30]))
            for _ in range(8)
        ],
        diagnosis=[person() | {"code": random.choice(DIAGNOSES), "date": day()} for _ in range(6)],
        eligibility=[{"person": name, "member_id": name} for name in "MNO"],
        authorization=[
            person()
            | {"authorization_id": f"A{n}", "drug": random.choice("ab"), "start_date": day()}
            for n in range(3)
        ],
        evidence=[
            person() | {"evidence_code": code, "evidence_value": value, "evidence_date": day()}
            for code, value in (("weight_kg", "40"), ("weight_kg", "71"), ("marker", "positive"))
        ],
        absent=random.choice([(), (), ("authorization",), ("diagnosis",)]),
    )


def any_condition(random: Random) -> str:
    """A condition in TOML."""
    window = random.choice(["[-90, -1]", "[0, 0]", '["ever", 0]', '["course", -1]', "[1, 14]"])
    simple = [
        '{ place = "11" }',
        '{ sex = "female" }',
        "{ age = { from = '18 years' } }",
        "{ quantity = { from = 2 } }",
        "{ dose = { from = 2 } }",
        f'{{ diagnosis = "C50.911", window = {window} }}',
        f'{{ service = "99213", window = {window} }}',
        f'{{ drug = "b", window = {window}, not_own = true }}',
        f'{{ fill = "own", window = {window}, touches = "supply" }}',
        f'{{ fact = "marker", is = "positive", window = {window} }}',
        '{ authorization = "approved" }',
    ]
    how = random.choice(["", "", "any_of", "none_of"])
    if not how:
        return random.choice(simple)
    return f"{{ {how} = [{random.choice(simple)}, {random.choice(simple)}] }}"


def any_question(random: Random) -> str:
    """A kind of term with its own fields, in TOML."""
    span, most = random.choice(SPANS), random.choice([1, 4, 20])
    window = random.choice(["[-90, -1]", '["ever", 0]'])
    measure = random.choice(["units", "quantity", "mg", "doses"])
    per = random.choice([f'"{span}"', '"date"', '"course"', '"calendar year"', '"lifetime"'])
    phase = f'{{ doses = 2, within = "{span}", units = {most} }}, {{ every = "{span}" }}'
    return random.choice(
        [
            f'[[quantity]]\nmeasure = "{measure}"\nmost = {most}\nper = {per}',
            f'[[interval]]\nleast = "{span}"',
            "[[interval]]\nused = 0.75",
            f"[[schedule]]\nphase = [{phase}]",
            f'[[on_file]]\nforbid = [{{ service = "99213", window = {window} }}]',
            f'[[on_file]]\nrequire = [{{ drug = "own", window = {window} }}]',
            f'[[on_file]]\nrequire = [{{ diagnosis = "C91.00", window = {window} }}]',
            '[[who]]\nage = { from = "18 years" }',
            '[[who]]\nnot_places = ["19"]',
            '[[authorization]]\nlength = "6 months"\nunits = true',
            f'[[dose_basis]]\nbasis = "weight_kg"\nwindow = {window}\nmg_per = 1',
            '[[coding]]\nmodifiers = { any = ["RT"], on = "date" }',
        ]
    )


def any_document(random: Random, number: int) -> Policy:
    """A document of a few random terms, for one payer or another."""
    payer = random.choice(["acme", "other"])
    everybody = f'payer = "{payer}"\npayer_names = ["{payer.capitalize()}"]\n'
    terms = [
        "\n".join(
            [
                any_question(random),
                f'term_id = "document-{number}.{n}"',
                *random.choice([[], [f"of = {random.choice(OF)}"]]),
                *random.choice([[], [f"applies_to = {any_condition(random)}"]]),
                *random.choice([[], [f"unless = {any_condition(random)}"]]),
                *random.choice([[], ['alternatives = "either"']]),
                *random.choice([[], ['rule_id = "QTY01"']]),
                f'finding = {{ outcome = "{random.choice(OUTCOMES)}", documents = ["records"] }}',
            ]
        )
        for n in range(random.randrange(1, 5))
    ]
    text = f'[document]\nid = "document-{number}"\n{everybody}{SETS}' + "\n\n".join(terms)
    return policy(text)


def said(found: Judgement, document: Policy) -> Iterator[list[Mapping[str, object]]]:
    """The exceptions and counts of a document."""
    for table in (found.exceptions, found.rule_coverage):
        yield table.filter(pl.col("policy_id") == document.document.id).to_dicts()


@pytest.mark.parametrize("seed", range(8))
def test_no_document_changes_what_another_says(seed: int) -> None:
    random = Random(seed)
    world = any_world(random)
    documents = [any_document(random, n) for n in range(3)]

    together = judgement(documents, world, shipped=True)
    alone = {one.document.id: judgement([one], world) for one in documents}

    for one in documents:
        assert list(said(together, one)) == list(said(alone[one.document.id], one))
    ours = [one.document.id for one in documents]
    shipped = judgement([], world, shipped=True).exceptions
    assert together.exceptions.filter(~pl.col("policy_id").is_in(ours)).equals(shipped)


def test_random_documents_find_something_of_every_outcome() -> None:
    """Or they would show nothing."""
    found: set[str] = set()
    for seed in range(4):
        random = Random(seed)
        world = any_world(random)
        documents = [any_document(random, n) for n in range(3)]
        found |= set(judgement(documents, world).exceptions["outcome"])
    assert len(found) >= 3

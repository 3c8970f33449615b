"""`explain` finds what would make a silent term of the policy language fire, whatever its kind."""

from datetime import date

import pytest

from audit_rules.counterfactuals.search import Firing
from audit_rules.policy.language.kinds import KINDS
from flows.replay.explain import explain
from tests.support.extracts import as_csv, good, write
from tests.support.nights import night
from tests.support.running import request_for
from tests.support.spoken import ACME

AS_OF = date(2026, 3, 31)
HEAD = f"""{ACME}ndc = ["22222222222"]
unit_mg = 1
observed_days = 0

[[products]]
name = "tablets"
ndc = ["11111111111"]

[[products]]
name = "in courses"
hcpcs = ["J1000"]
gap = "34 days"
observed_days = 0

[[fact]]
code = "mutation"
values = ["found", "absent"]

[[fact]]
code = "weight_kg"
unit = "kg"
"""
OVER = '[[quantity]]\nmeasure = "units"\nmost = 3\nper = "line"\n'
REVIEW = 'finding = { outcome = "review" }'
TERMS = {
    "units": ('[[quantity]]\nmeasure = "units"\nmost = 10\nper = "date"', "of 11 units instead"),
    "milligrams": ('[[quantity]]\nmeasure = "mg"\nbelow = 12\nper = "line"', "of 12 units instead"),
    "doses": (
        '[[quantity]]\nmeasure = "doses"\nmost = 2\nper = "course"',
        "had 2 earlier lines like it been on file, from 2026-02-28 to 2026-03-01",
    ),
    "interval": (
        '[[interval]]\nleast = "14 days"',
        "earlier line like it been on file, on 2026-02-17",
    ),
    "months": (
        '[[interval]]\nleast = "1 month"',
        "earlier line like it been on file, on 2026-02-03",
    ),
    "schedule": (
        '[[schedule]]\nphase = [{ doses = 4, units = 20 }, { units = 20, every = "21 days" }]',
        "of 21 units instead",
    ),
    "too long": (
        '[[schedule]]\nphase = [{ longest = "6 months" }]',
        "earlier line like it been on file, on 2025-09-02",
    ),
    "required": (
        '[[on_file]]\nrequire = [{ diagnosis = "C90.00", window = [-90, 0], name = "myeloma" }]',
        "had no myeloma been on file",
    ),
    "forbidden": (
        '[[on_file]]\nforbid = [{ service = "99213", window = [-20, -10] }]',
        "had service 99213 been on file on 2026-02-20",
    ),
    "forbidden tablets": (
        '[[on_file]]\nforbid = [{ fill = "tablets", window = [-20, 0], silence = "absent" }]',
        "had fill of tablets been on file on 2026-03-02",
    ),
    "fact": (
        '[[on_file]]\nforbid = [{ fact = "mutation", is = "found", window = ["ever", 0] }]',
        "had mutation been on file on 2026-03-02",
    ),
    "age": ('[[who]]\nage = { from = "18 years" }', "had the person been born on 2008-03-03"),
    "sex": ('[[who]]\nsex = "female"', "had the sex on file been male"),
    "place": ('[[who]]\nnot_places = ["22"]', "place of service been 22 instead of 11"),
    "approval": ("[[authorization]]", "had no approval been on file"),
    "length": (
        '[[authorization]]\nneeded = false\nlength = "6 months"',
        "begun on 2025-09-01 instead of 2026-01-01",
    ),
    "dose": (
        '[[dose_basis]]\nbasis = "weight_kg"\nwindow = [-30, 0]\nmg_per = 0.5',
        "of 36 units instead",
    ),
    "modifier": ('[[coding]]\nmodifiers = { none = ["JZ"] }', "had modifier JZ been on the line"),
    "waste": ('[[coding]]\nmodifiers = { any = ["JA"] }', "had modifier JA not been on the line"),
    "vials": (
        '[[coding]]\nvial_units = { sizes = [5], with = ["JA"] }',
        "of 11 units instead of 10",
    ),
    "unclassified": (
        '[[coding]]\nunclassified = ["J3490"]',
        "had it been billed as J3490 with the drug's NDC instead of J1000",
    ),
    "excused": (
        '[[quantity]]\nmeasure = "units"\nmost = 3\nper = "line"\n'
        'unless = { diagnosis = "C90.00", window = [-90, 0] }',
        "had no diagnosis C90.00 been on file",
    ),
    "plan": (f'{OVER}unless = {{ plan = "PPO" }}', "plan of the person been other than PPO"),
    "payer type": (
        f'{OVER}unless = {{ payer_type = "commercial" }}',
        "type of payer of the person been other than commercial",
    ),
    "number of a dose": (
        f"{OVER}unless = {{ dose = {{ to = 2 }} }}",
        "had 2 earlier lines like it been on file, from 2026-02-28 to 2026-03-01",
    ),
    "day of a course": (
        f"{OVER}unless = {{ day = {{ to = 30 }} }}",
        "had 1 earlier line like it been on file, on 2026-01-30",
    ),
    "course": (
        f"{OVER}unless = {{ course = {{ to = 2 }} }}".replace(
            '"line"', '"line"\nof = "in courses"'
        ),
        "had 2 earlier lines like it been on file, from 2025-12-22 to 2026-01-26",
    ),
}
"""A term that passes on the line, and words of the change that makes it fire."""


def _policy() -> str:
    parts = [HEAD]
    for number, (term, _) in enumerate(TERMS.values()):
        kind, _, fields = term.partition("\n")
        of = "" if "\nof = " in fields else 'of = "drug"\n'
        parts.append(
            f'{kind}\nterm_id = "acme.{number}"\neffective_from = 2020-01-01\n{of}'
            f'cite = "clause {number}"\nbasis = "stated"\n{fields}\n{REVIEW}\n'
        )
    return "\n".join(parts).replace('basis = "stated"\nbasis = "weight', 'basis = "weight')


@pytest.fixture(scope="module")
def firings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Firing | None]:
    """The nearest change of each term on a line on which all are silent."""
    folder = tmp_path_factory.mktemp("boundaries")
    (folder / "policies").mkdir()
    (folder / "policies" / "acme.toml").write_text(_policy(), encoding="utf-8")
    own = {"payer": "Acme", "member_id": "M1"}
    medical = good(
        "medical_claim",
        **own,
        claim_id="C1",
        hcpcs_code="J1000",
        claim_start_date="2026-03-02",
        claim_line_start_date="2026-03-02",
        service_unit_quantity="10",
        place_of_service_code="11",
        hcpcs_modifier_1="JA",
        diagnosis_code_1="C90.00",
    )
    rows = {
        "medical_claim": medical,
        "eligibility": good(
            "eligibility",
            **own,
            gender="female",
            plan="PPO",
            payer_type="commercial",
            birth_date="1960-05-05",
            enrollment_start_date="2020-01-01",
            enrollment_end_date="",
        ),
        "authorization": good(
            "authorization",
            **own,
            authorization_id="A1",
            drug="drug",
            product="",
            status="approved",
            start_date="2026-01-01",
            end_date="2026-12-31",
        ),
        "clinical_evidence": good(
            "clinical_evidence",
            member_id="M1",
            evidence_code="weight_kg",
            evidence_value="70",
            evidence_date="2026-03-01",
        ),
    }
    extracts = write(folder / "in", {f"{t}.csv": as_csv([row]) for t, row in rows.items()})
    request = request_for(
        extracts, folder / "out", folder / "audit.duckdb", AS_OF, policies=folder / "policies"
    )
    night(request)
    ((row,),) = (explain(request, "C1").rows,)
    outcomes = {r.answer["outcome"] for r in row.rules if r.answer["policy_id"] == "acme-drug"}
    assert outcomes == {"pass"}
    return {
        str(r.answer["term_id"]): r.firing
        for r in row.rules
        if r.answer["policy_id"] == "acme-drug"
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", list(TERMS))
def test_the_nearest_change_crosses_the_boundary_that_the_term_declares(
    name: str, firings: dict[str, Firing | None]
) -> None:
    number = list(TERMS).index(name)
    firing = firings[f"acme.{number}"]
    assert firing is not None and firing.outcome in ("review", "advisory")
    assert TERMS[name][1] in firing.change.condition


def test_every_kind_declares_its_boundaries() -> None:
    """So a new kind is explained as soon as it says on what it turns."""
    assert all("of_the_test" in vars(kind) for kind in KINDS)
    tried = " ".join(term for term, _ in TERMS.values())
    assert all(f"[[{kind.kind}]]" in tried for kind in KINDS)

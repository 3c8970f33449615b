"""Lint reads a policy file of the language, and says of its terms what it says of any."""

import tomllib
from datetime import date
from pathlib import Path

import pytest

from audit_rules.errors import PolicyRefused
from audit_rules.lint.language import LANGUAGE_CHECKS
from audit_rules.lint.run import lint
from audit_rules.policy.document import PolicyFile
from flows.request import RunRequest
from flows.settle.payers_on_file import payers_on_file
from tests.support.running import ROOT
from tests.support.spoken import ACME

POLICY = f"""{ACME}
[[codes]]
name = "cancer"
system = "icd10cm"
codes = ["C50.911"]

[[quantity]]
term_id = "acme-drug.1"
effective_from = 2020-01-01
cite = "units a date"
basis = "stated"
measure = "units"
most = 10
per = "date"
applies_to = {{ diagnosis = "cancer", window = [0, 0] }}
finding = {{ outcome = "recover" }}
"""


def checks(
    text: str, folder: Path | None = None, payers: frozenset[str] | None = None
) -> list[str]:
    file = PolicyFile("acme.toml", folder or Path(), tomllib.loads(text), "0", text=text)
    return [defect.check for defect in lint([file], date(2026, 6, 30), payers)]


def test_what_a_document_declares_needs_no_clause() -> None:
    assert checks(POLICY) == []


def test_a_set_of_an_unclassified_code_is_refused_as_a_run_refuses_it() -> None:
    with pytest.raises(PolicyRefused, match="list its NDCs"):
        checks(POLICY.replace("J1000", "J3490"))


def test_a_mark_that_a_new_file_leaves_to_be_filled_in_is_found() -> None:
    assert checks(POLICY.replace("units a date", "FILL IN: the section")) == ["mark_left"]
    assert checks(f"# FILL IN the dates\n{POLICY}") == ["mark_left"]


def test_a_payer_name_that_no_line_or_alias_has_is_found_if_a_warehouse_is_given() -> None:
    assert checks(POLICY, payers=frozenset({"acme", "other"})) == []
    assert checks(POLICY, payers=frozenset({"other"})) == ["payer_without_lines"]
    assert checks(POLICY, payers=frozenset()) == ["payer_without_lines"]


def test_of_several_names_of_a_payer_each_that_no_line_has_is_found() -> None:
    two = POLICY.replace('["Acme"]', '["ACME", "Acme Health"]')
    assert checks(two, payers=frozenset({"acme"})) == ["payer_without_lines"]
    assert checks(two, payers=frozenset({"acme", "acme health"})) == []


def test_the_payer_names_of_both_claim_tables_and_of_aliases_are_those_on_file(
    sample_request: RunRequest,
) -> None:
    found = payers_on_file(sample_request.warehouse, {"Acme Inc": "ACME"})
    assert {"cigna", "mmm", "bcbsnc", "acme inc", "acme"} <= found
    assert "lakeside" not in found


QUANTITY = POLICY[POLICY.index("[[quantity]]") :]
ASKED = 'applies_to = { diagnosis = "cancer", window = [0, 0] }'
OWN_NDC = 'hcpcs = ["J1000"]\nndc = ["11111111111"]'
SHARED_CODE = (
    POLICY.replace("[[codes]]", '[[products]]\nname = "other"\nhcpcs = ["J1000"]\n\n[[codes]]')
    .replace(ASKED, 'of = "drug"\nunless = { diagnosis = "cancer", window = [0, 0] }')
    .replace("recover", "review")
)


def second(**changes: str) -> str:
    """The quantity term again under another id, with parts of it replaced."""
    text = QUANTITY.replace("acme-drug.1", "acme-drug.2")
    for change in changes.values():
        text = text.replace(*change.split(" -> "))
    return text


FINDINGS = {
    "set_without_codes": POLICY.replace(
        'hcpcs = ["J1000"]', 'ndc_of = { ingredient = "no such drug" }'
    ).replace('"units"', '"quantity"'),
    "never_applies": POLICY.replace(
        ASKED, 'applies_to = { place = "11", all_of = [{ place = "22" }] }'
    ),
    "unused_declaration": POLICY.replace(ASKED, ""),
    "shared_code": SHARED_CODE,
    "same_question": POLICY + second(most="most = 10 -> most = 12"),
    "single_alternative": POLICY.replace(ASKED, f'alternatives = "dosing"\n{ASKED}'),
    "silence_taken_as_absence": POLICY.replace(
        "window = [0, 0]", 'window = [0, 0], silence = "absent"'
    ),
    "recovery_on_uncertain_numbers": POLICY.replace(
        'hcpcs = ["J1000"]', 'hcpcs = ["J1000"]\nobserved_days = 0'
    ).replace('per = "date"', 'per = "course"'),
}


def test_each_check_of_the_language_is_shown() -> None:
    assert set(FINDINGS) == {check.__name__ for check in LANGUAGE_CHECKS}


@pytest.mark.parametrize("check", FINDINGS)
def test_lint_finds_what_nothing_can_ask_and_what_deserves_a_look(check: str) -> None:
    assert check in checks(FINDINGS[check])


@pytest.mark.parametrize(
    "text",
    [
        POLICY.replace('per = "date"', 'per = "date"\nalternatives = "dosing"')
        + second(
            most="most = 10 -> most = 12",
            either='per = "date" -> per = "date"\nalternatives = "dosing"',
        ),
        POLICY + second(per='per = "date" -> per = "line"'),
        POLICY.replace(ASKED, f"{ASKED}\neffective_to = 2022-01-01")
        + second(most="most = 10 -> most = 12", start="from = 2020-01-01 -> from = 2022-01-01"),
        POLICY.replace(
            ASKED,
            'applies_to = { any_of = [{ place = "11" }, { diagnosis = "cancer",'
            " window = [0, 0] }] }",
        ),
        SHARED_CODE.replace('hcpcs = ["J1000"]', OWN_NDC, 1).replace('"units"', '"fills"'),
    ],
)
def test_lint_leaves_alone_what_is_well_said(text: str) -> None:
    assert checks(text) == []


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ("11111-1111-11,a,brand,1,tablet,true", "ndc_with_hyphens"),
        ("11111111111,a,brand,1,tablet,true\n11111111111,a,brand,1,tablet,true", "ndc_twice"),
        ("11111111111,a,brand,1,tablet,yes", "audited_unclear"),
        ("11111111111,a,house brand,1,tablet,true", "product_of_no_set"),
    ],
)
def test_lint_looks_at_the_ndc_tables_next_to_the_policy(
    rows: str, found: str, tmp_path: Path
) -> None:
    header = "ndc11,ingredient,product,strength_mg,form,audited"
    (tmp_path / "ndc_own.csv").write_text(f"{header}\n{rows}\n", encoding="utf-8")

    assert checks(POLICY, tmp_path) == [found]


def test_an_ndc_table_without_defects_is_left_alone(tmp_path: Path) -> None:
    header = "ndc11,ingredient,product,strength_mg,form,audited"
    row = "11111111111,a,brand,1,tablet,true"
    (tmp_path / "ndc_own.csv").write_text(f"{header}\n{row}\n", encoding="utf-8")

    assert checks(POLICY, tmp_path) == []


def test_a_term_of_the_language_needs_one() -> None:
    assert checks(POLICY.replace('cite = "units a date"', 'cite = "todo"')) == [
        "term_without_citation"
    ]


def test_the_page_on_lint_names_each_check_of_the_language() -> None:
    page = (ROOT / "docs" / "lint.md").read_text(encoding="utf-8")

    assert [c.__name__ for c in LANGUAGE_CHECKS if f"`{c.__name__}`" not in page] == []

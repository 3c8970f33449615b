"""Lint of the codes that terms of the policy language ask about: those that no claim can have."""

import tomllib
from datetime import date
from pathlib import Path

import pytest

from audit_rules.lint.run import lint
from audit_rules.policy.document import PolicyFile
from tests.support.running import ROOT
from tests.support.spoken import ACME

LISTED = f"""{ACME}
[[codes]]
name = "listed"
system = "icd10cm"
codes = ["E11.9"]

[[on_file]]
term_id = "acme-drug.1"
effective_from = 2020-01-01
cite = "covered"
basis = "stated"
require = [{{ diagnosis = "listed", window = [-90, 0] }}]
finding = {{ outcome = "review" }}
"""
INLINE = LISTED.replace('codes = ["E11.9"]', 'codes = ["E10.9"]').replace(
    "require = [{", 'require = [{ diagnosis = "E11.9", window = [-90, 0] }, {'
)
IN_MG = f"""{ACME.replace('hcpcs = ["J1000"]', 'ndc = ["11111111111"]')}
[[quantity]]
term_id = "acme-drug.1"
effective_from = 2020-01-01
cite = "mg a day"
basis = "stated"
measure = "mg"
most = 10
per = "line"
finding = {{ outcome = "review" }}
"""
TABLE = (
    "ndc11,ingredient,product,strength_mg,form,audited\n11111111111,drug,brand,{},tablet,false\n"
)


def found(text: str, folder: Path | None = None) -> list[tuple[str, str, str]]:
    file = PolicyFile("acme.toml", folder or Path(), tomllib.loads(text), "0", text=text)
    return [(d.check, d.cite, d.code) for d in lint([file], date(2026, 6, 30))]


@pytest.mark.parametrize(
    ("codes", "defects"),
    [
        ('["E11.9"]', []),
        ('["E11"]', [("header_code", "codes listed", "E11")]),
        ('["E11"]\nwith_children = true', []),
        ('["E10-E11"]', [("header_code", "codes listed", "E11")]),
        ('["E10-E11.9"]', []),
        ('["E11.99"]', [("unknown_code", "codes listed", "E11.99")]),
        ('["E11.9-E11.8"]', [("reversed_range", "codes listed", "E11.9-E11.8")]),
        ('["E11.9-E11.99"]', [("unknown_code", "codes listed", "E11.99")]),
        ("[]", [("empty_codes", "codes listed", "listed")]),
    ],
)
def test_a_list_of_codes_that_no_claim_has_is_found(
    codes: str, defects: list[tuple[str, str, str]]
) -> None:
    assert found(LISTED.replace('["E11.9"]', codes)) == defects


@pytest.mark.parametrize(
    ("code", "defects"),
    [
        ("E11.9", []),
        ("E11", [("header_code", "covered", "E11")]),
        ("E11.99", [("unknown_code", "covered", "E11.99")]),
    ],
)
def test_so_is_a_code_that_a_term_names_itself(
    code: str, defects: list[tuple[str, str, str]]
) -> None:
    assert found(INLINE.replace("E11.9", code)) == defects


def test_mg_of_an_ndc_without_a_strength_are_found(tmp_path: Path) -> None:
    defect = [("mg_without_strength", "mg a day", "11111111111")]
    assert found(IN_MG) == defect
    (tmp_path / "ndc_own.csv").write_text(TABLE.format(""))
    assert found(IN_MG, tmp_path) == defect
    (tmp_path / "ndc_own.csv").write_text(TABLE.format(5))
    assert found(IN_MG, tmp_path) == []


def test_the_page_says_what_each_finding_means() -> None:
    page = (ROOT / "docs" / "lint.md").read_text(encoding="utf-8")
    names = ("empty_codes", "unknown_code", "reversed_range", "header_code", "mg_without_strength")
    assert [name for name in names if f"| `{name}` |" not in page] == []

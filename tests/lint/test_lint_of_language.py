"""Lint reads a policy file of the language, and says of its terms what it says of any."""

import tomllib
from datetime import date
from pathlib import Path

from audit_rules.lint.run import lint
from audit_rules.policy.document import PolicyFile

POLICY = """
[document]
id = "acme-drug"
title = "Acme drug policy"
payer = "acme"

[[version]]
effective_from = 2020-01-01
basis = "stated"
cite = "first version"

[[products]]
name = "drug"
hcpcs = ["J1000"]

[[codes]]
name = "cancer"
system = "icd10cm"
codes = ["C50"]

[[quantity]]
term_id = "acme-drug.1"
effective_from = 2020-01-01
cite = "units a date"
basis = "stated"
measure = "units"
most = 10
per = "date"
finding = { outcome = "recover" }
"""


def checks(text: str) -> list[str]:
    file = PolicyFile("acme.toml", Path(), tomllib.loads(text), "0")
    return [defect.check for defect in lint([file], date(2026, 6, 30))]


def test_what_a_document_declares_needs_no_clause() -> None:
    assert checks(POLICY) == []


def test_a_term_of_the_language_needs_one() -> None:
    assert checks(POLICY.replace('cite = "units a date"', 'cite = "todo"')) == [
        "term_without_citation"
    ]

"""What `explain` says of the version of a document, and of what a clause cannot know."""

import tomllib
from datetime import date
from pathlib import Path

import pytest

from audit_rules.kinds.registry import KIND_MODULES
from audit_rules.policy.document import Policy, PolicyFile, parse_policy
from audit_rules.policy.library import load_policies
from flows.replay.explain_text import _version
from flows.replay.explanation import RuleExplanation
from flows.replay.rule_text import rule_parts
from tests.support.spoken import ACME, LIMIT

ONE = 'payer = "acme"\npayer_names = ["Acme"]\n'
SEVERAL = """
[[payer]]
id = "acme"
names = ["Acme"]

[[payer]]
id = "other"
names = ["Other"]
"""


@pytest.mark.parametrize("text", [ACME, ACME.replace(ONE, SEVERAL)], ids=["one", "several"])
def test_a_document_of_payers_has_a_version_in_force(text: str) -> None:
    policy = parse_policy(PolicyFile("acme.toml", Path(), tomllib.loads(text + LIMIT), ""))
    assert "acme" in {p.id for p in policy.payers}
    assert "version of 2020-01-01 (first version)" in _said(policy, date(2020, 1, 1))


def test_only_a_document_of_no_payer_is_always_in_force() -> None:
    (general,) = (p for p in load_policies().policies if not p.payers)
    assert _said(general, general.versions[0].effective_from).endswith("always in force")


@pytest.mark.parametrize(
    ("rule_id", "reason", "because"),
    [
        ("CODE10", "quantity_missing", "no units"),
        ("CODE10", "ndc_missing", "what the clause asks about is not known: ndc missing"),
        ("INT10", "place_missing", "what the clause asks about is not known: place missing"),
        ("WHO10", "sex_unknown", "a fact is missing: the reason says which"),
    ],
)
def test_an_unknown_condition_is_not_explained_by_what_the_kind_lacks(
    rule_id: str, reason: str, because: str
) -> None:
    policy = parse_policy(PolicyFile("acme.toml", Path(), tomllib.loads(ACME + LIMIT), ""))
    (module,) = (m for m in KIND_MODULES if m.RULE.id == rule_id)
    answer = {
        "service_date": date(2026, 3, 2),
        "outcome": "not_evaluable",
        "reason": reason,
        "citation": "page 1",
    }
    parts = dict(rule_parts(RuleExplanation(module, answer, (), None), policy))
    assert parts["because"] == because


def _said(policy: Policy, start: date) -> str:
    answer = {
        "service_date": date(2026, 3, 2),
        "version_from": start,
        "text_is_missing": False,
        "review_has_passed": False,
    }
    return _version(RuleExplanation(KIND_MODULES[0], answer, (), None), policy)

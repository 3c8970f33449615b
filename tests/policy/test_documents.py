"""Five documents of the language with cases of their own: each clause fails once and holds once.

Of the list of quantity limits some rows have no NDC: nothing can ask them, and lint and the
account say so.
"""

from datetime import date
from pathlib import Path

import pytest

from audit_rules.catalogue import audited_clauses
from audit_rules.lint.run import lint
from audit_rules.policy.document import Policy, load_policy
from audit_rules.policy.library import PolicyLibrary, read_policy_files
from audit_rules.reference.codes import ndc_tables
from audit_rules.reference.product_sets import is_filled
from audit_rules.rules import RULES
from flows.replay.expected import EXPECTED, read_expected
from flows.replay.policy_cases import CASES, compared, judge_case

DOCUMENTS = Path(__file__).parent / "documents"
NAMES = tuple(sorted(p.name for p in DOCUMENTS.iterdir()))
FOUND = {"recover", "records_request", "review", "advisory"}


def document(name: str) -> Policy:
    (path,) = (DOCUMENTS / name).glob("*.toml")
    return load_policy(path)


def askable(policy: Policy, folder: Path) -> set[str]:
    """The terms that a line can be asked: a code or an NDC is of one of their sets."""
    ndc = ndc_tables(folder)
    return {
        term.term_id
        for term in policy.language_terms
        if any(is_filled(one, ndc) for one in policy.declared.sets_of(term))
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_each_clause_of_a_document_fails_once_and_holds_once(name: str) -> None:
    policy, folder = document(name), DOCUMENTS / name
    (case,) = (folder / CASES).iterdir()
    judged = judge_case(case, folder, frozenset({policy.document.id}))

    assert list(compared(case.name, read_expected(case / EXPECTED, case.name), judged)) == []
    answers = [a for a in judged.answers if a.is_own]
    asked = askable(policy, folder)
    assert {a.term_id for a in answers if a.outcome in FOUND} == asked
    assert {a.term_id for a in answers if a.outcome == "pass"} == asked


@pytest.mark.parametrize(
    ("name", "audited", "unfilled"),
    [
        ("denosumab", 13, 0),
        ("glp1", 9, 0),
        ("mue", 2, 0),
        ("pegfilgrastim", 9, 0),
        ("quantity-list", 11, 16),
    ],
)
def test_what_nothing_can_ask_is_found_and_is_not_counted(
    name: str, audited: int, unfilled: int
) -> None:
    policy, folder = document(name), DOCUMENTS / name
    defects = lint(read_policy_files(folder.glob("*.toml")), date(2026, 6, 30))
    account = audited_clauses(PolicyLibrary((policy,)), RULES, ndc_tables(folder))

    assert [d.check for d in defects if d.severity == "error"] == ["set_without_codes"] * unfilled
    assert len(askable(policy, folder)) == audited == len(policy.language_terms) - unfilled
    assert account.count("\n  audited: ") == audited
    assert account.count("no code and no NDC is of its sets") == unfilled

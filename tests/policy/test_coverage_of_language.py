"""The account of a document of the language: a clause counts as audited if a line can be asked."""

import polars as pl
import pytest

from audit_rules import catalogue
from audit_rules.policy.library import PolicyLibrary
from audit_rules.rules import RULES
from flows.judging.standing import asked_in
from flows.request import RunRequest
from tests.support.spoken import policy

NDC = pl.DataFrame(
    [("11111111111", "a drug", "brand", 1.0, "tablet", "true")],
    schema=["ndc11", "ingredient", "product", "strength_mg", "form", "audited"],
    orient="row",
)
SETS = """
[[products]]
name = "drug"
ndc_of = { ingredient = "a drug" }

[[products]]
name = "other"
ndc_of = { ingredient = "another drug" }
"""
TERM = """
[[quantity]]
of = "drug"
measure = "quantity"
most = 1
per = "line"
finding = { outcome = "review" }
"""


@pytest.mark.parametrize(
    ("old", "new", "counts"),
    [
        ("", "", "1 clause audited, 0 partly, 0 not auditable"),
        ('of = "drug"', 'of = "other"', "0 clauses audited, 0 partly, 1 not auditable"),
        ('of = "drug"', 'of = ["drug", "other"]', "1 clause audited, 0 partly, 0 not auditable"),
        (
            "most = 1",
            'most = 1\napplies_to = { sex = "male", all_of = [{ sex = "female" }] }',
            "0 clauses audited, 0 partly, 1 not auditable",
        ),
        (
            "most = 1",
            'most = 1\napplies_to = { any_of = [{ sex = "female" }, { sex = "male" }] }',
            "1 clause audited, 0 partly, 0 not auditable",
        ),
        (
            "most = 1",
            "most = 1\napplies_to = { age = { from = '9 years' }, all_of = [{ age = { under ="
            " '2 years' } }] }",
            "0 clauses audited, 0 partly, 1 not auditable",
        ),
    ],
)
def test_a_clause_is_audited_if_its_set_is_filled_and_its_case_possible(
    old: str, new: str, counts: str
) -> None:
    library = PolicyLibrary((policy(SETS + TERM.replace(old, new)),))

    assert counts in catalogue.audited_clauses(library, RULES, NDC)


@pytest.mark.parametrize(
    ("policy_id", "own", "counts"),
    [
        ("a-policy", "", "1 clause audited, 0 partly, 0 not auditable"),
        ("a-policy", ".another", "0 clauses audited, 0 partly, 1 not auditable"),
        ("b-policy", "", "0 clauses audited, 0 partly, 1 not auditable"),
    ],
)
def test_with_a_run_a_clause_is_audited_if_a_line_was_asked(
    policy_id: str, own: str, counts: str
) -> None:
    document = policy(SETS + TERM)
    (term,) = document.language_terms
    asked: set[catalogue.Question] = {(policy_id, "QTY10", term.term_id + own)}
    assert counts in catalogue.audited_clauses(PolicyLibrary((document,)), RULES, NDC, asked)


@pytest.mark.slow
def test_what_a_run_asked_is_read_from_its_warehouse(sample_request: RunRequest) -> None:
    asked = asked_in(sample_request.warehouse_file)
    assert ("cigna-imatinib-quantity", "QTY01", None) in asked
    assert {rule_id for _, rule_id, _ in asked} > {"DX01", "GEN01", "ELIG01"}
    assert not any(policy_id == "mmm-besponsa" and r == "QTY01" for policy_id, r, _ in asked)

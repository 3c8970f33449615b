"""The account of a document of the language: a clause counts as audited if a line can be asked."""

import polars as pl
import pytest

from audit_rules import catalogue
from audit_rules.policy.library import PolicyLibrary
from audit_rules.rules import RULES
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
        ("", "", "1 clauses audited, 0 partly, 0 not auditable"),
        ('of = "drug"', 'of = "other"', "0 clauses audited, 0 partly, 1 not auditable"),
        ('of = "drug"', 'of = ["drug", "other"]', "1 clauses audited, 0 partly, 0 not auditable"),
        (
            "most = 1",
            'most = 1\napplies_to = { sex = "male", all_of = [{ sex = "female" }] }',
            "0 clauses audited, 0 partly, 1 not auditable",
        ),
        (
            "most = 1",
            'most = 1\napplies_to = { any_of = [{ sex = "female" }, { sex = "male" }] }',
            "1 clauses audited, 0 partly, 0 not auditable",
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

"""Which words of authorizations are warned about: those that nothing answers to."""

import duckdb
import pytest

from audit_rules.policy.library import PolicyLibrary, load_policies
from audit_rules.reference.codes import load_reference
from flows.judging.authorization_words import WORD_WARNING, warn_of_unknown_words
from tests.support.spoken import policy

DOCUMENT = """
[[products]]
name = "The set"
ingredient = "ingredientum"
hcpcs = ["J1000"]
ndc = ["11111111111"]

[[quantity]]
measure = "units"
most = 1
per = "line"
unless = { authorization = "hardship" }
finding = { outcome = "review" }
"""


@pytest.mark.parametrize(
    ("column", "word", "is_known"),
    [
        ("drug", "the set", True),
        ("drug", "Ingredientum", True),
        ("drug", "j1000", True),
        ("drug", "11111-1111-11", True),
        ("drug", "gleevec", True),
        ("drug", "aspirin", False),
        ("product", "THE SET", True),
        ("product", "own brand", False),
        ("override", "hardship", True),
        ("override", "grapefruit", False),
    ],
)
def test_a_word_of_a_set_or_of_a_condition_is_known(column: str, word: str, is_known: bool) -> None:
    library = PolicyLibrary((*load_policies().policies, policy(DOCUMENT)))
    row = {"drug": "imatinib", "product": "brand", "override": None} | {column: word}
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA run")
        connection.execute(
            """CREATE TABLE every_authorization AS
               SELECT 1 AS file_no, $drug::VARCHAR AS drug, $product::VARCHAR AS product,
                      $override::VARCHAR AS override, 0 AS row_number""",
            row,
        )

        warn_of_unknown_words(connection, load_reference(library), library)

        found = connection.execute(f"SELECT check_name FROM {WORD_WARNING}").fetchall()
    assert found == ([] if is_known else [(f"{column}_unknown",)])

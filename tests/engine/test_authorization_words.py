"""The words of authorizations: drugs and products under any of their names."""

import polars as pl
import pytest

from audit_rules.policy.library import load_policies
from audit_rules.reference.codes import Reference, load_reference
from audit_rules.reference.drug_words import with_known_words


@pytest.fixture(scope="module")
def reference() -> Reference:
    return load_reference(load_policies())


@pytest.mark.parametrize(
    ("word", "drug"),
    [
        ("imatinib", "imatinib"),
        ("gleevec", "imatinib"),
        ("imatinib mesylate", "imatinib"),
        ("imatinib mesylate 400 mg tablet", "imatinib"),
        ("47335047281", "imatinib"),
        ("0078-0649-30", "imatinib"),
        ("47335-472-81", "imatinib"),
        ("s0088", "imatinib"),
        ("besponsa", "inotuzumab"),
        ("inotuzumab ozogamicin", "inotuzumab"),
        ("j9229", "inotuzumab"),
        ("imatinibum", "imatinibum"),
        ("aspirin", "aspirin"),
        (None, None),
    ],
)
def test_a_drug_is_known_by_its_brand_salt_ndc_or_hcpcs_code(
    reference: Reference, word: str | None, drug: str | None
) -> None:
    decisions = pl.DataFrame({"drug": [word]}, {"drug": pl.String})

    assert with_known_words(decisions, reference)["drug"].to_list() == [drug]


@pytest.mark.parametrize(
    ("word", "product"),
    [
        ("brand", "brand"),
        ("b", "brand"),
        ("g", "generic"),
        ("gleevec", "brand"),
        ("imatinib mesylate", "generic"),
        ("47335-472-81", "generic"),
        ("00078064930", "brand"),
        ("own brand", "own brand"),
        (None, None),
    ],
)
def test_a_product_is_known_by_its_first_letter_name_or_ndc(
    reference: Reference, word: str | None, product: str | None
) -> None:
    schema = {"drug": pl.String, "product": pl.String}
    decisions = pl.DataFrame({"drug": ["imatinib"], "product": [word]}, schema)

    assert with_known_words(decisions, reference)["product"].to_list() == [product]

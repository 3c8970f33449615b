"""Payer names in any case and script: one spelling in one engine is the same name in the other."""

from pathlib import Path

import duckdb
import polars as pl
import pytest

from schemas.folding import folded, folded_names
from tests.support.extracts import good, run

pytestmark = pytest.mark.slow

SPELLINGS = (
    ("İSTANBUL HEALTH", "istanbul health"),
    ("İstanbul Health", "İSTANBUL HEALTH"),
    ("ΑΣΦΑΛΕΙΑ ΑΣ", "ασφαλεια ας"),
    ("ασφάλεια ας", "ΑΣΦΆΛΕΙΑ ΑΣ"),
    ("GROẞE KASSE", "große kasse"),
    ("ǅepo", "ǆepo"),
    ("Cigna East", "CIGNA EAST"),
)
"""A payer's name as the config spells it, and as an extract does."""


@pytest.mark.parametrize(("alias", "in_extract"), SPELLINGS)
def test_b8_an_alias_counts_in_any_case_of_any_script(
    alias: str, in_extract: str, tmp_path: Path
) -> None:
    """Python and the warehouse had each their own lower case, so an alias could do nothing."""
    config = f'[payer_aliases]\n"{alias}" = "cigna"\n'
    files = {"pharmacy_claim.csv": [good("pharmacy_claim", payer=in_extract)]}
    frames = run(tmp_path, files, config=config).extracted()
    assert frames.pharmacy["payer_id"].to_list() == ["cigna"]


def test_b8_every_letter_folds_to_what_it_folds_to_after_the_lower_case_of_an_engine() -> None:
    """The warehouse lower-cases names before they are folded, which must change nothing."""
    letters = [chr(n) for n in range(1, 0x110000) if not 0xD800 <= n <= 0xDFFF]
    frame = pl.DataFrame({"letter": letters})
    with duckdb.connect() as connection:
        lowered = connection.sql(
            "SELECT letter, lower(letter) AS low, lower('A' || letter || ' ') AS inside FROM frame"
        ).pl()
    assert frame.height == lowered.height
    for letter, low, inside in lowered.iter_rows():
        assert folded(low) == folded(letter) == folded(folded(letter))
        assert folded(inside) == folded(f"A{letter} ")


def test_b8_a_column_of_names_is_folded_as_a_name_is() -> None:
    names = [name for pair in SPELLINGS for name in pair] + [None]
    frame = pl.DataFrame({"name": names})
    expected = [name and folded(name) for name in names]
    assert frame.select(folded_names(pl.col("name")))["name"].to_list() == expected
    grouped = frame.lazy().group_by(folded_names(pl.col("name"))).len().collect()
    assert grouped.height == len(set(expected))

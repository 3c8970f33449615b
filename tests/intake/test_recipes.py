"""Each layout that docs/input.md has a recipe for is read as the page says."""

from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from tests.support.extracts import ANY_ERROR_RATE, Ran, run, write
from tests.support.recipes import CENTS, RECIPES, SYNPUF, Recipe

pytestmark = pytest.mark.slow

CLAIMS = {"medical_claim": "service_unit_quantity", "pharmacy_claim": "quantity"}


def loaded(recipe: Recipe, base: Path) -> Ran:
    """Run the recipe as its reader would."""
    if not recipe.join:
        return run(base, recipe.files, config=recipe.config)
    sent = write(base / "sent", recipe.files)
    statement = recipe.join
    for name in (*recipe.files, "medical_claim.csv"):
        statement = statement.replace(f"'{name}'", f"'{sent / name}'")
    with duckdb.connect() as connection:
        connection.execute(statement)
    joined = (sent / "medical_claim.csv").read_text(encoding="utf-8")
    return run(base, {"medical_claim.csv": joined}, config=recipe.config)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.title)
def test_a_recipe_reads_the_senders_layout(recipe: Recipe, tmp_path: Path) -> None:
    ran = loaded(recipe, tmp_path)
    rows = [
        (row["claim_id"], row[quantity], row["paid_amount"], row["claim_status"])
        for table, quantity in CLAIMS.items()
        for row in ran.rows(table)
    ]
    assert sorted(rows, key=str) == sorted(
        ((c, Decimal(q), Decimal(paid), status) for c, q, paid, status in recipe.accepted), key=str
    )
    assert ran.quarantine == []
    assert {w.check for w in ran.warnings} <= {"matched_by_content"}
    claims = {
        (row["file"], row["row_number"]): row["claim_id"]
        for table in CLAIMS
        for row in ran.rows(table)
    }
    standing = [
        (claims[place], settled.quantity, settled.paid_amount)
        for table in CLAIMS
        for place, settled in ran.settled(table).items()
        if settled.fate == "history"
    ]
    assert sorted(standing, key=str) == sorted(
        ((c, Decimal(q), Decimal(paid)) for c, q, paid in recipe.standing), key=str
    )


@pytest.mark.parametrize(
    ("recipe", "sent", "spoiled"),
    [
        (SYNPUF, ",10.00,9310.00", ",,9310.00"),
        (SYNPUF, ",10.00,9310.00", ",10.00,"),
        (SYNPUF, ",10.00,9310.00", ",10.00,9310.005"),
        (CENTS, ",931000,20260416", ",931000.5,20260416"),
        (CENTS, ",931000,20260416", ",$9310,20260416"),
    ],
)
def test_a_row_whose_amount_a_recipe_cannot_make_is_quarantined(
    recipe: Recipe, sent: str, spoiled: str, tmp_path: Path
) -> None:
    files = {name: text.replace(sent, spoiled) for name, text in recipe.files.items()}
    assert files != recipe.files
    ran = run(tmp_path, files, config=ANY_ERROR_RATE + recipe.config)
    assert [(f.row_number, f.column) for f in ran.quarantine] == [(1, "paid_amount")]

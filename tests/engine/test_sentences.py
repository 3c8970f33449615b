"""Sentences of findings: figures in their places, singular and plural."""

from string import Formatter

import polars as pl
import pytest

from audit_rules.engine.answers import worded
from audit_rules.kinds.registry import KIND_MODULES
from audit_rules.rules import CATALOGUE


@pytest.mark.parametrize(
    ("observed", "said"),
    [
        (1.0, "1 unit was billed for May."),
        (2.0, "2 units were billed for May."),
        (0.1, "0.1 units were billed for May."),
        (21.0, "21 units were billed for May."),
        (None, "unknown units were billed for May."),
    ],
)
def test_words_follow_a_number_in_the_singular_only_after_one(
    observed: float | None, said: str
) -> None:
    row = pl.DataFrame({"observed": pl.Series([observed], dtype=pl.Float64), "month": "May"})
    template = "{observed:unit was|units were} billed for {month}."
    assert row.select(worded(template)).item() == said


def test_what_was_billed_is_never_followed_by_a_fixed_plural() -> None:
    """A line may be of one unit, a fill of one day, and a dose a day after another."""
    fixed = [
        f"{module.RULE.id}: {text}"
        for module in (*CATALOGUE, *KIND_MODULES)
        for text in module.RULE.says.values()
        for before, after in _pairs(text)
        if before in ("observed", "quantity", "days_supply") and after in ("units", "days")
    ]
    assert not fixed


def _pairs(template: str) -> list[tuple[str, str]]:
    """Each place of a template without words of its own, and the word that follows it."""
    parts = [(text, name, spec) for text, name, spec, _ in Formatter().parse(template)]
    texts = [text for text, _, _ in parts[1:]] + [""]
    return [
        (name, text.split()[0].strip(".,;"))
        for (_, name, spec), text in zip(parts, texts, strict=True)
        if name and not spec and text.startswith(" ") and text.split()
    ]

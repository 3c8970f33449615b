"""The payers of lines under the names that page and queue show."""

from collections import Counter

import polars as pl

from audit_rules.policy.library import load_policies
from schemas.folding import folded


def shown_payers(lines: pl.DataFrame) -> pl.DataFrame:
    """The lines with one name per payer: its most frequent spelling, of the shipped policies."""
    ids = load_policies(None).payer_names()
    spellings = Counter(lines["payer"]).most_common()
    most: dict[str, str] = {}
    for spelling, _ in spellings:
        most.setdefault(ids.get(folded(spelling), folded(spelling)), spelling)
    names = {s: most[ids.get(folded(s), folded(s))] for s, _ in spellings}
    return lines.with_columns(pl.col("payer").replace(names))

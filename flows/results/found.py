"""What the judge stage found, read from its tables before the privacy level is applied."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl


@dataclass(frozen=True)
class FoundExceptions:
    """Exceptions with some of their columns, and the outcome and amount at risk of each line."""

    exceptions: pl.DataFrame
    worklist: pl.DataFrame

    def by_rule_and_outcome(self) -> dict[str, int]:
        """Rule and outcome, such as "QTY01 recover" -> number of exceptions."""
        pairs = self.exceptions.select("rule_id", "outcome").iter_rows()
        return dict(sorted(Counter(" ".join(pair) for pair in pairs).items()))

    def at_risk_by_outcome(self) -> dict[str, str]:
        """Outcome -> dollars of the lines with that outcome as their strongest."""
        amounts = self.worklist.group_by("outcome").agg(pl.col("amount_at_risk").sum())
        return {outcome: str(amount) for outcome, amount in amounts.sort("outcome").iter_rows()}


def read_found(folder: Path, columns: Sequence[str]) -> FoundExceptions:
    """Read the tables that the judge stage wrote into a folder; of exceptions these columns."""
    return FoundExceptions(
        pl.read_parquet(folder / "exceptions.parquet", glob=False, columns=list(columns)),
        pl.read_parquet(
            folder / "worklist.parquet", glob=False, columns=["outcome", "amount_at_risk"]
        ),
    )

"""What a run found: its exceptions, and the lines that they are on."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from audit_rules.engine.worklist import READS, Worklists
from flows.results.totals import totals_as_text


@dataclass(frozen=True)
class Found:
    """Exceptions with the columns that are looked at here, and their lines, before the privacy
    level is applied."""

    exceptions: pl.DataFrame
    lines: Worklists

    def by_rule_and_outcome(self) -> dict[str, int]:
        """Rule and outcome, such as "QTY01 recover" -> number of exceptions."""
        pairs = self.exceptions.select("rule_id", "outcome").iter_rows()
        return dict(sorted(Counter(" ".join(pair) for pair in pairs).items()))

    def totals(self) -> dict[str, str]:
        """Column of worklist.parquet -> the sum of its dollars."""
        return totals_as_text(self.lines.worklist)


def read_exceptions(folder: Path, columns: Sequence[str]) -> pl.DataFrame:
    """The exceptions that the judge stage wrote into a folder: these columns, and those that the
    worklist is made of."""
    columns = list(dict.fromkeys((*columns, *READS)))
    return pl.read_parquet(folder / "exceptions.parquet", glob=False, columns=columns)

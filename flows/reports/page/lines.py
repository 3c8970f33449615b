"""The lines of the page that come first in the order of work, with what was found on them."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import polars as pl

from flows.reports.page.filters import words_of
from flows.reports.page.members import KEY
from flows.results.order_of_work import ORDERED_BY, in_order_of_work
from schemas.collecting import LETTERS, is_asked
from schemas.decisions import DISMISSED
from schemas.outcomes import MEANING, strength
from schemas.results import LEDGER, LINE_KEY

MOST_LINES = 10_000
_SHOWN = ("rule_id", "outcome", "rationale", "exception_id", *LEDGER)
"""What is shown of a finding."""


class PageLines:
    """Lines as a template asks for them: how many, and one after the other as often as needed.

    They stay in a frame; as objects they would take several times as much.
    """

    def __init__(self, rows: pl.DataFrame) -> None:
        """Lines with the columns that `page_lines` gives."""
        self._rows = rows

    def __len__(self) -> int:
        """How many lines."""
        return self._rows.height

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        """Each line with its `filters`, as `words_of` gives them."""
        for line in self._rows.iter_rows(named=True):
            yield line | {"filters": words_of(line)}


def page_lines(
    exceptions: pl.LazyFrame, lines: pl.DataFrame, members: pl.DataFrame, as_of: date
) -> PageLines:
    """The MOST_LINES that come first, each with its `findings`, the strongest live one first.

    Besides the columns of the worklist a line has `member` and `member_rank`, from 0, and
    `strength`, the place of its outcome among all.
    """
    numbered = lines.select(*LINE_KEY, *ORDERED_BY).with_row_index("row")
    in_order = in_order_of_work(numbered.sort(LINE_KEY, nulls_last=True), as_of)
    most = lines[in_order["row"].head(MOST_LINES)]
    kinds = {outcome: kind for kind, outcome in LETTERS.items()}
    letter = pl.when(is_asked()).then(pl.col("outcome").replace_strict(kinds, default=None))
    of_lines = exceptions.select(*LINE_KEY, *_SHOWN, letter=letter).join(
        most.lazy().select(LINE_KEY), on=list(LINE_KEY), how="semi", nulls_equal=True
    )
    is_dismissed = pl.col("status").eq_missing(DISMISSED)
    found = of_lines.collect(engine="streaming").sort(
        is_dismissed, strength(), "rule_id", "exception_id"
    )
    findings = found.group_by(LINE_KEY, maintain_order=True).agg(
        findings=pl.struct(*_SHOWN, "letter")
    )
    ranked = members.with_row_index("member_rank")
    joined = most.join(
        findings, on=list(LINE_KEY), how="left", nulls_equal=True, maintain_order="left"
    ).join(ranked, on=list(KEY), how="left", maintain_order="left")
    rank = strength().to_physical().fill_null(len(MEANING))
    return PageLines(joined.with_columns(strength=rank))

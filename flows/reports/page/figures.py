"""What the charts show: dollars and lines by rule, outcome, payer, month, provider and payee."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import NamedTuple

import polars as pl

from audit_rules.kinds.registry import KIND_MODULES
from audit_rules.rules import CATALOGUE
from audit_rules.wording import question
from flows.results.payers import one_name_per_payer
from flows.results.small_cells import OTHER
from flows.results.totals import SUMMED, totals, with_leading
from schemas.outcomes import strength
from schemas.results import AMOUNT_COLUMNS, TOTAL

TOP = 10
MOST_BARS = 50
"""A chart with many more cannot be read, and one with a thousand cannot be drawn."""
QUESTIONS = {m.RULE.id: question(m) for m in (*CATALOGUE, *KIND_MODULES)}
"""Id of each rule -> the question it asks."""
UNKNOWN = "unknown"
_OF_LINES = "Sums of amount_at_risk; each line counts once."
_OF_OUTCOMES = f"Sums of {', '.join(AMOUNT_COLUMNS.values())}."
_BY_NPI = (
    ("provider_npi", "provider", "NPI of the prescriber or rendering provider."),
    ("billing_npi", "payee", "NPI of the billing or dispensing provider, who was paid."),
)
_UNDER = {"rule": "the rule of its strongest finding", "outcome": "its strongest outcome"}


class Split(NamedTuple):
    """How the bars of a chart are divided: (label, outcome) -> dollars."""

    outcomes: list[str]
    dollars: dict[tuple[str, str], Decimal]


@dataclass(frozen=True)
class Figure:
    """One chart.

    rows             label, outcome (null if bars are not divided by it), dollars, lines; in order.
    label_meanings   what a label means, unless that is clear.

    The table under the chart has every label; the chart has the first MOST_BARS, or every month.
    """

    name: str
    title: str
    label: str
    note: str
    rows: pl.DataFrame
    label_meanings: dict[str, str] = field(default_factory=dict)

    @property
    def is_over_time(self) -> bool:
        """Whether every label is a month."""
        return self.name == "month" and OTHER not in self.rows["label"]

    @property
    def totals(self) -> list[tuple[str, Decimal, int]]:
        """Label, dollars and lines of each bar, in order."""
        at_risk = self.rows.rename({"dollars": "amount_at_risk"})
        return totals(at_risk, label="label").select("label", "amount_at_risk", "lines").rows()

    @property
    def split(self) -> "Split":
        """The dollars of each bar by outcome; no outcomes if bars are not divided."""
        parts = self.rows.filter(pl.col("outcome").is_not_null())
        if self.name == "outcome":
            parts = parts.clear()
        outcomes = parts.select(pl.col("outcome").unique()).sort(strength())["outcome"].to_list()
        rows = parts.select("label", "outcome", "dollars").iter_rows()
        return Split(outcomes, {(label, outcome): dollars for label, outcome, dollars in rows})

    @property
    def drawn(self) -> "Figure":
        """What the chart draws of the figure; itself if that is all of it."""
        bars = self.rows["label"].unique(maintain_order=True)
        if self.is_over_time or len(bars) <= MOST_BARS:
            return self
        cut = f"The chart draws the first {MOST_BARS} of {len(bars):,}; the table has all."
        first = self.rows.filter(pl.col("label").is_in(bars.head(MOST_BARS).implode()))
        return replace(self, note=f"{self.note} {cut}", rows=first)


def figures(
    exceptions: pl.DataFrame, lines: pl.DataFrame, payer_names: dict[str, str]
) -> Iterator[Figure]:
    """The six charts of a run with line-level results.

    lines         every line on which something is not dismissed.
    payer_names   folded spelling -> payer id, so that each payer is one bar.
    """
    amounts = lines.select("exception_ids", "outcome", *SUMMED)
    led = with_leading(amounts, exceptions, "rule_id").drop("exception_ids")
    whole = totals(led, label="rule_id").select("label", whole="amount_at_risk")
    by_rule = _by_outcome(led, "rule_id").join(whole, on="label", validate="m:1")
    yield Figure(
        "rule",
        "By rule",
        "Rule",
        f"{_OF_OUTCOMES} Each line counts once, under the rule of its strongest finding.",
        by_rule.sort("whole", "label", strength(), descending=[True, False, False]).drop("whole"),
        QUESTIONS,
    )
    by_outcome = _by_outcome(lines, pl.lit(""))
    yield Figure(
        "outcome",
        "By outcome",
        "Outcome",
        f"{_OF_OUTCOMES} Each line counts once, under its strongest outcome.",
        by_outcome.sort(strength()).with_columns(label=pl.col("outcome").str.replace("_", " ")),
    )
    yield Figure(
        "payer",
        "By payer",
        "Payer",
        _OF_LINES,
        _largest_first(_by(lines, one_name_per_payer(lines, payer_names))),
    )
    month = pl.col("service_date").dt.strftime("%Y-%m")
    yield Figure(
        "month", "By month of service", "Month", _OF_LINES, _by(lines, month).sort("label")
    )
    for column, name, meaning in _BY_NPI:
        rows = _largest_first(_by(lines, pl.col(column).fill_null(UNKNOWN)))
        note = f"{meaning} {_OF_LINES}"
        if rows.height > TOP:
            note = f"The {TOP} of {rows.height} with the most at stake. {note}"
        yield Figure(name, f"By {name}", name.capitalize(), note, rows.head(TOP))


def aggregate_figures(table: pl.DataFrame) -> Iterator[Figure]:
    """The four charts of a run whose results are only counts and sums."""
    titles = {
        "rule": "By rule",
        "outcome": "By outcome",
        "payer": "By payer",
        "month": "By month of service",
    }
    combined = f' "{OTHER}" combines values that cannot be shown alone.'
    for by, title in titles.items():
        rows = table.filter(pl.col("by") == by).select(
            label=pl.col("value").str.replace("_", " "),
            outcome=pl.when(by == "outcome").then("value"),
            dollars="amount_at_risk",
            lines="lines",
        )
        note = _OF_LINES
        if by in _UNDER:
            note = f"{_OF_LINES.removesuffix('.')}, under {_UNDER[by]}."
        note += combined if OTHER in rows["label"] else ""
        meanings = QUESTIONS if by == "rule" else {}
        if rows.height:
            yield Figure(by, title, by.capitalize(), note, rows, meanings)


def _by(lines: pl.DataFrame, label: pl.Expr) -> pl.DataFrame:
    undivided = pl.lit(None, dtype=pl.String).alias("outcome")
    return totals(lines, label=label).select(
        "label", undivided, pl.col("amount_at_risk").alias("dollars"), "lines"
    )


def _largest_first(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.sort("dollars", "lines", "label", descending=[True, True, False])


def _by_outcome(lines: pl.DataFrame, label: pl.Expr | str) -> pl.DataFrame:
    """Rows divided by outcome: the sum of its column, and the lines whose strongest it is."""
    whole = totals(lines, label=label)
    dollars = pl.concat(
        whole.select("label", outcome=pl.lit(outcome), dollars=column)
        for outcome, column in AMOUNT_COLUMNS.items()
    )
    counts = totals(lines, label=label, outcome="outcome").select("label", "outcome", "lines")
    rows = dollars.join(counts, on=["label", "outcome"], how="full", coalesce=True)
    filled = rows.with_columns(
        pl.col("dollars").fill_null(pl.lit(0, dtype=TOTAL)), pl.col("lines").fill_null(0)
    )
    return filled.filter((pl.col("dollars") > 0) | (pl.col("lines") > 0))

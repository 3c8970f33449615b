"""What the charts show: dollars and lines by rule, outcome, payer, month and provider."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

import polars as pl

from audit_rules.kinds.registry import KIND_MODULES
from audit_rules.rules import RULES
from audit_rules.wording import question
from flows.results.payers import one_name_per_payer
from flows.results.small_cells import OTHER
from schemas.outcomes import ADVISORY, EXCEPTIONS, strength
from schemas.results import AMOUNT_COLUMNS, LINE_KEY, MONEY, TOTAL

TOP = 10
UNKNOWN = "unknown"
_ZERO = pl.lit(0, dtype=MONEY)


@dataclass(frozen=True)
class Figure:
    """One chart.

    rows             label, outcome (null if bars are not divided by it), dollars, lines; in order.
    label_meanings   what a label means, unless that is clear.
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
        grouped = self.rows.group_by("label", maintain_order=True).agg(
            pl.col("dollars", "lines").sum()
        )
        return grouped.cast({"dollars": TOTAL}).rows()


def figures(
    exceptions: pl.DataFrame, worklist: pl.DataFrame, payer_names: dict[str, str]
) -> Iterator[Figure]:
    """The five charts of a run with line-level results.

    payer_names: folded spelling -> payer id, so that each payer is one bar.
    """
    by_rule = exceptions.group_by(label="rule_id", outcome="outcome").agg(
        dollars=pl.col("amount_at_risk").fill_null(_ZERO).sum(), lines=pl.len()
    )
    whole = pl.col("dollars").sum().over("label")
    yield Figure(
        "rule",
        "By rule",
        "Rule",
        "A line found by several rules counts under each.",
        by_rule.sort(
            whole,
            "label",
            strength(),
            descending=[True, False, False],
        ),
        {m.RULE.id: question(m) for m in (*RULES, *KIND_MODULES)},
    )
    yield Figure(
        "outcome",
        "By outcome",
        "Outcome",
        "A line with findings of several outcomes counts under each.",
        _by_outcome(exceptions, worklist),
    )
    yield Figure(
        "payer",
        "By payer",
        "Payer",
        "Each line counts once.",
        _largest_first(_by(worklist, one_name_per_payer(worklist, payer_names))),
    )
    month = pl.col("service_date").dt.strftime("%Y-%m")
    yield Figure(
        "month",
        "By month of service",
        "Month",
        "Each line counts once.",
        _by(worklist, month).sort("label"),
    )
    providers = _largest_first(_by(worklist, pl.col("provider_npi").fill_null(UNKNOWN)))
    note = "NPI of the prescriber or rendering provider; each line counts once."
    if providers.height > TOP:
        note = f"The {TOP} of {providers.height} with the most at stake. {note}"
    yield Figure("provider", "By provider", "Provider", note, providers.head(TOP))


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
        note = "Each line counts once" + (", under its strongest finding." if by == "rule" else ".")
        note += combined if OTHER in rows["label"] else ""
        meanings = {m.RULE.id: question(m) for m in (*RULES, *KIND_MODULES)} if by == "rule" else {}
        if rows.height:
            yield Figure(by, title, by.capitalize(), note, rows, meanings)


def _by(worklist: pl.DataFrame, label: pl.Expr) -> pl.DataFrame:
    found = worklist.group_by(label=label).agg(
        dollars=pl.col("amount_at_risk").fill_null(_ZERO).sum(), lines=pl.len()
    )
    return found.select("label", pl.lit(None, dtype=pl.String).alias("outcome"), "dollars", "lines")


def _largest_first(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.sort("dollars", "lines", "label", descending=[True, True, False])


def _by_outcome(exceptions: pl.DataFrame, worklist: pl.DataFrame) -> pl.DataFrame:
    lines = exceptions.unique([*LINE_KEY, "outcome"])
    counts = dict(lines.group_by("outcome").len().rows())
    dollars = {o: worklist[column].sum() for o, column in AMOUNT_COLUMNS.items()} | {
        ADVISORY: Decimal(0)
    }
    rows = [(o.replace("_", " "), o, dollars[o], counts[o]) for o in EXCEPTIONS if o in counts]
    return pl.DataFrame(rows, schema=["label", "outcome", "dollars", "lines"], orient="row")

"""The aggregate level: counts and sums by rule, outcome, payer and month.

The sums are of the column amount_at_risk of worklist.parquet. Each line counts once in each of the
four tables, so all add up to the same totals. A value is not shown alone if it concerns fewer than
LEAST members, or if fewer than LEAST of them have more than a negligible part of the dollars at
risk, or if one of them has nearly all of these. It is not blanked, because a total would give it
away: it is combined with other values (OTHER) until the combination can be shown.

The tables are protected together. As long as sums from all of them could be added and subtracted so
that fewer than LEAST members are left (disclosure.py says how that is excluded), more values are
combined.
"""

from decimal import Decimal

import polars as pl

from audit_rules.rules import CATALOGUE
from flows.results.disclosure import Cell, isolated_cell
from flows.results.payers import one_name_per_payer
from flows.results.totals import totals, with_leading
from schemas.decisions import DISMISSED
from schemas.outcomes import ADVISORY, NONE, PRICE_UNKNOWN
from schemas.results import AGGREGATE, TOTAL, conform

LEAST = 11
AGGREGATE_FILE = "aggregate.csv"
OTHER = "other"
"""The value that replaces all those combined."""
TABLES = ("rule", "outcome", "payer", "month")
_OTHERS_SHARE = Decimal("0.1")
"""All but the two largest amounts come at least to this share of the largest: otherwise the member
with the second would know nearly how large it is."""

_NEGLIGIBLE = 100
"""Whoever has less than one part in so many of the largest amount hides nobody."""


def aggregated(
    exceptions: pl.DataFrame, every_line: pl.DataFrame, payer_names: dict[str, str]
) -> pl.DataFrame:
    """One row per table (`by`) and value, with lines and amount_at_risk.

    There are no rows at all if the whole cannot be shown.

    every_line   the rows of the worklist and of the advisories.
    """
    lines = _lines(exceptions, every_line, payer_names)
    shown = _CellGroups(lines)
    if _can_be_shown(lines):
        shown.combine_small()
        lines = shown.labelled()
    else:
        lines = lines.clear()
    tables = [
        totals(lines.rename({"amount": "amount_at_risk"}), value=by)
        .sort(pl.col("value") == OTHER, "value")
        .select(pl.lit(by).alias("by"), "value", "lines", "amount_at_risk")
        for by in TABLES
    ]
    return conform(pl.concat(tables), AGGREGATE)


def _lines(
    exceptions: pl.DataFrame, every_line: pl.DataFrame, payer_names: dict[str, str]
) -> pl.DataFrame:
    """One row per line: member (a number), its value in each table, amount, has_dollars.

    Of several rules on a line, that of its leading exception counts. The outcome of a line whose
    every exception a person has dismissed is DISMISSED.
    has_dollars is false if nothing can be at risk because of the rule or outcome, whoever it is.
    """
    without = [m.RULE.id for m in CATALOGUE if m.RULE.basis in (NONE, PRICE_UNKNOWN)]
    amount = pl.col("amount_at_risk").cast(TOTAL)
    is_without = pl.col("outcome").is_in([ADVISORY, DISMISSED]) | pl.col("rule_id").is_in(without)
    return (
        with_leading(every_line, exceptions, "rule_id")
        .with_columns(pl.col("outcome").fill_null(DISMISSED))
        .select(
            member=pl.col("person_id").rank("dense").cast(pl.Int64),
            rule="rule_id",
            outcome="outcome",
            payer=one_name_per_payer(every_line, payer_names),
            month=pl.col("service_date").dt.strftime("%Y-%m"),
            amount=amount,
            has_dollars=(amount > 0) | ~is_without,
        )
    )


def _can_be_shown(lines: pl.DataFrame) -> bool:
    """Whether the number of some lines and the sum of their amounts may be shown."""
    if lines["member"].n_unique() < LEAST:
        return False
    if not lines["has_dollars"].any():
        return True
    by_member = lines.group_by("member").agg(pl.col("amount").sum())["amount"]
    amounts: list[Decimal] = by_member.filter(by_member > 0).sort(descending=True).to_list()
    if len(amounts) < LEAST:
        return False
    is_enough = amounts[LEAST - 1] * _NEGLIGIBLE >= amounts[0]
    return is_enough and sum(amounts[2:]) >= _OTHERS_SHARE * amounts[0]


class _CellGroups:
    """Which values of each table are shown by themselves, and which are combined."""

    def __init__(self, lines: pl.DataFrame) -> None:
        """Nothing is combined yet."""
        self._lines = lines
        self._combined: dict[str, set[str]] = {by: set() for by in TABLES}
        self._in_order = {by: self._smallest_first(by) for by in TABLES}

    def _smallest_first(self, by: str) -> list[str]:
        counted = self._lines.group_by(by).agg(members=pl.col("member").n_unique())
        values: list[str] = counted.sort("members", by)[by].to_list()
        return values

    def combine_small(self) -> None:
        """Combine values until no table, and no combination of them, shows too few members."""
        for by in TABLES:
            unsafe = [v for v in self._in_order[by] if not _can_be_shown(self._of(by, {v}))]
            if unsafe:
                self._combine(by, unsafe)
        while (cell := self._isolated()) is not None:
            by, label = self._rarest_label(cell)
            self._combine(by, [] if label == OTHER else [label])

    def labelled(self) -> pl.DataFrame:
        """The lines, with combined values replaced."""
        return self._lines.with_columns(
            pl.when(pl.col(by).is_in(combined)).then(pl.lit(OTHER)).otherwise(by).alias(by)
            for by, combined in self._combined.items()
        )

    def _of(self, by: str, values: set[str]) -> pl.DataFrame:
        return self._lines.filter(pl.col(by).is_in(values))

    def _combine(self, by: str, values: list[str]) -> None:
        """Combine these values, or else the next, and further ones until they can be shown."""
        combined, in_order = self._combined[by], self._in_order[by]
        combined |= {*values, OTHER} & {*in_order}
        is_enough = bool(values)
        for value in (v for v in in_order if v not in combined):
            if is_enough and len(combined) > 1 and _can_be_shown(self._of(by, combined)):
                break
            combined.add(value)
            is_enough = True

    def _isolated(self) -> Cell | None:
        """A cell that sums may isolate: its lines, or its dollars."""
        has_dollars = pl.col("has_dollars")
        amount, largest = pl.col("amount"), pl.col("amount").max()
        counts = (amount > 0) & (amount * _NEGLIGIBLE >= largest)
        cells = (
            self.labelled()
            .group_by(*TABLES, "member")
            .agg(amount.sum(), has_dollars.any())
            .group_by(TABLES)
            .agg("member", has_dollars.any(), paid=pl.col("member").filter(counts))
            .sort(TABLES)
        )
        with_dollars = cells.filter(has_dollars)
        for frame, members in ((cells, "member"), (with_dollars, "paid")):
            keys = frame.select(TABLES).iter_rows()
            contributors = dict(zip(keys, frame[members].to_list(), strict=True))
            if (cell := isolated_cell(contributors, LEAST)) is not None:
                return cell
        return None

    def _rarest_label(self, cell: Cell) -> tuple[str, str]:
        """The table, and the label of the cell in it, that concern the fewest members."""
        labelled = self.labelled()
        places = [
            (labelled.filter(pl.col(by) == label)["member"].n_unique(), by, label)
            for by, label in zip(TABLES, cell, strict=True)
            if labelled[by].n_unique() > 1
        ]
        _, by, label = min(places)
        return by, label

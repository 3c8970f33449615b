"""How often findings hold, for people: per rule, reason, term and payer."""

from collections.abc import Iterator

import polars as pl

from audit_rules.policy.terms.house import OverturnLimit
from flows.ledger.precision import REVIEWED, demotions, precision
from flows.reports.money import dollars
from schemas.decisions import DISMISS

_BY = {
    "rule": ("rule_id",),
    "reason": ("rule_id", "reason"),
    "term": ("term_id",),
    "payer": ("payer",),
}
"""What findings are counted by, and the columns that it is named by."""
_UNKNOWN = "unknown"
_NARROWEST = 20


def precision_table(verdicts: pl.DataFrame, limit: OverturnLimit) -> pl.DataFrame:
    """One row per rule, reason, term and payer with a decision: `by`, `value`, the figures of
    `precision`, and whether the term is demoted."""
    demoted = [one.term_id for one in demotions(verdicts, limit)]
    tables = []
    for by, columns in _BY.items():
        names = [pl.col(c).fill_null(_UNKNOWN) for c in columns]
        value = pl.concat_str(names, separator=" ")
        counted = precision(verdicts.with_columns(value=value), ["value"], float(limit.confidence))
        is_demoted = pl.col("value").is_in(demoted) if by == "term" else pl.lit(False)
        tables.append(counted.select(pl.lit(by).alias("by"), pl.all(), demoted=is_demoted))
    return pl.concat(tables)


def precision_text(table: pl.DataFrame, limit: OverturnLimit) -> str:
    """The table as text, with what its figures mean."""
    if table.is_empty():
        return "No finding has been decided yet. See claims-audit decide --help."
    width = max(_NARROWEST, *table["value"].str.len_chars())
    return "\n".join([*_lines(table, width), "", *_meaning(limit)])


def _lines(table: pl.DataFrame, width: int) -> Iterator[str]:
    heads = [*REVIEWED, DISMISS]
    for (by,), rows in table.group_by(["by"], maintain_order=True):
        counts = "".join(f"{head:>11}" for head in heads)
        money = f"{'identified':>16}{'recovered':>16}"
        yield f"{by!s:{width}}{counts}{'rate':>7}  {'interval':15}{money}"
        for row in rows.iter_rows(named=True):
            figures = "".join(f"{row[head]:>11,}" for head in heads)
            rate, interval = "", ""
            if row["overturn_rate"] is not None:
                rate = f"{row['overturn_rate']:.1%}"
                interval = f"{row['low']:.1%} to {row['high']:.1%}"
            money = f"{dollars(row['identified']):>16}{dollars(row['recovered']):>16}"
            mark = "  demoted to review" if row["demoted"] else ""
            yield f"{row['value']:{width}}{figures}{rate:>7}  {interval:15}{money}{mark}"
        yield ""


def _meaning(limit: OverturnLimit) -> Iterator[str]:
    yield (
        "rate: overturned of those confirmed, upheld or overturned; "
        f"interval: Clopper-Pearson, {limit.confidence:.0%}"
    )
    yield "identified: of each line the largest amount at risk; recovered: what came back"
    yield (
        f"A payer's term of which more than {limit.most_overturned:.0%} was overturned, with the "
        f"interval above {limit.least_certain:.0%}, asks for reviews alone from the next run on."
    )

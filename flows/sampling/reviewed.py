"""What a reviewer found for each sampled unit: the overpayment, in dollars."""

from decimal import Decimal
from pathlib import Path

import polars as pl

from flows.errors import UsageError
from flows.ledger.decision_file import read_csv
from flows.ledger.written_decisions import dollars_of
from schemas.notes import counted

OVERPAYMENT = "overpayment"
_MOST_NAMED = 5


def read_reviewed(path: Path, sample: pl.DataFrame) -> pl.DataFrame:
    """Read a CSV of unit_id and overpayment: one row per unit of the sample, stratum and cents.

    Raises UsageError with everything that is wrong, unless every unit of the sample has one amount.
    A unit that nobody has reviewed does not count as correctly paid.
    """
    table = read_csv(path, "unit_id", OVERPAYMENT)
    paid = dict(sample.select("unit_id", "paid_amount").iter_rows())
    problems = [
        f"{path.name}: {table.names.count(name)} columns are {name}. Keep one of them."
        for name in ("unit_id", OVERPAYMENT)
        if table.names.count(name) > 1
    ]
    found: dict[str, Decimal] = {}
    blank = []
    texts = table.column(OVERPAYMENT)
    for row, text in table.column("unit_id").items():
        unit, amount = text.lower(), _signed(texts[row])
        problem = ""
        if unit not in paid:
            problem = "this unit is not in the sample. Remove the row"
        elif unit in found:
            problem = "this unit is listed twice. Keep one row"
        elif not texts[row]:
            blank.append(row)
            continue
        elif amount is None:
            problem = f"{OVERPAYMENT} is not a sum of dollars, such as 0 or 125.50. Correct it"
        elif amount > paid[unit]:
            problem = f"{OVERPAYMENT} is more than was paid. Correct it"
        if problem:
            problems.append(f"{path.name}, row {row}: {problem}.")
        if amount is not None:
            found[unit] = amount
    missing = len(paid.keys() - found.keys()) - len(blank)
    problems += _not_reviewed(path, blank, missing if not problems else 0)
    if problems:
        more = len(problems) - _MOST_NAMED
        shown = [*problems[:_MOST_NAMED], *([f"And {more} more."] if more > 0 else [])]
        raise UsageError("\n".join(shown))
    cents = [int(found[unit] * 100) for unit in sample["unit_id"]]
    return sample.select("stratum", pl.Series("cents", cents, pl.Int64))


def _not_reviewed(path: Path, blank: list[int], missing: int) -> list[str]:
    """A sentence if units have no amount: they are not evaluable, and neither is the sample."""
    found = []
    if blank:
        rows = ", ".join(map(str, blank[:_MOST_NAMED]))
        rest = f" and {len(blank) - _MOST_NAMED} more" if len(blank) > _MOST_NAMED else ""
        found.append(
            f"{path.name}, row{'s' * (len(blank) > 1)} {rows}{rest}: no {OVERPAYMENT}, so the "
            "sample is not evaluable. Review every unit, and write 0 if nothing was overpaid."
        )
    if missing:
        found.append(
            f"{path.name} lacks {counted(missing, 'unit')} of the sample, so it is not evaluable. "
            "Add a row for each, with 0 if nothing was overpaid."
        )
    return found


def _signed(text: str) -> Decimal | None:
    """An amount of dollars; below zero if too little was paid."""
    bare = text.strip()
    amount = dollars_of(bare.removeprefix("-"))
    return -amount if amount is not None and bare.startswith("-") else amount

"""The ledger for people: a summary on one screen, and a table to export."""

import io
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import polars as pl

from flows.errors import UsageError
from flows.ledger.read import EVERY_STATUS
from flows.reports.money import dollars
from flows.results.csv import write_csv
from flows.warehouse.files import write_whole
from schemas.decisions import RECOVERED, STANDING

_UNDECIDED = "none yet"
_WIDTH = 18


def ledger_summary(ledger: pl.DataFrame) -> str:
    """How many exceptions have each status and each latest decision, and what came back."""
    counted = _counts(ledger, "status", EVERY_STATUS)
    known = ledger.with_columns(pl.col("decision").fill_null(_UNDECIDED))
    decided = _counts(known, "decision", (*STANDING, _UNDECIDED))
    back = Decimal(str(ledger["recovered"].sum()))
    lines = [
        f"{'status':{_WIDTH}}{'exceptions':>12}",
        *(f"{name:{_WIDTH}}{count:>12,}" for name, count in counted),
        f"{'all':{_WIDTH}}{ledger.height:>12,}",
        "",
        f"{'latest decision':{_WIDTH}}{'exceptions':>12}",
        *(f"{name.replace('_', ' '):{_WIDTH}}{count:>12,}" for name, count in decided),
        "",
        f"{RECOVERED} in all: {dollars(back)}, the sum of the ledger's column {RECOVERED}",
    ]
    return "\n".join(lines)


def in_vain_text(requests: int) -> str:
    """What to say of requests for records about what is set aside."""
    return (
        f"Requests about what was set aside: {requests}. It stays so, and no letter asks for them, "
        "until somebody decides confirm, upheld or reopen."
    )


def _counts(
    ledger: pl.DataFrame, column: str, values: tuple[str, ...]
) -> Iterator[tuple[str, int]]:
    """Each value that there is, in this order, and how many exceptions have it."""
    counts = dict(ledger.group_by(column).len().iter_rows())
    yield from ((value, counts[value]) for value in values if value in counts)


def export_table(table: pl.DataFrame, file: Path) -> None:
    """Write a table as CSV or Parquet, by the end of the file's name. Raises UsageError."""
    content = io.BytesIO()
    if file.suffix.lower() == ".csv":
        write_csv(content, table)
    elif file.suffix.lower() == ".parquet":
        table.write_parquet(content, compression="zstd")
    else:
        raise UsageError("--export names a file that ends in .csv or .parquet. Correct it.")
    if not file.parent.is_dir():
        raise UsageError("--export: its folder does not exist. Make it, or name another.")
    write_whole(file, content.getvalue())

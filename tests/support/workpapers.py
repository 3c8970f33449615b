"""Work-papers of a few exceptions, without a run."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl

from flows.reports.run_facts import RunFacts
from flows.reports.workpaper.write import write_workpaper
from flows.results.tables import write_table
from schemas.results import CHANGE, COVERAGE, EXCEPTION, WORKLIST

RUN = RunFacts(
    run_id="0123456789abcdef",
    as_of=date(2026, 6, 30),
    version="0.1.0",
    privacy="full",
    changes="the first as-of date of this warehouse: 2 new",
    rows_read=10,
    quarantined=1,
    duplicates=2,
)


def exception(number: int, **values: object) -> dict[str, object]:
    """A row of the exceptions."""
    row: dict[str, object] = dict.fromkeys(EXCEPTION)
    return (
        row
        | {
            "exception_id": f"{number:032x}",
            "rule_id": "QTY01",
            "outcome": "recover",
            "reason": "quantity_over_limit",
            "policy_id": "p",
            "claim_source": "pharmacy",
            "claim_id": f"{number:05}",
            "claim_line_number": 1,
            "member_id": "M",
            "payer": "Cigna",
            "service_date": date(2026, 2, 1),
            "amount_at_risk": Decimal("10.10"),
            "paid_amount": Decimal("20.20"),
            "amount_basis": "full_paid",
            "evidence": [],
            "documents_needed": [],
        }
        | values
    )


def written(
    folder: Path, *exceptions: dict[str, object], wanted: bool | None = None
) -> tuple[str, ...]:
    """Write a work-paper of these exceptions; return the notes for the user."""
    frame = pl.DataFrame(exceptions, schema=EXCEPTION)
    amounts = {
        name: pl.lit(None)
        for name in WORKLIST
        if (name.endswith("_amount") or name == "answer_by") and name not in EXCEPTION
    }
    lists = {f"{name}s": pl.concat_list(name) for name in ("rule_id", "exception_id")}
    worklist = frame.with_columns(**lists, **amounts)
    answer = ("policy_id", "rule_id", "term_id", "outcome", "reason")
    answers = frame.group_by(answer, maintain_order=True).agg(lines=pl.len().cast(pl.Int64))
    folder.mkdir(exist_ok=True)
    for name, table, columns in (
        ("exceptions", frame, EXCEPTION),
        ("worklist", worklist, WORKLIST),
        ("advisories", worklist.clear(), WORKLIST),
        ("rule_coverage", answers, COVERAGE),
        ("changes", pl.DataFrame(schema=CHANGE), CHANGE),
    ):
        write_table(
            folder / f"{name}.parquet",
            name,
            table.select(pl.col(n).cast(t) for n, t in columns.items()),
        )
    return write_workpaper(folder, RUN, wanted, folder)

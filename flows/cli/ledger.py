"""The command `ledger`: what became of every exception that was ever found."""

from pathlib import Path
from typing import Literal

from flows.errors import redacted_errors

Status = Literal["new", "open", "changed", "reopened", "dismissed", "resolved"]


def ledger(
    *, warehouse: Path, status: list[Status] | None = None, export: Path | None = None
) -> None:
    """Summarise the ledger on one screen, and export it: one row per exception.

    A row has the exception, when it was found first and last, its status, outcome and amount, the
    latest decision with who, when, why and until, and what came back.

    Parameters
    ----------
    warehouse
        the warehouse whose ledger is meant
    status
        only exceptions of this status; may be given several times
    export
        a file to write, .csv or .parquet; it is a result and may hold claim ids
    """
    from flows.ledger.read import read_ledger
    from flows.reports.ledger import export_table, ledger_summary

    with redacted_errors(Path.cwd()):
        found = read_ledger(warehouse, status or ())
        if export:
            export_table(found, export)
    print(ledger_summary(found))
    if export:
        print(f"Exported: {found.height:,} exceptions to {export.name}")

"""The command `ledger`: what became of every exception that was ever found."""

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from flows import clock
from flows.errors import UsageError
from schemas.notes import counted

if TYPE_CHECKING:
    import polars as pl

Status = Literal["new", "open", "changed", "reopened", "dismissed", "resolved"]


def ledger(
    *,
    warehouse: Path,
    status: list[Status] | None = None,
    export: Path | None = None,
    precision: bool = False,
    policies: Path | None = None,
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
    precision
        instead, how often findings were confirmed, upheld and overturned: per rule, reason, term
        and payer, with an interval, and the dollars that came back
    policies
        with --precision, the folder of policy files that the runs are given
    """
    if policies and not precision:
        raise UsageError("--policies goes with --precision: it may hold the limit of overturns.")
    if status and precision:
        raise UsageError("--precision is of every exception. Leave --status out.")
    found, text = (
        _precision(warehouse, policies) if precision else _summary(warehouse, status or ())
    )
    if export:
        from flows.reports.ledger import export_table

        export_table(found, export)
    print(text)
    if export:
        print(f"Exported: {counted(found.height, 'row')} to {export.name}")


def _summary(warehouse: Path, statuses: Collection[str]) -> "tuple[pl.DataFrame, str]":
    from flows.ledger.read import read_ledger
    from flows.reports.ledger import ledger_summary

    found = read_ledger(warehouse, statuses)
    return found, ledger_summary(found)


def _precision(warehouse: Path, policies: Path | None) -> "tuple[pl.DataFrame, str]":
    from audit_rules.policy.library import load_policies
    from flows.ledger.precision import overturn_limit, read_all_verdicts
    from flows.reports.precision import precision_table, precision_text

    limit = overturn_limit(load_policies(policies), clock.today())
    if limit is None:
        raise UsageError(
            "No overturn_limit is in force in the policy document `general`: it says how certain "
            "the intervals are. Add the term."
        )
    table = precision_table(read_all_verdicts(warehouse), limit)
    return table, precision_text(table, limit)

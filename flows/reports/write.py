"""Write the reports of a run: the page and the work-paper."""

from pathlib import Path
from typing import Any

from flows.plan import Plan
from flows.privacy import AGGREGATE
from flows.reports.run_facts import RunFacts
from flows.reports.workpaper.write import write_workpaper


def write_reports(
    folder: Path, plan: Plan, run: RunFacts, balance: dict[str, Any]
) -> tuple[str, ...]:
    """Write what the request asks for from the tables in the folder.

    Returns what the user must know about it: a report that is missing or incomplete, and why.
    """
    if plan.request.page:
        _write_page(folder, plan, run, balance)
    if plan.request.privacy == AGGREGATE:
        return ()
    return write_workpaper(folder, run, plan.request.xlsx, plan.bench.scratch)


def _write_page(folder: Path, plan: Plan, run: RunFacts, balance: dict[str, Any]) -> None:
    # charts take a second to import
    from flows.reports.page.write import write_aggregate_page, write_page

    if plan.request.privacy == AGGREGATE:
        write_aggregate_page(folder, run)
    else:
        write_page(folder, run, balance, plan.payer_names)

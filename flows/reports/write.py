"""Write the reports of a run: the page and the work-paper."""

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

from flows.plan import Plan
from flows.privacy import AGGREGATE, FULL
from flows.reports.run_facts import RunFacts


def write_reports(
    folder: Path,
    plan: Plan,
    run: RunFacts,
    balance: dict[str, Any],
    before: Iterable[tuple[str, date]] = (),
) -> tuple[str, ...]:
    """Write what the request asks for from the tables in the folder.

    before   id and as-of date of the runs before, the nearest first.

    Returns what the user must know about it: a report that is missing or incomplete, and why.
    """
    if plan.request.page:
        _write_page(folder, plan, run, balance)
    if plan.request.privacy == AGGREGATE or plan.request.xlsx is False:
        return ()
    from flows.reports.workpaper.last import last_paper  # spreadsheets take as long
    from flows.reports.workpaper.write import write_workpaper

    last = last_paper(plan.request.output, before) if plan.request.privacy == FULL else None
    return write_workpaper(folder, run, plan.request.xlsx, plan.bench.scratch, last)


def _write_page(folder: Path, plan: Plan, run: RunFacts, balance: dict[str, Any]) -> None:
    from flows.reports.page.drawing import start_renderer

    start_renderer()
    # charts take a second to import
    from flows.reports.page.write import write_aggregate_page, write_page

    if plan.request.privacy == AGGREGATE:
        write_aggregate_page(folder, run)
    else:
        write_page(folder, run, balance, plan.payer_names)

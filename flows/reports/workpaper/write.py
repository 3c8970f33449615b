"""Write exceptions.xlsx from the result tables of a run, if requested or small enough."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import polars as pl

from audit_rules.engine.expected import with_expected
from audit_rules.engine.recovered import exceptions_less_recovered
from audit_rules.engine.rule import Described
from audit_rules.kinds.registry import KIND_MODULES
from audit_rules.rules import CATALOGUE
from flows.reports.run_facts import RunFacts
from flows.reports.workpaper.carried import LastPaper, carry, with_marks
from flows.reports.workpaper.cells import EXCEL_ROWS, EXCEL_TEXT, new_spreadsheet
from flows.reports.workpaper.changes import write_changes
from flows.reports.workpaper.disposition import EXCEPTION_ID, OF_A_LINE, OF_AN_EXCEPTION
from flows.reports.workpaper.lines import without_set_aside, write_evidence, write_exceptions
from flows.reports.workpaper.overview import OVERVIEW, WIDTHS, Found, write_overview
from flows.reports.workpaper.rules import LED_BY, write_rules
from flows.reports.workpaper.worklist import worklist_rows, write_providers, write_worklist
from flows.results.manifest import WORKPAPER
from flows.results.order_of_work import in_order_of_work
from flows.results.totals import with_leading
from schemas.notes import counted
from schemas.outcomes import strength

ROW_LIMIT = 5_000
"""The most exceptions for which a work-paper is written without being requested."""


class _Left(NamedTuple):
    """How many rows of each kind did not fit on their sheets, and how many texts into cells."""

    exceptions: int
    facts: int
    lines: int
    payees: int
    changes: int
    texts: int


def write_workpaper(
    folder: Path,
    run: RunFacts,
    wanted: bool | None,
    scratch: Path,
    last: LastPaper | None = None,
) -> tuple[str, ...]:
    """Write the work-paper next to the Parquet results; return what the user must know about it.

    wanted   True: whatever its size; False: not at all; None: up to ROW_LIMIT exceptions.
    last     the work-paper of the run before, from which what was written is carried.

    Excel's own limits always apply: what does not fit is left out, and the work-paper says so too.
    """
    if wanted is False:
        return ()
    in_file = pl.scan_parquet(folder / "exceptions.parquet", glob=False)
    count: int = in_file.select(pl.len()).collect().item()
    if wanted is None and count > ROW_LIMIT:
        return (
            f"{WORKPAPER} was not written: {count:,} exceptions are more than "
            f"{ROW_LIMIT:,}. Give --xlsx to write it anyway.",
        )
    exceptions, worklist, advisories, coverage, changes = (
        pl.read_parquet(folder / f"{name}.parquet", glob=False)
        for name in ("exceptions", "worklist", "advisories", "rule_coverage", "changes")
    )
    every_line = pl.concat([worklist, advisories])
    found = set(exceptions["rule_id"])
    every: tuple[Described, ...] = (*CATALOGUE, *KIND_MODULES)
    rules = [module for module in every if module.RULE.id in found]
    still_asked = exceptions_less_recovered(exceptions, every_line)
    expected = with_expected(still_asked, run.precision)
    ordered = without_set_aside(in_order_of_work(expected, run.as_of, strength()))
    lines = worklist_rows(every_line, exceptions, run.as_of)
    carried = carry(last, lines, exceptions, changes)
    of_lines = [carried.lines.get(number, {}) for number in range(lines.height)]
    marked = with_marks(lines, OF_A_LINE, of_lines, carried.source)
    of_each = [carried.exceptions.get(i, {}) for i in ordered[EXCEPTION_ID].to_list()]
    ordered = with_marks(ordered, OF_AN_EXCEPTION, of_each, carried.source)
    with new_spreadsheet(folder / WORKPAPER, run.as_of, scratch, carried.made_from) as spreadsheet:
        first = spreadsheet.add_sheet(OVERVIEW, WIDTHS)
        lines_left = write_worklist(spreadsheet, marked)
        changes_left = write_changes(spreadsheet, changes, carried.not_carried)
        payees_left = write_providers(spreadsheet, every_line)
        exceptions_left = write_exceptions(spreadsheet, ordered)
        facts_left = write_evidence(spreadsheet, ordered)
        led = with_leading(every_line, exceptions, *LED_BY)
        texts = write_rules(spreadsheet, every, rules, led, coverage)
        left = _Left(
            exceptions_left,
            facts_left,
            lines_left,
            payees_left,
            changes_left,
            spreadsheet.texts_cut,
        )
        left_out = tuple(_left_out(exceptions.height, left))
        shown = Found(ordered, marked, changes, texts)
        write_overview(first, run, shown, rules, left_out, carried)
    notes = [*left_out, *filter(None, [carried.problem, carried.in_words()])]
    return tuple(f"{WORKPAPER}: {note}" for note in notes)


def _left_out(exceptions: int, left: _Left) -> Iterator[str]:
    """A sentence for each kind of rows or texts that are not complete."""
    if left.exceptions:
        yield (
            f"Left out: {left.exceptions:,} of {counted(exceptions, 'exception')}, the last in "
            f"order of work: a sheet has {EXCEL_ROWS:,} rows. All are in exceptions.parquet."
        )
    for rows, what, table in (
        (left.facts, "fact", "exceptions"),
        (left.lines, "line", "worklist"),
        (left.payees, "payee", "worklist"),
        (left.changes, "change", "changes"),
    ):
        of = " of the evidence" if what == "fact" else ""
        if rows:
            yield (
                f"Left out: {counted(rows, what)}{of}: a sheet has {EXCEL_ROWS:,} rows. "
                f"All are in {table}.parquet."
            )
    if left.texts:
        yield (
            f"Cut: {counted(left.texts, 'text')}. A cell holds {EXCEL_TEXT:,} characters. "
            "The full texts are in exceptions.parquet."
        )

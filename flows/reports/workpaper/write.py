"""Write exceptions.xlsx from the result tables of a run, if requested or small enough."""

from pathlib import Path

import polars as pl

from audit_rules.engine.expected import with_expected
from audit_rules.engine.recovered import exceptions_less_recovered
from audit_rules.engine.rule import Described
from audit_rules.kinds.registry import KIND_MODULES
from audit_rules.rules import CATALOGUE
from flows.reports.run_facts import RunFacts
from flows.reports.workpaper.cells import EXCEL_ROWS, EXCEL_TEXT, new_spreadsheet
from flows.reports.workpaper.lines import without_set_aside, write_evidence, write_lines
from flows.reports.workpaper.overview import OVERVIEW, WIDTHS, write_overview
from flows.reports.workpaper.rule_sheets import LED_BY, write_rule
from flows.results.manifest import WORKPAPER
from flows.results.order_of_work import in_order_of_work
from flows.results.totals import with_leading
from schemas.notes import counted
from schemas.outcomes import strength

ROW_LIMIT = 5_000
"""The most exceptions for which a work-paper is written without being requested."""


def write_workpaper(
    folder: Path, run: RunFacts, wanted: bool | None, scratch: Path
) -> tuple[str, ...]:
    """Write the work-paper next to the Parquet results; return what the user must know about it.

    wanted   True: whatever its size; False: not at all; None: up to ROW_LIMIT exceptions.

    Excel's own limits always apply: what does not fit is left out, and the work-paper says so too.
    """
    exceptions, worklist, advisories, coverage = (
        pl.read_parquet(folder / f"{name}.parquet", glob=False)
        for name in ("exceptions", "worklist", "advisories", "rule_coverage")
    )
    every_line = pl.concat([worklist, advisories])
    if wanted is False:
        return ()
    if wanted is None and exceptions.height > ROW_LIMIT:
        return (
            f"{WORKPAPER} was not written: {exceptions.height:,} exceptions are more than "
            f"{ROW_LIMIT:,}. Give --xlsx to write it anyway.",
        )
    found = set(exceptions["rule_id"])
    every: tuple[Described, ...] = (*CATALOGUE, *KIND_MODULES)
    rules = [module for module in every if module.RULE.id in found]
    still_asked = exceptions_less_recovered(exceptions, every_line)
    expected = with_expected(still_asked, run.precision)
    ordered = without_set_aside(in_order_of_work(expected, run.as_of, strength()))
    with new_spreadsheet(folder / WORKPAPER, run.as_of, scratch) as spreadsheet:
        first = spreadsheet.add_sheet(OVERVIEW, WIDTHS)
        lines_left, facts_left = (
            write_lines(spreadsheet, ordered),
            write_evidence(spreadsheet, ordered),
        )
        left_out = tuple(
            _left_out(exceptions.height, lines_left, facts_left, spreadsheet.texts_cut)
        )
        led = with_leading(every_line, exceptions, *LED_BY)
        for module in rules:
            write_rule(spreadsheet, module, led, coverage)
        write_overview(first, run, exceptions, every_line, rules, left_out)
    return tuple(f"{WORKPAPER}: {note}" for note in left_out)


def _left_out(exceptions: int, lines: int, facts: int, texts: int) -> list[str]:
    notes = []
    if lines:
        notes.append(
            f"Left out: {lines:,} of {counted(exceptions, 'exception')}, the last in order of "
            f"work: a sheet has {EXCEL_ROWS:,} rows. All are in exceptions.parquet."
        )
    if facts:
        notes.append(
            f"Left out: {counted(facts, 'fact')} of the evidence: a sheet has {EXCEL_ROWS:,} rows. "
            "All are in exceptions.parquet."
        )
    if texts:
        notes.append(
            f"Cut: {counted(texts, 'text')}. A cell holds {EXCEL_TEXT:,} characters. "
            "The full texts are in exceptions.parquet."
        )
    return notes

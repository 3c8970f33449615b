"""The first sheet: what was audited and found, how to use the work-paper, what is missing."""

from collections.abc import Sequence
from typing import NamedTuple

import polars as pl
from xlsxwriter.utility import xl_col_to_name

from audit_rules.engine.past_decisions import Precision, ReviewCounts
from audit_rules.engine.rule import Described
from audit_rules.wording import question
from flows.privacy import FULL
from flows.reports.run_facts import RunFacts
from flows.reports.workpaper import changes as changed
from flows.reports.workpaper.carried import Carried
from flows.reports.workpaper.cells import HEADING_HEIGHT, TITLE_HEIGHT, Formula, Link, Sheet
from flows.reports.workpaper.disposition import (
    CONFIRMED,
    DISPOSITION,
    EXCEPTIONS_SHEET,
    MEANINGS,
    WORKLIST,
)
from flows.reports.workpaper.lines import EVIDENCE, disposition_cells
from flows.reports.workpaper.rules import RULES
from flows.reports.workpaper.tables import total
from flows.reports.workpaper.worklist import line_cells, on_sheet, worklist_total
from flows.results.totals import shown_totals, totals, totals_as_text, with_leading
from schemas.folding import folded
from schemas.notes import counted
from schemas.outcomes import EXCEPTIONS, MEANING
from schemas.results import AMOUNT_COLUMNS

OVERVIEW = "Summary"
WIDTHS = (19, 64, 13, 17, 24, 18, 18, 18)
_STEPS = (
    f"Work through the sheet {WORKLIST}, one row per claim line: what can be collected for 30, "
    "then 90 days only comes first; within that the strongest outcome and the largest expected "
    "amounts.",
    "The expected amount is the amount at risk times the share of reviewed findings of its rule "
    "that held, as above under By rule. A rule of which none was reviewed counts in full.",
    f"A note on each header explains the column. The sheet {EXCEPTIONS_SHEET} says why a line was "
    f"found, the sheet {EVIDENCE} has the facts behind it. Above a table stand the totals of all "
    "its rows and of those that the filters show.",
    "Fill in the yellow cells. Choose a disposition from the list in its cell, and give the reason "
    f"next to it: on the sheet {WORKLIST} for a line, on {EXCEPTIONS_SHEET} for one exception "
    "alone.",
    "Save, then: claims-audit decide --warehouse FILE --by NAME --file exceptions.xlsx",
    "Every disposition is recorded. The next run shows it, and sets aside what is dismissed or "
    "overturned until it changes.",
    "Owner, due date, amount confirmed and note stay in the work-paper. The work-paper of the next "
    "night carries them, and dispositions that are not recorded yet.",
)
_SIGNED = (
    ("preparer", "asked"),
    ("date prepared", "asked_day"),
    ("reviewer", "asked"),
    ("date reviewed", "asked_day"),
)
_BESIDES = {
    "expected_amount": "What is expected of amount_at_risk, by how often findings of a rule held.",
    "dismissed_amount": "What dismissed exceptions would add. It is in no other amount.",
    "not_collectable_amount": "What may not be collected. It is in no other amount.",
    "recovered_amount": "What came back already. It is in no other amount.",
}


class Found(NamedTuple):
    """What the other sheets show.

    exceptions   with what was carried, in the order of their sheet.
    lines        every line with an exception, as the worklist has it, with what was carried.
    changes      what changed since the last night.
    texts        rule -> the cell of the sheet Rules where its text begins.
    """

    exceptions: pl.DataFrame
    lines: pl.DataFrame
    changes: pl.DataFrame
    texts: dict[str, str]


def write_overview(
    sheet: Sheet,
    run: RunFacts,
    found: Found,
    rules: Sequence[Described],
    left_out: Sequence[str],
    carried: Carried,
) -> None:
    """Write the first sheet.

    rules      those that found something.
    left_out   what is not in the work-paper, and why.
    """
    sheet.write_row(["Drug claims audit: work-paper"], ["title"], TITLE_HEIGHT)
    sheet.write_row(["as of", run.as_of], ["label", "day"])
    for label, text in (
        ("run", f"{run.run_id}, claims-audit {run.version}"),
        ("changes", run.changes),
        ("loaded", f"{counted(run.rows_read, 'row')} in all files of the warehouse"),
        (
            "set aside",
            f"{counted(run.quarantined, 'row')} quarantined, "
            f"{counted(run.duplicates, 'exact duplicate')}",
        ),
        ("carried", carried.in_words() or _nothing_carried(run, carried)),
    ):
        sheet.write_row([label, text], ["label", "plain"])
    for label, style in _SIGNED:
        sheet.write_row([label, None], ["label", style])
    for note in left_out:
        sheet.write_row(["NOT INCLUDED", note], ["warning", "warning"])
    if carried.problem:
        sheet.write_row(["NOT CARRIED", carried.problem], ["warning", "warning"])
    _outcomes(sheet, found.exceptions, found.lines)
    _changes(sheet, found.changes, len(carried.not_carried))
    _rules(sheet, found, rules, run.precision)
    _dispositions(sheet, found.exceptions, found.lines)


def _nothing_carried(run: RunFacts, carried: Carried) -> str:
    """Why nothing was carried, in a sentence."""
    if carried.source:
        return f"Nothing from the {carried.source}."
    if run.privacy != FULL:
        return f"Nothing: that is done at privacy level {FULL} alone."
    return "Nothing: no run before this one has a work-paper in this output folder."


def _heading(sheet: Sheet, text: str) -> None:
    """Write a heading under an empty row, ruled over the whole width."""
    sheet.row += 1
    sheet.write_row([text, *[None] * (len(WIDTHS) - 1)], ["heading"] * len(WIDTHS), HEADING_HEIGHT)


def _outcomes(sheet: Sheet, exceptions: pl.DataFrame, lines: pl.DataFrame) -> None:
    """Write exceptions, lines and dollars by outcome, then what they come to."""
    _heading(sheet, "What was found")
    sheet.write_row(
        ["outcome", "meaning", "exceptions", "claim lines", "column of the worklist", "its sum"],
        ["header"] * 2 + ["header_number"] * 2 + ["header", "header_number"],
    )
    counts = dict(exceptions.group_by("outcome").len().iter_rows())
    strongest = dict(totals(lines, outcome="outcome").select("outcome", "lines").iter_rows())
    for outcome in EXCEPTIONS:
        column = AMOUNT_COLUMNS.get(outcome)
        values = [
            outcome,
            f"{MEANING[outcome].capitalize()}.",
            counts.get(outcome, 0),
            strongest.get(outcome, 0),
            column,
            worklist_total(lines, column) if column else None,
        ]
        sheet.write_row(values, [outcome, "text", "count", "count", "text", "money"])
    at_risk = worklist_total(lines, "amount_at_risk")
    in_all = [exceptions.height, lines.height, "amount_at_risk", at_risk]
    _total(sheet, ["all", "A line counts once, under its strongest outcome.", *in_all])
    for column in shown_totals(totals_as_text(lines)):
        if column in _BESIDES:
            amount = worklist_total(lines, column)
            _total(sheet, [None, _BESIDES[column], None, None, column, amount])


def _total(sheet: Sheet, values: list[object]) -> None:
    styles = ["total", "total", "total_count", "total_count", "total", "total_money"]
    sheet.write_row(values, styles)


def _changes(sheet: Sheet, changes: pl.DataFrame, not_carried: int) -> None:
    """Write how many exceptions have changed in each way, counted on their sheet."""
    _heading(sheet, "What changed since the last night")
    sheet.write_row(["status", "meaning", "exceptions"], ["header", "header", "header_number"])
    counts = dict(changes.group_by("status").len().iter_rows())
    counts[changed.NOT_CARRIED] = not_carried
    cells = changed.status_cells(changes.height + not_carried)
    for status, means in changed.MEANINGS.items():
        count = Formula(f'=COUNTIF({cells},"{status}")', counts.get(status, 0))
        sheet.write_row([status, means, count], ["text", "text", "count"])


def _rules(sheet: Sheet, found: Found, rules: Sequence[Described], precision: Precision) -> None:
    """Write exceptions by rule and outcome, each rule with a link to its text."""
    _heading(sheet, "By rule")
    sheet.write_row(
        ["rule", "question", *EXCEPTIONS, "amount_at_risk", "reviewed, held"],
        ["header"] * 2 + ["header_number"] * 5 + ["header"],
    )
    led = totals(with_leading(found.lines, found.exceptions, "rule_id"), rule="rule_id")
    amounts = dict(led.select("rule", "amount_at_risk").iter_rows())
    every = found.exceptions.group_by("rule_id", "outcome").len()
    counts = {(rule, outcome): n for rule, outcome, n in every.iter_rows()}
    first = sheet.row + 1
    for module in rules:
        rule = module.RULE.id
        values = [
            Link(RULES, rule, found.texts[rule]),
            question(module),
            *(counts.get((rule, o)) for o in EXCEPTIONS),
            amounts.get(rule, 0),
            _held_text(precision.get(rule)),
        ]
        styles = ["linked", "wrapped", *["count"] * len(EXCEPTIONS), "money", "text"]
        sheet.write_row(values, styles)
    if rules:
        _rule_totals(sheet, found, first)
    note = "Sums of the worklist's amount_at_risk: each line under the rule that leads it, once."
    sheet.write_row([note], ["label"])


def _rule_totals(sheet: Sheet, found: Found, first: int) -> None:
    """Write the sums of the rows from `first` to here."""
    by_outcome = dict(found.exceptions.group_by("outcome").len().iter_rows())
    cells = [f"{xl_col_to_name(i)}{first}:{xl_col_to_name(i)}{sheet.row}" for i in range(7)]
    of_outcomes = [
        Formula(f"=SUM({cells[i]})", by_outcome.get(o, 0)) for i, o in enumerate(EXCEPTIONS, 2)
    ]
    at_risk = total(found.lines["amount_at_risk"], f"=SUM({cells[6]})")
    values = ["all rules", None, *of_outcomes, at_risk, None]
    styles = ["total"] * 2 + ["total_count"] * len(EXCEPTIONS) + ["total_money", "total"]
    sheet.write_row(values, styles)


def _held_text(counted: ReviewCounts | None) -> str:
    """How many reviewed findings of a rule held, such as `3 of 4`."""
    return f"{counted.held:,} of {counted.reviewed:,}" if counted else "none reviewed"


def _dispositions(sheet: Sheet, exceptions: pl.DataFrame, lines: pl.DataFrame) -> None:
    """Write what to do, what each disposition means, and what has it by now."""
    _heading(sheet, "How to use it")
    for number, step in enumerate(_STEPS, 1):
        sheet.write_row([f"{number}.", step], ["label", "plain"])
    sheet.row += 1
    sheet.write_row(
        [
            "disposition",
            "meaning",
            "lines",
            "exceptions",
            "sum of amount_at_risk",
            f"sum of {CONFIRMED}",
        ],
        ["header"] * 2 + ["header_number"] * 4,
    )
    shown = on_sheet(lines)
    of_lines, of_each = (table[DISPOSITION].to_list() for table in (shown, exceptions))
    line, each = line_cells(DISPOSITION, lines.height), disposition_cells(exceptions.height)
    styles = ["asked", "wrapped", "count", "count", "money", "money"]
    for disposition, means in [
        *MEANINGS.items(),
        ("", "Nothing chosen. The column decision says what is recorded already."),
    ]:
        values = [
            disposition or "(empty)",
            means,
            _counted(line, disposition, of_lines),
            _counted(each, disposition, of_each),
            *(_summed(shown, name, disposition) for name in ("amount_at_risk", CONFIRMED)),
        ]
        sheet.write_row(values, styles)


def _counted(cells: str, disposition: str, written: list[object]) -> object:
    """How many cells say a disposition, by formula if there are any."""
    count = sum(_is(text, disposition) for text in written)
    return Formula(f'=SUMPRODUCT(--({cells}="{disposition}"))', count) if written else 0


def _summed(lines: pl.DataFrame, column: str, disposition: str) -> object:
    """The sum of a column over the lines with a disposition, by formula."""
    both = zip(lines[DISPOSITION].to_list(), lines[column].to_list(), strict=True)
    amounts = [amount for text, amount in both if _is(text, disposition)]
    cells, summed = (line_cells(name, lines.height) for name in (DISPOSITION, column))
    formula = f'=SUMPRODUCT(--({cells}="{disposition}"),{summed})'
    return total(pl.Series(amounts, dtype=pl.Object), formula)


def _is(text: object, disposition: str) -> bool:
    """Whether a cell says a disposition, as a spreadsheet compares texts."""
    return folded(str(text or "")) == disposition

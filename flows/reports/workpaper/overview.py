"""The first sheet: what was audited and found, how to use the work-paper, what is missing."""

from collections.abc import Sequence

import polars as pl

from audit_rules.engine.past_decisions import Precision, ReviewCounts
from audit_rules.engine.rule import Described
from audit_rules.wording import question
from flows.reports.run_facts import RunFacts
from flows.reports.workpaper.cells import HEADING_HEIGHT, TITLE_HEIGHT, Formula, Link, Sheet
from flows.reports.workpaper.disposition import LINES, MEANINGS
from flows.reports.workpaper.lines import EVIDENCE, disposition_cells
from flows.results.totals import shown_totals, totals, totals_as_text, with_leading
from schemas.notes import counted
from schemas.outcomes import EXCEPTIONS, MEANING
from schemas.results import AMOUNT_COLUMNS

OVERVIEW = "Summary"
WIDTHS = (19, 64, 13, 17, 24, 18, 18, 18)
_STEPS = (
    f"Work through the sheet {LINES}: what can be collected for 30, then 90 days only comes first; "
    "within that the strongest outcome and the largest expected amounts.",
    "The expected amount is the amount at risk times the share of reviewed findings of its rule "
    "that held, as above under By rule. A rule of which none was reviewed counts in full.",
    f"A note on each header explains the column. The sheet {EVIDENCE} has the facts behind a line.",
    "Choose a disposition from the list in its cell, and give the reason next to it.",
    "Save, then: claims-audit decide --warehouse FILE --by NAME --file exceptions.xlsx",
    "Every disposition is recorded. The next run shows it, and sets aside what is dismissed or "
    "overturned until it changes.",
)
_BESIDES = {
    "expected_amount": "What is expected of amount_at_risk, by how often findings of a rule held.",
    "dismissed_amount": "What dismissed exceptions would add. It is in no other amount.",
    "not_collectable_amount": "What may not be collected. It is in no other amount.",
    "recovered_amount": "What came back already. It is in no other amount.",
}


def write_overview(
    sheet: Sheet,
    run: RunFacts,
    exceptions: pl.DataFrame,
    lines: pl.DataFrame,
    rules: Sequence[Described],
    left_out: Sequence[str],
) -> None:
    """Write the first sheet.

    lines      every line with an exception, as the worklist has it.
    rules      those with a sheet of their own.
    left_out   what is not in the work-paper, and why.
    """
    sheet.write_row(["Drug claims audit: work-paper"], ["title"], TITLE_HEIGHT)
    for label, text in (
        ("as of", run.as_of.isoformat()),
        ("run", f"{run.run_id}, claims-audit {run.version}"),
        ("changes", run.changes),
        ("loaded", f"{counted(run.rows_read, 'row')} in all files of the warehouse"),
        (
            "set aside",
            f"{counted(run.quarantined, 'row')} quarantined, "
            f"{counted(run.duplicates, 'exact duplicate')}",
        ),
    ):
        sheet.write_row([label, text], ["label", "plain"])
    for note in left_out:
        sheet.write_row(["NOT INCLUDED", note], ["warning", "warning"])
    _outcomes(sheet, exceptions, lines)
    _rules(sheet, exceptions, lines, rules, run.precision)
    _dispositions(sheet, exceptions.height)


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
    sums = totals(lines).row(0, named=True)
    for outcome in EXCEPTIONS:
        column = AMOUNT_COLUMNS.get(outcome)
        values = [
            outcome,
            f"{MEANING[outcome].capitalize()}.",
            counts.get(outcome, 0),
            strongest.get(outcome, 0),
            column,
            sums[column] if column else None,
        ]
        sheet.write_row(values, [outcome, "text", "count", "count", "text", "money"])
    in_all = [exceptions.height, lines.height, "amount_at_risk", sums["amount_at_risk"]]
    _total(sheet, ["all", "A line counts once, under its strongest outcome.", *in_all])
    for column, amount in shown_totals(totals_as_text(lines)).items():
        if column in _BESIDES:
            _total(sheet, [None, _BESIDES[column], None, None, column, amount])


def _total(sheet: Sheet, values: list[object]) -> None:
    styles = ["total", "total", "total_count", "total_count", "total", "total_money"]
    sheet.write_row(values, styles)


def _rules(
    sheet: Sheet,
    exceptions: pl.DataFrame,
    lines: pl.DataFrame,
    rules: Sequence[Described],
    precision: Precision,
) -> None:
    """Write exceptions by rule and outcome, each rule with a link to its sheet."""
    _heading(sheet, "By rule")
    sheet.write_row(
        ["rule", "question", *EXCEPTIONS, "amount_at_risk", "reviewed, held"],
        ["header"] * 2 + ["header_number"] * 5 + ["header"],
    )
    led = totals(with_leading(lines, exceptions, "rule_id"), rule="rule_id")
    amounts = dict(led.select("rule", "amount_at_risk").iter_rows())
    for module in rules:
        rule = module.RULE.id
        found = exceptions.filter(rule_id=rule)
        counts = dict(found.group_by("outcome").len().iter_rows())
        values = [
            Link(rule, rule),
            question(module),
            *(counts.get(o) for o in EXCEPTIONS),
            amounts.get(rule, 0),
            _held_text(precision.get(rule)),
        ]
        styles = ["linked", "wrapped", *["count"] * len(EXCEPTIONS), "money", "text"]
        sheet.write_row(values, styles)
    note = "Sums of the worklist's amount_at_risk: each line under the rule that leads it, once."
    sheet.write_row([note], ["label"])


def _held_text(counted: ReviewCounts | None) -> str:
    """How many reviewed findings of a rule held, such as `3 of 4`."""
    return f"{counted.held:,} of {counted.reviewed:,}" if counted else "none reviewed"


def _dispositions(sheet: Sheet, exceptions: int) -> None:
    """Write what to do, what each disposition means, and how many lines have it by now."""
    _heading(sheet, "How to use it")
    for number, step in enumerate(_STEPS, 1):
        sheet.write_row([f"{number}.", step], ["label", "plain"])
    sheet.row += 1
    sheet.write_row(["disposition", "meaning", "lines"], ["header", "header", "header_number"])
    cells = disposition_cells(exceptions)
    for disposition, meaning in MEANINGS.items():
        count = Formula(f'=COUNTIF({cells},"{disposition}")', 0)
        sheet.write_row([disposition, meaning, count], ["asked", "wrapped", "count"])
    sheet.write_row(
        ["(empty)", "Not decided yet.", Formula(f"=COUNTBLANK({cells})", exceptions)],
        ["asked", "wrapped", "count"],
    )

"""The first sheet: what was audited and found, how to use the work-paper, what is missing."""

from collections.abc import Sequence

import polars as pl

from audit_rules.engine.rule import Described
from audit_rules.wording import question
from flows.reports.run_facts import RunFacts
from flows.reports.workpaper.cells import HEADING_HEIGHT, TITLE_HEIGHT, Formula, Link, Sheet
from flows.reports.workpaper.disposition import LINES, MEANINGS
from flows.reports.workpaper.lines import EVIDENCE, disposition_cells
from schemas.outcomes import EXCEPTIONS, MEANING

OVERVIEW = "Summary"
WIDTHS = (19, 72, 13, 17, 16, 12, 18)
_STEPS = (
    f"Work through the sheet {LINES}: the strongest outcome and the largest amounts come first.",
    f"A note on each header explains the column. The sheet {EVIDENCE} has the facts behind a line.",
    "Choose a disposition from the list in its cell, and give the reason next to it.",
    "Save, then: claims-audit dismiss --warehouse FILE --by NAME --file exceptions.xlsx",
    "Only a dismissal has an effect: from the next run until the exception changes.",
)


def write_overview(
    sheet: Sheet,
    run: RunFacts,
    exceptions: pl.DataFrame,
    worklist: pl.DataFrame,
    rules: Sequence[Described],
    left_out: Sequence[str],
) -> None:
    """Write the first sheet.

    rules      those with a sheet of their own.
    left_out   what is not in the work-paper, and why.
    """
    sheet.write_row(["Drug claims audit: work-paper"], ["title"], TITLE_HEIGHT)
    for label, text in (
        ("as of", run.as_of.isoformat()),
        ("run", f"{run.run_id}, claims-audit {run.version}"),
        ("changes", run.changes),
        ("loaded", f"{run.rows_read:,} rows in all files of the warehouse"),
        (
            "set aside",
            f"{run.quarantined:,} rows quarantined, {run.duplicates:,} exact duplicates",
        ),
    ):
        sheet.write_row([label, text], ["label", "plain"])
    for note in left_out:
        sheet.write_row(["NOT INCLUDED", note], ["warning", "warning"])
    _outcomes(sheet, exceptions, worklist)
    _rules(sheet, exceptions, rules)
    _dispositions(sheet, exceptions.height)


def _heading(sheet: Sheet, text: str) -> None:
    """Write a heading under an empty row, ruled over the whole width."""
    sheet.row += 1
    sheet.write_row([text, *[None] * (len(WIDTHS) - 1)], ["heading"] * len(WIDTHS), HEADING_HEIGHT)


def _outcomes(sheet: Sheet, exceptions: pl.DataFrame, worklist: pl.DataFrame) -> None:
    """Write exceptions, lines and dollars by outcome."""
    _heading(sheet, "What was found")
    sheet.write_row(
        ["outcome", "meaning", "exceptions", "claim lines", "at risk"],
        ["header"] * 2 + ["header_number"] * 3,
    )
    counts = dict(exceptions.group_by("outcome").len().iter_rows())
    lines = {
        o: (n, amount)
        for o, n, amount in worklist.group_by("outcome")
        .agg(pl.len(), pl.sum("amount_at_risk"))
        .iter_rows()
    }
    for outcome in EXCEPTIONS:
        values = [
            outcome,
            f"{MEANING[outcome].capitalize()}.",
            counts.get(outcome, 0),
            *lines.get(outcome, (0, 0)),
        ]
        sheet.write_row(values, [outcome, "text", "count", "count", "money"])
    total = ["all", None, exceptions.height, worklist.height, worklist["amount_at_risk"].sum()]
    sheet.write_row(total, ["total", "total", "total_count", "total_count", "total_money"])
    sheet.write_row(["A line's dollars count once here, under its strongest outcome."], ["label"])


def _rules(sheet: Sheet, exceptions: pl.DataFrame, rules: Sequence[Described]) -> None:
    """Write exceptions by rule and outcome, each rule with a link to its sheet."""
    _heading(sheet, "By rule")
    sheet.write_row(
        ["rule", "question", *EXCEPTIONS, "at risk"], ["header"] * 2 + ["header_number"] * 5
    )
    for module in rules:
        rule = module.RULE.id
        found = exceptions.filter(rule_id=rule)
        counts = dict(found.group_by("outcome").len().iter_rows())
        values = [
            Link(rule, rule),
            question(module),
            *(counts.get(o) for o in EXCEPTIONS),
            found["amount_at_risk"].sum(),
        ]
        sheet.write_row(values, ["linked", "wrapped", *["count"] * len(EXCEPTIONS), "money"])
    sheet.write_row(["A line's dollars may count under several rules here."], ["label"])


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

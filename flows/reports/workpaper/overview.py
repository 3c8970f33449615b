"""The first sheet: what was audited, what was found, how the work-paper is used, and what did not fit into it."""

from collections.abc import Sequence

import polars as pl

from audit_rules.engine.rule import RuleModule
from audit_rules.wording import question
from flows.reports.run_facts import RunFacts
from flows.reports.workpaper.cells import HEADING_HEIGHT, TITLE_HEIGHT, Formula, Link, Page
from flows.reports.workpaper.disposition import LINES, MEANINGS
from flows.reports.workpaper.lines import EVIDENCE, disposition_cells
from schemas.outcomes import EXCEPTIONS, MEANING

OVERVIEW = "Summary"
WIDTHS = (19, 72, 13, 17, 16, 12, 18)
_STEPS = (
    f"Work through the sheet {LINES}: the strongest outcome and the largest amounts come first.",
    f"A note on each header says what the column means. The facts behind a line are in the sheet {EVIDENCE}.",
    "Choose a disposition from the list in its cell, and say why beside it.",
    "Save, then: claims-audit dismiss --warehouse FILE --by NAME --file exceptions.xlsx",
    "What was dismissed is so from the next run on, until it moves. The other words stay in this file.",
)


def write_overview(
    page: Page,
    run: RunFacts,
    exceptions: pl.DataFrame,
    worklist: pl.DataFrame,
    rules: Sequence[RuleModule],
    left_out: Sequence[str],
) -> None:
    """The sheet; `rules` are those with a sheet of their own, `left_out` says what is not in the work-paper."""
    page.line(["Drug claims audit: work-paper"], ["title"], TITLE_HEIGHT)
    for label, text in (
        ("as of", run.as_of.isoformat()),
        ("run", f"{run.run_id}, claims-audit {run.version}"),
        ("moved", run.changes),
        ("loaded", f"{run.rows_read:,} rows in all files of the warehouse"),
        (
            "set aside",
            f"{run.quarantined:,} rows quarantined, {run.duplicates:,} exact duplicates",
        ),
    ):
        page.line([label, text], ["label", "plain"])
    for note in left_out:
        page.line(["NOT IN HERE", note], ["warning", "warning"])
    _outcomes(page, exceptions, worklist)
    _rules(page, exceptions, rules)
    _dispositions(page, exceptions.height)


def _heading(page: Page, text: str) -> None:
    """A heading under a blank row, ruled over the whole width."""
    page.row += 1
    page.line([text, *[None] * (len(WIDTHS) - 1)], ["heading"] * len(WIDTHS), HEADING_HEIGHT)


def _outcomes(page: Page, exceptions: pl.DataFrame, worklist: pl.DataFrame) -> None:
    """Exceptions, lines and dollars by outcome."""
    _heading(page, "What was found")
    page.line(
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
        page.line(values, [outcome, "text", "count", "count", "money"])
    total = ["all", None, exceptions.height, worklist.height, worklist["amount_at_risk"].sum()]
    page.line(total, ["total", "total", "total_count", "total_count", "total_money"])
    page.line(["A line's dollars count once here, under its strongest outcome."], ["label"])


def _rules(page: Page, exceptions: pl.DataFrame, rules: Sequence[RuleModule]) -> None:
    """Exceptions by rule and outcome, each rule with a link to its sheet."""
    _heading(page, "By rule")
    page.line(
        ["rule", "what it asks", *EXCEPTIONS, "at risk"], ["header"] * 2 + ["header_number"] * 5
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
        page.line(values, ["linked", "wrapped", *["count"] * len(EXCEPTIONS), "money"])
    page.line(["A line's dollars may count under several rules here."], ["label"])


def _dispositions(page: Page, exceptions: int) -> None:
    """What to do, what the words mean, and how many lines have each by now."""
    _heading(page, "How to use it")
    for number, step in enumerate(_STEPS, 1):
        page.line([f"{number}.", step], ["label", "plain"])
    page.row += 1
    page.line(["disposition", "meaning", "lines"], ["header", "header", "header_number"])
    cells = disposition_cells(exceptions)
    for word, means in MEANINGS.items():
        count = Formula(f'=COUNTIF({cells},"{word}")', 0)
        page.line([word, means, count], ["asked", "wrapped", "count"])
    page.line(
        ["(blank)", "Not decided yet.", Formula(f"=COUNTBLANK({cells})", exceptions)],
        ["asked", "wrapped", "count"],
    )

"""The end of a run: one screen for a person, or one JSON object for a scheduler.

Both hold counts and file names, and no row content.
"""

import json

from rich.console import Console
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from flows.end_screen import counts_by_rule, headline, lines_after_rules, lines_before_rules
from flows.results.totals import SUMMED
from flows.summary import Summary
from schemas.outcomes import ADVISORY, EXCEPTIONS, RECORDS_REQUEST, RECOVER, REVIEW

_COLOURS = {RECOVER: "red", RECORDS_REQUEST: "yellow", REVIEW: "cyan", ADVISORY: "bright_black"}
_PIPED_WIDTH = 120
_LABEL = 11


def show(summary: Summary) -> None:
    """Print what changed, was loaded and found, and where it is; colours only on a terminal."""
    console = Console(highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = _PIPED_WIDTH
    console.print(Text(headline(summary), style="bold"))
    for label, text in lines_before_rules(summary):
        _line(console, label, text)
    if summary.exceptions:
        console.print(Padding(_by_rule(summary), (0, 0, 0, _LABEL)))
    for label, text in lines_after_rules(summary):
        _line(console, label, text)


def _line(console: Console, label: str, text: str) -> None:
    if console.is_terminal and label != "reports":  # words stay whole; a path can be copied
        grid = Grid.grid()
        grid.add_column(width=_LABEL, style="bright_black")
        grid.add_column()
        grid.add_row(label, Text(text))
        console.print(grid, soft_wrap=False)
        return
    console.print(Text(label.ljust(_LABEL), style="bright_black").append(text, style="default"))


def _by_rule(summary: Summary) -> Grid:
    """Counts of exceptions by rule and outcome."""
    grid = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    grid.add_column("rule")
    for outcome in EXCEPTIONS:
        grid.add_column(Text(outcome, style=_COLOURS[outcome]), justify="right", no_wrap=True)
    for row in counts_by_rule(summary):
        grid.add_row(*row)
    return grid


def as_json(summary: Summary) -> str:
    """One object with the documented keys; amounts are text."""
    return json.dumps(
        {
            "exit_code": 0,
            "state": summary.state,
            "run_id": summary.run_id,
            "as_of": summary.as_of,
            "folder": str(summary.folder),
            "was_complete": summary.was_there,
            "loaded": {
                "new_files": summary.loaded_files,
                "passed_over": list(summary.passed_over),
                "growing": list(summary.growing),
                "rows": summary.rows_read,
            },
            "set_aside": {"quarantined": summary.quarantined, "duplicates": summary.duplicates},
            "found": {
                "exceptions": summary.found,
                "lines": summary.lines,
                "advisory_lines": summary.advisory_lines,
                **{column: summary.totals.get(column) for column in SUMMED},
                "repeated_amounts": summary.repeated_amounts,
                "by_rule": summary.by_rule(),
                "persons": summary.persons,
                "judged_again": summary.judged_again,
            },
            "moved": {"since": summary.previous_run, "counts": summary.changes},
            "notes": list(summary.notes),
        },
        ensure_ascii=False,
    )


def failure_as_json(exit_code: int, error: str) -> str:
    """The object of a run that failed."""
    return json.dumps({"exit_code": exit_code, "error": error}, ensure_ascii=False)

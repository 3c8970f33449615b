"""The end of a run: one screen for a person, or one JSON object for a scheduler.

Both hold counts and file names, and no row content.
"""

import json
from collections.abc import Iterator

from rich.console import Console
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from flows.results.totals import SUMMED, shown_totals
from flows.summary import Summary
from schemas.notes import counted
from schemas.outcomes import ADVISORY, EXCEPTIONS, RECORDS_REQUEST, RECOVER, REVIEW

_COLOURS = {RECOVER: "red", RECORDS_REQUEST: "yellow", REVIEW: "cyan", ADVISORY: "bright_black"}
_PIPED_WIDTH = 120
_LABEL, _COLUMN = 11, 24


def show(summary: Summary) -> None:
    """Print what changed, was loaded and found, and where it is; colours only on a terminal."""
    console = Console(highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = _PIPED_WIDTH
    state = "" if summary.is_clean else f", {summary.state.lower()}"
    console.print(Text(f"Audit {summary.run_id} as of {summary.as_of}{state}", style="bold"))
    _line(console, "changes", summary.changes_in_words())
    for label, text in (*_input(summary), *_findings(summary)):
        _line(console, label, text)
    if summary.exceptions:
        console.print(Padding(_by_rule(summary), (0, 0, 0, _LABEL)))
    for label, text in _totals(summary):
        _line(console, label, text)
    for note in summary.notes:
        _line(console, "note", note)
    left_alone = " (complete already, left alone)" if summary.was_there else ""
    _line(console, "reports", f"{summary.folder}{left_alone}")


def _input(summary: Summary) -> Iterator[tuple[str, str]]:
    """Lines about files and rows, each with its label."""
    loaded = counted(summary.loaded_files, "new file") if summary.loaded_files else "no new file"
    rows = summary.rows_read
    in_all = "" if rows is None else f"; {counted(rows, 'row')} in the warehouse's files in all"
    yield "loaded", f"{loaded}{in_all}"
    for files, what in (
        (summary.growing, "still growing, left for the next run"),
        (summary.passed_over, "passed over, loaded before"),
    ):
        if files:
            yield "", f"{counted(len(files), 'file')} {what}: {', '.join(files)}"
    if summary.quarantined is None or summary.duplicates is None:
        yield "set aside", f"{'no' if summary.quarantined == 0 else 'some'} rows quarantined"
    else:
        duplicates = counted(summary.duplicates, "exact duplicate")
        yield "set aside", f"{counted(summary.quarantined, 'row')} quarantined, {duplicates}"


def _findings(summary: Summary) -> Iterator[tuple[str, str]]:
    """Lines about exceptions and persons, each with its label."""
    if summary.lines is None:
        yield "found", "nothing, or too little to show at this privacy level"
        return
    on_lines = counted(summary.lines, "line")
    alone = f", {summary.advisory_lines:,} with advisories alone" if summary.advisory_lines else ""
    found = "" if summary.found is None else f"{counted(summary.found, 'exception')} on "
    yield "found", f"{found}{on_lines}{alone}"
    if summary.persons is not None and summary.judged_again is not None:
        persons = counted(summary.persons, "person")
        if summary.judged_again < summary.persons:
            yield "", f"{summary.judged_again:,} of {persons} re-evaluated; the rest are unchanged"
        else:
            yield "", f"{persons} judged"
    if summary.repeated_amounts:
        claims = counted(summary.repeated_amounts, "claim")
        amount = "the same amount on every line"
        yield "", f"{claims} with {amount}: counted once, named in the manifest"


def _line(console: Console, label: str, text: str) -> None:
    console.print(Text(label.ljust(_LABEL), style="bright_black").append(text, style="default"))


def _totals(summary: Summary) -> Iterator[tuple[str, str]]:
    """A line for each sum of a column of the worklist, with the column's name."""
    amounts = {c: f"{amount:,.2f}" for c, amount in shown_totals(summary.totals).items()}
    if amounts:
        yield "amounts", "sums of columns of the worklist, which counts no dollar twice:"
    width = max(map(len, amounts.values()), default=0)
    for column, amount in amounts.items():
        yield "", f"{column:{_COLUMN}}{amount:>{width}}"


def _by_rule(summary: Summary) -> Grid:
    """Counts of exceptions by rule and outcome."""
    grid = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    grid.add_column("rule")
    for outcome in EXCEPTIONS:
        grid.add_column(Text(outcome, style=_COLOURS[outcome]), justify="right", no_wrap=True)
    for rule, counts in summary.by_rule().items():
        grid.add_row(rule, *(f"{counts[o]:,}" if o in counts else "" for o in EXCEPTIONS))
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

"""The end of a run on one screen for a person, or as one JSON object for a scheduler. Counts and file names, nothing of a row."""

import json
from decimal import Decimal

from rich.console import Console
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from flows.summary import Summary
from schemas.outcomes import ADVISORY, EXCEPTIONS, RECORDS_REQUEST, RECOVER, REVIEW

_COLOURS = {RECOVER: "red", RECORDS_REQUEST: "yellow", REVIEW: "cyan", ADVISORY: "bright_black"}
_PIPED_WIDTH = 120
_LABEL = 11


def show(summary: Summary) -> None:
    """What was found, loaded and moved, and where it is; without colours where the output is no terminal."""
    console = Console(highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = _PIPED_WIDTH
    state = "" if not summary.quarantined else f", {summary.state.lower()}"
    console.print(Text(f"Audit {summary.run_id} as of {summary.as_of}{state}", style="bold"))
    _line(console, "moved", summary.moved_in_words())
    loaded = f"{summary.loaded_files} new files" if summary.loaded_files else "no new file"
    _line(
        console, "loaded", f"{loaded}; {summary.rows_read:,} rows in the warehouse's files in all"
    )
    if summary.growing:
        names = ", ".join(summary.growing)
        _line(
            console,
            "",
            f"{len(summary.growing)} files still growing, left for the next run: {names}",
        )
    if summary.passed_over:
        _line(
            console,
            "",
            f"{len(summary.passed_over)} files passed over, loaded before: {', '.join(summary.passed_over)}",
        )
    _line(
        console,
        "set aside",
        f"{summary.quarantined:,} rows quarantined, {summary.duplicates:,} exact duplicates",
    )
    at_risk = _dollars(summary.amount_at_risk)
    _line(
        console,
        "found",
        f"{summary.found:,} exceptions on {summary.lines:,} lines, {at_risk} at risk",
    )
    some = f"{summary.judged_again:,} of {summary.persons:,} persons judged again; nothing touched the others"
    _line(
        console,
        "",
        some if summary.judged_again < summary.persons else f"{summary.persons:,} persons judged",
    )
    if summary.repeated_amounts:
        repeated = f"{summary.repeated_amounts:,} claims repeat their amount on every line: counted once, named in the manifest"
        _line(console, "", repeated)
    if summary.exceptions:
        console.print(Padding(_by_rule(summary), (0, 0, 0, _LABEL)))
    for note in summary.notes:
        _line(console, "note", note)
    _line(
        console,
        "reports",
        f"{summary.folder}{' (complete already, left alone)' if summary.was_there else ''}",
    )


def _line(console: Console, label: str, text: str) -> None:
    console.print(Text(label.ljust(_LABEL), style="bright_black").append(text, style="default"))


def _by_rule(summary: Summary) -> Grid:
    """Counts by rule and outcome, with the dollars of each outcome underneath, none counted twice."""
    grid = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_footer=True)
    grid.add_column("rule", footer="at risk")
    for outcome in EXCEPTIONS:
        dollars = _dollars(summary.at_risk_by_outcome.get(outcome, "0"))
        grid.add_column(
            Text(outcome, style=_COLOURS[outcome]), footer=dollars, justify="right", no_wrap=True
        )
    for rule, counts in summary.by_rule().items():
        grid.add_row(rule, *(f"{counts[o]:,}" if o in counts else "" for o in EXCEPTIONS))
    return grid


def _dollars(amount: str) -> str:
    return f"{Decimal(amount):,.2f}"


def as_json(summary: Summary) -> str:
    """One object: the keys are those of the README, amounts are text."""
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
                "amount_at_risk": summary.amount_at_risk,
                "amount_at_risk_by_outcome": summary.at_risk_by_outcome,
                "repeated_amounts": summary.repeated_amounts,
                "by_rule": summary.by_rule(),
                "persons": summary.persons,
                "judged_again": summary.judged_again,
            },
            "moved": {"since": summary.night_before, "counts": summary.moved},
            "notes": list(summary.notes),
        },
        ensure_ascii=False,
    )


def failure_as_json(exit_code: int, error: str) -> str:
    """The object of a run that failed."""
    return json.dumps({"exit_code": exit_code, "error": error}, ensure_ascii=False)

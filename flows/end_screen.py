"""What the end of a run says: labelled lines, for the screen and for Prefect's page of the run.

They hold counts, sums and file names, and no row content.
"""

import re
from collections.abc import Iterator
from itertools import groupby

from flows.results.totals import shown_totals
from flows.summary import Summary
from schemas.notes import counted
from schemas.outcomes import EXCEPTIONS

_NOTE = "note"
_COLUMN = 24
_MARKS = re.compile(r"([\\`*_{}\[\]<>|#~])")


def headline(summary: Summary) -> str:
    """Which run it was, and how it ended."""
    state = "" if summary.is_clean else f", {summary.state.lower()}"
    return f"Audit {summary.run_id} as of {summary.as_of}{state}"


def lines_before_rules(summary: Summary) -> Iterator[tuple[str, str]]:
    """What changed, was loaded and found; each line with its label, which may be empty."""
    yield "changes", summary.changes_in_words()
    yield from _input(summary)
    yield from _findings(summary)


def lines_after_rules(summary: Summary) -> Iterator[tuple[str, str]]:
    """Sums, notes and where the reports are; each line with its label, which may be empty."""
    yield from _totals(summary)
    for note in summary.notes:
        yield _NOTE, note
    left_alone = " (complete already, left alone)" if summary.was_there else ""
    yield "reports", f"{summary.folder}{left_alone}"


def counts_by_rule(summary: Summary) -> Iterator[tuple[str, ...]]:
    """A row for each rule: its id, and its exceptions of each outcome; nothing for none."""
    for rule, counts in summary.by_rule().items():
        yield rule, *(f"{counts[o]:,}" if o in counts else "" for o in EXCEPTIONS)


def as_markdown(summary: Summary) -> str:
    """The end screen as Markdown."""
    parts = [
        _table(("", ""), lines_before_rules(summary)),
        _table(("rule", *EXCEPTIONS), counts_by_rule(summary)) if summary.exceptions else "",
    ]
    for is_note, grouped in groupby(lines_after_rules(summary), lambda line: line[0] == _NOTE):
        lines = iter(grouped)
        parts.append(_list("Notes", lines) if is_note else _table(("", ""), lines))
    return "\n\n".join([f"# {_as_text(headline(summary))}", *filter(None, parts)])


def _list(title: str, lines: Iterator[tuple[str, str]]) -> str:
    """Sentences: Prefect's page does not wrap those in the cells of a table."""
    return "\n".join([f"## {title}", "", *(f"- {_as_text(text)}" for _, text in lines)])


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    cells = [[*map(_as_text, row)] for row in (head, *rows)]
    cells.insert(1, ["---"] * len(head))
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


def _as_text(text: str) -> str:
    """A text as Markdown that shows it: one line, no character of which is a mark."""
    return _MARKS.sub(r"\\\1", " ".join(text.split()))


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
    audited = f" of {summary.audited_lines:,} audited" if summary.audited_lines else ""
    yield "found", f"{found}{on_lines}{audited}{alone}"
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


def _totals(summary: Summary) -> Iterator[tuple[str, str]]:
    """A line for each sum of a column of the worklist, with the column's name."""
    amounts = {c: f"{amount:,.2f}" for c, amount in shown_totals(summary.totals).items()}
    if amounts:
        yield "amounts", "sums of columns of the worklist, which counts no dollar twice:"
    width = max(map(len, amounts.values()), default=0)
    for column, amount in amounts.items():
        yield "", f"{column:{_COLUMN}}{amount:>{width}}"

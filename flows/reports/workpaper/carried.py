"""What was written into the last work-paper and not decided yet, carried into the next one.

Owner, due date and note go with the claim line. A disposition and the amount confirmed were about
exceptions as they were: they go on only as long as these are the same, and no others have joined
them. Whatever finds no place is listed on the sheet of changes. What is in the ledger by now is not
carried: the column decision shows it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from flows.errors import UsageError
from flows.ledger.written_decisions import action_of, day_of, dollars_of
from flows.provenance import sha256_of
from flows.reports.workpaper.changes import NOT_CARRIED
from flows.reports.workpaper.disposition import (
    CARRIED_FROM,
    CONFIRMED,
    DISPOSITION,
    DUE,
    EXCEPTION_ID,
    EXCEPTION_IDS,
    EXCEPTIONS_SHEET,
    NOTE,
    OF_A_LINE,
    OF_AN_EXCEPTION,
    REASON,
    WORKLIST,
)
from flows.reports.workpaper.read import Saved, rows_of
from schemas.decisions import CHANGED
from schemas.notes import counted
from schemas.results import LINE_KEY

_OF_ITS_EXCEPTIONS = (DISPOSITION, CONFIRMED)
_GONE = "the line is not in the worklist any more"
_EXCEPTION_GONE = "the exception is not found any more"
_CHANGED = "what was found has changed since"
_OTHERS = "the line has other exceptions now"
_TWICE = "another row of the last work-paper is about it"
_SHOWN_KEY = ("payer", "member_id", "claim_source", "claim_id", "claim_line_number")


class LastPaper(NamedTuple):
    """The work-paper of the run before: its file, and that run's id and as-of date."""

    file: Path
    run_id: str
    as_of: date

    @property
    def named(self) -> str:
        """How the work-paper after it names it."""
        return f"work-paper of {self.as_of.isoformat()}"


@dataclass
class Carried:
    """What goes on.

    lines        number of the row of a line, from 0 -> its columns to fill in, as texts.
    exceptions   exception_id -> its columns to fill in, as texts.
    not_carried  rows for the sheet of changes.
    source       the work-paper that it comes from, as this one names it.
    made_from    what identifies that work-paper and its content.
    problem      why nothing could be read; empty: it could.
    columns      how many columns that somebody had added are left behind.
    """

    source: str = ""
    lines: dict[int, dict[str, str]] = field(default_factory=dict)
    exceptions: dict[str, dict[str, str]] = field(default_factory=dict)
    not_carried: list[dict[str, Any]] = field(default_factory=list)
    made_from: str = ""
    problem: str = ""
    columns: int = 0

    def in_words(self) -> str:
        """What was carried, in a sentence; empty if there was nothing to say."""
        parts = [
            f"{counted(n, what)}"
            for n, what in (
                (len(self.lines), "line"),
                (len(self.exceptions), "single exception"),
            )
            if n
        ]
        said = [f"Carried from the {self.source}: {', '.join(parts)}."] if parts else []
        if self.not_carried:
            said.append(
                f"Not carried from the {self.source}: {counted(len(self.not_carried), 'row')}, "
                "listed on the sheet Changes."
            )
        if self.columns:
            said.append(
                f"Not carried from the {self.source}: "
                f"{counted(self.columns, 'column')} that somebody had added."
            )
        return " ".join(said)


class _Now(NamedTuple):
    """What there is in this run.

    line_of    exception_id -> number of its line.
    ids        number of a line -> the exceptions that its disposition is about.
    by_key     shown values of LINE_KEY -> number of the line.
    decision   exception_id -> its latest decision.
    changed    exceptions that are not as they were last night.
    new_id     exception_id -> that of the claim which replaced its claim.
    """

    line_of: dict[str, int]
    ids: list[frozenset[str]]
    by_key: dict[tuple[str, ...], int]
    decision: dict[str, str | None]
    changed: set[str]
    new_id: dict[str, str]


def carry(
    last: LastPaper | None, lines: pl.DataFrame, exceptions: pl.DataFrame, changes: pl.DataFrame
) -> Carried:
    """Read the last work-paper, and find the lines and exceptions of this run that it is about.

    lines, exceptions   in the order in which their sheets show them.
    """
    if last is None:
        return Carried()
    carried = Carried(source=last.named)
    try:
        saved = Saved(last.file)
        carried.made_from = f"{last.run_id} {sha256_of(last.file)}"
    except (UsageError, OSError):
        carried.problem = (
            f"The {last.named} (run={last.run_id}) cannot be read: nothing was carried from it."
        )
        return carried
    carried.columns = sum(len(t.unread) for t in (saved.lines, saved.exceptions) if t)
    now = _now(lines, exceptions, changes)
    for number, row in rows_of(saved.exceptions):
        _carry_exception(carried, now, row, number)
    for number, row in rows_of(saved.lines):
        _carry_line(carried, now, row, number)
    return carried


def _now(lines: pl.DataFrame, exceptions: pl.DataFrame, changes: pl.DataFrame) -> _Now:
    ids = lines[EXCEPTION_IDS].to_list()
    every = lines["every_id"].to_list()
    changed = changes.filter(pl.col("status") == CHANGED)
    rebilled = changes.drop_nulls("continues")
    return _Now(
        line_of={i: number for number, of_line in enumerate(every) for i in of_line},
        ids=[frozenset(of_line) for of_line in ids],
        by_key={
            tuple(_shown(value) for value in row): number
            for number, row in enumerate(lines.select(LINE_KEY).iter_rows())
        },
        decision=dict(exceptions.select(EXCEPTION_ID, "decision").iter_rows()),
        changed=set(changed[EXCEPTION_ID]),
        new_id=dict(rebilled.select("continues", EXCEPTION_ID).iter_rows()),
    )


def _shown(value: object) -> str:
    return "" if value is None else str(value).strip()


def _carry_exception(carried: Carried, now: _Now, row: Mapping[str, str], number: int) -> None:
    """Carry what was written about one exception, unless it is in the ledger by now."""
    written = {name: row.get(name, "") for name in OF_AN_EXCEPTION}
    exception_id = row[EXCEPTION_ID]
    if not any(written.values()):
        return
    action = action_of(written[DISPOSITION])
    if exception_id not in now.decision:
        why = _EXCEPTION_GONE
    elif action and now.decision[exception_id] == action:
        return
    elif exception_id in now.changed:
        why = _CHANGED
    elif exception_id in carried.exceptions:
        why = _TWICE
    else:
        carried.exceptions[exception_id] = written
        return
    marks = {DISPOSITION: written[DISPOSITION], NOTE: written[REASON]}
    _leave(carried, row, marks, f"{why} ({EXCEPTIONS_SHEET} row {number})")


def _carry_line(carried: Carried, now: _Now, row: Mapping[str, str], number: int) -> None:
    """Carry what was written about one line; list what cannot go on."""
    written = {name: row.get(name, "") for name in OF_A_LINE}
    if not any(written.values()):
        return
    line, place = _line_now(now, row), f"{WORKLIST} row {number}"
    if line is None or line in carried.lines:
        _leave(carried, row, written, f"{_GONE if line is None else _TWICE} ({place})")
        return
    if _is_decided(now, row):
        written[DISPOSITION] = ""
    ids, left = set(row[EXCEPTION_IDS].split()), {}
    why = _CHANGED if ids & now.changed else "" if now.ids[line] == ids else _OTHERS
    if why:
        left = {name: written.pop(name) for name in _OF_ITS_EXCEPTIONS}
    if why == _OTHERS and left[DISPOSITION]:
        remaining = [i for i in row[EXCEPTION_IDS].split() if i in now.decision]
        _carry_to_each(carried, now, remaining, left, written[NOTE])
    _leave(carried, row, left, f"{why} ({place})")
    if any(written.values()):
        carried.lines[line] = written


def _leave(carried: Carried, row: Mapping[str, str], marks: Mapping[str, str], why: str) -> None:
    """List what a row says and what is not carried, if it says anything."""
    if any(marks.values()):
        carried.not_carried.append(_listed(row, marks, why))


def _line_now(now: _Now, row: Mapping[str, str]) -> int | None:
    """The line of this run that a row is about: that of its exceptions, or of the same claim."""
    for exception_id in row[EXCEPTION_IDS].split():
        for known in (exception_id, now.new_id.get(exception_id, "")):
            if known in now.line_of:
                return now.line_of[known]
    return now.by_key.get(tuple(row.get(name, row.get("line", "")) for name in LINE_KEY))


def _is_decided(now: _Now, row: Mapping[str, str]) -> bool:
    """Whether the ledger says of each exception of a row what the row says."""
    action = action_of(row.get(DISPOSITION, ""))
    return action is not None and all(
        now.decision.get(i) == action for i in row[EXCEPTION_IDS].split()
    )


def _carry_to_each(
    carried: Carried, now: _Now, remaining: Sequence[str], left: dict[str, str], note: str
) -> None:
    """Carry the disposition of a line to those of its exceptions that remain, if there are any."""
    for exception_id in remaining:
        if now.decision[exception_id] != action_of(left[DISPOSITION]):
            written = {DISPOSITION: left[DISPOSITION], REASON: note}
            if carried.exceptions.setdefault(exception_id, written) != written:
                return
    if remaining:
        left[DISPOSITION] = ""


def _listed(row: Mapping[str, str], marks: Mapping[str, str], why: str) -> dict[str, Any]:
    """A row of the sheet of changes for what is not carried."""
    key: dict[str, object] = {n: row.get(n) for n in _SHOWN_KEY}
    number = row.get("claim_line_number") or row.get("line") or ""
    key["claim_line_number"] = int(number) if number.isdecimal() else number or None
    about = {
        "rule_id": row.get("rule_id") or row.get("rule_ids"),
        "outcome": row.get("outcome"),
        EXCEPTION_ID: row.get(EXCEPTION_ID) or row.get(EXCEPTION_IDS),
    }
    return {"status": NOT_CARRIED, "why": why, **about, **key, **values_of(marks)}


def values_of(texts: Mapping[str, str]) -> dict[str, object]:
    """What people wrote, with days and dollars as such if they are; empty is None."""
    read: dict[str, object] = {name: text or None for name, text in texts.items()}
    for name, value in ((DUE, day_of(texts.get(DUE, ""))), (CONFIRMED, _dollars(texts))):
        if value is not None:
            read[name] = value
    return read


def _dollars(texts: Mapping[str, str]) -> Decimal | None:
    return dollars_of(texts.get(CONFIRMED, ""))


def with_marks(
    rows: pl.DataFrame, columns: Sequence[str], marks: Sequence[Mapping[str, str]], source: str
) -> pl.DataFrame:
    """Rows with the columns to fill in: what was carried to each row, and from where."""
    values = [values_of(of_row) for of_row in marks]
    filled = [pl.Series(c, [v.get(c) for v in values], dtype=pl.Object) for c in columns]
    origin = [source if any(of_row.values()) else None for of_row in marks]
    return rows.with_columns(*filled, pl.Series(CARRIED_FROM, origin, dtype=pl.String))

"""Checks of the file itself, before it is loaded: a clause for everything, and dates in order.

Loading refuses some of these at the first; here all are reported, and the file is repaired in
memory so that the rest can be checked: a placeholder for a missing clause, dates changed until they
are in order.
"""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from audit_rules.lint.defect import Defect
from audit_rules.policy.document import PolicyFile
from audit_rules.policy.language.read import DECLARING
from schemas.days import shifted

_PLACEHOLDERS = {
    "",
    "na",
    "none",
    "null",
    "tbd",
    "todo",
    "unknown",
    "xxx",
    "nocite",
    "nocitation",
    "missing",
    "pending",
}
_PLACEHOLDER = "(no clause given)"

Table = dict[str, Any]


def repaired(file: PolicyFile) -> tuple[PolicyFile, list[Defect]]:
    """The file in a form that can be loaded, and what was wrong with clauses and dates."""
    data = deepcopy(file.data)
    found = [*_clauses(file, data), *_dates(file, data)]
    return replace(file, data=data), found


def _tables(data: Table, skip: tuple[str, ...] = ()) -> Iterator[tuple[str, str, Table]]:
    """Every entry of every array: key, what to call it, and the entry."""
    for key, entries in data.items():
        if isinstance(entries, list) and key not in skip:
            for number, entry in enumerate(entries, 1):
                if isinstance(entry, dict):
                    yield key, str(entry.get("term_id") or f"{key} {number}"), entry


def _finding(
    file: PolicyFile, cite: str, check: str, code: str, message: str, remedy: str
) -> Defect:
    document = file.data.get("document")
    name = document.get("id", "") if isinstance(document, dict) else ""
    return Defect(file.name, str(name), cite, check, "error", code, message, remedy)


def _clauses(file: PolicyFile, data: Table) -> Iterator[Defect]:
    """term_without_citation -- something that does not say where in the document it is."""
    for key, name, entry in _tables(data, skip=tuple(DECLARING)):
        if "table" in entry:  # its rows may give their clauses, and loading asks them for it
            continue
        field = "clause" if key == "not_auditable" else "cite"
        cite = entry.get(field, "")
        if (
            not isinstance(cite, str)
            or "".join(c for c in cite.lower() if c.isalnum()) not in _PLACEHOLDERS
        ):
            continue
        entry[field] = _PLACEHOLDER
        yield _finding(
            file,
            name,
            "term_without_citation",
            "",
            f"{name} names no clause of the document.",
            f"Give {field}: the section, table or paragraph where a reader finds it.",
        )


def _day(entry: Table, key: str) -> date | None:
    value = entry.get(key)
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            return None
    return value if isinstance(value, date) and not isinstance(value, datetime) else None


def _dates(file: PolicyFile, data: Table) -> Iterator[Defect]:
    yield from _versions(file, data)
    yield from _spans(file, data)
    yield from _starts(file, data)
    yield from _approval(file, data)


def _wrong(file: PolicyFile, name: str, value: date | None, message: str, remedy: str) -> Defect:
    return _finding(file, name, "dates_out_of_order", str(value or ""), message, remedy)


def _versions(file: PolicyFile, data: Table) -> Iterator[Defect]:
    """dates_out_of_order -- versions that do not follow each other."""
    versions = data.get("version")
    if not isinstance(versions, list) or not all(
        isinstance(v, dict) and _day(v, "effective_from") for v in versions
    ):
        return
    starts = [_day(v, "effective_from") or date.min for v in versions]
    for number in range(1, len(starts)):
        if starts[number] <= starts[number - 1]:
            yield _wrong(
                file,
                f"version {number + 1}",
                starts[number],
                f"version {number + 1} begins on {starts[number]}, not after version {number}"
                f" ({starts[number - 1]}).",
                "Put the oldest version first, and give each its own date.",
            )
    data["version"] = [v for _, v in sorted(dict(zip(starts, versions, strict=True)).items())]


_SPANS = (
    ("effective_from", "effective_to"),
    ("first_day", "last_day"),
    ("effective_from", "reviewed_through"),
)


def _spans(file: PolicyFile, data: Table) -> Iterator[Defect]:
    """dates_out_of_order -- something that ends before it begins."""
    for _, name, entry in _tables(data):
        for first, last in _SPANS:
            start, end = _day(entry, first), _day(entry, last)
            if (
                start is None
                or end is None
                or end > start
                or (last != "effective_to" and end == start)
            ):
                continue
            entry[last] = shifted(start, 1)
            yield _wrong(
                file,
                name,
                end,
                f"{name}: {last} {end} is not after {first} {start}.",
                f"Correct {first} or {last}.",
            )


def _starts(file: PolicyFile, data: Table) -> Iterator[Defect]:
    """dates_out_of_order -- a term that begins before its document."""
    versions = data.get("version")
    starts = (
        [_day(v, "effective_from") for v in versions if isinstance(v, dict)]
        if isinstance(versions, list)
        else []
    )
    begins = min((s for s in starts if s), default=None)
    for _, name, entry in _tables(data, skip=("version",)):
        start = _day(entry, "effective_from")
        if begins is None or start is None or start >= begins:
            continue
        entry["effective_from"] = begins
        end = _day(entry, "effective_to")
        if end is not None and end <= begins:
            entry["effective_to"] = shifted(begins, 1)
        yield _wrong(
            file,
            name,
            start,
            f"{name} holds from {start}, before the document's first version ({begins}).",
            "Move its effective_from, or add the version that it belongs to.",
        )


def _approval(file: PolicyFile, data: Table) -> Iterator[Defect]:
    """dates_out_of_order -- approved after it took effect, or to be reviewed before that."""
    document, versions = data.get("document"), data.get("version")
    if not isinstance(document, dict) or not isinstance(versions, list):
        return
    starts = [s for s in (_day(v, "effective_from") for v in versions if isinstance(v, dict)) if s]
    approved, review = _day(document, "approved_on"), _day(document, "next_review")
    latest = max(starts, default=None)
    if approved and latest and approved > latest:
        yield _wrong(
            file,
            "document",
            approved,
            f"The document was approved on {approved}, after it took effect ({latest}).",
            "Ask the payer which date is right; until then treat the days between as unsure.",
        )
    for event, day in (("took effect", latest), ("was approved", approved)):
        if review and day and review < day:
            yield _wrong(
                file,
                "document",
                review,
                f"The next review, {review}, comes before the document {event} ({day}).",
                "Correct next_review, or the date it precedes.",
            )
            break

"""Checks of single codes and ranges against the classification of the day."""

from collections.abc import Iterator

from audit_rules.lint.defect import CodeRow, Defect, Subject
from audit_rules.lint.listing import are, first_few, them
from audit_rules.lint.words import readings, telling, words
from audit_rules.policy.statements import CodeRange
from audit_rules.policy.terms.doses import AdverseEvent, CyclesWithoutResponse, RemissionAtStart
from audit_rules.policy.terms.persons import DiagnosisCodes
from audit_rules.reference.icd10cm import EARLIEST, first_day
from audit_rules.wording import listed
from schemas.days import shifted

_CATEGORY = 3
_FEWEST_OF_A_SERIES = 3
_LENGTH_WITH_ENCOUNTER = 8
_TAKEN_BACK = {"trait", "carrier", "history", "screening"}


def unknown_code(subject: Subject) -> Iterator[Defect]:
    """A code that ICD-10-CM has never had, or a range written backwards."""
    icd = subject.context.icd
    for row in (*subject.rows, *subject.readings, *_codes_of_terms(subject)):
        for written in row.items:
            for code in dict.fromkeys((written.first, written.last)):
                if code not in icd:
                    yield subject.error(
                        row.cite,
                        "unknown_code",
                        code,
                        f"{code} is not an ICD-10-CM code, and has not been one since"
                        f" {first_day(EARLIEST)}.",
                        "Correct the code.",
                    )
            if (
                written.first in icd
                and written.last in icd
                and icd.place(written.first) > icd.place(written.last)
            ):
                yield subject.error(
                    row.cite,
                    "range_reversed",
                    written.text,
                    f"The range {written.text} ends before it begins.",
                    "Write the lower code first.",
                )


def _codes_of_terms(subject: Subject) -> Iterator[CodeRow]:
    """Codes that other terms name, and those of code lists that the document's own table
    replaces."""
    listed = {w.first for row in (*subject.rows, *subject.readings) for w in row.items}
    for term in subject.policy.terms:
        match term:
            case AdverseEvent():
                codes = term.codes
            case RemissionAtStart():
                codes = (*term.remission_codes, *term.active_codes)
            case CyclesWithoutResponse():
                codes = term.remission_codes
            case DiagnosisCodes():
                codes = tuple(c for c in term.codes if c not in listed)
            case _:
                continue
        items = tuple(CodeRange(c, c, c) for c in codes)
        yield CodeRow(term.cite, None, items, (), term.effective_from, term.effective_to)


def header_code(subject: Subject) -> Iterator[Defect]:
    """A code that may not be billed, because there are more specific ones below it."""
    icd, today = subject.context.icd, subject.context.today
    for row in subject.rows:
        day = row.seen_on(today)
        for code in _single_codes(subject, row):
            if not icd.there(code, day) or icd.billable(code, day):
                continue
            begun = icd.header_since(code, day)
            since = f" since {begun}" if begun else ""
            below = [c for c in icd.below(code) if icd.billable(c, day)]
            yield subject.error(
                row.cite,
                "header_code",
                code,
                f"{code} ({icd.title(code)}) is a header{since}: no claim can use it.",
                f"List its codes: {first_few(below)}.",
            )


def _single_codes(subject: Subject, row: CodeRow) -> Iterator[str]:
    """Codes that a row names as such; a range of headers, and a header written with its children,
    name none."""
    icd = subject.context.icd
    seen: set[str] = set()
    for written in row.items:
        ends = [c for c in dict.fromkeys((written.first, written.last)) if c in icd]
        headers = [c for c in ends if not icd.entries[c].billable]
        if written.with_children or (
            len(ends) > 1 and (headers == ends or all(len(c) == _CATEGORY for c in ends))
        ):
            continue
        yield from (c for c in ends if c not in seen)
        seen |= set(ends)


def code_not_in_force(subject: Subject) -> Iterator[Defect]:
    """A code that ICD-10-CM no longer has, or not yet, while the document lists it."""
    icd, today = subject.context.icd, subject.context.today
    for row in subject.rows:
        for code in _single_codes(subject, row):
            first, last = icd.entries[code].there
            if last < row.seen_on(today):
                yield subject.error(
                    row.cite,
                    "code_not_in_force",
                    code,
                    f"{code} ({icd.title(code)}) was deleted from ICD-10-CM on {shifted(last, 1)}.",
                    "Take the code that took its place, or end the row on that day.",
                )
            elif first > row.start:
                yield subject.warning(
                    row.cite,
                    "code_younger_than_document",
                    code,
                    f"{code} ({icd.title(code)}) exists since {first}, but is listed"
                    f" from {row.start}.",
                    "List it from the day it exists, or correct the code.",
                )


def range_stops_before_letter(subject: Subject) -> Iterator[Defect]:
    """All codes of a series that end in a digit are listed, and those of the same series that end
    in a letter are not."""
    icd = subject.context.icd
    for row in subject.rows:
        for header in _headers(subject, row):
            missed = _letters_missed(subject, row, header)
            if missed:
                written = next(
                    (
                        w.text
                        for w in row.items
                        if icd.parent(w.last) == header and w.first != w.last
                    ),
                    "",
                )
                series = [c for c in icd.children(header) if c in row.holds]
                text = written or f"{series[0]}-{series[-1]}"
                yield subject.error(
                    row.cite,
                    "range_stops_before_letter",
                    text,
                    f"{text} stops before {listed(missed)} ({icd.title(missed[0])}), which follows"
                    " in the same series.",
                    f"End it with {missed[-1]}, or say that {listed(missed)} is not meant.",
                )


def _headers(subject: Subject, row: CodeRow) -> list[str]:
    """Headers directly over the codes of a row."""
    return list(dict.fromkeys(filter(None, map(subject.context.icd.parent, row.codes))))


def _letters_missed(subject: Subject, row: CodeRow, header: str) -> list[str]:
    """Codes below a header that end in a letter and are listed nowhere, if the row has every
    other code below it."""
    icd = subject.context.icd
    day = row.seen_on(subject.context.today)
    children = [c for c in icd.children(header) if icd.there(c, day)]
    digits = [c for c in children if c[-1].isdigit()]
    if len(digits) < _FEWEST_OF_A_SERIES or not set(digits) <= row.holds:
        return []
    named = row.label is not None and subject.context.labels.names(row.label, header)
    called = telling(words(icd.title(header)))
    return [
        c
        for c in children
        if c not in digits
        and not subject.listed & set(icd.below(c))
        and (named or called & telling(words(icd.title(c))))
    ]


def siblings_left_out(subject: Subject) -> Iterator[Defect]:
    """The label names a whole header, or there is none, and the document has only some of the codes
    below that header."""
    icd = subject.context.icd
    for row in subject.rows:
        for header in _headers(subject, row):
            left_out = _left_out(subject, row, header)
            if left_out:
                own = [c for c in icd.children(header) if c in row.holds]
                first = f"{left_out[0]}: {icd.title(left_out[0])}"
                label = f" as {row.label!r}" if row.label else ""
                yield subject.error(
                    row.cite,
                    "siblings_left_out",
                    own[0],
                    f"{first_few(own)} {are(own)} listed{label}, without {first_few(left_out)} of"
                    f" the same kind ({first}).",
                    f"List {them(left_out)} too, or say why {first_few(own)} alone.",
                )


def _left_out(subject: Subject, row: CodeRow, header: str) -> list[str]:
    """Codes below a header that are listed nowhere, though the row's label says as much of them;
    not those with encounters."""
    icd, labels = subject.context.icd, subject.context.labels
    day = row.seen_on(subject.context.today)
    children = [
        c for c in icd.children(header) if icd.there(c, day) and len(c) < _LENGTH_WITH_ENCOUNTER
    ]
    there = [c for c in children if subject.listed & set(icd.below(c))]
    letters = _letters_missed(subject, row, header)
    missing = [c for c in children if c not in there and c not in letters]
    only_the_rest = len(there) == 1 and labels.is_the_rest(there[0])
    if row.label is None:
        return missing if only_the_rest and "unspecified" in icd.title(there[0]).lower() else []
    if not labels.names(row.label, header) or any(
        _says_it_all(subject, row.label, c) for c in there
    ):
        return []
    meant = words(readings(row.label)[0])
    if only_the_rest:
        return [c for c in missing if any(telling(meant) & own for own in labels.own(c))]
    return [c for c in missing if not labels.is_the_rest(c) and _is_the_same(subject, row.label, c)]


def _says_it_all(subject: Subject, label: str, code: str) -> bool:
    """The label is the code's own title: its siblings are something else."""
    own = subject.context.labels.own(code)[0]
    return not subject.context.labels.is_the_rest(code) and any(
        words(reading) == own for reading in readings(label)
    )


def _is_the_same(subject: Subject, label: str, code: str) -> bool:
    """The code's title says all that the label says, and does not take it back."""
    own = subject.context.labels.own(code)[0]
    return any(words(reading) <= own for reading in readings(label)) and not _TAKEN_BACK & own

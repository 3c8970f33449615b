"""Checks of what a code list means: labels, indications, criteria."""

import re
from collections.abc import Iterator
from itertools import combinations, groupby

from audit_rules.lint.defect import CodeRow, Defect, Subject
from audit_rules.lint.listing import are, first_few
from audit_rules.lint.words import readings, telling, words
from audit_rules.policy.statements import Indication
from audit_rules.policy.terms.persons import DiagnosisCoverage

_ADULT_AGE = 18
_CHILDREN = re.compile(
    r"\b(p(a?)ediatrics?|child(ren)?|infants?|neonat(es?|al)|newborns?)\b", re.IGNORECASE
)


def label_mismatch(subject: Subject) -> Iterator[Defect]:
    """The document's label belongs to another code."""
    icd, labels = subject.context.icd, subject.context.labels
    for row in (*subject.rows, *subject.readings):
        wrong: dict[str, list[str]] = {}
        for code in row.codes if row.label else ():
            better = labels.judge(row.label or "", code).better
            above = [c for c in icd.lineage(code)[1:] if c in row.holds]
            if better and all(labels.judge(row.label or "", c).better for c in above):
                wrong.setdefault(better, []).append(code)
        for better, codes in wrong.items():
            tops = _tops(subject, codes)
            yield subject.error(
                row.cite,
                "label_mismatch",
                _compact(subject, codes),
                f"{first_few(tops)} {are(tops)} labelled {row.label!r}, but {tops[0]} means"
                f" {icd.title(tops[0])!r}.",
                f"{better} ({icd.title(better)}) is what the label says: ask which of the two is"
                " meant.",
            )


def _alike(one: str, other: str) -> bool:
    """One of two names says nothing that the other does not."""
    a, b = (words(readings(name)[0], stages=False) for name in (one, other))
    return bool(telling(a) and telling(b)) and (a <= b or b <= a)


def code_under_two_indications(subject: Subject) -> Iterator[Defect]:
    """A code is listed under two labels that are not the same disease, and does not clearly mean
    both."""
    judge = subject.context.labels.judge
    for one, other in combinations([r for r in subject.rows if r.label], 2):
        if not one.overlaps(other) or _alike(one.label or "", other.label or ""):
            continue
        both = [
            c
            for c in one.codes
            if c in other.holds and any(judge(r.label or "", c).fit != "fits" for r in (one, other))
        ]
        if both:
            yield subject.warning(
                other.cite,
                "code_under_two_indications",
                _compact(subject, both),
                f"{_compact(subject, both)} is listed under {one.label!r} and under"
                f" {other.label!r}.",
                "Ask which criteria hold for a claim with it.",
            )


def _tops(subject: Subject, codes: list[str]) -> list[str]:
    """The codes without those whose header is among them."""
    held = set(codes)
    return [c for c in codes if subject.context.icd.parent(c) not in held]


def _compact(subject: Subject, codes: list[str]) -> str:
    """Neighbours in official order as a range: C49.20-C49.22."""
    runs = []
    tops = _tops(subject, codes)
    for _, run in groupby(enumerate(tops), key=lambda p: subject.context.icd.place(p[1]) - p[0]):
        found = [c for _, c in run]
        runs.append(found[0] if len(found) == 1 else f"{found[0]}-{found[-1]}")
    return ", ".join(runs)


def code_without_criterion(subject: Subject) -> Iterator[Defect]:
    """A row of codes that none of the document's indications is about."""
    indications = subject.stated(Indication)
    for row in subject.rows if indications else ():
        if not row.codes or any(_served_by(subject, row, i) for i in indications):
            continue
        text = ", ".join(w.text for w in row.items)
        yield subject.error(
            row.cite,
            "code_without_criterion",
            text,
            f"{text} ({row.label or subject.context.icd.title(row.items[0].first)}) is listed, but"
            " no criterion is about it.",
            "Ask for the criterion, or whether the code was left over.",
        )


def _served_by(subject: Subject, row: CodeRow, indication: Indication) -> bool:
    """A criterion may be about the row: it says so, is called so, or could mean one of its
    codes."""
    if row.serves:
        return any(name.strip().lower() == indication.name.strip().lower() for name in row.serves)
    if row.label and _alike(row.label, indication.name):
        return True
    fits = (subject.context.labels.judge(indication.name, c).fit for c in row.codes)
    return any(fit in ("fits", "plausible") for fit in fits)


def _surely_served(subject: Subject, row: CodeRow, indication: Indication) -> bool:
    """A row is about the indication: it says so, is called so, or one of its codes means it, if not
    all that it says."""
    if row.serves or (row.label and _alike(row.label, indication.name)):
        return _served_by(subject, row, indication)
    return any(_means(subject, indication.name, c) for c in row.codes)


def _means(subject: Subject, name: str, code: str) -> bool:
    """The name fits the code, or says more than the title of the code or of a header of it."""
    labels = subject.context.labels
    fit = labels.judge(name, code).fit
    said = words(readings(name)[0])
    return fit == "fits" or (
        fit == "plausible" and any(telling(title) <= said for title in labels.titles(code))
    )


def indication_without_code(subject: Subject) -> Iterator[Defect]:
    """The document covers an indication and lists codes, but none for it."""
    for indication in subject.stated(Indication) if subject.rows else ():
        if not any(_surely_served(subject, row, indication) for row in subject.rows):
            yield subject.error(
                indication.cite,
                "indication_without_code",
                indication.name,
                f"The document covers {indication.name!r} and lists no code for it.",
                "Ask for its codes; until then a claim for it looks like one that is not covered.",
            )


def criteria_without_codes(subject: Subject) -> Iterator[Defect]:
    """The document has criteria for diagnoses, and no list of diagnosis codes."""
    coverage = next((t for t in subject.policy.terms if isinstance(t, DiagnosisCoverage)), None)
    first = coverage or next(iter(subject.stated(Indication)), None)
    if first and not subject.rows:
        yield subject.error(
            first.cite,
            "criteria_without_codes",
            "",
            "The criteria name diagnoses, but the document lists no ICD-10-CM codes.",
            "Ask for a list; until then every code in the policy file is the reader's.",
        )


def adult_age_for_children(subject: Subject) -> Iterator[Defect]:
    """Criteria for children that ask for adults."""
    for indication in subject.stated(Indication):
        age = indication.minimum_age
        if age is not None and age >= _ADULT_AGE and _CHILDREN.search(indication.name):
            yield subject.error(
                indication.cite,
                "adult_age_for_children",
                str(age),
                f"{indication.name!r} is about children, but its criteria ask for an age of {age}"
                " or more.",
                "Ask which age is meant; until then no age can be checked on a claim.",
            )

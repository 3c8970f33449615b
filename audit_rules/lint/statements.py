"""Checks of what a document says against itself and against what is known."""

import re
from collections.abc import Iterator
from itertools import groupby

from audit_rules.lint.defect import Defect, Subject
from audit_rules.policy.statements import (
    CodingRow,
    CrossReference,
    InducerStatement,
    Statement,
    SupplyStatement,
)
from audit_rules.wording import listed

_PLANNING = "never"
_CLOSE_ENOUGH_DAYS = 1


def contradiction(subject: Subject) -> Iterator[Defect]:
    """Two places say different things about one subject."""
    stated = sorted(subject.stated(Statement), key=lambda s: _plain(s.subject))
    for _, group in groupby(stated, key=lambda s: _plain(s.subject)):
        first, *others = group
        for other in others:
            if _plain(other.says) != _plain(first.says):
                yield subject.error(
                    other.cite,
                    "contradiction",
                    "",
                    f"On {first.subject}: {first.says} ({first.cite}), but {other.says}"
                    f" ({other.cite}).",
                    "Ask which of the two holds; until then nothing can be recovered on either.",
                )


def _plain(text: str) -> str:
    return " ".join(re.findall(r"[a-z0-9]+(?:\.[0-9]+)?", text.lower()))


def days_do_not_follow(subject: Subject) -> Iterator[Defect]:
    """The document's own sum of tablets, strength and dose comes to another number of days."""
    for said in subject.stated(SupplyStatement):
        days = said.quantity * said.strength_mg / said.daily_mg
        if abs(days - said.days) >= _CLOSE_ENOUGH_DAYS:
            at = f" at {said.at}" if said.at else ""
            yield subject.error(
                said.cite,
                "days_do_not_follow",
                f"{said.quantity:f}",
                f"{said.quantity:f} tablets of {said.strength_mg:f} mg{at} are said to last"
                f" {said.days:f} days at {said.daily_mg:f} mg a day; they last"
                f" {days.normalize():f}.",
                "Ask which number is meant; the table's own limit counts until then.",
            )


def inducer_class(subject: Subject) -> Iterator[Defect]:
    """Inducers given as of one strength that are classed otherwise."""
    for said in subject.stated(InducerStatement):
        known = subject.context.inducers
        others = [i for i in said.ingredients if known.get(i, said.strength) != said.strength]
        if others:
            classed = [f"{i} ({known[i]})" for i in others]
            yield subject.warning(
                said.cite,
                "inducer_class",
                ", ".join(others),
                f"Given as {said.strength} CYP3A4 inducers, but not classed so: {listed(classed)}.",
                f"Ask whether {said.strength} inducers only or all of the examples are meant.",
            )


def reference_not_there(subject: Subject) -> Iterator[Defect]:
    """The document relies on a section that it does not have, or on a document that is not at
    hand."""
    for reference in subject.stated(CrossReference):
        if reference.kind == "section":
            headings = subject.policy.document.sections
            if not headings or _found(reference.to, headings):
                continue
            message = f"The document refers to {reference.to!r}, and has no such section."
            remedy = "Ask for the section, or whether the reference was left over."
        else:
            if _found(reference.to, subject.context.documents):
                continue
            message = f"The document relies on {reference.to!r}, which is not available."
            remedy = "Get that document; until then its criteria cannot be asked."
        yield subject.warning(reference.cite, "reference_not_there", reference.to, message, remedy)


def _found(name: str, names: tuple[str, ...]) -> bool:
    """One of the names has every word of the name."""
    sought = set(_plain(name).split())
    return any(sought <= set(_plain(n).split()) for n in names)


def planning_code(subject: Subject) -> Iterator[Defect]:
    """A HCPCS code among the drug's codes that is never a dose."""
    for row in subject.stated(CodingRow):
        codes = [
            w.first
            for w in row.written()
            if row.system == "hcpcs" and subject.context.roles.get(w.first) == _PLANNING
        ]
        if codes:
            yield subject.warning(
                row.cite,
                "planning_code",
                ", ".join(codes),
                f"{listed(codes)} among the drug's codes: codes for planning treatment, never for a"
                " dose.",
                "Leave them out of the drug's codes.",
            )

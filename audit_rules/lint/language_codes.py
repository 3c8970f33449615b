"""Checks of the codes of the policy language: those that no claim can have, or of unknown mg.

A term that asks about them finds nothing: `require` would question every line, and `forbid` none.
"""

from collections.abc import Iterator
from typing import NamedTuple

import polars as pl

from audit_rules.lint.defect import Defect, Subject
from audit_rules.lint.listing import are, first_few
from audit_rules.policy.language.amounts import Quantity
from audit_rules.policy.language.checks import things_of, words_named
from audit_rules.policy.language.conditions import Thing
from audit_rules.policy.language.sets import ends_of
from audit_rules.reference.icd10cm import EARLIEST, first_day

_ICD = "icd10cm"
_DIAGNOSIS = "diagnosis"


class _List(NamedTuple):
    """ICD-10-CM codes as a document writes them; `place` is where."""

    place: str
    codes: tuple[str, ...]
    with_children: bool
    remedy: str


def empty_codes(subject: Subject) -> Iterator[Defect]:
    """A code list without a code that a term asks about."""
    for name in _asked(subject):
        listed = subject.policy.declared.codes.get(name)
        if listed is not None and not listed.codes:
            yield subject.error(
                f"codes {name}",
                "empty_codes",
                name,
                f"The list {name!r} has no code: what terms ask about it is never found.",
                "List its codes, or name a file.",
            )


def unknown_diagnosis(subject: Subject) -> Iterator[Defect]:
    """ICD-10-CM codes that never were any."""
    icd = subject.context.icd
    for one in _diagnoses(subject):
        ends = [end for text in one.codes for end in ends_of(text)]
        unknown = [code for code in dict.fromkeys(ends) if code not in icd]
        if unknown:
            yield subject.error(
                one.place,
                "unknown_code",
                unknown[0],
                f"{first_few(unknown)} {are(unknown)} not of ICD-10-CM, and never since"
                f" {first_day(EARLIEST)}.",
                "Correct the code.",
            )


def reversed_range(subject: Subject) -> Iterator[Defect]:
    """Ranges whose last ICD-10-CM code stands before the first in the official order."""
    icd = subject.context.icd
    for one in _diagnoses(subject):
        for text in one.codes:
            first, *last = ends_of(text)
            if last and first in icd and last[0] in icd and icd.place(first) > icd.place(last[0]):
                yield subject.error(
                    one.place,
                    "reversed_range",
                    text,
                    f"{text} ends before it starts: no code is in it.",
                    "Write its first code first.",
                )


def header_diagnosis(subject: Subject) -> Iterator[Defect]:
    """ICD-10-CM headers whose codes the list leaves out."""
    icd, today = subject.context.icd, subject.context.today
    for one in _diagnoses(subject):
        if one.with_children:
            continue
        last = [ends_of(text)[-1] for text in one.codes]
        headers = [
            code
            for code in dict.fromkeys(last)
            if code in icd and icd.there(code, today) and not icd.billable(code, today)
        ]
        if headers:
            yield subject.error(
                one.place,
                "header_code",
                headers[0],
                f"{first_few(headers)} ({icd.title(headers[0])}): no claim can use a header, and"
                " the codes below it are left out.",
                one.remedy,
            )


def mg_without_strength(subject: Subject) -> Iterator[Defect]:
    """NDCs of a set that a term counts in mg, without a strength in the NDC tables."""
    ndc = subject.context.ndc
    known = set(ndc.filter(pl.col("strength_mg") > 0)["ndc11"])
    for term in subject.policy.language_terms:
        if isinstance(term, Quantity) and term.measure == "mg":
            sets = subject.policy.declared.sets_of(term)
            unknown = sorted({code for one in sets for code in one.ndc} - known)
            if unknown:
                yield subject.error(
                    term.cite,
                    "mg_without_strength",
                    unknown[0],
                    f"{term.term_id}: the mg of {first_few(unknown)} {are(unknown)} not known.",
                    "Give strength_mg in an ndc*.csv next to the policy, or count the quantity.",
                )


def _asked(subject: Subject) -> list[str]:
    """The words that terms ask about, in order."""
    named = {word for term in subject.policy.language_terms for word in words_named(term)}
    return [name for name in subject.policy.declared.codes if name in named]


def _diagnoses(subject: Subject) -> Iterator[_List]:
    """The codes that terms ask about, but for those of the document's own table, which other checks
    look at."""
    declared = subject.policy.declared.codes
    tables = (*subject.rows, *subject.readings)
    looked_at = {end for row in tables for w in row.items for end in (w.first, w.last)}
    for name in _asked(subject):
        one = declared[name]
        if one.system == _ICD:
            codes = tuple(c for c in one.codes if not looked_at.issuperset(ends_of(c)))
            remedy = "Write with_children = true, or list the codes below."
            yield _List(f"codes {name}", codes, one.with_children, remedy)
    for term in subject.policy.language_terms:
        things = [t for t in things_of(term) if isinstance(t, Thing) and t.kind == _DIAGNOSIS]
        codes = tuple(dict.fromkeys(n for t in things for n in t.names if n not in declared))
        if codes:
            remedy = "Declare them as [[codes]] with with_children = true, and name the list."
            yield _List(term.cite, codes, False, remedy)


LANGUAGE_CODE_CHECKS = (
    empty_codes,
    unknown_diagnosis,
    reversed_range,
    header_diagnosis,
    mg_without_strength,
)

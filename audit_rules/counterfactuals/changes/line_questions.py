"""Questions about the judged line or its person, answered otherwise by a change."""

from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal

import polars as pl

from audit_rules.counterfactuals.case import AskedTerm, Case, Change, Edit
from audit_rules.counterfactuals.changes.codes import ndcs_of_drug, with_modifiers
from audit_rules.counterfactuals.changes.earlier_dates import computed, earlier_dates
from audit_rules.counterfactuals.changes.quantities import another_quantity
from audit_rules.policy.language.conditions import LineKey
from audit_rules.policy.language.spans import Span
from schemas.days import months_after, shifted

_ONE = Decimal(1)


def answered_otherwise(case: Case, asked: AskedTerm, key: LineKey, holds: bool) -> Iterator[Change]:
    """The least changes after which a question is answered with yes, or with no (`holds`)."""
    question = _QUESTIONS.get(key.key)
    if question is not None:
        yield from question(case, asked, key, holds)


def _ages(case: Case, asked: AskedTerm, key: LineKey, holds: bool) -> Iterator[Change]:
    born = case.line["birth_date"]
    low, high = key.range.low, key.range.high
    births = []
    if isinstance(low, Span):
        births.append(shifted(_born(case.day, low), 0 if holds else 1))
    if isinstance(high, Span):
        births.append(shifted(_born(case.day, high), 1 if holds else 0))
    for birth in births:
        rows = range(len(case.rows["eligibility"]))
        edits = tuple(Edit("eligibility", i, {"birth_date": birth}) for i in rows)
        yield Change(
            f"the person was born on {born}" if born else "the birth date is not known",
            f"had the person been born on {birth}",
            edits or (case.added("eligibility", birth_date=birth, enrollment_start_date=birth),),
            step=abs((birth - born).days) if born else 0,
        )


def _born(day: date, age: Span) -> date:
    """The birth date of somebody who completes an age on a day."""
    if age.months:
        return computed(months_after(pl.lit(day), -age.months))
    return shifted(day, -age.days)


def _sexes(case: Case, asked: AskedTerm, key: LineKey, holds: bool) -> Iterator[Change]:
    for sex in sorted(_others(key, holds, asked, ("female", "male"))):
        rows = range(len(case.rows["eligibility"]))
        if rows:
            yield Change(
                "the sex on file is another, or not known",
                f"had the sex on file been {sex}",
                tuple(Edit("eligibility", i, {"gender": sex}) for i in rows),
            )


def _others(key: LineKey, holds: bool, asked: AskedTerm, known: tuple[str, ...]) -> list[str]:
    """One word that the question answers as wanted: its own first, or one that is not its own."""
    listed_words = [
        code
        for word in key.words
        for code in (
            asked.policy.declared.codes[word].codes
            if word in asked.policy.declared.codes
            else (word,)
        )
    ]
    if holds:
        return listed_words[:1]
    return [word for word in known if word not in listed_words][:1]


def _word(column: str, name: str, *known: str) -> "_Question":
    """Changes of one column of the line; `known` are words to try if the question's are not."""

    def changes(case: Case, asked: AskedTerm, key: LineKey, holds: bool) -> Iterator[Change]:
        own = case.own_row.get(column)
        for word in _others(key, holds, asked, known):
            if column in case.own_row and word != own:
                yield Change(
                    f"the {name} is {own or 'not given'}",
                    f"had the {name} been {word} instead of {own or 'none'}",
                    (case.edited(**{column: word}),),
                )

    return changes


def _codes(case: Case, asked: AskedTerm, key: LineKey, holds: bool) -> Iterator[Change]:
    """Another code; one that does not say what the drug is goes with an NDC of the set."""
    own, one = case.line["hcpcs_code"], asked.set
    ndcs = ndcs_of_drug(case, one.name) if one.of_drug else sorted(one.ndcs)
    for code in _others(key, holds, asked, tuple(sorted(asked.set.hcpcs))):
        needs_ndc = code in case.book.reference.unclassified
        if case.is_fill or code == own or (needs_ndc and not ndcs):
            continue
        with_ndc = " with the drug's NDC" if needs_ndc else ""
        yield Change(
            f"the line is billed as {own or 'no code'}",
            f"had it been billed as {code}{with_ndc} instead of {own or 'none'}",
            (case.edited(hcpcs_code=code, **({"ndc_code": ndcs[0]} if needs_ndc else {})),),
        )


def _modifiers(case: Case, asked: AskedTerm, key: LineKey, holds: bool) -> Iterator[Change]:
    yield from with_modifiers(case, key.words[:1] if holds else ())


def _line_quantity(case: Case, asked: AskedTerm, key: LineKey, holds: bool) -> Iterator[Change]:
    low, high = key.range.low, key.range.high
    for end, outside in ((low, -_ONE), (high, _ONE)):
        if isinstance(end, Decimal):
            yield from another_quantity(case, end if holds else end + outside)


def _doses(case: Case, asked: AskedTerm, key: LineKey, holds: bool) -> Iterator[Change]:
    low, high = key.range.low, key.range.high
    number = low if holds else high + _ONE if isinstance(high, Decimal) else None
    if isinstance(number, Decimal) and number > 1:
        yield earlier_dates(case, times=int(number) - 1)


_Question = Callable[[Case, AskedTerm, LineKey, bool], Iterator[Change]]
_QUESTIONS: dict[str, _Question] = {
    "age": _ages,
    "sex": _sexes,
    "place": _word("place_of_service_code", "place of service", "11", "22"),
    "channel": _word("dispensing_channel", "channel", "retail", "home_delivery"),
    "hcpcs": _codes,
    "modifiers": _modifiers,
    "quantity": _line_quantity,
    "dose": _doses,
}
"""Questions about a line that a change can answer; of the others none is tried."""

"""Questions about the judged line or its person, answered otherwise by a change."""

from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal

import polars as pl

from audit_rules.counterfactuals.case import AskedTerm, Case, Change, Edit
from audit_rules.counterfactuals.changes.codes import ndcs_of_drug, with_modifiers
from audit_rules.counterfactuals.changes.earlier_dates import (
    computed,
    earlier_dates,
    earlier_lines,
    just_within,
)
from audit_rules.counterfactuals.changes.quantities import another_quantity
from audit_rules.policy.language.conditions import LineKey
from audit_rules.policy.language.spans import Span
from audit_rules.wording import listed
from schemas.days import months_after, shifted

_ONE = Decimal(1)
_SECOND = 2


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
        rows = case.rows["eligibility"]
        own = sorted({row["gender"] for row in rows if row.get("gender")})
        if rows:
            yield Change(
                f"the sex on file is {listed(own)}" if own else "the sex is not known",
                f"had the sex on file been {sex}",
                tuple(Edit("eligibility", i, {"gender": sex}) for i in range(len(rows))),
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
    number = _number(key, holds)
    if number is not None and number >= _SECOND:
        yield earlier_dates(case, times=number - 1)


def _days(case: Case, asked: AskedTerm, key: LineKey, holds: bool) -> Iterator[Change]:
    """A first dose so many days before."""
    number = _number(key, holds)
    if number is not None and number > 0:
        yield earlier_lines(case, [shifted(case.day, -number)])


def _courses(case: Case, asked: AskedTerm, key: LineKey, holds: bool) -> Iterator[Change]:
    """A dose in each of so many courses before, each just longer ago than the gap."""
    number, gap = _number(key, holds), asked.set.gap
    if number is None or number < _SECOND or gap is None:
        return
    days = [case.day]
    for _ in range(number - 1):
        days.append(shifted(just_within(shifted(days[-1], -1), gap), -1))
    yield earlier_lines(case, days[1:])


def _number(key: LineKey, holds: bool) -> int | None:
    """The least number that is in a range, or above it; None if no number is."""
    low, high = key.range.low, key.range.high
    number = low if holds else high + _ONE if isinstance(high, Decimal) else None
    return int(number) if isinstance(number, Decimal) else None


def _enrolled(column: str, name: str) -> "_Question":
    """Changes of one column of the spans that cover the day."""

    def changes(case: Case, asked: AskedTerm, key: LineKey, holds: bool) -> Iterator[Change]:
        spans = case.where(
            "eligibility",
            lambda r: (
                r["payer_id"] == case.line["payer_id"]
                and r["enrollment_start_date"] <= case.day
                and (r["enrollment_end_date"] is None or case.day <= r["enrollment_end_date"])
            ),
        )
        word = key.words[0] if holds else f"other than {listed(list(key.words))}"
        if spans:
            own = sorted({case.rows["eligibility"][i].get(column) or "not given" for i in spans})
            yield Change(
                f"the {name} of the person is {listed(own)}",
                f"had the {name} of the person been {word}",
                tuple(Edit("eligibility", i, {column: word}) for i in spans),
            )

    return changes


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
    "day": _days,
    "course": _courses,
    "plan": _enrolled("plan", "plan"),
    "payer_type": _enrolled("payer_type", "type of payer"),
}
"""Questions about a line that a change can answer; of an NDC none is tried."""

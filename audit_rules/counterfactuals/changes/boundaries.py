"""The boundaries that terms of the policy language declare, each crossed on the line."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import singledispatch

import polars as pl

from audit_rules.counterfactuals.case import AskedTerm, Case, Change, Edit
from audit_rules.counterfactuals.changes.codes import (
    ndcs_of_drug,
    with_modifiers,
    without_specialty,
)
from audit_rules.counterfactuals.changes.things import things_gone, things_there
from audit_rules.engine.authorizations import APPROVED
from audit_rules.kinds.codes import codes_meant
from audit_rules.kinds.windows import span_start
from audit_rules.policy.language import boundaries as turns
from audit_rules.policy.language.conditions import LineKey
from audit_rules.policy.language.spans import Span
from audit_rules.wording import counted, figure, listed
from schemas.days import months_after, shifted
from schemas.tables import TABLES

_ONE = Decimal(1)


def boundaries(case: Case) -> Iterator[Change]:
    """Each boundary of each term that is asked of the line and silent, crossed by the least."""
    for asked in case.asked:
        for boundary in asked.term.boundaries():
            for change in _crossed(boundary, case, asked):
                yield replace(change, term_id=asked.term.term_id)


@singledispatch
def _crossed(boundary: object, case: Case, asked: AskedTerm) -> Iterator[Change]:
    raise NotImplementedError(type(boundary).__name__)


# ------------------------------------------------------------ amounts


@_crossed.register
def _(boundary: turns.OverLimit, case: Case, asked: AskedTerm) -> Iterator[Change]:
    days, step = case.line["days_supply"], Decimal(0) if boundary.is_reached else _ONE
    if boundary.measure == "days_supply":
        if case.is_fill:
            yield _days_of_supply(case, boundary.limit + step)
        return
    limit = boundary.limit
    if boundary.per_day:
        limit *= Decimal(str(days or 0))
    if boundary.measure == "mg":
        mg = case.line["strength_mg"] if case.is_fill else asked.set.unit_mg
        limit = limit / Decimal(str(mg)) if mg else Decimal(0)
    if limit or not boundary.per_day:
        whole = Decimal(math.ceil(limit) if boundary.is_reached else math.floor(limit)) + step
        yield from _quantities(case, whole)


@_crossed.register
def _(boundary: turns.OverDose, case: Case, asked: AskedTerm) -> Iterator[Change]:
    values = [
        Decimal(row["evidence_value"])
        for row in case.rows["clinical_evidence"]
        if row["evidence_code"] == boundary.fact and _is_number(row["evidence_value"])
    ]
    doses = [*boundary.doses, *(rate * value for rate in boundary.rates for value in values)]
    unit = asked.set.unit_mg
    units = {math.ceil(mg / Decimal(str(unit))) for mg in doses} if unit else set()
    for most in sorted(units):
        yield from _quantities(case, most + _ONE)


@_crossed.register
def _(boundary: turns.OverApproval, case: Case, asked: AskedTerm) -> Iterator[Change]:
    for units in sorted({r["units"] for r in case.rows["authorization"] if r["units"]}):
        yield from _quantities(case, units + _ONE)


@_crossed.register
def _(boundary: turns.NotWhole, case: Case, asked: AskedTerm) -> Iterator[Change]:
    own = case.line["quantity"]
    if own is None:
        return
    for change in _quantities(case, own + _ONE):
        yield change
        for with_one in with_modifiers(case, boundary.modifiers[:1]):
            condition = f"{change.condition}, and {with_one.condition}"
            yield replace(with_one, condition=condition, edits=(*change.edits, *with_one.edits))


def _quantities(case: Case, value: Decimal) -> Iterator[Change]:
    own, unit = case.line["quantity"], "unit"
    if value != own:
        yield Change(
            on_file=f"the {case.what} is of {counted(own, unit)}"
            if own is not None
            else "the quantity is not known",
            condition=f"had the {case.what} been of {counted(value, unit)}"
            + (f" instead of {figure(own)}" if own is not None else ""),
            edits=(case.edited(quantity=value),),
            step=float(abs(value - (own or 0))),
        )


def _days_of_supply(case: Case, days: Decimal) -> Change:
    return Change(
        f"the fill is for {counted(case.line['days_supply'] or 0, 'day')}",
        f"had the fill been for {counted(days, 'day')}",
        (case.edited(days_supply=days),),
        step=float(days),
    )


# ------------------------------------------------------------ dates


@_crossed.register
def _(boundary: turns.EarlierDates, case: Case, asked: AskedTerm) -> Iterator[Change]:
    column = TABLES[case.table].service_dates
    days = [shifted(_just_within(case.day, boundary.span), -boundary.is_over)]
    days += [shifted(days[0], -n) for n in range(1, boundary.times)]
    lines = tuple(
        case.repeated(f" {day}", **dict.fromkeys(column, day), paid_amount=case.line["paid_amount"])
        for day in days
    )
    dated = f"on {days[0]}" if len(days) == 1 else f"from {days[-1]} to {days[0]}"
    yield Change(
        "the earlier dates on file leave room for this one",
        f"had {counted(len(days), f'earlier {case.what}')} like it been on file, {dated}",
        lines,
        step=len(days),
    )


def _just_within(day: date, span: Span | None) -> date:
    """The earliest date from which a span is not over on a day; without a span the day before."""
    if span is None:
        return shifted(day, -1)
    return _computed(span_start(pl.lit(day), span))


def _computed(day: pl.Expr) -> date:
    found: date = pl.select(day).item()
    return found


# ------------------------------------------------------------ things on file


@_crossed.register
def _(boundary: turns.ThingsOnFile, case: Case, asked: AskedTerm) -> Iterator[Change]:
    crossed = things_there if boundary.is_there else things_gone
    yield from crossed(case, asked, boundary.things)


@_crossed.register
def _(boundary: turns.Specialty, case: Case, asked: AskedTerm) -> Iterator[Change]:
    known = {code for codes in case.taxonomies.values() for code in codes}
    meant = codes_meant(asked.policy.declared, boundary.taxonomies, pl.Series(sorted(known)))
    yield from without_specialty(case, set(meant))


@_crossed.register
def _(boundary: turns.TooLong, case: Case, asked: AskedTerm) -> Iterator[Change]:
    begun = shifted(_just_within(shifted(case.day, -1), boundary.span), -1)
    for i in asked.authorizations(case):
        row = case.rows["authorization"][i]
        if row["status"] == APPROVED and row["start_date"] <= case.day <= row["end_date"]:
            name = f"authorization {row['authorization_id']}"
            yield Change(
                f"{name} began on {row['start_date']}",
                f"had {name} begun on {begun} instead of {row['start_date']}",
                (Edit("authorization", i, {"start_date": begun}),),
                step=1,
            )


# ------------------------------------------------------------ the line and its person


@_crossed.register
def _(boundary: turns.OtherNdc, case: Case, asked: AskedTerm) -> Iterator[Change]:
    own, codes = case.line["hcpcs_code"], dict[str, set[str]]()
    for code, ndc in boundary.pairs:
        codes.setdefault(ndc, set()).add(code)
    others = sorted(ndc for ndc, those in codes.items() if own not in those)
    for ndc in others[:1]:
        yield Change(
            f"the NDC on the line is {case.line['ndc_code'] or 'not given'}",
            f"had the NDC been {ndc}, which goes with {listed(sorted(codes[ndc]))}",
            (case.edited(ndc_code=ndc),),
        )


@_crossed.register
def _(boundary: turns.LineQuestion, case: Case, asked: AskedTerm) -> Iterator[Change]:
    of_key = _OF_LINE.get(boundary.key.key)
    if of_key is not None:
        yield from of_key(case, asked, boundary.key, boundary.holds)


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
        return _computed(months_after(pl.lit(day), -age.months))
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


def _word(column: str, name: str, *known: str) -> "_OfLine":
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
            yield from _quantities(case, end if holds else end + outside)


def _doses(case: Case, asked: AskedTerm, key: LineKey, holds: bool) -> Iterator[Change]:
    low, high = key.range.low, key.range.high
    number = low if holds else high + _ONE if isinstance(high, Decimal) else None
    if isinstance(number, Decimal) and number > 1:
        yield from _crossed(turns.EarlierDates(times=int(number) - 1), case, asked)


_OfLine = Callable[[Case, AskedTerm, LineKey, bool], Iterator[Change]]
_OF_LINE: dict[str, _OfLine] = {
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


def _is_number(text: str | None) -> bool:
    try:
        return text is not None and Decimal(text).is_finite()
    except ArithmeticError:
        return False

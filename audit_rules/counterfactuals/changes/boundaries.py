"""The boundaries that terms of the policy language declare, each crossed on the line."""

import math
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from functools import singledispatch

import polars as pl

from audit_rules.counterfactuals.case import AskedTerm, Case, Change, Edit
from audit_rules.counterfactuals.changes.codes import (
    with_modifiers,
    without_specialty,
)
from audit_rules.counterfactuals.changes.dates import on_another_day
from audit_rules.counterfactuals.changes.earlier_dates import earlier_dates, just_within
from audit_rules.counterfactuals.changes.line_questions import answered_otherwise
from audit_rules.counterfactuals.changes.quantities import another_quantity
from audit_rules.counterfactuals.changes.things import things_gone, things_there
from audit_rules.engine.authorizations import APPROVED
from audit_rules.facts.quantity_limits import TABLET
from audit_rules.kinds.codes import codes_meant
from audit_rules.policy.language import boundaries as turns
from audit_rules.wording import counted, listed
from schemas.days import shifted

_ONE = Decimal(1)


def boundaries(case: Case) -> Iterator[Change]:
    """Each boundary of each term that is silent about the line, crossed by the least."""
    for asked in case.asked:
        for boundary in (*asked.term.of_the_test(), *asked.term.of_the_case()):
            yield from _changes(boundary, case, asked)


def openings(case: Case, asked: AskedTerm) -> Iterator[Change]:
    """Changes after which the test of a term may count on the line."""
    for boundary in asked.term.of_the_case():
        yield from _changes(boundary, case, asked)


def failures(case: Case, asked: AskedTerm) -> Iterator[Change]:
    """Changes after which the line may fail the test of a term."""
    for boundary in asked.term.of_the_test():
        yield from _changes(boundary, case, asked)


def _changes(boundary: turns.Boundary, case: Case, asked: AskedTerm) -> Iterator[Change]:
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
    if boundary.measure == "mg":
        mg = case.line["strength_mg"] if case.is_fill else asked.set.unit_mg
        limit = limit / Decimal(str(mg)) if mg else Decimal(0)
    if boundary.per_day:
        days = max(days or Decimal(0), Decimal(0))
        yield from () if days else _few_days(case, limit, boundary.is_reached)
        limit *= days
    if limit or not boundary.per_day:
        whole = Decimal(math.ceil(limit) if boundary.is_reached else math.floor(limit)) + step
        is_tablets = case.is_fill and case.line["form"] == TABLET
        yield from another_quantity(case, whole, TABLET if is_tablets else "unit")


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
        yield from another_quantity(case, most + _ONE)


@_crossed.register
def _(boundary: turns.OverApproval, case: Case, asked: AskedTerm) -> Iterator[Change]:
    for units in sorted({r["units"] for r in case.rows["authorization"] if r["units"]}):
        yield from another_quantity(case, units + _ONE)


@_crossed.register
def _(boundary: turns.NotWhole, case: Case, asked: AskedTerm) -> Iterator[Change]:
    own = case.line["quantity"]
    if own is None:
        return
    for change in another_quantity(case, own + _ONE):
        yield change
        for with_one in with_modifiers(case, boundary.modifiers[:1]):
            condition = f"{change.condition}, and {with_one.condition}"
            yield replace(with_one, condition=condition, edits=(*change.edits, *with_one.edits))


def _few_days(case: Case, limit: Decimal, is_reached: bool) -> Iterator[Change]:
    """So few days that the quantity on file is more than a limit for each of them."""
    quantity = case.line["quantity"]
    if case.is_fill and quantity and limit:
        days = quantity / limit
        most = math.floor(days) if is_reached else math.ceil(days) - 1
        if most > 0:
            yield _days_of_supply(case, Decimal(most))


def _days_of_supply(case: Case, days: Decimal) -> Change:
    return Change(
        f"the fill is for {counted(case.line['days_supply'], 'day')}"
        if case.line["days_supply"] is not None
        else "the days' supply is not known",
        f"had the fill been for {counted(days, 'day')}",
        (case.edited(days_supply=days),),
        step=float(days),
    )


# ------------------------------------------------------------ dates


@_crossed.register
def _(boundary: turns.EarlierDates, case: Case, asked: AskedTerm) -> Iterator[Change]:
    yield earlier_dates(case, boundary.times, boundary.span, boundary.is_over)


@_crossed.register
def _(boundary: turns.InForce, case: Case, asked: AskedTerm) -> Iterator[Change]:
    name = asked.policy.document.id
    if case.line["drug"] is not None and asked.policy in case.policies():
        return  # `dates` tries every such day of a document of the line's drug
    if case.day < boundary.first:
        yield from on_another_day(case, boundary.first, f"the first day of a clause of {name}")
    elif boundary.end and case.day >= boundary.end:
        last = shifted(boundary.end, -1)
        yield from on_another_day(case, last, f"the last day before a clause of {name}")


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
    begun = shifted(just_within(shifted(case.day, -1), boundary.span), -1)
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
    yield from answered_otherwise(case, asked, boundary.key, boundary.holds)


def _is_number(text: str | None) -> bool:
    try:
        return text is not None and Decimal(text).is_finite()
    except ArithmeticError:
        return False

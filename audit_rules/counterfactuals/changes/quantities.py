"""The quantity of the judged line, and the days that a fill lasts."""

import math
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

from audit_rules.counterfactuals.case import Case, Change
from audit_rules.facts.quantity_limits import TABLET
from audit_rules.policy.terms.doses import (
    UnitsPerDate,
    VialUnits,
)
from audit_rules.policy.terms.fills import (
    DailyDose,
    QuantityLimit,
)
from audit_rules.wording import counted, figure

_ONE = Decimal(1)
_TOO_MANY = Decimal(10**15)  # more than an extract can state


def quantities(case: Case) -> Iterator[Change]:
    """Each limit, one above it, and the quantities at which a clause on dose or vials would
    apply."""
    own, unit = case.line["quantity"], "tablet" if case.is_fill else "unit"
    for value in sorted(
        {
            q
            for q in (_tablets(case) if case.is_fill else _units(case))
            if 0 < q < _TOO_MANY and q != own
        }
    ):
        for change in another_quantity(case, value, unit):
            yield replace(change, line={"quantity": value})


def another_quantity(case: Case, value: Decimal, unit: str = "unit") -> Iterator[Change]:
    """The quantity, if it is another one than the line's; unit: what it counts, in words."""
    own = case.line["quantity"]
    if value != own:
        yield Change(
            on_file=(
                f"the {case.what} is of {counted(own, unit)}"
                if own is not None
                else "the quantity is not known"
            ),
            condition=f"had the {case.what} been of {counted(value, unit)}"
            + (f" instead of {figure(own)}" if own is not None else ""),
            edits=(case.edited(quantity=value),),
            step=float(abs(value - (own or 0))),
        )


def _tablets(case: Case) -> Iterator[Decimal]:
    strength, days = _strength(case), _days(case)
    for limit in case.terms(QuantityLimit):
        if limit.strength_mg == strength:
            yield from (limit.limit, limit.limit + _ONE)
            if limit.limit_with_inducer:
                yield from (limit.limit_with_inducer, limit.limit_with_inducer + _ONE)
    if strength and days:
        for most_mg in _dose_limits(case):
            yield Decimal(math.floor(most_mg * days / strength)) + _ONE


def _units(case: Case) -> Iterator[Decimal]:
    for dose in case.terms(UnitsPerDate):
        most = max(dose.most_units, dose.later_units)
        vials = range(int(most) // dose.vial_units + 1)
        yield from (dose.vial_units * n + _ONE for n in vials)
        yield from (dose.most_units + _ONE, dose.later_units + _ONE)
    for vial in case.terms(VialUnits):
        yield from (
            Decimal(vial.looks_like_vials),
            Decimal(vial.vial_units),
            Decimal(vial.vial_units) + _ONE,
        )


def _strength(case: Case) -> Decimal | None:
    """Milligrams of one tablet; None if the line is not a fill of tablets."""
    mg = case.line["strength_mg"] if case.is_fill and case.line["form"] == TABLET else None
    return None if mg is None else Decimal(str(mg))


def _days(case: Case) -> Decimal | None:
    """The days that the fill lasts, if they are known."""
    days: Decimal | None = case.line["days_supply"]
    return days if days and days > 0 else None


def _dose_limits(case: Case) -> list[Decimal]:
    """Milligrams a day that each clause on the daily dose tolerates."""
    return [
        mg * t.tolerance
        for t in case.terms(DailyDose)
        for mg in (t.pediatric_mg, t.label_mg, t.studied_mg)
    ]


def days(case: Case) -> Iterator[Change]:
    """So few days that the same tablets exceed a daily dose."""
    strength, own, quantity = _strength(case), case.line["days_supply"], case.line["quantity"]
    if not strength or not quantity:
        return
    tablets_mg = quantity * strength
    short = {math.ceil(tablets_mg / most) - 1 for most in _dose_limits(case)}
    for value in sorted({Decimal(d) for d in short if 0 < d < _TOO_MANY} - {own}):
        yield Change(
            on_file=(
                f"the fill lasts {counted(own, 'day')}"
                if own is not None
                else "the days' supply is not known"
            ),
            condition=f"had its {counted(quantity, 'tablet')} been for {counted(value, 'day')}"
            + (f" instead of {figure(own)}" if own else ""),
            edits=(case.edited(days_supply=value),),
            step=float(abs(value - (own or 0))),
        )

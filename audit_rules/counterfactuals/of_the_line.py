"""Changes to what the judged line itself says: quantity, days, modifiers, codes, product, prescriber, date.

Every value comes from the terms in force, the reference tables or the line.
"""

import math
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

from audit_rules.counterfactuals.case import Case, Change, Edit
from audit_rules.facts.quantity_limits import TABLET
from audit_rules.policy.terms.base import FAR_FUTURE
from audit_rules.policy.terms.doses import (
    Course,
    HcpcsValidity,
    UnclassifiedCode,
    UnitsPerDate,
    VialUnits,
)
from audit_rules.policy.terms.fills import DailyDose, QuantityLimit, TabletStrength
from audit_rules.policy.terms.persons import PrescriberSpecialty
from audit_rules.wording import counted, figure, listed

_ONE = Decimal(1)
_PRESCRIBER = {
    "pharmacy_claim": ("prescribing_provider_npi",),
    "medical_claim": ("rendering_npi", "billing_npi"),
}
_MODIFIERS = [f"hcpcs_modifier_{n}" for n in range(1, 6)]


def quantities(case: Case) -> Iterator[Change]:
    """One above each limit, at it, and what makes a daily dose or a number of vials that some term speaks of."""
    own, unit = case.line["quantity"], "tablet" if case.is_fill else "unit"
    for value in sorted(
        {q for q in (_tablets(case) if case.is_fill else _units(case)) if q > 0 and q != own}
    ):
        yield Change(
            fact=f"the {case.what} is of {counted(own, unit)}"
            if own is not None
            else "the quantity is not known",
            words=f"had the {case.what} been of {counted(value, unit)}"
            + (f" instead of {figure(own)}" if own is not None else ""),
            edits=(case.edited(quantity=value),),
            step=float(abs(value - (own or 0))),
            line={"quantity": value},
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
        for tablet in case.terms(TabletStrength):
            yield Decimal(math.ceil(tablet.daily_mg * days / strength))


def _units(case: Case) -> Iterator[Decimal]:
    for dose in case.terms(UnitsPerDate):
        most = max(dose.first_units, dose.later_units)
        vials = range(int(most) // dose.vial_units + 1)
        yield from (dose.vial_units * n + _ONE for n in vials)
        yield from (dose.first_units + _ONE, dose.later_units + _ONE)
    for vial in case.terms(VialUnits):
        yield from (
            Decimal(vial.looks_like_vials),
            Decimal(vial.vial_units),
            Decimal(vial.vial_units) + _ONE,
        )


def _strength(case: Case) -> Decimal | None:
    """Milligrams of one tablet; None where the line is no fill of tablets."""
    mg = case.line["strength_mg"] if case.is_fill and case.line["form"] == TABLET else None
    return None if mg is None else Decimal(str(mg))


def _days(case: Case) -> Decimal | None:
    """The days that the fill lasts, where they are known."""
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
    short |= {math.floor(tablets_mg / t.daily_mg) for t in case.terms(TabletStrength)}
    for value in sorted({Decimal(d) for d in short if d > 0} - {own}):
        yield Change(
            fact=f"the fill lasts {counted(own, 'day')}"
            if own is not None
            else "the days' supply is not known",
            words=f"had its {counted(quantity, 'tablet')} been for {counted(value, 'day')}"
            + (f" instead of {figure(own)}" if own else ""),
            edits=(case.edited(days_supply=value),),
            step=float(abs(value - (own or 0))),
        )


def modifiers(case: Case) -> Iterator[Change]:
    """Each modifier of waste added, each modifier on the line taken away."""
    if case.is_fill:
        return
    present = {m: c for c in _MODIFIERS if (m := case.own_row[c])}
    free = next((c for c in _MODIFIERS if case.own_row[c] is None), None)
    known = {m for t in case.terms(VialUnits) for m in (t.waste_modifier, t.no_waste_modifier)}
    known |= {m for t in case.terms(Course) for m in t.waste_modifiers}
    has = (
        f"the line has modifier {listed(sorted(present))}"
        if present
        else "the line has no modifier"
    )
    for modifier in sorted(known - set(present)) if free else []:
        yield Change(
            has,
            f"had modifier {modifier} stood on the line",
            (case.edited(**{str(free): modifier}),),
        )
    for modifier, column in present.items():
        yield Change(
            has, f"had modifier {modifier} not stood on the line", (case.edited(**{column: None}),)
        )


def codes(case: Case) -> Iterator[Change]:
    """Every other HCPCS code under which the drug may be billed; an unclassified one with the drug's NDC."""
    if case.is_fill or case.line["hcpcs_code"] is None:
        return
    own, drug = case.line["hcpcs_code"], case.line["drug"]
    ndc = case.book.reference.ndc
    drugs_own = ndc.filter((ndc["ingredient"] == drug) & (ndc["strength_mg"].is_not_null()))[
        "ndc11"
    ].to_list()
    for code in sorted({t.hcpcs for t in case.terms(HcpcsValidity)} - {own}):
        yield Change(
            f"the line is billed as {own}",
            f"had it been billed as {code} instead of {own}",
            (case.edited(hcpcs_code=code),),
        )
    for code in sorted({c for t in case.terms(UnclassifiedCode) for c in t.hcpcs} - {own}):
        if drugs_own:
            words = f"had it been billed as {code} with the drug's NDC instead of as {own}"
            yield Change(
                f"the line is billed as {own}",
                words,
                (case.edited(hcpcs_code=code, ndc_code=min(drugs_own)),),
            )


def products(case: Case) -> Iterator[Change]:
    """Every other audited product of the same drug: brand or generic, strength, form."""
    if not case.is_fill:
        return
    fields = ("product", "strength_mg", "form")
    ndc = case.book.reference.ndc
    audited = (
        ndc.filter((ndc["ingredient"] == case.line["drug"]) & ndc["audited"])
        .sort("ndc11")
        .unique(fields, keep="first")
    )
    own = tuple(case.line[f] for f in fields)
    for row in audited.sort("ndc11").iter_rows(named=True):
        if tuple(row[f] for f in fields) != own:
            yield Change(
                fact=f"it is {_product(case.line)}",
                words=f"had it been {_product(row)} ({row['ndc11']}) instead of {_product(case.line)}",
                edits=(case.edited(ndc_code=row["ndc11"]),),
                step=float(sum(row[f] != case.line[f] for f in fields)),
                line={f: row[f] for f in (*fields, "ndc_code") if f in row}
                | {"ndc_code": row["ndc11"]},
            )


def _product(row: dict[str, object]) -> str:
    strength = "" if row["strength_mg"] is None else f"of {figure(row['strength_mg'])} mg"
    return " ".join(
        filter(None, [f"a {row['product'] or 'nameless'}", f"{row['form'] or 'product'}", strength])
    )


def prescribers(case: Case) -> Iterator[Change]:
    """Another prescriber, on file without the specialty; and that one on every medical line of the person as well."""
    specialties = {code for t in case.terms(PrescriberSpecialty) for code in t.taxonomies}
    others = [npi for npi, codes in sorted(case.taxonomies.items()) if not codes & specialties]
    if not specialties or not others:
        return
    other, columns = others[0], _PRESCRIBER[case.table]
    own = case.own_row[columns[0]]
    fact = f"the prescriber is {own}" if own else "no prescriber is named"
    words = f"had the prescriber been {other}, who is on file without the specialty"
    change = case.edited(**dict.fromkeys(columns, other))
    yield Change(fact, words, (change,))
    medical = _PRESCRIBER["medical_claim"]
    seen = case.where(
        "medical_claim",
        lambda r: any(case.taxonomies.get(r[c], set()) & specialties for c in medical),
    )
    elsewhere = tuple(Edit("medical_claim", i, dict.fromkeys(medical, other)) for i in seen)
    if elsewhere:
        yield Change(
            f"{fact}, and a provider with the specialty stands on a medical line",
            f"{words}, and had no provider with the specialty stood on any medical line of the person",
            (change, *elsewhere),
            step=len(elsewhere),
        )


def dates(case: Case) -> Iterator[Change]:
    """The service date at the first day of a version, a term or a code, and on the day before and after each ends."""
    column = "dispensing_date" if case.is_fill else "claim_line_start_date"
    for day, why in sorted(_edges(case).items()):
        if day != case.day and day <= case.as_of:
            yield Change(
                fact=f"the service date is {case.day}",
                words=f"had the service date been {day} ({why}) instead of {case.day}",
                edits=(case.edited(**{column: day}),),
                step=abs((day - case.day).days),
                line={"service_date": day},
            )


def _edges(case: Case) -> dict[date, str]:
    """Days on which what is asked changes, and why."""
    found: dict[date, str] = {}
    for policy in case.policies():
        if policy.document.payer is None:
            continue
        name = policy.document.id
        starts = [v.effective_from for v in policy.versions]
        for term in policy.terms:
            ends = [e for e in (term.effective_to,) if e]
            for day in [term.effective_from, *ends]:
                found.setdefault(day, f"the first day of a clause of {name}")
                if day > min(starts):
                    found.setdefault(
                        day - timedelta(days=1), f"the last day before a clause of {name}"
                    )
            if isinstance(term, HcpcsValidity) and term.hcpcs == case.line["hcpcs_code"]:
                found[term.valid_from - timedelta(days=1)] = (
                    f"the day before {term.hcpcs} became valid"
                )
                if term.valid_to:
                    found[term.valid_to + timedelta(days=1)] = (
                        f"the day after {term.hcpcs} ceased to be valid"
                    )
        for start, end in zip(starts, [*starts[1:], FAR_FUTURE], strict=True):
            found[start] = f"the first day of a version of {name}"
            if end != FAR_FUTURE:
                found.setdefault(end - timedelta(days=1), f"the last day of a version of {name}")
    return found

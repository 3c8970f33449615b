"""What the judged line is billed as and by whom: modifiers, HCPCS code, product, prescriber."""

from collections.abc import Iterator, Sequence

from audit_rules.counterfactuals.case import Case, Change, Edit
from audit_rules.policy.terms.doses import (
    Course,
    UnclassifiedCode,
    VialUnits,
)
from audit_rules.policy.terms.persons import PrescriberSpecialty
from audit_rules.wording import figure, listed

_PRESCRIBER = {
    "pharmacy_claim": ("prescribing_provider_npi",),
    "medical_claim": ("rendering_npi", "billing_npi"),
}
_MODIFIERS = [f"hcpcs_modifier_{n}" for n in range(1, 6)]


def modifiers(case: Case) -> Iterator[Change]:
    """Each modifier of waste added, each modifier on the line taken away."""
    known = {m for t in case.terms(VialUnits) for m in (t.waste_modifier, t.no_waste_modifier)}
    known |= {m for t in case.terms(Course) for m in t.waste_modifiers}
    yield from with_modifiers(case, sorted(known))


def with_modifiers(case: Case, added: Sequence[str]) -> Iterator[Change]:
    """Each of some modifiers added, and each modifier on the line taken away."""
    if case.is_fill:
        return
    present = {m: c for c in _MODIFIERS if (m := case.own_row[c])}
    free = next((c for c in _MODIFIERS if case.own_row[c] is None), None)
    has = (
        f"the line has modifier {listed(sorted(present))}"
        if present
        else "the line has no modifier"
    )
    for modifier in [m for m in added if m not in present] if free else []:
        yield Change(
            has,
            f"had modifier {modifier} been on the line",
            (case.edited(**{str(free): modifier}),),
        )
    for modifier, column in present.items():
        yield Change(
            has, f"had modifier {modifier} not been on the line", (case.edited(**{column: None}),)
        )


def codes(case: Case) -> Iterator[Change]:
    """An unclassified HCPCS code with the drug's NDC."""
    if case.is_fill or case.line["hcpcs_code"] is None:
        return
    own, drug = case.line["hcpcs_code"], case.line["drug"]
    drugs_own = ndcs_of_drug(case, drug)
    for code in sorted({c for t in case.terms(UnclassifiedCode) for c in t.hcpcs} - {own}):
        if drugs_own:
            words = f"had it been billed as {code} with the drug's NDC instead of as {own}"
            yield Change(
                f"the line is billed as {own}",
                words,
                (case.edited(hcpcs_code=code, ndc_code=drugs_own[0]),),
            )


def ndcs_of_drug(case: Case, drug: str) -> list[str]:
    """The NDCs of a drug's products in the NDC tables, in order."""
    ndc = case.book.reference.ndc
    return sorted(ndc.filter(ndc["ingredient"] == drug, ndc["strength_mg"].is_not_null())["ndc11"])


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
                on_file=f"it is {_product(case.line)}",
                condition=(
                    f"had it been {_product(row)} ({row['ndc11']}) instead of {_product(case.line)}"
                ),
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
    """A prescriber on file without the specialty; and the same one on all the person's medical
    lines."""
    yield from without_specialty(
        case, {code for t in case.terms(PrescriberSpecialty) for code in t.taxonomies}
    )


def without_specialty(case: Case, specialties: set[str]) -> Iterator[Change]:
    """A prescriber on file with none of the specialties; and the same one on all the person's
    medical lines."""
    others = (npi for npi, codes in case.taxonomies.items() if not codes & specialties)
    other = min(others, default=None) if specialties else None
    if other is None:
        return
    columns = _PRESCRIBER[case.table]
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
            f"{fact}, and a provider with the specialty is on a medical line",
            f"{words}, and had no provider with the specialty been on any medical line of the"
            " person",
            (change, *elsewhere),
            step=len(elsewhere),
        )

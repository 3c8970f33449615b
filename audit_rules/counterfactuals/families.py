"""Every kind of change, the kinds of term it is about, and which kinds are tried on top of
which."""

from audit_rules.counterfactuals.case import Case, Family
from audit_rules.counterfactuals.changes import (
    codes,
    dates,
    diagnoses,
    doses,
    enrollment,
    facts_on_file,
    other_claims,
    quantities,
)
from audit_rules.policy.terms.base import Term
from audit_rules.policy.terms.doses import (
    AdverseEvent,
    CyclesWithoutResponse,
    DoseInterval,
    HcpcsValidity,
    MaximumCycles,
    Monitoring,
    RemissionAtStart,
    TransplantCycles,
    UnclassifiedCode,
    UnitsPerDate,
    VialUnits,
)
from audit_rules.policy.terms.fills import (
    Combination,
    DailyDose,
    GenericTrial,
    QuantityLimit,
    SplitFills,
    TabletStrength,
)
from audit_rules.policy.terms.persons import (
    AgeLimit,
    Authorization,
    DiagnosisCoverage,
    DuplicateClaim,
    Eligibility,
    PrescriberSpecialty,
)

FAMILIES: tuple[tuple[Family, tuple[type[Term], ...]], ...] = (
    (
        quantities.quantities,
        (QuantityLimit, SplitFills, DailyDose, TabletStrength, UnitsPerDate, VialUnits),
    ),
    (quantities.days, (DailyDose, TabletStrength)),
    (codes.modifiers, (VialUnits,)),
    (codes.codes, (HcpcsValidity, UnclassifiedCode)),
    (codes.prescribers, (PrescriberSpecialty,)),
    (diagnoses.diagnoses, (DiagnosisCoverage, RemissionAtStart, AdverseEvent)),
    (facts_on_file.authorizations, (Authorization, GenericTrial)),
    (
        facts_on_file.facts,
        (CyclesWithoutResponse, TransplantCycles, Combination, GenericTrial, RemissionAtStart),
    ),
    (other_claims.fills, (GenericTrial, Combination, SplitFills)),
    (other_claims.services, (Monitoring,)),
    (other_claims.second_claims, (DuplicateClaim,)),
    (doses.doses, (DoseInterval, CyclesWithoutResponse, MaximumCycles, TransplantCycles)),
    (enrollment.births, (AgeLimit, DailyDose)),
    (enrollment.enrollment, (Eligibility,)),
    (codes.products, ()),
    (dates.dates, (HcpcsValidity,)),
)
"""Every kind of change, in the order of nearness, with the kinds of term that it is about."""

_AFTER_PRODUCT = (quantities.quantities, quantities.days, other_claims.fills)
_AFTER_QUANTITY = (
    diagnoses.diagnoses,
    facts_on_file.facts,
    other_claims.fills,
    other_claims.second_claims,
    doses.doses,
)
"""Kinds tried again on top of another product, or of a quantity; on top of another date, all
are."""


def follows(case: Case, first: Family, second: Family) -> bool:
    """Whether a second kind of change is tried on top of the first.

    Of another date only if some clause was not in force, of a quantity only if none is on
    file.
    """
    if first is codes.products:
        return second in _AFTER_PRODUCT
    if first is quantities.quantities:
        return second in _AFTER_QUANTITY and case.line["quantity"] is None
    return (
        first is dates.dates
        and second not in (dates.dates, codes.products)
        and case.has_dormant_clause()
    )

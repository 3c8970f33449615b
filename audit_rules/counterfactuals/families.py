"""Every kind of change, and which kinds are tried on top of which."""

from audit_rules.counterfactuals.case import Case, Family
from audit_rules.counterfactuals.changes import (
    boundaries,
    codes,
    dates,
    diagnoses,
    doses,
    enrollment,
    facts_on_file,
    other_claims,
    quantities,
)

FAMILIES: tuple[Family, ...] = (
    boundaries.boundaries,
    quantities.quantities,
    quantities.days,
    codes.modifiers,
    codes.codes,
    codes.prescribers,
    diagnoses.diagnoses,
    facts_on_file.authorizations,
    facts_on_file.facts,
    other_claims.fills,
    other_claims.second_claims,
    doses.doses,
    enrollment.enrollment,
    codes.products,
    dates.dates,
)
"""Every kind of change, in the order of nearness. A kind of term names those that it turns on."""

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


def is_tried(case: Case, family: Family) -> bool:
    """Whether a kind of change is tried on the line: of a drug that no rule knows, boundaries
    alone."""
    return family is boundaries.boundaries or case.line["drug"] is not None


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

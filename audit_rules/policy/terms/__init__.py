"""The kinds of policy term: what a policy file may say, and the meaning and unit of each field.

A term is one dated, cited condition of one document. The key of its array in the TOML file is the
kind (`[[quantity_limit]]`). Every number, code and date that a rule compares with comes from here.
Intervals are half open: a term holds from `effective_from` up to, not including, `effective_to`.
"""

from audit_rules.policy.terms.base import Term
from audit_rules.policy.terms.doses import (
    Administration,
    AdverseEvent,
    BrokenUnits,
    CombinedInfusion,
    Course,
    CycleInterval,
    CyclesWithoutResponse,
    DoseAfterTransplant,
    DoseInterval,
    FrontlinePositive,
    InpatientPlace,
    MaximumCycles,
    RemissionAtStart,
    TransplantCycles,
    UnclassifiedCode,
    UnitsPerDate,
    VialUnits,
    WasteModifier,
)
from audit_rules.policy.terms.fills import (
    Combination,
    ConcurrentTherapy,
    DailyDose,
    GenericTrial,
    Inducer,
    OrganImpairment,
    PaidAsBrand,
    QuantityLimit,
    SplitFills,
    StockInHand,
    StrongInhibitor,
    SupplyWindow,
)
from audit_rules.policy.terms.house import OverturnLimit
from audit_rules.policy.terms.persons import (
    ApprovalPeriod,
    Authorization,
    DiagnosisCodes,
    DiagnosisCoverage,
    DuplicateClaim,
    Eligibility,
    NdcMismatch,
    OtherLaw,
    PhiladelphiaNegative,
    PrescriberSpecialty,
    PriceAboveMedian,
    TwoBenefits,
    TwoPayers,
)

TERM_KINDS: tuple[type[Term], ...] = (
    DiagnosisCoverage,
    DiagnosisCodes,
    PrescriberSpecialty,
    Authorization,
    ApprovalPeriod,
    QuantityLimit,
    Inducer,
    SplitFills,
    StockInHand,
    DailyDose,
    OrganImpairment,
    StrongInhibitor,
    GenericTrial,
    PaidAsBrand,
    UnclassifiedCode,
    Course,
    CyclesWithoutResponse,
    MaximumCycles,
    TransplantCycles,
    CycleInterval,
    DoseInterval,
    DoseAfterTransplant,
    UnitsPerDate,
    VialUnits,
    BrokenUnits,
    WasteModifier,
    NdcMismatch,
    Administration,
    InpatientPlace,
    AdverseEvent,
    Combination,
    RemissionAtStart,
    PhiladelphiaNegative,
    FrontlinePositive,
    ConcurrentTherapy,
    CombinedInfusion,
    SupplyWindow,
    OtherLaw,
    OverturnLimit,
    DuplicateClaim,
    TwoBenefits,
    TwoPayers,
    PriceAboveMedian,
    Eligibility,
)

FORMER_KINDS = {
    "hcpcs_validity": " Write [[coding]] with code, first_day and last_day instead.",
    "monitoring": ' Write [[on_file]] with require, at_least = "all" and once = "date" instead.',
    "age_limit": ' Write [[who]] with age = { from = "18 years" } instead.',
    "tablet_strength": (
        ' Write [[quantity]] with measure = "mg", below and per = "day_of_supply" instead.'
    ),
}
"""Section that earlier versions knew -> what to write instead."""

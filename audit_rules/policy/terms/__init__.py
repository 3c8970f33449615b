"""The kinds of policy term: what a policy file may say, and the meaning and unit of each field.

A term is one dated, cited condition of one document. The key of its array in the TOML file is the
kind (`[[quantity_limit]]`). Every number, code and date that a rule compares with comes from here.
Intervals are half open: a term holds from `effective_from` up to, not including, `effective_to`.
"""

from audit_rules.policy.terms.base import Term
from audit_rules.policy.terms.doses import (
    AdverseEvent,
    Course,
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
    Inducer,
    QuantityLimit,
    SplitFills,
    SupplyWindow,
    TabletStrength,
)
from audit_rules.policy.terms.persons import (
    AgeLimit,
    Authorization,
    DiagnosisCodes,
    DiagnosisCoverage,
    DuplicateClaim,
    Eligibility,
    PrescriberSpecialty,
)

TERM_KINDS: tuple[type[Term], ...] = (
    DiagnosisCoverage,
    DiagnosisCodes,
    AgeLimit,
    PrescriberSpecialty,
    Authorization,
    QuantityLimit,
    Inducer,
    SplitFills,
    DailyDose,
    TabletStrength,
    GenericTrial,
    HcpcsValidity,
    UnclassifiedCode,
    Course,
    CyclesWithoutResponse,
    MaximumCycles,
    TransplantCycles,
    DoseInterval,
    UnitsPerDate,
    VialUnits,
    AdverseEvent,
    Monitoring,
    Combination,
    RemissionAtStart,
    SupplyWindow,
    DuplicateClaim,
    Eligibility,
)

"""Terms about infusions: codes and units billed, courses and cycles of doses, safety."""

from datetime import date

from pydantic import Field

from audit_rules.policy.terms.base import (
    Count,
    Days,
    Hcpcs,
    Icd10cm,
    Positive,
    Term,
)


class HcpcsValidity(Term):
    """CODE01: the first and last service date on which a HCPCS code was valid."""

    kind = "hcpcs_validity"
    hcpcs: Hcpcs
    valid_from: date
    valid_to: date | None = None

    def same_subject(self) -> tuple[object, ...]:
        return (self.hcpcs,)


class UnclassifiedCode(Term):
    """CODE02: codes that should not be billed once the drug has its own."""

    kind = "unclassified_code"
    hcpcs: tuple[Hcpcs, ...] = Field(min_length=1)


class Course(Term):
    """How doses make courses and cycles.

    gap_days          a longer gap between two dose dates starts a new course.
    doses_per_cycle   at most this many dose dates in a cycle.
    low_days          a cycle takes dates less than this after its first, for the count that never
                      overstates.
    high_days         the same for the highest count.
    waste_modifiers   lines with such a modifier are waste and no dose.
    """

    kind = "course"
    gap_days: Days
    doses_per_cycle: Count
    low_days: Count
    high_days: Count
    waste_modifiers: tuple[str, ...]


class CyclesWithoutResponse(Term):
    """CYC01: cycles allowed before a response must be on file."""

    kind = "cycles_without_response"
    allowed: Count
    response_values: tuple[str, ...] = Field(min_length=1)
    remission_codes: tuple[Icd10cm, ...]


class MaximumCycles(Term):
    """CYC02: cycles allowed in a course and over all courses."""

    kind = "maximum_cycles"
    allowed: Count


class TransplantCycles(Term):
    """CYC03: cycles before a transplant.

    allowed, extended     cycles; the extended number needs disease left after the allowed one.
    hcpcs, days_ahead     a transplant within this many days after the dose.
    plan_lookback_days    a plan counts from this many days before the course.
    """

    kind = "transplant_cycles"
    allowed: Count
    extended: Count
    hcpcs: tuple[Hcpcs, ...] = Field(min_length=1)
    days_ahead: Days
    plan_lookback_days: Days
    unmet_response_values: tuple[str, ...]
    unmet_mrd_values: tuple[str, ...]


class DoseInterval(Term):
    """CYC04: least days between doses, and most dose dates within [d - window_days, d]."""

    kind = "dose_interval"
    minimum_days: Days
    window_days: Days
    maximum_doses: Count


class UnitsPerDate(Term):
    """UNIT01: HCPCS units (unit_mg each) allowed on one date.

    first_units, later_units   on the first date of a cycle, on other dates.
    first_mg_m2, later_mg_m2   dose per square metre; vial_mg, vial_units: one vial.
    bsa_lookback_days          how old a body surface may be.
    """

    kind = "units_per_date"
    hcpcs: tuple[Hcpcs, ...] = Field(min_length=1)
    first_units: Positive
    later_units: Positive
    first_mg_m2: Positive
    later_mg_m2: Positive
    vial_mg: Positive
    vial_units: Count
    bsa_lookback_days: Days


class VialUnits(Term):
    """UNIT02: shapes of a day's units that cannot be whole vials."""

    kind = "vial_units"
    hcpcs: tuple[Hcpcs, ...] = Field(min_length=1)
    vial_units: Count
    looks_like_vials: Count
    waste_modifier: str
    no_waste_modifier: str


class AdverseEvent(Term):
    """SAFE01: diagnoses after which the drug must not be given again."""

    kind = "adverse_event"
    codes: tuple[Icd10cm, ...] = Field(min_length=1)


class Monitoring(Term):
    """SAFE02: one kind of monitoring, the codes that show it, and the window around the dose."""

    kind = "monitoring"
    name: str
    hcpcs: tuple[Hcpcs, ...] = Field(min_length=1)
    days_before: Days
    days_after: Days

    def same_subject(self) -> tuple[object, ...]:
        return (self.name,)


class RemissionAtStart(Term):
    """REG02: a remission code on the first dose's claim, and the codes that contradict it."""

    kind = "remission_at_start"
    remission_codes: tuple[Icd10cm, ...] = Field(min_length=1)
    active_codes: tuple[Icd10cm, ...] = Field(min_length=1)
    lookback_days: Days
    lookahead_days: Days

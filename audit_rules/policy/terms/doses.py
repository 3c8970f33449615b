"""Terms about infusions: codes and units billed, courses and cycles of doses, safety."""

from typing import Literal

from pydantic import Field

from audit_rules.policy.terms.base import (
    Count,
    Days,
    Hcpcs,
    Icd10cm,
    Positive,
    Term,
)


class UnclassifiedCode(Term):
    """CODE02: codes that should not be billed once the drug has its own.

    listed   those that the document itself lists for the drug.
    """

    kind = "unclassified_code"
    turns_on = ("codes",)
    hcpcs: tuple[Hcpcs, ...] = Field(min_length=1)
    listed: tuple[Hcpcs, ...] = ()


class Course(Term):
    """How doses make courses and cycles.

    gap_days          a longer gap between two dose dates starts a new course.
    doses_per_cycle   at most this many dose dates in a cycle.
    low_days          a cycle takes dates less than this after its first, for the count that never
                      overstates.
    high_days         the same for the highest count.
    same_dose_days    a date less than this after a counted one belongs to the same dose.
    waste_modifiers   lines with such a modifier are waste and no dose.
    """

    kind = "course"
    gap_days: Days
    doses_per_cycle: Count
    low_days: Count
    high_days: Count
    same_dose_days: Count
    waste_modifiers: tuple[str, ...]


class CyclesWithoutResponse(Term):
    """CYC01: cycles allowed before a response must be on file."""

    kind = "cycles_without_response"
    turns_on = ("facts", "doses")
    allowed: Count
    response_values: tuple[str, ...] = Field(min_length=1)
    remission_codes: tuple[Icd10cm, ...]


class MaximumCycles(Term):
    """CYC02: cycles allowed in a course and over all courses."""

    kind = "maximum_cycles"
    turns_on = ("doses",)
    allowed: Count


class TransplantCycles(Term):
    """CYC03: cycles before a transplant.

    allowed, extended     cycles; the extended number needs disease left after the allowed one.
    hcpcs, days_ahead     a transplant within this many days after the dose.
    donor_codes           a diagnosis on its claim, or child of it, that makes it a donation.
    plan_lookback_days    a plan counts from this many days before the course.
    """

    kind = "transplant_cycles"
    turns_on = ("facts", "doses")
    allowed: Count
    extended: Count
    hcpcs: tuple[Hcpcs, ...] = Field(min_length=1)
    donor_codes: tuple[Icd10cm, ...]
    days_ahead: Days
    plan_lookback_days: Days
    unmet_response_values: tuple[str, ...]
    unmet_mrd_values: tuple[str, ...]


class CycleInterval(Term):
    """CYC04: least days from the first date of one cycle to the first date of the next."""

    kind = "cycle_interval"
    least_days: Count


class DoseInterval(Term):
    """CYC04: least days between doses."""

    kind = "dose_interval"
    turns_on = ("doses",)
    minimum_days: Days


class DoseAfterTransplant(Term):
    """CYC05: a dose after a transplant needs a relapse, or disease left.

    hcpcs, donor_codes               as in TransplantCycles.
    lookback_days                    a transplant counts from so long before the dose, or from the
                                     beginning of the course if that is earlier,
    least_days                       and if the dose is at least so long after it.
    relapse_codes, lookahead_days    diagnoses after the transplant, up to so long after the dose.
    relapse_values, unmet_response_values, unmet_mrd_values   evidence after the transplant.
    """

    kind = "dose_after_transplant"
    hcpcs: tuple[Hcpcs, ...] = Field(min_length=1)
    donor_codes: tuple[Icd10cm, ...]
    lookback_days: Days
    least_days: Days
    relapse_codes: tuple[Icd10cm, ...] = Field(min_length=1)
    lookahead_days: Days
    relapse_values: tuple[str, ...]
    unmet_response_values: tuple[str, ...]
    unmet_mrd_values: tuple[str, ...]


class UnitsPerDate(Term):
    """UNIT01: HCPCS units allowed on one date.

    most_units                 more than any dose needs; without a body surface, later_units on a
                               date that opens no cycle.
    first_mg_m2, later_mg_m2   dose per square metre on a date that opens a cycle, and on others;
                               vial_mg, vial_units: one vial.
    response_values            after such a response the later dose is given on every date, unless
    relapse_codes              one of these diagnoses followed.
    bsa_lookback_days          how old a body surface may be.
    """

    kind = "units_per_date"
    turns_on = ("quantities",)
    hcpcs: tuple[Hcpcs, ...] = Field(min_length=1)
    most_units: Positive
    later_units: Positive
    first_mg_m2: Positive
    later_mg_m2: Positive
    vial_mg: Positive
    vial_units: Count
    response_values: tuple[str, ...]
    relapse_codes: tuple[Icd10cm, ...]
    bsa_lookback_days: Days


class VialUnits(Term):
    """UNIT02: shapes of a day's units that cannot be whole vials."""

    kind = "vial_units"
    turns_on = ("quantities", "modifiers")
    hcpcs: tuple[Hcpcs, ...] = Field(min_length=1)
    vial_units: Count
    looks_like_vials: Count
    waste_modifier: str
    no_waste_modifier: str


class BrokenUnits(Term):
    """UNIT04: units of one line that no dose has: a part of one, or waste without a dose."""

    kind = "broken_units"
    hcpcs: tuple[Hcpcs, ...] = Field(min_length=1)
    waste_modifier: str


class WasteModifier(Term):
    """MOD01: of the lines of a dose one must say whether drug was thrown away.

    waste_modifiers   those that say it.
    exempt_places     places of service where it is not asked for.
    """

    kind = "waste_modifier"
    hcpcs: tuple[Hcpcs, ...] = Field(min_length=1)
    waste_modifiers: tuple[str, ...] = Field(min_length=1)
    exempt_places: tuple[str, ...]


class Administration(Term):
    """ADM01: services that give an infusion, and how near the dose's date one must be.

    stay_places   places of service of a hospital stay, within which none is billed.
    """

    kind = "administration"
    hcpcs: tuple[Hcpcs, ...] = Field(min_length=1)
    days: Days
    stay_places: tuple[str, ...]


class InpatientPlace(Term):
    """POS01: places of service in which a drug is part of the stay."""

    kind = "inpatient_place"
    places: tuple[str, ...] = Field(min_length=1)


class AdverseEvent(Term):
    """SAFE01: diagnoses after which the drug must not be given again."""

    kind = "adverse_event"
    turns_on = ("diagnoses",)
    codes: tuple[Icd10cm, ...] = Field(min_length=1)


class RemissionAtStart(Term):
    """REG02: a remission code on the first dose's claim, and the codes that contradict it.

    outcome                  what it is answered with.
    stay_places, stay_days   a hospital stay so long before the dose leaves it open: the first cycle
                             may have been given there.
    shown_mrd_values         values of evidence `mrd` that speak for the provider.
    """

    kind = "remission_at_start"
    turns_on = ("diagnoses", "facts")
    remission_codes: tuple[Icd10cm, ...] = Field(min_length=1)
    active_codes: tuple[Icd10cm, ...] = Field(min_length=1)
    outcome: Literal["records_request", "review"]
    stay_places: tuple[str, ...]
    stay_days: Days
    shown_mrd_values: tuple[str, ...]
    lookback_days: Days
    lookahead_days: Days


class FrontlinePositive(Term):
    """REG04: the first course of Philadelphia-positive disease, without treatment before it.

    required_status                 the status of evidence `philadelphia` that it is about.
    lookback_days                   how far before the course something must show, and claims be
                                    known.
    chemotherapy                    first and last HCPCS code of other cancer drugs.
    administration, stay_places, ingredients   services, stays and fills that show treatment.
    relapse_codes, lookahead_days   a relapse, also so long after the dose.
    earlier_codes                   the disease, dated before the window.
    relapse_values                  evidence `relapsed_refractory`.
    """

    kind = "frontline_positive"
    required_status: str
    lookback_days: Days
    lookahead_days: Days
    chemotherapy: tuple[Hcpcs, Hcpcs]
    administration: tuple[Hcpcs, ...]
    stay_places: tuple[str, ...]
    ingredients: tuple[str, ...]
    relapse_codes: tuple[Icd10cm, ...]
    earlier_codes: tuple[Icd10cm, ...]
    relapse_values: tuple[str, ...]


class CombinedInfusion(Term):
    """COMB01: another drug given inside a cycle, which a named regimen allows.

    hcpcs, days                 that drug, so near to the doses.
    regimen_hcpcs, regimen_days drugs of the regimen, so near to the dose.
    """

    kind = "combined_infusion"
    hcpcs: tuple[Hcpcs, ...] = Field(min_length=1)
    days: Days
    regimen_hcpcs: tuple[Hcpcs, ...] = Field(min_length=1)
    regimen_days: Days

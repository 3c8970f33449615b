"""The kinds of policy term: what a policy file may say, and the meaning and unit of each field.

A term is one dated, cited condition of one document. The key of its array in the TOML file is the
kind (`[[quantity_limit]]`). Every number, code and date that a rule compares with comes from here.
Intervals are half open: a term holds from `effective_from` up to, not including, `effective_to`.
"""

import re
from datetime import date
from decimal import Decimal
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from schemas.formats import ISSUED_TAXONOMY, SHAPES
from schemas.tables import Kind

Basis = Literal["stated", "review_date", "inferred", "assumption"]
Channel = Literal["retail", "home_delivery"]
Standing = Literal["listed", "criteria", "conflict", "bcr_abl_negative", "neoplasm"]


def _matching(shape: str, what: str) -> AfterValidator:
    def check(code: str) -> str:
        if not re.fullmatch(shape, code):
            raise ValueError(f"{code!r} is not {what}")
        return code

    return AfterValidator(check)


Icd10cm = Annotated[
    str, _matching(SHAPES[Kind.ICD10CM], "an ICD-10-CM code with its dot, such as C91.00")
]
Hcpcs = Annotated[str, _matching(SHAPES[Kind.HCPCS], "a HCPCS code, such as J9229")]
Taxonomy = Annotated[str, _matching(ISSUED_TAXONOMY, "a NUCC taxonomy code, such as 207RX0202X")]
Days = Annotated[int, Field(ge=0, le=3660)]
Count = Annotated[int, Field(ge=1)]
Positive = Annotated[Decimal, Field(gt=0)]


class Strict(BaseModel):
    """Unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Term(Strict):
    """What every term carries.

    term_id       stable id, unique in the library; part of every exception's id.
    cite          the clause of the document, in words a reader can find.
    basis         stated (the document says so), review_date (dated by a review), inferred, assumption (ours).
    assumed       field -> why: numbers of this term that are ours and not the document's.
    partly        what of the clause claims cannot show; left out where the whole clause is audited.
    """

    kind: ClassVar[str]

    term_id: str = Field(min_length=3)
    effective_from: date
    effective_to: date | None = None
    cite: str = Field(min_length=3)
    basis: Basis
    assumed: dict[str, str] = {}
    partly: str | None = None

    @model_validator(mode="after")
    def _holds(self) -> "Term":
        if self.effective_to is not None and self.effective_to <= self.effective_from:
            raise ValueError("effective_to must be later than effective_from")
        unknown = sorted(set(self.assumed) - set(type(self).model_fields))
        if unknown:
            raise ValueError(
                f"assumed names fields that this term does not have: {', '.join(unknown)}"
            )
        return self

    def same_subject(self) -> tuple[object, ...]:
        """Terms of one kind, document and subject must not overlap in time."""
        return ()


class DiagnosisCoverage(Term):
    """DX01: the window in which a person's diagnoses count, and whether only cancer is in question.

    lookback_days, lookahead_days   around the service date, both ends included.
    cancer_only                     the document has no code list; it excludes non-cancer use.
    """

    kind = "diagnosis_coverage"
    lookback_days: Days
    lookahead_days: Days
    cancer_only: bool = False


class DiagnosisCodes(Term):
    """DX01, AGE01: ICD-10-CM codes and how each stands, inline or from a code-set file.

    standing        listed; criteria (named by the criteria only); conflict (listed, but the code means
                    something else); bcr_abl_negative; neoplasm (any cancer).
    with_children   the codes are (expanded) ranges or headers that include every more specific code.
    code_set        a CSV with the columns code, indication, standing; then codes and standing are left out.
    """

    kind = "diagnosis_codes"
    standing: Standing | None = None
    codes: tuple[Icd10cm, ...] = ()
    code_set: str | None = None
    with_children: bool = False
    indication: str | None = None

    @model_validator(mode="after")
    def _one_source(self) -> "DiagnosisCodes":
        if bool(self.codes) == bool(self.code_set) or bool(self.codes) != bool(self.standing):
            raise ValueError("give either codes with a standing, or a code_set")
        return self

    def same_subject(self) -> tuple[object, ...]:
        return (self.standing, self.codes, self.code_set)


class AgeLimit(Term):
    """AGE01: under this age (completed years on the service date) the line is questioned.

    requires_covered_indication   ask only where a listed or criteria diagnosis is on file.
    exempt_indications            indications that pass at any age.
    """

    kind = "age_limit"
    under_age: Count
    reason: Literal["under_minimum_age", "pediatric_before_revision", "adults_named"]
    requires_covered_indication: bool = False
    exempt_indications: tuple[str, ...] = ()

    def same_subject(self) -> tuple[object, ...]:
        return (self.under_age,)


class PrescriberSpecialty(Term):
    """SPEC01: taxonomies that count as the specialty, and the window for a consultation."""

    kind = "prescriber_specialty"
    taxonomies: tuple[Taxonomy, ...] = Field(min_length=1)
    lookback_days: Days
    lookahead_days: Days


class Authorization(Term):
    """AUTH01, AUTH02: an approval must cover the line, and may run `allowed_days` from its start.

    by_product   False: the drug has one product, so an approval of whatever product covers it.
    """

    kind = "authorization"
    allowed_days: Days
    by_product: bool = True


class QuantityLimit(Term):
    """QTY01 (and QTY02, DOSE01, DOSE02 by scope): tablets allowed on one fill.

    limit, limit_with_inducer   tablets; limit_with_inducer is left out where there is no override.
    standard_days               days that the limit is meant to last.
    """

    kind = "quantity_limit"
    strength_mg: Positive
    channel: Channel
    limit: Positive
    limit_with_inducer: Positive | None = None
    standard_days: Count

    def same_subject(self) -> tuple[object, ...]:
        return (self.strength_mg, self.channel)


class Inducer(Term):
    """QTY01, DOSE01: ingredients whose fills near the service date raise the limit.

    days_before, days_after   the inducer's supply must touch [d - days_before, d + days_after].
    override                  the authorization override that says the same.
    """

    kind = "inducer"
    ingredients: tuple[str, ...] = Field(min_length=1)
    days_before: Days
    days_after: Days
    override: str


class SplitFills(Term):
    """QTY02: fills within this many days before a fill are added to it."""

    kind = "split_fills"
    channel: Channel
    lookback_days: Days

    def same_subject(self) -> tuple[object, ...]:
        return (self.channel,)


class DailyDose(Term):
    """DOSE01: mg per day that the document calls the maximum; tolerance is a factor."""

    kind = "daily_dose"
    adult_age: Count
    pediatric_mg: Positive
    label_mg: Positive
    studied_mg: Positive
    tolerance: Positive


class TabletStrength(Term):
    """DOSE02: from this many mg per day the stronger tablet should be used."""

    kind = "tablet_strength"
    strength_mg: Positive
    daily_mg: Positive


class GenericTrial(Term):
    """GEN01: what counts as a trial of the generic, how long a history must be, where prices come from.

    trial_evidence             values of evidence `generic_trial` that prove a trial.
    intolerance_evidence       values of evidence `formulation_intolerance` that prove one.
    observed_days              days a member must have been observed before silence means no trial.
    price_days                 generic fills within this many days before or after give the price.
    """

    kind = "generic_trial"
    trial_evidence: tuple[str, ...] = Field(min_length=1)
    intolerance_evidence: tuple[str, ...] = Field(min_length=1)
    observed_days: Days
    price_days: Days


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
    low_days          a cycle takes dates less than this after its first, for the count that never overstates.
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


class Combination(Term):
    """REG01: ingredients that may be combined only where the status evidence has the given value."""

    kind = "combination"
    ingredients: tuple[str, ...] = Field(min_length=1)
    required_status: str


class RemissionAtStart(Term):
    """REG02: a remission code on the first dose's claim, and the codes that contradict it."""

    kind = "remission_at_start"
    remission_codes: tuple[Icd10cm, ...] = Field(min_length=1)
    active_codes: tuple[Icd10cm, ...] = Field(min_length=1)
    lookback_days: Days
    lookahead_days: Days


class SupplyWindow(Term):
    """All rules: days a fill lasts where its days' supply is unknown or not positive."""

    kind = "supply_window"
    default_days: Count


class DuplicateClaim(Term):
    """DUP01: the same service paid twice under two claim ids."""

    kind = "duplicate_claim"


class Eligibility(Term):
    """ELIG01: a service outside every span of the payer, or after death."""

    kind = "eligibility"


class NotAuditable(Strict):
    """A clause that claims cannot show, and why."""

    clause: str = Field(min_length=3)
    why: str = Field(min_length=3)


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

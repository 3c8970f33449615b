"""Terms about person and claim: diagnoses, age, prescriber, authorization, enrollment,
duplicates."""

from typing import Literal

from pydantic import Field, model_validator

from audit_rules.policy.terms.base import (
    Count,
    Days,
    Hcpcs,
    Icd10cm,
    Positive,
    Standing,
    Taxonomy,
    Term,
)


class DiagnosisCoverage(Term):
    """DX01: the window in which a person's diagnoses count, and whether only cancer is in question.

    lookback_days, lookahead_days   around the service date, both ends included.
    cancer_only                     the document has no code list; it excludes non-cancer use.
    """

    kind = "diagnosis_coverage"
    turns_on = ("diagnoses",)
    lookback_days: Days
    lookahead_days: Days
    cancer_only: bool = False


class DiagnosisCodes(Term):
    """DX01: ICD-10-CM codes and the standing of each, inline or from a code-set file.

    standing        listed; criteria (named by the criteria only); conflict (listed, but the code
                    means something else); bcr_abl_negative; neoplasm (any cancer).
    with_children   the codes are (expanded) ranges or headers that include every more specific
                    code.
    code_set        a CSV with the columns code, indication, standing; then codes and standing are
                    left out.
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


class PrescriberSpecialty(Term):
    """SPEC01: taxonomies that count as the specialty, and the window for a consultation.

    clinics   taxonomies of clinics that count as a consultation where they bill.
    """

    kind = "prescriber_specialty"
    turns_on = ("prescribers",)
    taxonomies: tuple[Taxonomy, ...] = Field(min_length=1)
    clinics: tuple[Taxonomy, ...] = ()
    lookback_days: Days
    lookahead_days: Days


class Authorization(Term):
    """AUTH01, AUTH02: an approval must cover the line.

    by_product   False: the drug has one product, so an approval for any product covers it.
    missing      what a line that no approval covers is answered with.
    forms        if given, only lines of a product in one of these forms, or billed under
    codes        one of these codes for a product that is not in one of the forms left out.
    """

    kind = "authorization"
    turns_on = ("authorizations",)
    by_product: bool = True
    missing: Literal["records_request", "review"] = "records_request"
    forms: tuple[str, ...] = ()
    codes: tuple[Hcpcs, ...] = ()
    forms_left_out: tuple[str, ...] = ()


class ApprovalPeriod(Term):
    """AUTH02: how long one approval runs: up to the same day of a later year, or days.

    of_override   True: an approval of a higher quantity, not of the drug.
    """

    kind = "approval_period"
    years: Count | None = None
    days: Days | None = None
    of_override: bool = False

    @model_validator(mode="after")
    def _one_length(self) -> "ApprovalPeriod":
        if (self.years is None) == (self.days is None):
            raise ValueError("give either years or days")
        return self


class OtherLaw(Term):
    """Caps: kinds of coverage that other law governs before the policy does.

    payer_types   words; coverage whose payer_type contains one, in any case.
    """

    kind = "other_law"
    payer_types: tuple[str, ...] = Field(min_length=1)


class DuplicateClaim(Term):
    """DUP01: the same service paid twice under two claim ids."""

    kind = "duplicate_claim"
    turns_on = ("second_claims",)


class NdcMismatch(Term):
    """NDC01: an NDC that is not that of the code's drug, and the drug under another drug's code.

    codes             HCPCS codes that name a drug: an NDC of another ingredient does not fit.
    codes_of_one      those of them under which also an NDC that no table holds is questioned.
    diluents          ingredients that are given with a drug.
    other_drugs       beginnings of codes that name some drug,
    not_other_drugs   but these do not.
    """

    kind = "ndc_mismatch"
    codes: tuple[Hcpcs, ...] = Field(min_length=1)
    codes_of_one: tuple[Hcpcs, ...]
    diluents: tuple[str, ...]
    other_drugs: tuple[str, ...]
    not_other_drugs: tuple[Hcpcs, ...]


class TwoBenefits(Term):
    """DUP02: a drug paid on a medical line and at the pharmacy.

    tablet_codes, unit_mg   medical codes of tablets, and what one unit of the first is.
    supply_days             the same supply is a fill so near,
    facility_places         or only before the line in these places of service.
    tolerance               how much two supplies may differ, as a share.
    vial_codes, vial_days   medical codes of an infusion, whose vial was dispensed so long before.
    cover_days              a fill that lasts so much longer overlaps,
    month_days, most_mg     unless it is of another strength and both together are a usual dose.
    """

    kind = "two_benefits"
    tablet_drug: str
    unit_mg: Positive
    supply_days: Days
    facility_places: tuple[str, ...]
    tolerance: Positive
    vial_codes: tuple[Hcpcs, ...]
    vial_days: Days
    cover_days: Days
    month_days: Count
    most_mg: Positive


class TwoPayers(Term):
    """DUP03: one service paid by two payers that both enroll the person.

    least_share   each paid at least this share of what the other paid.
    """

    kind = "two_payers"
    least_share: Positive


class PriceAboveMedian(Term):
    """PAY01: a price far above what others were paid.

    days      other lines of the product so near.
    others    so many at least.
    ratio     times their median.
    """

    kind = "price_above_median"
    days: Days
    others: Count
    ratio: Positive


class PhiladelphiaNegative(Term):
    """REG03: indications whose evidence `philadelphia` must be `required_status`."""

    kind = "philadelphia_negative"
    indications: tuple[str, ...] = Field(min_length=1)
    required_status: str


class Eligibility(Term):
    """ELIG01: a service outside every span of the payer, or after death."""

    kind = "eligibility"
    turns_on = ("enrollment",)

"""Terms about person and claim: diagnoses, age, prescriber, authorization, enrollment,
duplicates."""

from typing import Literal

from pydantic import Field, model_validator

from audit_rules.policy.terms.base import Count, Days, Icd10cm, Standing, Taxonomy, Term


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
    """DX01, AGE01: ICD-10-CM codes and the standing of each, inline or from a code-set file.

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


class AgeLimit(Term):
    """AGE01: under this age (completed years on the service date) the line is questioned.

    requires_covered_indication   ask only if a listed or criteria diagnosis is on file.
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

    by_product   False: the drug has one product, so an approval for any product covers it.
    """

    kind = "authorization"
    allowed_days: Days
    by_product: bool = True


class DuplicateClaim(Term):
    """DUP01: the same service paid twice under two claim ids."""

    kind = "duplicate_claim"


class Eligibility(Term):
    """ELIG01: a service outside every span of the payer, or after death."""

    kind = "eligibility"

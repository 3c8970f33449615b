"""The kinds of clause of a law file, each dated and cited: what binds whom, and what it says.

A clause binds a line if it is in force on the service date, and names the line's benefit, and the
jurisdiction, line of business and payer that the config gives for it.
"""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from audit_rules.policy.terms.base import Strict, Term

LineOfBusiness = Literal[
    "commercial_insured", "self_funded", "medicare_advantage", "part_d", "medicaid", "other"
]
GOVERNMENT: tuple[LineOfBusiness, ...] = ("medicare_advantage", "part_d", "medicaid")
"""Lines of business of government programs."""
OTHER_BUSINESS: LineOfBusiness = "other"
"""A line of business that says too little to know whether it is of a government program."""
Benefit = Literal["medical", "pharmacy"]
BENEFITS: tuple[Benefit, ...] = ("medical", "pharmacy")
CountedFrom = Literal["paid_date", "service_date"]
OF_GOVERNMENT = "government"
Unless = Literal["fraud", "coordination_of_benefits", "government"]
Part = Literal[
    "sender",
    "addressee",
    "date",
    "audit_period",
    "patient",
    "claim_id",
    "service_date",
    "billed",
    "paid_amount",
    "rule",
    "where_to_read",
    "explanation",
    "evidence",
    "amount",
    "computation",
    "left_out",
    "documents",
    "corrected_claim",
    "appeal",
    "answer_by",
    "no_refund_before",
    "interest",
    "payment",
    "judged_by",
    "receipt",
]
"""What a letter can be asked to hold."""
Jurisdiction = Annotated[str, Field(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")]
"""A country, or one of its states, such as US or US-AL."""
_MOST = 36_600
Number = Annotated[int, Field(ge=0, le=_MOST, strict=True)]


def _benefits(value: object) -> Any:
    return BENEFITS if value == "both" else [value] if isinstance(value, str) else value


Claims = Annotated[
    tuple[Benefit, ...],
    Field(min_length=1),
    BeforeValidator(_benefits, json_schema_input_type=list[Benefit] | Literal["both"] | Benefit),
]


class Law(Strict):
    """The file: one jurisdiction, or one contract.

    id      a word of ours, unique among the law files: small letters, digits, hyphens.
    title   what it is called; begins every citation.
    """

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    title: str = Field(min_length=2)


class Clause(Term):
    """What every clause carries, besides what every term does.

    jurisdictions       those that it binds: US-AL, or US for every state; left out: any, if it
                        names payers.
    lines_of_business   those that it binds; left out: any, if it names payers.
    claims              medical, pharmacy, or both.
    payers              payers that a contract binds, by any name that extracts or the config use;
                        left out: all.
    """

    jurisdictions: tuple[Jurisdiction, ...] = ()
    lines_of_business: tuple[LineOfBusiness, ...] = ()
    claims: Claims = BENEFITS
    payers: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _says_whom_it_binds(self) -> "Clause":
        if not self.payers and not (self.jurisdictions and self.lines_of_business):
            raise ValueError(
                "jurisdictions and lines_of_business are missing: without payers a clause names"
                ' both, such as jurisdictions = ["US-AL"]'
            )
        return self


class RecoupmentLimit(Clause):
    """How long after a claim was paid, or its service, its payment may be asked back.

    months, days   how long: calendar months, of a shorter month its last day, or days.
    counted_from   the date that it is counted from.
    unless         what lifts it: fraud, coordination_of_benefits, government.
    """

    kind = "recoupment_limit"
    either = ("months", "days")

    months: Annotated[int, Field(ge=1, le=1200, strict=True)] | None = None
    days: Annotated[int, Field(ge=1, le=_MOST, strict=True)] | None = None
    counted_from: CountedFrom
    unless: tuple[Unless, ...] = ()

    @model_validator(mode="after")
    def _has_one_length(self) -> "RecoupmentLimit":
        if (self.months is None) == (self.days is None):
            raise ValueError("give either months or days, and not both")
        return self


class Notice(Clause):
    """How long before a refund is taken it must be announced, and who must have looked.

    before_refund   days from the letter until an amount may be taken back.
    to_answer       days that the provider has to answer or appeal.
    business_days   whether these are working days: Monday to Friday.
    signed_by       who must sign or review a finding of clinical judgement.
    final_report    whether nothing is taken back before a final report.
    """

    kind = "notice"

    before_refund: Number | None = None
    to_answer: Number | None = None
    business_days: bool = False
    signed_by: Literal["pharmacist", "physician"] | None = None
    final_report: bool = False


class LetterContents(Clause):
    """What a letter that asks for money must hold.

    parts   the parts.
    """

    kind = "letter_contents"

    parts: Annotated[tuple[Part, ...], Field(min_length=1)]


class NoDispensingFee(Clause):
    """No amount may include the dispensing fee; only one of a whole payment does."""

    kind = "no_dispensing_fee"


class NoExtrapolation(Clause):
    """What a sample shows may not be projected on other claims."""

    kind = "no_extrapolation"


class NoClericalError(Clause):
    """No money is asked back whose only ground is a clerical slip."""

    kind = "no_clerical_error"


class AuditSize(Clause):
    """How much of a pharmacy's claims one audit may be about.

    per_audit        most fills or prescriptions in one audit.
    per_year         most in one year.
    share_of_fills   most of all its fills in a year, as a share, if that is less.
    only             what the clause is limited to, such as audits on site.
    """

    kind = "audit_size"

    per_audit: Annotated[int, Field(ge=1, strict=True)] | None = None
    per_year: Annotated[int, Field(ge=1, strict=True)] | None = None
    share_of_fills: Annotated[float, Field(gt=0, le=1)] | None = None
    only: str | None = None

    @model_validator(mode="after")
    def _has_a_size(self) -> "AuditSize":
        if self.per_audit is None and self.per_year is None:
            raise ValueError("give per_audit or per_year")
        return self


class Stated(Clause):
    """A clause that no output depends on, written down for whoever judges or writes.

    says   what it says.
    """

    kind = "stated"

    says: str = Field(min_length=3)


CLAUSE_KINDS: tuple[type[Clause], ...] = (
    RecoupmentLimit,
    Notice,
    LetterContents,
    NoDispensingFee,
    NoExtrapolation,
    NoClericalError,
    AuditSize,
    Stated,
)

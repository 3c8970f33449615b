"""The kinds of term about how much and when: quantity, interval, schedule, dose_basis."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from audit_rules.policy.language.spans import Span, SpanField, WindowField, parse_span
from audit_rules.policy.language.terms import ALIASED, LanguageTerm, one_of
from audit_rules.policy.terms.base import Basis, Count, Positive, Strict

PERIODS = (
    "line",
    "claim",
    "date",
    "day_of_supply",
    "calendar month",
    "calendar year",
    "course",
    "lifetime",
)
FILL_MEASURES = ("quantity", "fills", "days_supply")
_AGAINST = Literal["allowed", "last"]
NonNegative = Annotated[Decimal, Field(ge=0, le=10**9)]


def _per(value: object) -> str | Span:
    if isinstance(value, str) and value in PERIODS:
        return value
    try:
        return parse_span(value)
    except ValueError as error:
        raise ValueError(f"{error}, or one of {', '.join(PERIODS)}") from None


class Quantity(LanguageTerm):
    """QTY10: how much may be billed of a set in a period.

    most, below   the limit; `below`: reaching it is too much.
    per           line, claim, date, day_of_supply, a rolling span, a calendar month or year, the
                  course, or lifetime.
    """

    kind = "quantity"
    default_rule = "QTY10"
    reasons = ("quantity_over_limit",)
    default_amount = "excess"
    own_payer = True
    measure: Literal["units", "quantity", "fills", "days_supply", "mg", "doses"]
    most: NonNegative | None = None
    below: Positive | None = None
    per: Annotated[str | Span, BeforeValidator(_per)]

    @model_validator(mode="after")
    def _limit_holds(self) -> "Quantity":
        one_of(self, "most", "below")
        if self.below is not None and self.per not in ("line", "day_of_supply"):
            raise ValueError('below goes with per = "line" or "day_of_supply". Write most')
        if self.per == "day_of_supply" and self.measure in ("units", "fills", "doses"):
            raise ValueError(
                f'measure = "{self.measure}" has no day of supply. Write measure = "quantity"'
            )
        return self


class Interval(LanguageTerm):
    """INT10: how long after the dose before the next may come.

    least     a span from the dose date before.
    used      the share of the fill before that must be used up; carry_over: what earlier fills
              left counts too.
    against   the date before: the latest that was not itself too soon, or the latest.
    """

    kind = "interval"
    default_rule = "INT10"
    reasons = ("doses_too_close", "refill_too_soon")
    least: SpanField | None = None
    used: Annotated[Decimal, Field(gt=0, le=1)] | None = None
    carry_over: bool = True
    against: _AGAINST = "allowed"

    @model_validator(mode="after")
    def _one_question(self) -> "Interval":
        one_of(self, "least", "used")
        return self


class Phase(Strict):
    """A phase of a schedule: how many dose dates it takes, and what holds in it."""

    model_config = ALIASED
    name: str | None = None
    cite: str | None = None
    doses: Count | None = None
    within: SpanField | None = None
    units: Positive | None = None
    every: SpanField | None = None
    most: Count | None = None
    span: SpanField | None = Field(default=None, alias="in")
    longest: SpanField | None = None
    renewed_by: Literal["authorization"] | None = None

    @model_validator(mode="after")
    def _most_in_a_span(self) -> "Phase":
        if (self.most is None) != (self.span is None):
            raise ValueError('most and in go together, such as most = 4, in = "6 months"')
        return self


class Schedule(LanguageTerm):
    """SCH10: the phases of a course, and what holds on its dose dates."""

    kind = "schedule"
    default_rule = "SCH10"
    reasons = (
        "after_last_phase",
        "phase_too_long",
        "doses_too_close",
        "too_many_doses",
        "units_over_phase",
    )
    gap: Annotated[
        Span | str | None, BeforeValidator(lambda v: v if v == "never" else parse_span(v))
    ] = None
    against: _AGAINST = "allowed"
    phase: tuple[Phase, ...] = Field(min_length=1)

    def may_lack_history(self) -> bool:
        """A course may have begun before the person was observed."""
        return True


class Band(Strict):
    """A band of a fact's number or of an age, and the mg, or mg for each unit, in it."""

    model_config = ALIASED
    low: Decimal | str | None = Field(default=None, alias="from")
    under: Decimal | str | None = None
    mg: Positive | None = None
    mg_per: Positive | None = None

    @model_validator(mode="after")
    def _one_dose(self) -> "Band":
        one_of(self, "mg", "mg_per")
        return self


class DoseBasis(LanguageTerm):
    """DOSE10: the dose that a person's weight, body surface or age allows.

    basis, window   a fact and where it may be dated; or "age".
    provenance      who states the term: `basis` of other terms.
    mg_per, bands   mg for each unit of the fact; by bands of the fact or age.
    most_mg         no dose above it.
    vials_mg        the dose is rounded up to whole vials, and waste counts.
    """

    kind = "dose_basis"
    default_rule = "DOSE10"
    reasons = ("units_over_dose",)
    default_amount = "excess"
    own_payer = True
    basis: str  # type: ignore[assignment]  # here it is the fact; see provenance
    provenance: Basis = "stated"
    window: WindowField | None = None
    mg_per: Positive | None = None
    bands: tuple[Band, ...] = ()
    most_mg: Positive | None = None
    vials_mg: tuple[Positive, ...] = ()

    @model_validator(mode="after")
    def _one_dose(self) -> "DoseBasis":
        one_of(self, "mg_per", "bands")
        if (self.basis == "age") != (self.window is None):
            raise ValueError("a fact needs its window, age has none. Add or remove window")
        if self.basis == "age" and self.mg_per:
            raise ValueError('basis = "age" needs bands. Give them in place of mg_per')
        for band in self.bands:
            low, under = band.low, band.under
            if isinstance(low, Decimal) and isinstance(under, Decimal) and low >= under:
                raise ValueError(f"bands: from {low} is not under {under}")
        return self

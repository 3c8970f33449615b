"""The eight kinds of term that any document is said in, and the fields of each."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from audit_rules.policy.language.conditions import (
    SEXES,
    AgeRange,
    Condition,
    ThingField,
    Things,
)
from audit_rules.policy.language.spans import Span, SpanField, WindowField, Words, parse_span
from audit_rules.policy.language.terms import LanguageTerm
from audit_rules.policy.terms.base import Count, Hcpcs, Positive, Strict

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
_WORD = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


def _per(value: object) -> str | Span:
    if isinstance(value, str) and value in PERIODS:
        return value
    try:
        return parse_span(value)
    except ValueError as error:
        raise ValueError(f"{error}, or one of {', '.join(PERIODS)}") from None


def _one_of(term: Strict, first: str, second: str) -> None:
    given = [getattr(term, name) not in (None, ()) for name in (first, second)]
    if sum(given) != 1:
        raise ValueError(f"give either {first} or {second}, and not both")


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
        _one_of(self, "most", "below")
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
        _one_of(self, "least", "used")
        return self


class Phase(Strict):
    """A phase of a schedule: how many dose dates it takes, and what holds in it."""

    model_config = _WORD
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


class OnFile(LanguageTerm):
    """FILE10: what must be on file, or must not be.

    at_least   how many of `require`, or "all".
    """

    kind = "on_file"
    default_rule = "FILE10"
    reasons = ("not_on_file", "otherwise_on_file", "excluded_on_file", "history_too_short")
    require: Things = ()
    forbid: Things = ()
    at_least: Count | Literal["all"] = 1

    @model_validator(mode="after")
    def _one_question(self) -> "OnFile":
        _one_of(self, "require", "forbid")
        if self.at_least != "all" and self.require and self.at_least > len(self.require):
            raise ValueError(f"at_least {self.at_least} is more than the things required")
        return self

    def may_lack_history(self) -> bool:
        """Silence about what is required may be that of a short history."""
        return any(
            t.observed_days != 0 and t.kind in ("drug", "fill", "service", "specialist")
            for t in self.require
        )


def _sexes(value: object) -> object:
    words = (value,) if isinstance(value, str) else value
    if isinstance(words, list | tuple) and set(words) - set(SEXES):
        raise ValueError(f"sex: unknown word. Known are: {', '.join(SEXES)}")
    return words


class Who(LanguageTerm):
    """WHO10: of whom, where and by whom."""

    kind = "who"
    default_rule = "WHO10"
    reasons = (
        "age_outside",
        "sex_outside",
        "place_not_allowed",
        "channel_not_allowed",
        "no_specialist",
    )
    age: AgeRange = None
    sex: Annotated[tuple[str, ...], BeforeValidator(_sexes)] = ()
    places: Words = ()
    not_places: Words = ()
    channels: Words = ()
    taxonomies: Words = ()
    consultation: ThingField = None

    @model_validator(mode="after")
    def _asks_something(self) -> "Who":
        fields = ("age", "sex", "places", "not_places", "channels", "taxonomies", "consultation")
        if not any(getattr(self, name) for name in fields):
            raise ValueError(f"asks nothing. Give one or more of {', '.join(fields)}")
        if self.places and self.not_places:
            raise ValueError("give either places or not_places, and not both")
        return self


class Length(Strict):
    """How long an approval may be: the span, when, and whether it is the first."""

    model_config = _WORD
    most: SpanField
    when: Condition = None
    first: bool = False


def _lengths(value: object) -> object:
    if isinstance(value, str):
        return [{"most": value}]
    return [value] if isinstance(value, dict) else value


class Approval(LanguageTerm):
    """AUTH10: whether an approval covers the line, how long it may be, and for how many units."""

    kind = "authorization"
    default_rule = "AUTH10"
    reasons = (
        "no_authorization",
        "authorization_denied",
        "authorization_expired",
        "authorization_longer_than_policy",
        "units_over_approval",
    )
    needed: bool = True
    length: Annotated[tuple[Length, ...], BeforeValidator(_lengths)] = ()
    units: bool = False


class Band(Strict):
    """A band of a fact's number or of an age, and the mg, or mg for each unit, in it."""

    model_config = _WORD
    low: Decimal | str | None = Field(default=None, alias="from")
    under: Decimal | str | None = None
    mg: Positive | None = None
    mg_per: Positive | None = None

    @model_validator(mode="after")
    def _one_dose(self) -> "Band":
        _one_of(self, "mg", "mg_per")
        return self


class DoseBasis(LanguageTerm):
    """DOSE10: the dose that a person's weight, body surface or age allows.

    basis, window   a fact and where it may be dated; or "age".
    mg_per, bands   mg for each unit of the fact; by bands of the fact or age.
    most_mg         no dose above it.
    vials_mg        the dose is rounded up to whole vials, and waste counts.
    """

    kind = "dose_basis"
    default_rule = "DOSE10"
    reasons = ("units_over_dose",)
    default_amount = "excess"
    own_payer = True
    basis: str  # type: ignore[assignment]  # here it is the fact; other terms say who states them
    window: WindowField | None = None
    mg_per: Positive | None = None
    bands: tuple[Band, ...] = ()
    most_mg: Positive | None = None
    vials_mg: tuple[Positive, ...] = ()

    @model_validator(mode="after")
    def _one_dose(self) -> "DoseBasis":
        _one_of(self, "mg_per", "bands")
        if (self.basis == "age") != (self.window is None):
            raise ValueError("a fact needs its window, age has none. Add or remove window")
        if self.basis == "age" and self.mg_per:
            raise ValueError('basis = "age" needs bands. Give them in place of mg_per')
        for band in self.bands:
            low, under = band.low, band.under
            if isinstance(low, Decimal) and isinstance(under, Decimal) and low >= under:
                raise ValueError(f"bands: from {low} is not under {under}")
        return self


class Modifiers(Strict):
    """Which modifiers must be there, and which not, on the line or on its date."""

    model_config = _WORD
    any_: Words = Field(default=(), alias="any")
    all_: Words = Field(default=(), alias="all")
    none: Words = ()
    one_of: Words = ()
    on: Literal["line", "date"] = "line"


class VialUnits(Strict):
    """Sizes of vials in units; asked on a date with one of the modifiers `with`."""

    model_config = _WORD
    sizes: tuple[Count, ...] = Field(min_length=1)
    modifiers: Words = Field(alias="with", min_length=1)


class Coding(LanguageTerm):
    """CODE10: whether a medical line is coded as it may be."""

    kind = "coding"
    default_rule = "CODE10"
    reasons = (
        "code_not_yet_valid",
        "code_expired",
        "unclassified_code",
        "modifier_missing",
        "modifier_not_allowed",
        "modifiers_contradict",
        "not_whole_vials",
        "ndc_of_another_code",
    )
    code: Hcpcs | None = None
    first_day: date | None = None
    last_day: date | None = None
    unclassified: Words = ()
    modifiers: Modifiers | None = None
    vial_units: VialUnits | None = None
    crosswalk: str | None = None
    crosswalk_rows: tuple[tuple[str, str], ...] = ()

    @model_validator(mode="after")
    def _one_question(self) -> "Coding":
        fields = ("code", "unclassified", "modifiers", "vial_units", "crosswalk")
        given = [name for name in fields if getattr(self, name)]
        if len(given) != 1:
            both = " and ".join(given) if given else "none"
            raise ValueError(
                f"one question per term; there is {both}. Give one of {', '.join(fields)}"
            )
        if (self.code is None) != (self.first_day is None and self.last_day is None):
            raise ValueError("code goes with first_day, last_day or both")
        return self


KINDS: tuple[type[LanguageTerm], ...] = (
    Quantity,
    Interval,
    Schedule,
    OnFile,
    Who,
    Approval,
    DoseBasis,
    Coding,
)

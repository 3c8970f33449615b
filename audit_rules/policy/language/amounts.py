"""The kinds of term about how much and when: quantity, interval, schedule, dose_basis."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from audit_rules.policy.language.boundaries import Boundary, EarlierDates, OverDose, OverLimit
from audit_rules.policy.language.sets import GapText
from audit_rules.policy.language.spans import Span, SpanField, SpanText, WindowField, parse_span
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
_Period = Annotated[str, WithJsonSchema({"enum": list(PERIODS)})]
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

    measure   what is counted: units of medical lines; of fills the quantity, the fills or the
              days' supply; mg; or doses, of which a date counts one.
    most      the most that is allowed.
    below     in place of most: reaching it is too much.
    per       line, claim, date, day_of_supply, a rolling span, a calendar month or year, the
              course, or lifetime.
    """

    kind = "quantity"
    default_rule = "QTY10"
    reasons = ("quantity_over_limit",)
    default_amount = "excess"
    own_payer = True
    either = ("most", "below")
    measure: Literal["units", "quantity", "fills", "days_supply", "mg", "doses"]
    most: NonNegative | None = None
    below: Positive | None = None
    per: Annotated[
        str | Span,
        BeforeValidator(_per, json_schema_input_type=_Period | SpanText),
    ]

    @model_validator(mode="after")
    def _limit_holds(self) -> "Quantity":
        one_of(self)
        if self.below is not None and self.per not in ("line", "day_of_supply"):
            raise ValueError('below goes with per = "line" or "day_of_supply". Write most')
        if self.per == "day_of_supply" and self.measure in ("units", "fills", "doses"):
            raise ValueError(
                f'measure = "{self.measure}" has no day of supply. Write measure = "quantity"'
            )
        return self

    @property
    def is_of_fills(self) -> bool:
        """Whether it is asked of fills alone."""
        return self.measure in FILL_MEASURES or self.per == "day_of_supply"

    def of_the_test(self) -> Iterator[Boundary]:
        """More than the limit on the line alone; of fills and doses, so many earlier ones."""
        limit = self.most if self.below is None else self.below
        assert limit is not None
        if self.measure in ("fills", "doses"):
            yield EarlierDates(times=int(limit))
        else:
            is_reached = self.below is not None
            yield OverLimit(self.measure, limit, is_reached, self.per == "day_of_supply")


class Interval(LanguageTerm):
    """INT10: how long after the dose before the next may come.

    least        at least this span from the dose date before.
    used         in place of least: the share of the fill before that must be used up.
    carry_over   with used: what earlier fills left counts too.
    against      the date before: the latest that was not itself too soon, or the latest.
    """

    kind = "interval"
    default_rule = "INT10"
    reasons = ("doses_too_close", "refill_too_soon")
    either = ("least", "used")
    least: SpanField | None = None
    used: Annotated[Decimal, Field(gt=0, le=1)] | None = None
    carry_over: bool = True
    against: _AGAINST = "allowed"

    @model_validator(mode="after")
    def _one_question(self) -> "Interval":
        one_of(self)
        return self

    def of_the_test(self) -> Iterator[Boundary]:
        """A date before that is just too close; of fills, one of the day before."""
        yield EarlierDates(span=self.least)


class Phase(Strict):
    """A phase of a schedule: how many dose dates it takes, and what holds in it.

    name         what the phase is called, such as induction.
    cite         its clause.
    doses        it takes so many dose dates; the next date begins the next phase.
    within       it takes the dose dates within this span from its first.
    units        the most units on a date.
    every        at least this span from the dose date before.
    most         the most dose dates of the course in the last span, which `in` gives.
    in           the span of most.
    longest      no longer than this span, from the phase's first date,
    renewed_by   or from the start of the latest approval that covers the line, if that is later.
    """

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
    """SCH10: the phases of a course, and what holds on its dose dates.

    gap       a longer time between dose dates starts a new course, if not as the set says.
    against   the date before: the latest that was not itself too soon, or the latest.
    phase     the phases in order.
    """

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
        Span | str | None,
        BeforeValidator(
            lambda v: v if v == "never" else parse_span(v), json_schema_input_type=GapText
        ),
    ] = None
    against: _AGAINST = "allowed"
    phase: tuple[Phase, ...] = Field(min_length=1)

    def may_lack_history(self) -> bool:
        """A course may have begun before the person was observed."""
        return True

    def of_the_test(self) -> Iterator[Boundary]:
        """More units, a date that is just too close, more dates, an earlier start, by phase."""
        dates = 0
        for phase in self.phase:
            dates += phase.doses or 0
            if phase.units is not None:
                yield OverLimit("units", phase.units)
            if phase.every is not None:
                yield EarlierDates(span=phase.every)
            if phase.most is not None:
                yield EarlierDates(times=phase.most)
            if phase.longest is not None:
                yield EarlierDates(span=phase.longest, is_over=True)
        if dates:
            yield EarlierDates(times=dates)


class Band(Strict):
    """A band of a fact's number or of an age, and the dose in it.

    from     the number or age (as a span) from which it holds.
    under    the number or age (as a span) under which it holds.
    mg       the dose in mg.
    mg_per   in place of mg: mg for each unit of the fact.
    """

    model_config = ALIASED
    either = ("mg", "mg_per")
    low: Decimal | SpanText | None = Field(default=None, alias="from")
    under: Decimal | SpanText | None = None
    mg: Positive | None = None
    mg_per: Positive | None = None

    @model_validator(mode="after")
    def _one_dose(self) -> "Band":
        one_of(self)
        return self


class DoseBasis(LanguageTerm):
    """DOSE10: the dose that a person's weight, body surface or age allows.

    basis        what the dose follows: the code of a fact, or "age".
    provenance   who states the term, as `basis` does in other terms.
    window       where the fact may be dated; the latest in it counts.
    mg_per       mg for each unit of the fact.
    bands        in place of mg_per: doses by bands of the fact or of the age.
    most_mg      no dose is above it.
    vials_mg     sizes of vials: the dose is rounded up to the least sum of them, and waste counts.
    """

    kind = "dose_basis"
    default_rule = "DOSE10"
    reasons = ("units_over_dose",)
    default_amount = "excess"
    own_payer = True
    either = ("mg_per", "bands")
    basis: str  # type: ignore[assignment]  # here it is the fact; see provenance
    provenance: Basis = "stated"
    window: WindowField | None = None
    mg_per: Positive | None = None
    bands: tuple[Band, ...] = ()
    most_mg: Positive | None = None
    vials_mg: tuple[Positive, ...] = ()

    @model_validator(mode="after")
    def _one_dose(self) -> "DoseBasis":
        one_of(self)
        if (self.basis == "age") != (self.window is None):
            raise ValueError("a fact needs its window, age has none. Add or remove window")
        if self.basis == "age" and self.mg_per:
            raise ValueError('basis = "age" needs bands. Give them in place of mg_per')
        for band in self.bands:
            low, under = band.low, band.under
            if isinstance(low, Decimal) and isinstance(under, Decimal) and low >= under:
                raise ValueError(f"bands: from {low} is not under {under}")
        return self

    def of_the_test(self) -> Iterator[Boundary]:
        """More units than the dose."""
        doses = (*(b.mg for b in self.bands), self.most_mg)
        rates = (*(b.mg_per for b in self.bands), self.mg_per)
        yield OverDose(
            tuple(mg for mg in doses if mg is not None),
            tuple(mg for mg in rates if mg is not None),
            self.basis,
        )

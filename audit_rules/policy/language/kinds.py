"""The kinds of term about what is on file, who, approvals and codes; and all eight kinds."""

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator
from pydantic.json_schema import SkipJsonSchema

from audit_rules.policy.language import boundaries as turns
from audit_rules.policy.language.amounts import DoseBasis, Interval, Quantity, Schedule
from audit_rules.policy.language.boundaries import Boundary
from audit_rules.policy.language.conditions import (
    AUTHORIZATION,
    SEXES,
    AgeRange,
    Condition,
    LineKey,
    Thing,
    ThingField,
    Things,
)
from audit_rules.policy.language.spans import SpanField, SpanText, Words
from audit_rules.policy.language.terms import ALIASED, LanguageTerm, one_of
from audit_rules.policy.terms.base import Count, Hcpcs, Strict


class OnFile(LanguageTerm):
    """FILE10: what must be on file, or must not be.

    require    things of which enough must be on file.
    forbid     in place of require: things of which none may be on file.
    at_least   how many of require, or "all".
    """

    kind = "on_file"
    default_rule = "FILE10"
    reasons = ("not_on_file", "otherwise_on_file", "excluded_on_file", "history_too_short")
    either = ("require", "forbid")
    require: Things = ()
    forbid: Things = ()
    at_least: Count | Literal["all"] = 1

    @model_validator(mode="after")
    def _one_question(self) -> "OnFile":
        one_of(self)
        if self.at_least != "all" and self.require and self.at_least > len(self.require):
            raise ValueError(f"at_least {self.at_least} is more than the things required")
        return self

    def may_lack_history(self) -> bool:
        """Silence about what is required may be that of a short history."""
        return any(
            t.observed_days != 0 and t.kind in ("drug", "fill", "service", "specialist")
            for t in self.require
        )

    def of_the_test(self) -> Iterator[Boundary]:
        """What is required gone, each and all; what is forbidden there."""
        for thing in (*self.require, *self.forbid):
            yield turns.ThingsOnFile((thing,), thing in self.forbid)
        if len(self.require) > 1:
            yield turns.ThingsOnFile(self.require, False)


_Sex = Annotated[str, WithJsonSchema({"enum": list(SEXES)})]
_Sexes = _Sex | list[_Sex]


def _sexes(value: object) -> object:
    words = (value,) if isinstance(value, str) else value
    if isinstance(words, list | tuple) and set(words) - set(SEXES):
        unknown = next(word for word in words if word not in SEXES)
        raise ValueError(f"unknown word {unknown!r}. Known words: {', '.join(SEXES)}")
    return words


class Who(LanguageTerm):
    """WHO10: of whom, where and by whom.

    age            { from, under }: ages completed on the service date, as spans.
    sex            female or male.
    places         places of service that are allowed, of medical lines.
    not_places     in place of places: those that are not.
    channels       dispensing channels that are allowed, of fills.
    taxonomies     specialties, one of which the prescriber must have.
    consultation   in place of that: a specialist on file.
    """

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
    sex: Annotated[tuple[str, ...], BeforeValidator(_sexes, json_schema_input_type=_Sexes)] = ()
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

    def of_the_test(self) -> Iterator[Boundary]:
        """Another age, sex, place, channel, or prescriber."""
        if self.age is not None:
            yield turns.LineQuestion(LineKey("age", range=self.age), False)
        asked = (("sex", self.sex), ("place", self.places), ("channel", self.channels))
        for key, words in asked:
            if words:
                yield turns.LineQuestion(LineKey(key, words), False)
        if self.not_places:
            yield turns.LineQuestion(LineKey("place", self.not_places), True)
        if self.taxonomies:
            yield turns.Specialty(self.taxonomies)
        if self.consultation is not None:
            yield turns.ThingsOnFile((self.consultation,), False)


class Length(Strict):
    """How long an approval may be.

    most    the span.
    when    a condition: the approvals that this row fits.
    first   only the first approval of this person, payer and drug.
    """

    model_config = ALIASED
    most: SpanField
    when: Condition = None
    first: bool = False


def _lengths(value: object) -> object:
    if isinstance(value, str):
        return [{"most": value}]
    return [value] if isinstance(value, dict) else value


class Approval(LanguageTerm):
    """AUTH10: whether an approval covers the line, how long it may be, and for how many units.

    needed   false: a line without an approval does not fail.
    length   how long an approval may be: a span, or rows of which the first that fits counts.
    units    true: lines that an approval covers stay within its units.
    """

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
    length: Annotated[
        tuple[Length, ...],
        BeforeValidator(_lengths, json_schema_input_type=SpanText | Length | list[Length]),
    ] = ()
    units: bool = False

    def of_the_test(self) -> Iterator[Boundary]:
        """No approval, one that is too long, more units than it has."""
        if self.needed:
            yield turns.ThingsOnFile((Thing(AUTHORIZATION, ("approved",)),), False)
        for row in self.length:
            yield turns.TooLong(row.most)
        if self.units:
            yield turns.OverApproval()


class Modifiers(Strict):
    """Which modifiers must be there, and which not.

    any      one of them must be there.
    all      all of them must be there.
    none     none of them may be there.
    one_of   no two of them may be there.
    on       on the line, or on all lines of its set, person, payer and date.
    """

    model_config = ALIASED
    any_: Words = Field(default=(), alias="any")
    all_: Words = Field(default=(), alias="all")
    none: Words = ()
    one_of: Words = ()
    on: Literal["line", "date"] = "line"


class WholeVials(Strict):
    """Whole vials: all units of a date are a sum of sizes.

    sizes   the sizes of vials, in units.
    with    asked on a date with one of these modifiers.
    """

    model_config = ALIASED
    sizes: tuple[Count, ...] = Field(min_length=1)
    modifiers: Words = Field(alias="with", min_length=1)


class Coding(LanguageTerm):
    """CODE10: whether a medical line is coded as it may be. One question per term.

    code           the code whose days are asked about; other codes pass.
    first_day      the first service date on which the code is valid.
    last_day       the last one.
    unclassified   codes that must not be used, because the set has its own.
    modifiers      modifiers that must be there, or must not.
    vial_units     units that must be whole vials.
    crosswalk      a CSV with the columns hcpcs and ndc11: which code an NDC goes with.
    """

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
    either = ("code", "unclassified", "modifiers", "vial_units", "crosswalk")
    code: Hcpcs | None = None
    first_day: date | None = None
    last_day: date | None = None
    unclassified: Words = ()
    modifiers: Modifiers | None = None
    vial_units: WholeVials | None = None
    crosswalk: str | None = None
    crosswalk_rows: SkipJsonSchema[tuple[tuple[str, str], ...]] = ()

    @model_validator(mode="after")
    def _one_question(self) -> "Coding":
        given = [name for name in self.either if getattr(self, name)]
        if len(given) != 1:
            both = " and ".join(given) if given else "none"
            raise ValueError(
                f"one question per term; there is {both}. Give one of {', '.join(self.either)}"
            )
        if (self.code is None) != (self.first_day is None and self.last_day is None):
            raise ValueError("code goes with first_day, last_day or both")
        return self

    def of_the_test(self) -> Iterator[Boundary]:
        """Another code, other modifiers, broken vials, or an NDC that goes with other codes."""
        codes = self.unclassified or ((self.code,) if self.code else ())
        if codes:
            yield turns.LineQuestion(LineKey("hcpcs", codes), True)
        if self.modifiers:
            for words, holds in (
                (self.modifiers.any_, False),
                *(((m,), False) for m in self.modifiers.all_),
                (self.modifiers.none, True),
                *(((m,), True) for m in self.modifiers.one_of),
            ):
                if words:
                    yield turns.LineQuestion(LineKey("modifiers", words), holds)
        if self.vial_units:
            yield turns.NotWhole(self.vial_units.modifiers)
        if self.crosswalk_rows:
            yield turns.OtherNdc(self.crosswalk_rows)


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

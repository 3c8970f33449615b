"""What a document declares besides its terms: product sets, code lists, clinical facts, payers."""

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator
from pydantic.json_schema import SkipJsonSchema

from audit_rules.policy.language.spans import (
    Span,
    SpanText,
    WordOrWords,
    Words,
    as_words,
    parse_span,
)
from audit_rules.policy.terms.base import Days, Hcpcs, Positive, Strict
from schemas.formats import PATTERNS, PLACE_OF_SERVICE, SHAPES
from schemas.table import Kind

NEVER = "never"
WASTE = ("JW",)
System = Literal["icd10cm", "hcpcs", "place", "taxonomy", "modifier"]
CODE_SHAPES: dict[str, str] = {
    "icd10cm": SHAPES[Kind.ICD10CM],
    "hcpcs": SHAPES[Kind.HCPCS],
    "place": PLACE_OF_SERVICE,
    "taxonomy": SHAPES[Kind.TAXONOMY],
    "modifier": SHAPES[Kind.MODIFIER],
}
"""What a code of each system looks like: one of another shape is on no claim."""
_LOOKS = {
    "icd10cm": "ICD-10-CM codes with their dot, such as M81.0, or the letters and digits before it",
    "hcpcs": "HCPCS codes, of five characters",
    "place": "place of service codes, of two digits",
    "taxonomy": "taxonomy codes, of ten characters",
    "modifier": "modifiers, of two capital letters or digits",
}
_DASH = re.compile(r"\s*-\s*")
_RANGE = re.compile(r"\s*(\S+?)\s*-\s*(\S+)\s*")
Ndc = Annotated[str, Field(pattern=PATTERNS[Kind.NDC])]
Hcpcses = Annotated[
    tuple[Hcpcs, ...], BeforeValidator(as_words, json_schema_input_type=WordOrWords)
]
Ndcs = Annotated[tuple[Ndc, ...], BeforeValidator(as_words, json_schema_input_type=WordOrWords)]


def _gap(value: object) -> Any:
    return None if value in (NEVER, None) else parse_span(value)


GapText = SpanText | Literal["never"]
"""A gap as a file has it."""
Gap = Annotated[Span | None, BeforeValidator(_gap, json_schema_input_type=GapText)]
_Number = Annotated[Decimal, Field(gt=0)]


def _listed(value: object) -> Any:
    return value if isinstance(value, list | tuple) else [value]


def ends_of(text: str) -> tuple[str, ...]:
    """The first and the last code of a range, or the one code."""
    ends = _RANGE.fullmatch(text)
    return ends.groups() if ends else (text,)


def _is_code(word: str, system: str) -> bool:
    return re.fullmatch(CODE_SHAPES[system], word) is not None


def fault_in(codes: Iterable[str], system: str) -> str | None:
    """What is wrong with the first of these codes and ranges that no claim can have, if any is."""
    for text in codes:
        ends = _DASH.split(text)
        if len(ends) > 2 or not all(_is_code(end, system) for end in ends):
            return f"{text!r} is neither a code nor a range of two. Write {_LOOKS[system]}"
        if system != "icd10cm" and ends[0] > ends[-1]:
            return f"{text!r} ends before it starts. Write its first code first"
    return None


class NdcOf(Strict):
    """Every NDC whose row in the NDC tables has these words.

    ingredient    any of these ingredients.
    form          any of these forms, such as tablet.
    strength_mg   any of these strengths in mg.
    product       any of these products, such as brand.
    """

    ingredient: Words = ()
    form: Words = ()
    strength_mg: Annotated[
        tuple[Decimal, ...],
        BeforeValidator(_listed, json_schema_input_type=_Number | list[_Number]),
    ] = ()
    product: Words = ()

    @model_validator(mode="after")
    def _says_something(self) -> "NdcOf":
        if not (self.ingredient or self.form or self.strength_mg or self.product):
            raise ValueError("ndc_of is empty. Give ingredient, form, strength_mg or product")
        return self


class Products(Strict):
    """A product set: what a drug is on a claim.

    name             a word, unique in the document, by which terms call the set.
    ingredient       what authorizations and `by = "ingredient"` call it; left out: that of ndc_of.
    hcpcs            its HCPCS codes.
    ndc              its NDCs, as 11 digits.
    ndc_of           its NDCs by the words of the NDC tables.
    unit_mg          mg of one HCPCS unit; all codes of a set share it.
    waste_modifiers  modifiers of lines that are drug thrown away; left out: JW.
    gap              a longer time between dose dates starts a new course; left out: "never".
    observed_days    a course's start is certain if the person was observed so long before it; 0:
                     what is on file is all.
    of_drug          the set of the document's `drug`: its lines are those of the reference.
    """

    name: str = Field(min_length=1)
    ingredient: Words = ()
    hcpcs: Hcpcses = ()
    ndc: Ndcs = ()
    ndc_of: NdcOf | None = None
    unit_mg: Positive | None = None
    waste_modifiers: Words = WASTE
    gap: Gap = None
    observed_days: Days | None = None
    of_drug: SkipJsonSchema[bool] = False

    @field_validator("waste_modifiers")
    @classmethod
    def _are_modifiers(cls, words: tuple[str, ...]) -> tuple[str, ...]:
        for word in words:
            if not _is_code(word, "modifier"):
                raise ValueError(f"{word!r} is no modifier. Write {_LOOKS['modifier']}")
        return words

    @property
    def words(self) -> tuple[str, ...]:
        """Its ingredients: its own, else those of its `ndc_of`."""
        return self.ingredient or (self.ndc_of.ingredient if self.ndc_of else ())

    @property
    def has_ndcs(self) -> bool:
        """Whether fills can be of the set."""
        return bool(self.ndc or self.ndc_of or self.of_drug)


class Codes(Strict):
    """A named list of codes, inline or from a CSV with a column `code`.

    name            a word, unique in the document, that may take the place of a code.
    system          what codes they are.
    codes           codes, and ranges such as C91.00-C91.02 in the official order.
    file            a CSV next to the policy, or a shipped code set, with a column code.
    where           keeps the rows of the file with these words.
    with_children   more specific ICD-10-CM codes count too.
    """

    name: str = Field(min_length=1)
    system: System
    codes: Words = ()
    file: str | None = None
    where: dict[str, str] = Field(default_factory=dict)
    with_children: bool = False

    @model_validator(mode="after")
    def _one_source(self) -> "Codes":
        if self.file is None and self.where:
            raise ValueError("where needs a file. Give file, or leave where out")
        return self

    @model_validator(mode="after")
    def _codes_have_the_shape(self) -> "Codes":
        if wrong := fault_in(self.codes, self.system):
            raise ValueError(f"codes: {wrong}")
        return self


class Fact(Strict):
    """A code of clinical evidence that the document asks about: words, or a number of a unit.

    code     the evidence_code of the extracts.
    values   the words that it may have.
    unit     the unit of a number.
    """

    either = ("values", "unit")
    code: str = Field(pattern=r"^[a-z0-9]+(_[a-z0-9]+)*$")
    values: Words = ()
    unit: str | None = None

    @model_validator(mode="after")
    def _words_or_number(self) -> "Fact":
        if bool(self.values) == bool(self.unit):
            raise ValueError("give either values (words) or unit (of a number)")
        return self


class Payer(Strict):
    """A payer of the document: its id, and the names that extracts use.

    id      a word of ours, such as lakeside-health.
    names   the names that extracts use, in any case.
    """

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    names: Words = ()

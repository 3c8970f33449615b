"""What a document states besides its terms: its code table, indications, cross references, and
facts that must agree.

No rule reads these sections; `claims-audit lint` compares them with each other and with the code
sets. Every section is optional. Labels and codes are written as the document writes them, with the
clause they are in (`cite`).
"""

import re
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from audit_rules.policy.terms.base import Positive, Strict
from schemas.formats import ICD10CM_CATEGORY, ICD10CM_SUBDIVISION, SHAPES
from schemas.table import Kind

System = Literal["icd10cm", "hcpcs"]
Strength = Literal["strong", "moderate", "weak"]

_CODE = {
    "icd10cm": re.compile(rf"({ICD10CM_CATEGORY})\.?({ICD10CM_SUBDIVISION})?"),
    "hcpcs": re.compile(f"({SHAPES[Kind.HCPCS]})"),
}
_SEPARATOR = re.compile(r"\s*[,;]\s*")
_RANGE = re.compile(r"\s*[-\u2013\u2014]\s*(?=[A-Z0-9])|\s+(?:to|through)\s+")  # any dash
_CHILDREN = re.compile(r"\.?[-–—*]$")  # noqa: RUF001


@dataclass(frozen=True)
class CodeRange:
    """A code or a range as a document writes it.

    last            the range's last code; the same as `first` for a single code.
    with_children   written as `C50.-` or `C50.*`: every more specific code is meant.
    """

    text: str
    first: str
    last: str
    with_children: bool = False


def written_codes(text: str, system: System = "icd10cm") -> tuple[CodeRange, ...]:
    """The codes and ranges of a table cell, such as `C49.10-C49.12, C49.8`; ValueError if one is
    not a code."""
    return tuple(_written(piece, system) for piece in _SEPARATOR.split(text.strip(" ,;")))


def _written(piece: str, system: System) -> CodeRange:
    ends = [_CHILDREN.sub("", end) for end in _RANGE.split(piece)]
    matches = [_CODE[system].fullmatch(end) for end in ends]
    codes = [".".join(filter(None, match.groups())) for match in matches if match]
    if len(codes) != len(ends) or len(codes) not in (1, 2):
        raise ValueError(
            f"{piece!r} is neither a code nor a range of two codes, such as C91.00-C91.02"
        )
    return CodeRange(piece, codes[0], codes[-1], bool(_CHILDREN.search(piece)))


class Section(Strict):
    """A section of what the document states; `key` is the name of its array in the file."""

    key: ClassVar[str]

    cite: str = Field(min_length=3)


class CodingRow(Section):
    """A row of the document's own code table.

    codes                      as written: codes, ranges, `C50.-`, separated by commas.
    label                      the document's words for them; left out if it has none.
    serves                     indications that the row is for, if label and codes do not show
                               it.
    effective_from, _to        when the row holds; left out: the latest version's time.
    """

    key = "coding_row"
    codes: str
    label: str | None = None
    system: System = "icd10cm"
    serves: tuple[str, ...] = ()
    effective_from: date | None = None
    effective_to: date | None = None

    @model_validator(mode="after")
    def _codes_hold(self) -> "CodingRow":
        written_codes(self.codes, self.system)
        return self

    def written(self) -> tuple[CodeRange, ...]:
        """The codes and ranges of the row."""
        return written_codes(self.codes, self.system)


class Indication(Section):
    """A use that the document's criteria cover. minimum_age: completed years that its criteria ask
    for."""

    key = "indication"
    name: str = Field(min_length=3)
    minimum_age: int | None = Field(default=None, ge=0, le=120)


class Statement(Section):
    """What the document says about one subject in one place; wherever it mentions that subject, it
    must say the same."""

    key = "statement"
    subject: str = Field(min_length=3)
    says: str = Field(min_length=2)


class SupplyStatement(Section):
    """The document's own sum: so many tablets of this strength last so many days at that many mg a
    day."""

    key = "supply_statement"
    quantity: Positive
    strength_mg: Positive
    daily_mg: Positive
    days: Positive
    at: str | None = None


class InducerStatement(Section):
    """Ingredients that the document gives as CYP3A4 inducers of one strength."""

    key = "inducer_statement"
    strength: Strength
    ingredients: tuple[str, ...] = Field(min_length=1)


class CrossReference(Section):
    """A place where the document relies on a section of its own (`sections` of the document) or on
    another document."""

    key = "cross_reference"
    to: str = Field(min_length=3)
    kind: Literal["section", "document"]


SECTION_KINDS: tuple[type[Section], ...] = (
    CodingRow,
    Indication,
    Statement,
    SupplyStatement,
    InducerStatement,
    CrossReference,
)

"""What every policy term carries, and the types that their fields share."""

import re
from datetime import date
from decimal import Decimal
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from schemas.formats import ISSUED_TAXONOMY, SHAPES
from schemas.table import Kind

FAR_FUTURE = date(9999, 12, 31)
"""The end of what has no end."""

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
_LARGEST = 10**9
"""No number of a policy is near it; figures that are computed with it still fit their types."""
Count = Annotated[int, Field(ge=1, le=_LARGEST)]
Positive = Annotated[Decimal, Field(gt=0, le=_LARGEST)]


class Strict(BaseModel):
    """Unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    either: ClassVar[tuple[str, ...]] = ()
    """Fields of which a table has exactly one."""


class Term(Strict):
    """What every term carries.

    term_id       stable id, unique in the library; part of every exception's id.
    cite          the clause of the document, in words a reader can find.
    basis         stated (the document says so), review_date (dated by a review), inferred,
                  assumption (ours).
    assumed       field -> why: numbers of this term that are ours and not the document's.
    partly        what of the clause claims cannot show; left out if the whole clause is audited.
    """

    kind: ClassVar[str]
    turns_on: ClassVar[tuple[str, ...]] = ()
    """The facts on which its answer turns, as the kinds of change that `explain` tries first."""

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


class NotAuditable(Strict):
    """A clause that claims cannot show, and why.

    clause   the clause, in the document's words.
    why      why no claim shows it.
    """

    clause: str = Field(min_length=3)
    why: str = Field(min_length=3)

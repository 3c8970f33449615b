"""What a check finds, and what it looks at."""

from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Literal, TypeVar

import polars as pl

from audit_rules.lint.labels import Labels
from audit_rules.policy.document import Policy
from audit_rules.policy.statements import CodeRange, Section
from audit_rules.reference.icd10cm import Icd10cm
from schemas.days import shifted
from schemas.tables import EVIDENCE_VALUES, MEASURED_EVIDENCE

Severity = Literal["error", "warning"]
S = TypeVar("S", bound=Section)


@dataclass(frozen=True)
class Defect:
    """One defect of one document or policy file.

    document   the document's id; empty if the file has none.
    cite       the clause or term in question.
    code       the code or range as written, or the value that is wrong; empty if there is none.
    """

    file: str
    document: str
    cite: str
    check: str
    severity: Severity
    code: str
    message: str
    remedy: str


@dataclass(frozen=True)
class CodeRow:
    """Codes that a document lists together under one label, and the time in which they hold: from
    start, up to end.

    items   as written.
    codes   every code meant, in official order: what is in a range, and what is below a header;
            unknown codes left out.
    """

    cite: str
    label: str | None
    items: tuple[CodeRange, ...]
    codes: tuple[str, ...]
    start: date
    end: date | None
    serves: tuple[str, ...] = ()

    @cached_property
    def holds(self) -> frozenset[str]:
        """The codes, to look one up."""
        return frozenset(self.codes)

    def seen_on(self, today: date) -> date:
        """The day on which the row is looked at: today, or the nearest day on which it holds."""
        day = max(self.start, today)
        return min(day, shifted(self.end, -1)) if self.end else day

    def overlaps(self, other: "CodeRow") -> bool:
        """Both hold on some day."""
        return self.start < (other.end or date.max) and other.start < (self.end or date.max)


@dataclass(frozen=True)
class LintContext:
    """What the checks know besides the document.

    roles       HCPCS code -> role.
    ndc         the NDC tables, as `Reference.ndc`.
    facts       the codes of clinical evidence that need no declaration.
    inducers    ingredient -> strength as an inducer of CYP3A.
    documents   ids and titles of the available documents.
    today       the day on which a review has passed or not.
    payers      payer names of lines and aliases, folded; None: no warehouse is looked at.
    """

    icd: Icd10cm
    labels: Labels
    inducers: dict[str, str]
    documents: tuple[str, ...]
    today: date
    roles: dict[str, str] = field(default_factory=dict)
    ndc: pl.DataFrame = field(default_factory=pl.DataFrame)
    facts: frozenset[str] = frozenset({*EVIDENCE_VALUES, MEASURED_EVIDENCE})
    payers: frozenset[str] | None = None


@dataclass(frozen=True)
class Subject:
    """A policy as the checks see it.

    rows       the document's own ICD-10-CM codes: its code table, or else the listed and
               conflicting codes of its terms.
    readings   codes that its terms add to the document (standing criteria).
    named      indications that codes of its terms have.
    """

    policy: Policy
    rows: tuple[CodeRow, ...]
    readings: tuple[CodeRow, ...]
    named: frozenset[str]
    context: LintContext

    def stated(self, kind: type[S]) -> list[S]:
        """The sections of one kind."""
        return [s for s in self.policy.stated if isinstance(s, kind)]

    @cached_property
    def listed(self) -> frozenset[str]:
        """Every code of every row."""
        return frozenset(c for row in self.rows for c in row.codes)

    def error(self, cite: str, check: str, code: str, message: str, remedy: str) -> Defect:
        """A finding that makes the document or the audit wrong."""
        return Defect(
            self.policy.file_name,
            self.policy.document.id,
            cite,
            check,
            "error",
            code,
            message,
            remedy,
        )

    def warning(self, cite: str, check: str, code: str, message: str, remedy: str) -> Defect:
        """A finding that someone should look at."""
        return Defect(
            self.policy.file_name,
            self.policy.document.id,
            cite,
            check,
            "warning",
            code,
            message,
            remedy,
        )


def codes_meant(items: tuple[CodeRange, ...], icd: Icd10cm) -> tuple[str, ...]:
    """`CodeRow.codes` of what is written."""
    known = [w for w in items if w.first in icd and w.last in icd]
    found = {c for w in known for c in (*icd.between(w.first, w.last), *icd.below(w.last))}
    return tuple(sorted(found, key=icd.place))

"""A case: one judged line with every row of its person, and what it is to change one fact of it.

Rows are those of `WarehouseFrames`, with the columns of the contract; what follows from a column
(the service date of a dispensing date, thousandths of a quantity) is filled in when a row is
changed.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

from audit_rules.engine.dossier import WarehouseFrames
from audit_rules.engine.rule import PolicyBook
from audit_rules.policy.document import Policy
from audit_rules.policy.language.terms import LanguageTerm
from audit_rules.policy.terms.base import FAR_FUTURE, Term
from audit_rules.reference.product_sets import LineSet
from schemas.frames import PAYER_LINE
from schemas.tables import TABLES

Row = dict[str, Any]
RuleOnLine = tuple[int, str, str, str | None]
"""A rule on a line under a policy: row_id, rule_id, policy_id, and the term of the policy language
that answers by itself."""
T = TypeVar("T", bound=Term)

_BEFORE_ANY = "!"  # sorts before letters and digits

FRAMES = {
    "medical_claim": "medical",
    "pharmacy_claim": "pharmacy",
    "diagnosis": "diagnosis",
    "eligibility": "eligibility",
    "authorization": "authorization",
    "clinical_evidence": "clinical_evidence",
}
"""Table of the contract -> its frame in `WarehouseFrames`; those that have rows of a person."""


@dataclass(frozen=True)
class Edit:
    """One row other than it is on file.

    table    a table of the contract.
    row      the row's position among the person's rows of that table; None: a row that is not on
             file.
    values   columns and what they hold instead (as in `WarehouseFrames`: `quantity` on both claim
             tables); None: not there.
    """

    table: str
    row: int | None
    values: Mapping[str, Any] | None


@dataclass(frozen=True)
class Change:
    """A change to the facts of a case, small enough for one sentence.

    on_file    what is on file: "the fill is of 120 tablets".
    condition  what would have to be otherwise: "had the fill been of 181 tablets instead of 120".
    edits   the rows that differ.
    step    how far the new value is from the old one, in its own unit; among changes of one kind
            the smaller is nearer.
    line    columns of the judged line that differ, if further changes may follow from this one.
    term_id the term of the policy language whose boundary it crosses.
    """

    on_file: str
    condition: str
    edits: tuple[Edit, ...]
    step: float = 0
    line: Mapping[str, Any] = field(default_factory=dict)
    term_id: str | None = None


Family = Callable[["Case"], Iterator[Change]]


@dataclass(frozen=True)
class AskedTerm:
    """A term of the policy language that is asked of the line, in the set in which it is.

    sets   every set of the document.
    """

    policy: Policy
    term: LanguageTerm
    set: LineSet
    sets: Sequence[LineSet]

    def key(self, case: "Case") -> RuleOnLine:
        """Its answer on the line of the case."""
        own = None if self.term.rule_id else self.term.term_id
        rule_id = self.term.rule_id or self.term.default_rule
        return case.line["row_id"], rule_id, self.policy.document.id, own

    def authorizations(self, case: "Case") -> list[int]:
        """Positions of the authorizations of the line's payer that name the drug of the set."""
        own, words = case.line["payer_id"], self.set.drug_words
        return case.where(
            "authorization",
            lambda r: (
                r["payer_id"] == own
                and any((r[c] or "").strip().lower() in words for c in ("drug_word", "drug"))
            ),
        )


@dataclass(frozen=True)
class Case:
    """One judged line as in the dossier, its person's rows by table, and the known providers.

    asked   the terms of the policy language that are silent about the line.
    """

    line: Row
    rows: Mapping[str, list[Row]]
    taxonomies: Mapping[str, set[str]]
    book: PolicyBook
    as_of: date
    asked: Sequence[AskedTerm] = ()

    @property
    def day(self) -> date:
        """The service date."""
        day: date = self.line["service_date"]
        return day

    @property
    def is_fill(self) -> bool:
        """Whether the line is a pharmacy line."""
        return bool(self.line["claim_source"] == "pharmacy")

    @property
    def table(self) -> str:
        """The table that holds the line."""
        return "pharmacy_claim" if self.is_fill else "medical_claim"

    @property
    def what(self) -> str:
        """What the line is called."""
        return "fill" if self.is_fill else "line"

    @property
    def position(self) -> int:
        """The line's position among the person's rows of its table."""
        key = [c for c in PAYER_LINE if c != "claim_source"]
        own = tuple(self.line[k] for k in key)
        return next(
            i
            for i, r in enumerate(self.rows[self.table])
            if r["fate"] == "history" and tuple(r[k] for k in key) == own
        )

    @property
    def own_row(self) -> Row:
        """The line's row."""
        return self.rows[self.table][self.position]

    def policies(self) -> list[Policy]:
        """The documents that apply to the line: those of its payer and drug, and the general
        ones."""
        payer_id, drug = self.line["payer_id"], self.line["drug"]
        return [
            p
            for p in self.book.library.policies
            if not p.payers or (p.document.drug == drug and payer_id in {q.id for q in p.payers})
        ]

    def terms(self, kind: type[T]) -> list[T]:
        """Their terms of that kind that are in force on the service date."""
        found = [t for p in self.policies() for t in p.terms if isinstance(t, kind)]
        return [t for t in found if t.effective_from <= self.day < (t.effective_to or FAR_FUTURE)]

    def has_dormant_clause(self) -> bool:
        """Whether some kind of clause of these documents was not in force on the service date."""
        kinds = {type(t) for p in self.policies() for t in p.terms}
        return any(not self.terms(kind) for kind in kinds)

    def where(self, table: str, holds: Callable[[Row], bool]) -> list[int]:
        """Positions of the person's rows of a table for which something holds."""
        return [i for i, row in enumerate(self.rows[table]) if holds(row)]

    def edited(self, **values: Any) -> Edit:
        """The line's own row with other values."""
        return Edit(self.table, self.position, values)

    def added(self, table: str, **values: Any) -> Edit:
        """A row of this person that is not on file; of claims at the line's payer."""
        own = {
            "member_id": self.line["member_id"],
            "payer": self.line["payer"],
            "payer_id": self.line["payer_id"],
        }
        claim = (
            {"claim_line_number": 1, "paid_amount": Decimal(0), "fate": "history"}
            if table.endswith("_claim")
            else {}
        )
        return Edit(table, None, own | claim | values)

    def another_claim(self, suffix: str = "") -> str:
        """The id of a claim that is not on file, and that sorts before the line's."""
        return f"{_BEFORE_ANY}{self.line['claim_id']}{suffix}"

    def repeated(self, suffix: str = "", **values: Any) -> Edit:
        """The line once more, as a claim of its own that replaces none."""
        plain = {
            "claim_id": self.another_claim(suffix),
            "claim_status": None,
            "claim_frequency_code": None,
            "original_claim_id": None,
        }
        return Edit(self.table, None, self.own_row | plain | values)

    def after(self, change: Change) -> "Case":
        """The case with the change made; rows keep their positions, and new ones come last."""
        rows = {table: list(found) for table, found in self.rows.items()}
        for edit in change.edits:
            if edit.row is None:
                rows[edit.table].append(completed(edit.table, dict(edit.values or {})))
            elif edit.values is not None:
                rows[edit.table][edit.row] = completed(
                    edit.table, {**rows[edit.table][edit.row], **edit.values}
                )
        return replace(self, rows=rows, line={**self.line, **change.line})


def rows_of(warehouse_frames: WarehouseFrames, person: str) -> dict[str, list[Row]]:
    """Every row of one person, by table."""
    frames = {table: getattr(warehouse_frames, frame) for table, frame in FRAMES.items()}
    return {
        table: frame.filter(frame["person"] == person).to_dicts() for table, frame in frames.items()
    }


def completed(table: str, row: Row) -> Row:
    """The row with its derived columns: service date, quantity and amounts as the dossier reads
    them."""
    if not TABLES[table].is_claim:
        return row
    dates = (row.get(column) for column in TABLES[table].service_dates)
    row["service_date"] = next((day for day in dates if day), None)
    scaled = {"quantity_milli": ("quantity", 1000), "paid_cents": ("paid_amount", 100)}
    for name, (source, scale) in scaled.items():
        row[name] = None if row.get(source) is None else int(row[source] * scale)
    return row

"""What law asks of the letters to one payee: parts, deadlines, reviewers, and how many fills."""

from collections.abc import Sequence
from datetime import date
from typing import TypeVar

import polars as pl

from audit_rules.law.binding import bound_rows
from audit_rules.law.clauses import AuditSize, Clause, LetterContents, Notice
from audit_rules.law.fees import FEE_TERM, with_fee_term
from audit_rules.law.library import LawLibrary
from audit_rules.law.notices import day_of
from audit_rules.law.places import Places
from flows.letters.select import LetterLine
from schemas.days import shifted
from schemas.results import JUDGED

C = TypeVar("C", bound=Clause)
_READ = ("payer", "plan", "claim_source", "service_date")


class LetterLaw:
    """The clauses that certainly bind some line of a letter."""

    def __init__(self, law: LawLibrary, places: Places, lines: Sequence[LetterLine]) -> None:
        """Find them."""
        rows = [{name: line.line[name] for name in _READ} for line in lines]
        self._rows = pl.DataFrame(rows, schema={name: JUDGED[name] for name in _READ})
        self._places = places
        self.contents = self._of(law.of_kind(LetterContents))
        self.notices = self._of(law.of_kind(Notice))
        self.sizes = self._of(law.of_kind(AuditSize))
        self.citations = law.citations()
        self._fee_terms = _fee_terms(law, places, lines)

    def _of(self, clauses: Sequence[C]) -> list[C]:
        found = bound_rows(self._rows, clauses, self._places).filter("is_certain")
        return [clauses[number] for number in sorted(found["clause"].unique())]

    def bars_fee(self, exception_id: str) -> str:
        """The citation of the clause that bars the fee in this amount; empty if none does."""
        term = self._fee_terms.get(exception_id)
        return self.citations[term] if term else ""

    def answer_by(self, day: date, days: int) -> date:
        """The last day to answer: the latest of the sender's own and those of law."""
        by_law = [day_of(n, day, n.to_answer) for n in self.notices if n.to_answer is not None]
        return max([shifted(day, days), *by_law])

    def no_refund_before(self, day: date) -> date | None:
        """The day before which nothing may be taken back; None: no clause names one."""
        timed = [(n, n.before_refund) for n in self.notices if n.before_refund is not None]
        return max((day_of(notice, day, days) for notice, days in timed), default=None)

    @property
    def waits_for_final_report(self) -> bool:
        """Whether nothing may be taken back before a final report."""
        return any(notice.final_report for notice in self.notices)

    def counts_working_days(self, day: date, days: int) -> bool:
        """Whether a day of the letter is counted in working days, which leave out no holiday."""
        shown = {self.answer_by(day, days), self.no_refund_before(day)}
        return any(
            notice.business_days and day_of(notice, day, length) in shown
            for notice in self.notices
            for length in (notice.to_answer, notice.before_refund)
            if length is not None
        )

    @property
    def signed_by(self) -> list[str]:
        """Who must have reviewed a finding of clinical judgement."""
        return sorted({n.signed_by for n in self.notices if n.signed_by})

    def missing(self, parts: set[str]) -> list[tuple[str, str]]:
        """Parts that a letter with these lacks, each with the clause that asks for it."""
        return [
            (part, self.citations[clause.term_id])
            for clause in self.contents
            for part in clause.parts
            if part not in parts
        ]


def _fee_terms(law: LawLibrary, places: Places, lines: Sequence[LetterLine]) -> dict[str, str]:
    """Id of each finding whose amount holds a barred fee -> the clause that bars it."""
    names = (*_READ, "amount_basis", "exception_id")
    rows = [{name: finding[name] for name in names} for x in lines for finding in x.findings]
    found = pl.DataFrame(rows, schema={name: JUDGED[name] for name in names})
    barred = with_fee_term(found, law, places).drop_nulls(FEE_TERM)
    return dict(barred.select("exception_id", FEE_TERM).iter_rows())

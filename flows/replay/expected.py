"""expected.csv of a policy's case: the findings that its author expects, line by line."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from audit_rules.given_files import read_file
from flows.errors import InputRefused
from schemas.outcomes import ANSWERS, EXCEPTIONS, NOT_APPLICABLE
from schemas.results import CLAIM_LINE

EXPECTED = "expected.csv"
CLEAN = "clean"
"""The outcome of a line on which nothing is expected."""
TOLD = ("rule_id", "term_id", "outcome", "reason", "amount")
"""Columns that say what is expected on a line; an empty cell says nothing."""
_NEEDED = "claim_id"
_FIRST_LINE = 1
_TOO_MANY = "too many"

LineKey = tuple[str, str, int]
"""claim_source, claim_id, claim_line_number."""


@dataclass(frozen=True)
class Answer:
    """What a rule or term answers on a line; is_own: it is of a document of the tested folder."""

    key: LineKey
    rule_id: str
    term_id: str | None
    outcome: str
    reason: str | None
    amount: Decimal | None
    is_own: bool

    @property
    def is_finding(self) -> bool:
        """Whether it makes an exception."""
        return self.outcome in EXCEPTIONS

    def __str__(self) -> str:
        """Its words, as far as there are some."""
        amount = f"{self.amount:,.2f}" if self.is_finding and self.amount is not None else None
        words = (self.rule_id, self.term_id, self.outcome, self.reason, amount)
        return " ".join(word for word in words if word)


@dataclass(frozen=True)
class Expected:
    """One row of expected.csv. Cells that are left out are None, and fit everything.

    row   its number in the file; the header is row 1.
    """

    row: int
    claim_source: str | None
    claim_id: str
    claim_line_number: int
    rule_id: str | None
    term_id: str | None
    outcome: str | None
    reason: str | None
    amount: Decimal | None

    def is_on(self, key: LineKey) -> bool:
        """Whether it is about that line."""
        source, claim_id, number = key
        if (claim_id, number) != (self.claim_id, self.claim_line_number):
            return False
        return self.claim_source in (None, source)

    def fits(self, answer: Answer) -> bool:
        """Whether an answer on its line is the expected one."""
        if self.outcome is None and not answer.is_finding:
            return False
        compared = (
            (self.rule_id, answer.rule_id),
            (self.term_id, answer.term_id),
            (self.outcome, answer.outcome),
            (self.reason, answer.reason),
            (self.amount, answer.amount),
        )
        return all(wanted in (None, found) for wanted, found in compared)

    def is_met(self, answers: Sequence[Answer]) -> bool:
        """Whether the answers on its line are as expected."""
        if self.outcome == CLEAN:
            return not any(a.is_finding and a.is_own for a in answers)
        if self.outcome == NOT_APPLICABLE:
            return not any(self._is_of(a) and a.outcome != NOT_APPLICABLE for a in answers)
        return any(self.fits(a) for a in answers)

    def asked(self, answers: Sequence[Answer]) -> list[Answer]:
        """The answers to show if it is not met: of its rule and term, else every finding."""
        if self.rule_id is None and self.term_id is None:
            return [a for a in answers if a.is_finding]
        return [a for a in answers if self._is_of(a)]

    def _is_of(self, answer: Answer) -> bool:
        return self.rule_id in (None, answer.rule_id) and self.term_id in (None, answer.term_id)

    def __str__(self) -> str:
        """What is expected, in the words of the file."""
        amount = None if self.amount is None else f"{self.amount:,.2f}"
        words = (self.rule_id, self.term_id, self.outcome, self.reason, amount)
        return " ".join(word for word in words if word) or "a finding"


def read_expected(path: Path, case: str) -> list[Expected]:
    """The rows of a case's expected.csv. Raises InputRefused with case, row and remedy."""
    where = f"case {case}: {EXPECTED}"
    try:
        lines = read_file(path).decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        raise InputRefused(
            f"{where}: there is no such file in UTF-8. Write one; without rows below its header,"
            " every line is expected to be clean."
        ) from None
    reader = csv.DictReader(lines, restkey=_TOO_MANY)
    columns = [c.strip().lower() for c in reader.fieldnames or []]
    unknown = [c for c in columns if c not in (*CLAIM_LINE, *TOLD)]
    if unknown or _NEEDED not in columns:
        what = f"unknown column {unknown[0]!r}" if unknown else f"no column {_NEEDED}"
        raise InputRefused(f"{where}: {what}. Its columns are: {', '.join((*CLAIM_LINE, *TOLD))}.")
    reader.fieldnames = columns
    rows = [_row(cells, number, where) for number, cells in enumerate(reader, 2)]
    return [row for row in rows if row is not None]


def _row(cells: dict[str, Any], number: int, where: str) -> Expected | None:
    place = f"{where}: row {number}"
    if _TOO_MANY in cells:
        raise InputRefused(f"{place}: more cells than the header has. Correct the row.")
    given = {name: cell.strip() for name, cell in cells.items() if cell and cell.strip()}
    if not given:
        return None
    if _NEEDED not in given:
        raise InputRefused(f"{place}: no {_NEEDED}. Name the claim.")
    outcome = given.get("outcome", "").lower() or None
    if outcome not in (None, CLEAN, *ANSWERS):
        raise InputRefused(
            f"{place}: unknown outcome. Write one of {', '.join((CLEAN, *ANSWERS))}, or nothing"
            " for any finding."
        )
    if outcome == NOT_APPLICABLE and not given.keys() & {"rule_id", "term_id"}:
        raise InputRefused(f"{place}: what is not applicable? Give rule_id or term_id.")
    source = given.get("claim_source", "").lower() or None
    return Expected(
        number,
        source,
        given[_NEEDED],
        int(_number(given, "claim_line_number", place, whole=True) or _FIRST_LINE),
        given.get("rule_id"),
        given.get("term_id"),
        outcome,
        given.get("reason"),
        _number(given, "amount", place),
    )


def _number(given: dict[str, str], column: str, place: str, whole: bool = False) -> Decimal | None:
    if column not in given:
        return None
    cell = given[column].replace(",", "").removeprefix("$")
    if not re.fullmatch(r"\d+" if whole else r"\d+(\.\d+)?", cell):
        raise InputRefused(f"{place}: {column} is not a number. Correct it.")
    return Decimal(cell)

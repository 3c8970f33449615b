"""Which lines of a run go into which letter, and why the others go into none."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal

import polars as pl

from flows.letters.template import Template
from schemas.collecting import LETTERS, is_asked
from schemas.formats import well_formed
from schemas.results import AMOUNT_COLUMNS, LINE_KEY
from schemas.table import Kind

LetterKind = Literal["finding", "records"]
Row = dict[str, Any]


@dataclass(frozen=True)
class LetterLine:
    """One claim line of a letter.

    line       its row of the worklist.
    findings   its exceptions that the letter is about, the leading one first.
    amount     what the letter says of it: a column of its row in the worklist.
    """

    line: Row
    findings: tuple[Row, ...]
    amount: Decimal

    @property
    def is_priced(self) -> bool:
        """Whether the amount of every finding is known."""
        return all(finding["amount_at_risk"] is not None for finding in self.findings)


@dataclass(frozen=True)
class Payee:
    """The lines of one payee, in order of service date."""

    npi: str
    lines: tuple[LetterLine, ...]

    @property
    def amount(self) -> Decimal:
        """What the letter is about, in all."""
        return sum((line.amount for line in self.lines), Decimal("0.00"))


@dataclass(frozen=True)
class Selection:
    """The payees of a batch, by NPI; and what goes into no letter: reason -> lines, dollars."""

    payees: tuple[Payee, ...]
    left_out: dict[str, tuple[int, Decimal]]


def select(
    exceptions: pl.DataFrame,
    worklist: pl.DataFrame,
    kind: LetterKind,
    template: Template,
    day: date,
    minimum: Decimal,
    late: Collection[str] = (),
    gone: Collection[str] = (),
) -> Selection:
    """Choose the lines of letters that go out on a day.

    Nothing is chosen that is dismissed, has come back, or is not collectable on that day, nor
    anything of a payee whose lines come to less than `minimum`.

    late   ids of exceptions that are not collectable on that day, besides those whose `recoup_by`
           has passed: of others it leaves out a day, because another limit is undecided.
    gone   ids of exceptions that are no longer as the run published them.
    """
    column = AMOUNT_COLUMNS[LETTERS[kind]]
    of_kind = exceptions.filter(pl.col("outcome") == LETTERS[kind])
    is_in_time = pl.col("recoup_by").is_null() | (pl.col("recoup_by") >= day)
    is_late = pl.col("exception_id").is_in(list(late))
    asked = of_kind.filter(is_asked() & is_in_time & ~is_late).sort(
        "amount_at_risk", "exception_id", descending=[True, False], nulls_last=True
    )
    by_line: dict[tuple[Any, ...], list[Row]] = {}
    lines_gone = set()
    for row in asked.iter_rows(named=True):
        if row["exception_id"] in gone:
            lines_gone.add(_key(row))
        else:
            by_line.setdefault(_key(row), []).append(row)
    left_out: dict[str, list[Decimal]] = {}
    by_payee: dict[str, list[LetterLine]] = {}
    valid = worklist.with_columns(
        is_npi=well_formed(pl.col("billing_npi"), Kind.NPI).fill_null(False)
    )
    for row in valid.sort("service_date", *LINE_KEY, nulls_last=True).iter_rows(named=True):
        findings = by_line.get(_key(row), [])
        amount = min(row[column], _open(row, findings))
        is_gone = not findings and _key(row) in lines_gone
        reason = _why_not(row, findings, column, amount, kind, template, is_gone)
        if reason:
            left_out.setdefault(reason, []).append(row[column])
        elif reason is None:
            line = LetterLine(row, tuple(findings), amount)
            by_payee.setdefault(row["billing_npi"], []).append(line)
    payees = []
    for npi, lines in sorted(by_payee.items()):
        payee = Payee(npi, tuple(lines))
        if payee.amount < minimum:
            left_out.setdefault("of a payee below the minimum", []).extend(x.amount for x in lines)
        else:
            payees.append(payee)
    counted = {why: (len(all_), sum(all_, Decimal("0.00"))) for why, all_ in left_out.items()}
    return Selection(tuple(payees), dict(sorted(counted.items())))


def _open(row: Row, findings: list[Row]) -> Decimal:
    """What the largest of some findings on a line comes to, without what came back."""
    nothing, back = Decimal("0.00"), Decimal(row["recovered_amount"])
    largest = max((f["amount_at_risk"] or nothing for f in findings), default=nothing)
    return max(largest - back, nothing)


def _key(row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in LINE_KEY)


def _why_not(
    row: Row,
    findings: list[Row],
    column: str,
    amount: Decimal,
    kind: LetterKind,
    template: Template,
    is_gone: bool,
) -> str | None:
    """Why a line is in no letter; empty: no letter of this kind is about it; None: it is in one."""
    if not findings and not row[column] and not is_gone:
        return ""
    is_priced = all(finding["amount_at_risk"] is not None for finding in findings)
    reasons = (
        (not template.is_of(row["payer"]), "of another payer than the template's"),
        (is_gone, "decided about, or found otherwise, since the run: the next run shows it"),
        (not findings, "not collectable any more on the day of the letter"),
        (
            not amount and row["recovered_amount"] > 0 and is_priced,
            "settled, because the amount came back",
        ),
        (
            kind == "finding" and not amount,
            "without an amount of their own: asked for on another line of the claim",
        ),
        (not row["is_npi"], "without a valid NPI of the payee"),
    )
    return next((reason for holds, reason in reasons if holds), None)


def documents(lines: tuple[LetterLine, ...]) -> Iterator[str]:
    """What the findings of some lines ask for, each once."""
    yield from dict.fromkeys(
        d for line in lines for finding in line.findings for d in finding["documents_needed"]
    )

"""Final action a second time, row by row in plain Python: slow, and as literal as the contract.

It shares no code with the program. The property test compares the SQL with it.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

Key = tuple[str, str, int]
EARLIEST = date.min


@dataclass(frozen=True)
class ClaimRow:
    """One claim row after parsing; `payer` is the payer's id, whatever name the file uses."""

    payer: str
    claim_id: str
    line: int
    service_date: date
    status: str | None
    frequency: str | None
    original: str | None
    paid: Decimal | None
    quantity: Decimal | None
    fee: Decimal | None
    paid_date: date | None

    @property
    def is_negative(self) -> bool:
        return self.status == "reversed" or (self.paid is not None and self.paid < 0)

    @property
    def names_itself(self) -> bool:
        return self.original == self.claim_id

    @property
    def is_void(self) -> bool:
        """Whether it is frequency 8, reversed or negative, and names the claim that it removes.

        A row voids its own claim only if it is frequency 8 and neither reversed nor negative.
        """
        if self.original is None or (self.is_negative and self.names_itself):
            return False
        return self.frequency == "8" or self.is_negative

    @property
    def is_replacement(self) -> bool:
        return self.original is not None and self.frequency == "7" and not self.is_negative

    @property
    def is_reversal(self) -> bool:
        """Whether it reverses its own line key."""
        return self.is_negative or (self.frequency == "8" and self.original is None)

    @property
    def day_paid(self) -> date:
        return self.paid_date or EARLIEST


@dataclass
class Fate:
    """The fate of a row, and the figures of a history row."""

    name: str = ""
    paid: Decimal | None = None
    quantity: Decimal | None = None
    fee: Decimal | None = None
    unmatched: bool = False


@dataclass
class _Marks:
    """What removed a row."""

    voided: bool = False
    superseded_by_own_claim: bool = False
    superseded_by_another: bool = False

    @property
    def counts_as_version(self) -> bool:
        """Whether only a later replacement under its own claim_id removed it.

        Such a row still counts in the sum of its key.
        """
        return self.superseded_by_own_claim and not self.voided and not self.superseded_by_another

    @property
    def removed(self) -> bool:
        return self.voided or self.superseded_by_own_claim or self.superseded_by_another


@dataclass(frozen=True)
class _Replacement:
    """Rows of one claim and paid date that name one original; `rows` are their positions."""

    payer: str
    original: str
    claim_id: str
    day_paid: date
    rows: list[int] = field(default_factory=list, compare=False)


def final_action(rows: list[ClaimRow], as_of: date) -> list[Fate]:
    """The fate of every row; the rows come in the order of their files, then of their rows."""
    fates = [Fate() for _ in rows]
    live: dict[int, ClaimRow] = {}
    seen: set[ClaimRow] = set()
    for i, row in enumerate(rows):
        if row in seen:
            fates[i].name = "duplicate"
        elif row.service_date > as_of:
            fates[i].name = "after_as_of"
        elif row.status == "denied":
            fates[i].name = "denied"
        else:
            live[i] = row
        seen.add(row)
    marks = {i: _Marks() for i in live}
    _void(live, marks, fates)
    _replace(live, marks)
    for i, mark in marks.items():
        if mark.removed:
            fates[i].name = "reversed" if mark.voided else "superseded"
    keys: defaultdict[Key, list[int]] = defaultdict(list)
    for i, row in live.items():
        keys[row.payer, row.claim_id, row.line].append(i)
    for places in keys.values():
        _settle_key(places, live, marks, fates)
    return fates


def _lines_of(
    live: dict[int, ClaimRow], payer: str, claim_id: str
) -> Iterator[tuple[int, ClaimRow]]:
    return ((i, row) for i, row in live.items() if row.payer == payer and row.claim_id == claim_id)


def _void(live: dict[int, ClaimRow], marks: dict[int, _Marks], fates: list[Fate]) -> None:
    for i, row in live.items():
        if row.is_void and row.original is not None:
            marks[i].voided = True
            named = list(_lines_of(live, row.payer, row.original))
            fates[i].unmatched = not named
            for j, _ in named:
                marks[j].voided = True


def _replace(live: dict[int, ClaimRow], marks: dict[int, _Marks]) -> None:
    families: defaultdict[tuple[str, str], dict[tuple[str, date], _Replacement]] = defaultdict(dict)
    for i, row in live.items():
        if row.is_replacement and row.original is not None:
            family = families[row.payer, row.original]
            name = (row.claim_id, row.day_paid)
            family.setdefault(name, _Replacement(row.payer, row.original, *name)).rows.append(i)
    for (payer, original), family in families.items():
        stays = max(family.values(), key=lambda r: (r.day_paid, max(r.rows)))
        _supersede_original(live, marks, stays)
        for other in family.values():
            if other is stays or other.claim_id == original:
                continue
            for i, row in _lines_of(live, payer, other.claim_id):
                if other.claim_id != stays.claim_id:
                    marks[i].superseded_by_another = True
                elif row.day_paid == other.day_paid:
                    marks[i].superseded_by_own_claim = True


def _supersede_original(
    live: dict[int, ClaimRow], marks: dict[int, _Marks], by: _Replacement
) -> None:
    for i, row in _lines_of(live, by.payer, by.original):
        if by.claim_id != by.original:
            marks[i].superseded_by_another = True
        elif row.day_paid < by.day_paid or (
            row.day_paid == by.day_paid and i not in by.rows and i < min(by.rows)
        ):
            marks[i].superseded_by_own_claim = True


def _settle_key(
    places: list[int], live: dict[int, ClaimRow], marks: dict[int, _Marks], fates: list[Fate]
) -> None:
    left = [i for i in places if not marks[i].removed]
    if not left:
        return
    order = {i: (live[i].day_paid, i) for i in places}
    plain = [i for i in left if not live[i].is_reversal]
    if len(plain) == len(left):
        for i in left:
            fates[i].name = "superseded"
        latest = max(left, key=order.__getitem__)
        row = live[latest]
        fates[latest] = Fate("history", row.paid, row.quantity, row.fee)
        return
    versions = [i for i in places if marks[i].counts_as_version]
    summed = [live[i] for i in left + versions]
    quantity = _sum([(r.quantity, r.is_reversal) for r in summed])
    paid = _sum([(r.paid, r.is_reversal) for r in summed])
    known_paid = _sum([(r.paid, r.is_reversal) for r in summed if r.paid is not None])
    fee = _sum([(r.fee or Decimal(0), r.is_reversal) for r in summed])
    is_gone = (known_paid or 0) <= 0 if quantity is None else quantity <= 0
    for i in left:
        fates[i].name = "reversed" if is_gone or live[i].is_reversal else "superseded"
    if not is_gone and plain:
        fates[max(plain, key=order.__getitem__)] = Fate("history", paid, quantity, fee)


def _sum(figures: list[tuple[Decimal | None, bool]]) -> Decimal | None:
    """The sum, with reversals as minus their absolute value; None if one figure is unknown."""
    total = Decimal(0)
    for value, is_reversal in figures:
        if value is None:
            return None
        total += -abs(value) if is_reversal else value
    return total

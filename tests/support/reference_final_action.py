"""Final action a second time, row by row in plain Python: slow, and as literal as the contract.

It shares no code with the program. The random tests compare the SQL with it.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

Order = tuple[date, date, str, int]
EARLIEST = date.min


@dataclass(frozen=True)
class ClaimRow:
    """One claim row after parsing; `payer` and `person` are ids, whatever names the file uses."""

    payer: str
    person: str
    claim_id: str
    line: int
    service_date: date
    product: str | None
    status: str | None
    frequency: str | None
    original: str | None
    paid: Decimal | None
    quantity: Decimal | None
    fee: Decimal | None
    paid_date: date | None
    extra: str | None = None

    @property
    def is_negative(self) -> bool:
        return self.status == "reversed" or (self.paid is not None and self.paid < 0)

    @property
    def names_itself(self) -> bool:
        return self.original == self.claim_id

    @property
    def is_void(self) -> bool:
        """Whether it removes the claim that it names; a negative row of its own claim does not."""
        if self.original is None or (self.is_negative and self.names_itself):
            return False
        return self.frequency == "8" or self.is_negative

    @property
    def is_replacement(self) -> bool:
        return self.original is not None and self.frequency == "7" and not self.is_negative

    @property
    def is_reversal(self) -> bool:
        """Whether it takes back a row of its own line key."""
        takes_units = (self.quantity or 0) < 0 and not self.paid
        return self.is_negative or takes_units or (self.frequency == "8" and self.original is None)

    @property
    def states_nothing(self) -> bool:
        return not self.paid and not self.quantity


@dataclass(frozen=True)
class Loaded:
    """A row, the night it was loaded on, its file and its number there."""

    row: ClaimRow
    night: date
    path: str
    number: int


@dataclass
class Fate:
    """The fate of a row, and the figures of a history row."""

    name: str = ""
    paid: Decimal | None = None
    quantity: Decimal | None = None
    fee: Decimal | None = None
    counted_as: str | None = None


@dataclass(eq=False)
class _Live:
    """A row that takes part, its place among the versions, and what became of it so far."""

    row: ClaimRow
    order: Order
    fate: Fate
    voided: bool = False
    replaced: bool = False
    taken_back: bool = False

    @property
    def day(self) -> date:
        return self.order[0]

    @property
    def claim(self) -> tuple[str, str, str]:
        return self.row.payer, self.row.person, self.row.claim_id


@dataclass
class _Replacement:
    """Rows of one claim and paid date that name one original."""

    claim_id: str
    day: date
    rows: list[_Live] = field(default_factory=list)

    @property
    def last(self) -> Order:
        return max(r.order for r in self.rows)


Claims = dict[tuple[str, str, str], list[_Live]]


def final_action(loaded: list[Loaded], as_of: date) -> list[Fate]:
    """The fate of every row, in the order given, which decides nothing."""
    fates = [Fate() for _ in loaded]
    live: list[_Live] = []
    seen: set[ClaimRow] = set()
    for i in sorted(range(len(loaded)), key=lambda i: _place(loaded[i])):
        row = loaded[i].row
        if row in seen:
            fates[i].name = "duplicate"
        elif row.service_date > as_of:
            fates[i].name = "after_as_of"
        elif row.status == "denied":
            fates[i].name = "denied"
        else:
            known = row.paid_date is not None and row.paid_date <= as_of
            day = row.paid_date if known and row.paid_date else EARLIEST
            live.append(_Live(row, (day, *_place(loaded[i])), fates[i]))
        seen.add(row)
    live.sort(key=lambda r: r.order)
    claims: Claims = defaultdict(list)
    for r in live:
        claims[r.claim].append(r)
    _void(live, claims)
    _replace(live, claims)
    _match_by_content(live, claims)
    keys: defaultdict[tuple[object, ...], list[_Live]] = defaultdict(list)
    for r in live:
        keys[*r.claim, r.row.line].append(r)
    for rows in keys.values():
        _settle_key(rows)
    return fates


def _place(loaded: Loaded) -> tuple[date, str, int]:
    return loaded.night, loaded.path, loaded.number


def _named(r: _Live, claims: Claims) -> list[_Live]:
    """The rows of the claim that a row names."""
    return claims.get((r.row.payer, r.row.person, r.row.original or ""), [])


def _void(live: list[_Live], claims: Claims) -> None:
    for r in live:
        if r.row.is_void:
            r.voided = True
            for other in _named(r, claims):
                other.voided = True
            if not _named(r, claims):
                r.fate.counted_as = "unmatched_reversal"


def _replace(live: list[_Live], claims: Claims) -> None:
    families: dict[tuple[str, str, str], dict[tuple[str, date], _Replacement]] = defaultdict(dict)
    for r in live:
        if not r.row.is_replacement:
            continue
        if not _named(r, claims):
            r.fate.counted_as = "unmatched_replacement"
            continue
        family = families[r.row.payer, r.row.person, r.row.original or ""]
        name = (r.row.claim_id, r.day)
        family.setdefault(name, _Replacement(*name)).rows.append(r)
    for original, family in families.items():
        stays = max(family.values(), key=lambda f: (f.day, f.last))
        _replace_original(claims[original], original[2], stays)
        for other in family.values():
            if other is stays or other.claim_id == original[2]:
                continue
            for r in claims[original[0], original[1], other.claim_id]:
                if other.claim_id != stays.claim_id or r.day == other.day:
                    r.replaced = True


def _replace_original(rows: list[_Live], original: str, by: _Replacement) -> None:
    for r in rows:
        is_earlier = r.day < by.day or (r.day == by.day and r.order < by.last and r not in by.rows)
        if by.claim_id != original or is_earlier:
            r.replaced = True


def _match_by_content(live: list[_Live], claims: Claims) -> None:
    """Let a reversal under a claim id of its own take back the one live line of its content."""
    standing = [r for r in live if not r.voided and not r.replaced]
    lines: defaultdict[tuple[object, ...], list[_Live]] = defaultdict(list)
    for r in standing:
        lines[*r.claim, r.row.line].append(r)
    bearing: defaultdict[tuple[object, ...], list[list[_Live]]] = defaultdict(list)
    for rows in lines.values():
        versions = [r for r in rows if not r.row.is_reversal]
        if versions and versions[-1].row.product is not None and versions[-1].row.paid is not None:
            bearing[_content(versions[-1])].append(rows)
    for r in standing:
        if not r.row.is_negative or r.row.original is not None or len(claims[r.claim]) > 1:
            continue
        r.fate.counted_as = "unmatched_reversal"
        found = [rows for rows in bearing[_content(r)] if not rows[0].taken_back]
        if len(found) == 1:
            r.fate.counted_as = "matched_by_content"
            for taken in (r, *found[0]):
                taken.taken_back = True


def _content(r: _Live) -> tuple[object, ...]:
    row = r.row
    amount = None if row.paid is None else abs(row.paid)
    return row.payer, row.person, row.service_date, row.product, amount


def _settle_key(rows: list[_Live]) -> None:
    left = [r for r in rows if not r.voided and not r.taken_back]
    versions = [r for r in left if not r.row.is_reversal]
    left_over = [r for r in left if r.row.is_reversal and not _takes_back_one(r, versions)]
    standing = [r for r in versions if not r.replaced and not r.taken_back]
    for r in rows:
        if r.voided or r.taken_back:
            r.fate.name = "reversed"
        else:
            is_reversal = r.row.is_reversal and not r.replaced
            r.fate.name = "reversed" if is_reversal else "superseded"
    if standing:
        latest = max(standing, key=lambda r: r.order)
        _take_from(latest, [r.row for r in left_over if not r.replaced])


def _takes_back_one(reversal: _Live, versions: list[_Live]) -> bool:
    """Take back one of the versions, which are in order; False if none answers to the reversal."""
    rows = [v for v in versions if not v.taken_back and (v.replaced or not reversal.replaced)]
    if reversal.row.states_nothing:
        chosen = [v for v in rows if v.order < reversal.order][-1:]
    else:
        amount = _absolute(reversal.row.paid)
        bearing = [v for v in rows if v.row.paid == amount]
        before = [v for v in bearing if not v.replaced and v.day < reversal.day]
        chosen = (before or bearing)[:1]
    for r in chosen:
        r.taken_back = reversal.taken_back = True
    return bool(chosen)


def _take_from(latest: _Live, reversals: list[ClaimRow]) -> None:
    """Take the figures of the reversals left over from those of the version that won."""
    row = latest.row
    if not reversals:
        latest.fate.name = "history"
        latest.fate.paid, latest.fate.quantity, latest.fate.fee = row.paid, row.quantity, row.fee
        return
    paid = _less(row.paid, [r.paid for r in reversals])
    quantity = _less(row.quantity, [r.quantity for r in reversals])
    fee = _less(row.fee or Decimal(0), [r.fee or Decimal(0) for r in reversals])
    decides = paid if quantity is None else quantity
    if decides is not None and decides <= 0:
        latest.fate.name = "reversed"
        return
    latest.fate.name = "history"
    latest.fate.paid, latest.fate.quantity, latest.fate.fee = paid, quantity, fee


def _less(value: Decimal | None, taken: Iterable[Decimal | None]) -> Decimal | None:
    for figure in taken:
        value = None if value is None or figure is None else value - abs(figure)
    return value


def _absolute(value: Decimal | None) -> Decimal | None:
    return None if value is None else abs(value)

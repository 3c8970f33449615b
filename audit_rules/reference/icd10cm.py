"""ICD-10-CM, frozen: titles, headers, official order, and the days on which a code was there and
could be billed.

The table holds the releases of fiscal years 2019 to 2027, that is, up to October 2026; a fiscal
year begins on 1 October of the year before. Codes have the days on which they could be billed, so
that those of January and April releases are dated. Headers have fiscal years. A day before or after
the table is answered from the first or last release.
"""

import csv
import gzip
from datetime import date
from functools import cache, cached_property
from importlib.resources import files
from typing import NamedTuple

from schemas.days import shifted

EARLIEST, LATEST = 2019, 2027
_FIRST_MONTH = 10
_CATEGORY = 3

Days = tuple[date, date]
"""A first and a last day; `date.min` and `date.max` if the table knows none."""


class Entry(NamedTuple):
    """A block, header or code.

    there      the days on which some release has it, as header or code.
    billable   the spans of days on which it may be billed, from the earliest; none if it never may.
    """

    code: str
    title: str
    also: tuple[str, ...]
    there: Days
    billable: tuple[Days, ...]

    @property
    def is_block(self) -> bool:
        """A range of categories, such as C81-C96: a heading and no code."""
        return "-" in self.code


def fiscal_year(day: date) -> int:
    """The fiscal year of a day, clipped to the years of the table."""
    return min(max(day.year + (day.month >= _FIRST_MONTH), EARLIEST), LATEST)


def first_day(year: int) -> date:
    """The day on which a fiscal year begins."""
    return date(year - 1, _FIRST_MONTH, 1)


class Icd10cm:
    """The classification: entries by code, in official order."""

    def __init__(self, entries: list[Entry]) -> None:
        """Entries in official order; the code of each gives its headers."""
        self.entries = {e.code: e for e in entries}
        self._place = {e.code: n for n, e in enumerate(entries)}
        self._order = [e.code for e in entries]

    def __contains__(self, code: str) -> bool:
        """Some release has the code, or it is a block."""
        return code in self.entries

    def title(self, code: str) -> str:
        """The title of the latest release that has the code."""
        return self.entries[code].title

    def there(self, code: str, day: date) -> bool:
        """The release of that day has the code, as header or billable."""
        first, last = self.entries[code].there
        return first <= day <= last

    def billable(self, code: str, day: date) -> bool:
        """On that day the code may be billed: it is not a header."""
        return any(first <= day <= last for first, last in self.entries[code].billable)

    def header_since(self, code: str, day: date) -> date | None:
        """Since when the code is a header on that day; None if it was never billable before."""
        ended = [last for _, last in self.entries[code].billable if last < day]
        return shifted(ended[-1], 1) if ended else None

    def parent(self, code: str) -> str | None:
        """The header directly above; None above a category. The place holders X of long codes are
        skipped."""
        shorter = code[:-1].rstrip(".")
        while len(shorter) >= _CATEGORY:
            if shorter in self.entries:
                return shorter
            shorter = shorter[:-1].rstrip(".")
        return None

    def lineage(self, code: str) -> list[str]:
        """The code, its headers upwards, and its block."""
        found = [code]
        while (above := self.parent(found[-1])) is not None:
            found.append(above)
        block = self._blocks[found[-1]]
        return [*found, block] if block else found

    def children(self, code: str) -> list[str]:
        """Codes directly below, in official order."""
        return self._children.get(code, [])

    def below(self, code: str) -> list[str]:
        """The code and everything below it, in official order."""
        return [code, *(c for child in self.children(code) for c in self.below(child))]

    def between(self, first: str, last: str) -> list[str]:
        """Codes from `first` to `last` and below it, in official order; empty if the order is
        reversed."""
        after = self._place[self.below(last)[-1]]
        return [
            c for c in self._order[self._place[first] : after + 1] if not self.entries[c].is_block
        ]

    def place(self, code: str) -> int:
        """The code's place in the official order."""
        return self._place[code]

    @cached_property
    def _children(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for code in self._order:
            above = None if self.entries[code].is_block else self.parent(code)
            if above is not None:
                found.setdefault(above, []).append(code)
        return found

    @cached_property
    def _blocks(self) -> dict[str, str | None]:
        found: dict[str, str | None] = {}
        block = None
        for code in self._order:
            if self.entries[code].is_block:
                block = code
            elif len(code) == _CATEGORY:
                last = block.split("-")[-1] if block else None
                found[code] = (
                    block
                    if last in self._place and self._place[last] >= self._place[code]
                    else None
                )
        return found


@cache
def _billable(text: str) -> tuple[Days, ...]:
    """The spans of a cell such as `..2022-03-31;2024-10-01..`."""
    spans = [span.split("..") for span in text.split(";")] if text else []
    return tuple(
        (
            date.fromisoformat(first) if first else date.min,
            date.fromisoformat(last) if last else date.max,
        )
        for first, last in spans
    )


@cache
def _there(first: str, last: str, billable: tuple[Days, ...]) -> Days:
    """The days of the fiscal years; a code that begins or ends within one has its own day."""
    begins = first_day(int(first)) if first else date.min
    ends = shifted(first_day(int(last) + 1), -1) if last else date.max
    if billable and first and fiscal_year(billable[0][0]) <= int(first):
        begins = billable[0][0]
    if billable and last and fiscal_year(billable[-1][1]) >= int(last):
        ends = billable[-1][1]
    return begins, ends


@cache
def load_icd10cm() -> Icd10cm:
    """The shipped table."""
    packed = (files("audit_rules") / "code_sets" / "icd10cm.csv.gz").read_bytes()
    rows = csv.reader(gzip.decompress(packed).decode("utf-8").splitlines())
    next(rows)  # the header
    return Icd10cm([_entry(*row) for row in rows])


def _entry(code: str, title: str, also: str, first: str, last: str, billable: str) -> Entry:
    days = _billable(billable)
    names = tuple(also.split("; ")) if also else ()
    return Entry(code, title, names, _there(first, last, days), days)

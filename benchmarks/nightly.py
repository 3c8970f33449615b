"""Measure how long a nightly run takes, compared with the run that loaded and judged everything.

Usage: python benchmarks/nightly.py [--n N] [--nights 3]

`make bench-nightly` runs it; N = 10 is twenty million medical lines. The base is loaded and judged
once. Each night then brings new claims and diagnoses of one member in a hundred, as CSV. Every run
has its own process, and the disk is synced before it. At the end, everybody is judged again without
a new file.
"""

import argparse
import shutil
from pathlib import Path
from statistics import median
from typing import Any

import duckdb
from bench import CSV, PARQUET, STAGES, Bench, spread
from make_extracts import make_extracts

MOST_OF_FULL = 0.1
SLICES = 100
_SHIFTED = {
    "medical_claim": ("claim_start_date", "claim_line_start_date", "paid_date"),
    "pharmacy_claim": ("dispensing_date", "paid_date"),
    "diagnosis": ("diagnosis_date",),
}
"""The tables that get new rows, and their dates: a member's rows of the base, a week later."""


def make_night(home: Path, number: int) -> Path:
    """Write the landing folder of a night: rows of one slice of the members, with new ids."""
    folder = home / f"night{number}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    with duckdb.connect() as connection:
        for table, dates in _SHIFTED.items():
            source = home / PARQUET / f"{table}.parquet"
            ids = ["claim_id", *(["original_claim_id"] if table != "diagnosis" else [])]
            new_ids = [f"{c} || '-{number}' AS {c}" for c in ids]
            shifted = [f"{c} + 7 AS {c}" for c in dates]
            connection.execute(
                f"""COPY (SELECT * REPLACE ({", ".join([*new_ids, *shifted])})
                          FROM '{source}' WHERE hash(member_id) % {SLICES} = {number})
                    TO '{folder}/{table}_night{number}.csv' (FORMAT csv, HEADER true)"""
            )
    return folder


def printout(
    n: float, form: str, full: dict[str, Any], nights: list[dict[str, Any]], whole: dict[str, Any]
) -> str:
    """One screen: the run that loaded everything, the nightly runs, and judging everybody again."""

    def row(title: str, key: str) -> str:
        first, last = full["seconds"][key], whole["seconds"][key]
        nightly = spread([night["seconds"][key] for night in nights])
        return f"{title:<26}{first:<12.2f}{nightly:<26}{last:.2f}"

    shares = [
        f"{night['counts']['judged_again'] / night['counts']['persons']:.1%}" for night in nights
    ]
    ratio = median(night["seconds"]["total"] for night in nights) / full["seconds"]["total"]
    verdict = "reached" if ratio <= MOST_OF_FULL else "NOT REACHED"
    rows = [night["counts"]["rows"] for night in nights]
    new = ", ".join(
        f"{b - a:,}" for a, b in zip([full["counts"]["rows"], *rows], rows, strict=False)
    )
    counts, persons = full["counts"], nights[-1]["counts"]["persons"]
    peak = max(night["peak"] for night in nights) / 1024**3
    return "\n".join(
        [
            f"N = {n:g}, {form}: {counts['rows']:,} rows, {counts['exceptions']:,} exceptions; "
            f"nights of {new} rows",
            "",
            f"{'seconds':<26}{'everything':<12}{'a night':<26}everybody judged again",
            row("whole run", "total"),
            *(row(f"  {stage}", stage) for stage in STAGES),
            f"{'peak memory, GiB':<26}{full['peak'] / 1024**3:<12.2f}{peak:.2f}",
            "",
            f"persons judged again: {', '.join(shares)} of {persons:,} with audited drug lines",
            f"a night at most {MOST_OF_FULL} of everything: {ratio:.3f} {verdict}",
        ]
    )


def main() -> None:
    """Load the base, run the nights, and print the result."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--n",
        type=float,
        default=10.0,
        help="scale of the base: 10 is twenty million medical lines",
    )
    parser.add_argument("--nights", type=int, default=3)
    parser.add_argument("--form", choices=[CSV, PARQUET], default=CSV, help="of the base")
    arguments = parser.parse_args()
    home = make_extracts(arguments.n)
    bench = Bench(arguments.n, 1)
    try:
        full = bench.child("pipeline", home / arguments.form, bench.folder("nights"))
        nights = [
            bench.child("night", make_night(home, number), bench.folder("nights"))
            for number in range(1, arguments.nights + 1)
        ]
        whole = bench.child("whole", home / f"night{arguments.nights}", bench.folder("nights"))
    finally:
        shutil.rmtree(bench.work, ignore_errors=True)
    print(printout(arguments.n, arguments.form, full, nights, whole))


if __name__ == "__main__":
    main()

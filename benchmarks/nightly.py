"""Measure how long a nightly run takes, compared with the run that loaded and judged everything.

Usage: python benchmarks/nightly.py [--n N] [--nights 3]

`make bench-nightly` runs it; N = 10 is twenty million medical lines. The base is loaded and judged,
and each night then brings new claims and diagnoses of one member in a hundred, as CSV. At the end,
everybody is judged again without a new file, and the base is loaded once more, in another folder.
Every run has its own process, and the disk is synced before it. Wall seconds come first, then CPU
seconds. If the base varies by more than 30 % on a clock, the ratio on it is void.
"""

import argparse
import shutil
from itertools import pairwise
from pathlib import Path

import duckdb
from bench import CSV, PARQUET, STAGES, Bench
from make_extracts import make_extracts
from rounds import Measurement, gib, goal, ratios, shown

MOST_OF_FULL = 0.05
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
    n: float, form: str, full: Measurement, nights: list[Measurement], whole: Measurement
) -> str:
    """One screen: the runs that loaded everything, the nights, and judging everybody again."""
    nightly = Measurement()
    for night in nights:
        nightly.join(night)

    def row(title: str, key: str) -> str:
        cells = [shown(m.seconds[key]) for m in (full, nightly, whole)]
        return f"{title:<26}" + "".join(f"{cell:<34}" for cell in cells).rstrip()

    shares = [f"{m.counts['judged_again'] / m.counts['persons']:.1%}" for m in nights]
    rows = [m.counts["rows"] for m in (full, *nights)]
    new = ", ".join(f"{b - a:,}" for a, b in pairwise(rows))
    ratio = ratios(nightly.seconds["total"], full.seconds["total"] * len(nights))
    return "\n".join(
        [
            f"N = {n:g}, {form}: {rows[0]:,} rows, {full.counts['exceptions']:,} exceptions; "
            f"nights of {new} rows",
            "",
            f"{'seconds, CPU':<26}{'everything':<34}{'a night':<34}everybody judged again",
            row("whole run", "total"),
            *(row(f"  {stage}", stage) for stage in STAGES),
            f"{'peak memory, GiB':<26}{gib(full.peak):<34}{gib(nightly.peak)}",
            "",
            f"persons judged again: {', '.join(shares)} of {nightly.counts['persons']:,} with "
            "audited drug lines",
            goal("a night / everything", ratio, most=MOST_OF_FULL, places=3),
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
        shutil.rmtree(bench.work / "nights")
        full.join(bench.child("pipeline", home / arguments.form, bench.folder("again")))
    finally:
        shutil.rmtree(bench.work, ignore_errors=True)
    print(printout(arguments.n, arguments.form, full, nights, whole))


if __name__ == "__main__":
    main()

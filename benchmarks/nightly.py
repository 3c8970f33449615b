"""How long a night takes on a grown warehouse, held against the run that loaded and judged everything.

Usage: python benchmarks/nightly.py [--n N] [--nights 3]          (make bench-nightly; N = 10 is twenty million medical lines)

A base of N is loaded and judged once. Then come nights, each with new claims and diagnoses of one member in a hundred, a
hundredth of the base's rows, as CSV. Every run has a process of its own, the disk synced before it. Once at the end
everybody is judged again without a new file.
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
_MOVED = {
    "medical_claim": ("claim_start_date", "claim_line_start_date", "paid_date"),
    "pharmacy_claim": ("dispensing_date", "paid_date"),
    "diagnosis": ("diagnosis_date",),
}
"""The tables that a night brings rows of, and their dates: a member's rows of the base once more, a week later."""


def make_night(home: Path, number: int) -> Path:
    """The landing folder of a night: rows of the members of one slice, under ids of their own."""
    folder = home / f"night{number}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    with duckdb.connect() as connection:
        for table, dates in _MOVED.items():
            source = home / PARQUET / f"{table}.parquet"
            ids = ["claim_id", *(["original_claim_id"] if table != "diagnosis" else [])]
            moved = [f"{c} || '-{number}' AS {c}" for c in ids] + [f"{c} + 7 AS {c}" for c in dates]
            connection.execute(
                f"""COPY (SELECT * REPLACE ({", ".join(moved)}) FROM '{source}' WHERE hash(member_id) % {SLICES} = {number})
                    TO '{folder}/{table}_night{number}.csv' (FORMAT csv, HEADER true)"""
            )
    return folder


def printout(
    n: float, form: str, full: dict[str, Any], nights: list[dict[str, Any]], whole: dict[str, Any]
) -> str:
    """One screen: the run that loaded everything, the nights, and judging everybody again."""

    def row(title: str, key: str) -> str:
        seconds = [night["seconds"][key] for night in nights]
        return f"{title:<26}{full['seconds'][key]:<12.2f}{spread(seconds):<26}{whole['seconds'][key]:.2f}"

    touched = [
        f"{night['counts']['judged_again'] / night['counts']['persons']:.1%}" for night in nights
    ]
    ratio = median(night["seconds"]["total"] for night in nights) / full["seconds"]["total"]
    verdict = "reached" if ratio <= MOST_OF_FULL else "NOT REACHED"
    rows = [night["counts"]["rows"] for night in nights]
    new = ", ".join(
        f"{b - a:,}" for a, b in zip([full["counts"]["rows"], *rows], rows, strict=False)
    )
    return "\n".join(
        [
            f"N = {n:g}, {form}: {full['counts']['rows']:,} rows, {full['counts']['exceptions']:,} exceptions; nights of {new} rows",
            "",
            f"{'seconds':<26}{'everything':<12}{'a night':<26}everybody judged again",
            row("whole run", "total"),
            *(row(f"  {stage}", stage) for stage in STAGES),
            f"{'peak memory, GiB':<26}{full['peak'] / 1024**3:<12.2f}{max(night['peak'] for night in nights) / 1024**3:.2f}",
            "",
            f"persons judged again: {', '.join(touched)} of {nights[-1]['counts']['persons']:,} with lines of audited drugs",
            f"a night at most {MOST_OF_FULL} of everything: {ratio:.3f} {verdict}",
        ]
    )


def main() -> None:
    """Load the base, then the nights, and print."""
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

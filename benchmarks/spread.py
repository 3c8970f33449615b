"""Measure what two processes that judge save over one, and what of a run cannot be spread.

Usage: python benchmarks/spread.py [--n N] [--rounds 3]

`make bench-spread` runs it; N = 0.2 is 400,000 medical lines. A document over every HCPCS code lets
judging be the larger part. Each round runs `--workers 1` with one thread of Polars, `--workers 1`
as it is, and `--workers 2`, each in a fresh process, with the same buckets. Wall seconds come
first, then CPU seconds. Compared with two processes, wall seconds are the speed-up, and CPU seconds
what it costs. Either is void if two processes varied by more than 30 % on that clock.
"""

import argparse
import os
import shutil
import sys
from pathlib import Path
from statistics import median

from bench import CSV, HERE, ROUNDS, Bench, extracts_of
from rounds import Measurement, Seconds, ratios, run_apart, shown, shown_ratio

BUCKETS = 6
ONE_THREAD, ONE, TWO = "one process, one thread", "one process", "two processes"
SETTINGS = {ONE_THREAD: (1, 1), ONE: (1, None), TWO: (2, None)}
"""How many processes judge, and how many threads Polars has; None: as many as processors."""


def measure(n: float, rounds: int) -> dict[str, Measurement]:
    """A run with each setting in turn, in every round."""
    bench, extracts = Bench(n, rounds), extracts_of(n) / CSV
    found = {name: Measurement() for name in SETTINGS}
    try:
        for number in range(rounds):
            for name, (workers, threads) in SETTINGS.items():
                folder = bench.folder(f"{number}-{workers}-{threads}")
                found[name].join(_run(extracts, folder, workers, threads))
                shutil.rmtree(folder)
            print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
    finally:
        shutil.rmtree(bench.work, ignore_errors=True)
    return found


def _run(extracts: Path, folder: Path, workers: int, threads: int | None) -> Measurement:
    of_polars = str(threads or os.cpu_count() or 1)
    command = [sys.executable, HERE / "measures.py", "every", extracts, folder, workers, BUCKETS]
    return run_apart(command, os.environ | {"POLARS_MAX_THREADS": of_polars})


def rest(of: list[Seconds], part: list[Seconds]) -> list[Seconds]:
    """What is left of rounds without a part of each."""
    return [Seconds(a.wall - b.wall, a.cpu - b.cpu) for a, b in zip(of, part, strict=True)]


def alone(of: list[Seconds], spread: list[Seconds]) -> str:
    """The share of rounds without the part that is spread, on each clock, and what it allows."""
    shares = [
        (clock, 1 - median(b[i] / a[i] for a, b in zip(of, spread, strict=True)))
        for i, clock in enumerate(("wall", "CPU"))
    ]
    return "; ".join(
        f"{clock} {share:.0%}, so at most {1 / share:.1f} times as fast" for clock, share in shares
    )


def printout(n: float, found: dict[str, Measurement]) -> str:
    """One screen: the seconds of each setting, the speed-up, and the share that stays alone."""
    made = list(found.values())
    parts = [
        {
            "whole run": m.seconds["total"],
            "  judge stage": m.seconds["judge"],
            "    its buckets": m.seconds["buckets"],
            "    the rest of it": rest(m.seconds["judge"], m.seconds["buckets"]),
            "  the other stages": rest(m.seconds["total"], m.seconds["judge"]),
        }
        for m in made
    ]

    def row(title: str, *cells: str) -> str:
        return (f"{title:<34}" + "".join(f"{cell:<34}" for cell in cells)).rstrip()

    one_thread, one, two = (m.seconds for m in made)
    counts = made[0].counts
    return "\n".join(
        [
            f"N = {n:g}: {counts['rows']:,} rows, {counts['exceptions']:,} exceptions, "
            f"{counts['persons']:,} persons in {BUCKETS} buckets; {os.cpu_count()} cores; "
            f"rounds: {len(one['total'])}",
            "",
            row("seconds, median (least-most), CPU", *found),
            *(row(title, *(shown(p[title]) for p in parts)) for title in parts[0]),
            "",
            row("seconds / those of two processes", ONE_THREAD, ONE),
            *(
                row(
                    f"  {title}",
                    *(shown_ratio(ratios(b[key], two[key])) for b in (one_thread, one)),
                )
                for title, key in (
                    ("buckets", "buckets"),
                    ("judge stage", "judge"),
                    ("whole run", "total"),
                )
            ),
            "",
            row("share that cannot be spread", "of one process"),
            *(
                row(f"  {title}", alone(one[key], one["buckets"]))
                for title, key in (("judge stage", "judge"), ("whole run", "total"))
            ),
        ]
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--n", type=float, default=0.2, help="scale: 1 is two million medical lines"
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="rounds of the three settings")
    arguments = parser.parse_args()
    found = measure(arguments.n, arguments.rounds)
    if len({m.counts["exceptions"] for m in found.values()}) > 1:
        raise SystemExit("The settings do not find the same number of exceptions.")
    print(printout(arguments.n, found))


if __name__ == "__main__":
    main()

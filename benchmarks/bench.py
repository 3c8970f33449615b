"""Measure how long an audit takes, compared with a bare load and a plain scan of the same files.

Usage: python benchmarks/bench.py [--n N] [--rounds 3]

`make bench` and `make bench N=10` run it; N = 1 is two million medical lines. Each measurement runs
in a fresh process, in three rounds of base - pipeline - base, with the disk synced in between. The
printout shows the median and the spread of the wall seconds, then the median of the CPU seconds. If
the base varies by more than 30 % on a clock, the machine was busy and the ratio on it is void.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

from rounds import (
    Measurement,
    Ratio,
    Seconds,
    clocks,
    gib,
    goal,
    ratios,
    run_apart,
    shown,
    shown_ratio,
    since,
    verdict,
)

HERE = Path(__file__).resolve().parent
FOLDER = Path("out/bench")
ROUNDS = 3
STAGES = ("load", "validate", "settle", "judge", "report")
CSV, PARQUET, BAD = "csv", "parquet", "csv_bad"
TITLES = {CSV: "CSV", PARQUET: "Parquet", BAD: "CSV, 1 % bad rows"}
TINY = 0.001

OF_BASE = {CSV: (1.6, 1.25), PARQUET: (2.0, 1.5), BAD: (1.9, 1.9)}
"""At most how many times the bare load a pipeline takes, and the aim."""
MOST_OF_FLOOR = 8.0
MOST_GROWTH = 1.25  # all rules compared with four; proportional would be six
LEAST_OF_PLAIN, PLAIN_AT = 10.0, 1  # pandas on a tenth of N = 10
MOST_MEMORY, MEMORY_AT = 4 * 1024**3, 10


class Bench:
    """One run of the bench: its folder, and what it measured."""

    def __init__(self, n: float, rounds: int) -> None:
        """Prepare to measure; nothing is written yet."""
        self.n, self.rounds = n, rounds
        self.work = FOLDER / f".work-{os.getpid()}"
        self.bases: dict[str, list[Seconds]] = defaultdict(list)
        """The bare loads of each form: before and after each pipeline."""
        self.pipelines: dict[str, Measurement] = defaultdict(Measurement)
        self.starts: list[Seconds] = []

    def measure(self) -> None:
        """Measure everything in order; only the extracts stay on disk."""
        extracts, tenth, tiny = (extracts_of(n) for n in (self.n, self.n / 10, TINY))
        try:
            for i in range(self.rounds):
                for form in (CSV, PARQUET):
                    self._round(extracts, form, i)
            self.every = self.child("every", extracts / CSV, self.folder("every"))
            shutil.rmtree(self.work / "every")
            self.rules = self.child("rules", extracts / CSV, self.folder(CSV), self.rounds)
            self.child("pipeline", tenth / CSV, self.folder("tenth"))
            self.plain = self.child("plain", tenth / CSV, self.folder("tenth"), self.rounds)
            self.tiny = self.child("pipeline", tiny / CSV, self.folder("tiny"))
            self.starts = [self._whole_program(tiny / CSV, i) for i in range(2)]
        finally:
            shutil.rmtree(self.work, ignore_errors=True)

    def _round(self, extracts: Path, form: str, number: int) -> None:
        bases = [self._base(extracts / form)]
        forms = (CSV, BAD) if form == CSV else (form,)
        self._pipeline(extracts, form)
        bases.append(self._base(extracts / form))
        for measured in forms:
            self.bases[measured] += bases
        if form == CSV:
            self._pipeline(extracts, BAD)
        pair = ratios(self.pipelines[form].seconds["total"][-1:], bases)
        print(
            f"round {number + 1} of {self.rounds}, {TITLES[form]}: "
            f"{shown_ratio(pair)} x the bare load",
            file=sys.stderr,
            flush=True,
        )

    def _base(self, extracts: Path) -> Seconds:
        (seconds,) = self.child("base", extracts, self.folder("base")).seconds["total"]
        shutil.rmtree(self.work / "base")
        return seconds

    def _pipeline(self, extracts: Path, form: str) -> None:
        shutil.rmtree(self.work / form, ignore_errors=True)
        self.pipelines[form].join(self.child("pipeline", extracts / form, self.folder(form)))

    def folder(self, name: str) -> Path:
        """A folder to work in; created if it does not exist."""
        (self.work / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        return self.work / name

    def child(self, name: str, extracts: Path, work: Path, *rounds: int) -> Measurement:
        """Run one measurement of measures.py in its own process, after syncing the disk."""
        return run_apart([sys.executable, HERE / "measures.py", name, extracts, work, *rounds])

    def _whole_program(self, extracts: Path, number: int) -> Seconds:
        """`claims-audit run` with Prefect; the first time with an empty Prefect home."""
        os.sync()
        output = self.folder(f"program{number}")
        program = Path(sys.executable).with_name("claims-audit")
        command = [program, "run", "--input", extracts, "--output", output]
        environment = os.environ | {"PREFECT_HOME": str(self.folder("prefect").resolve())}
        start = clocks()
        done = subprocess.run(
            [*map(str, command), "--as-of", "2026-06-30"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"claims-audit failed:\n{done.stderr}")
        return since(start)


def extracts_of(n: float, parquet_only: bool = False) -> Path:
    """The folder with the extracts of this size, made by a process of its own."""
    script = str(HERE / "make_extracts.py")
    command = [sys.executable, script, "--n", f"{n:g}", "--folder", str(FOLDER)]
    command += ["--parquet-only"] if parquet_only else []
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return Path(done.stdout.strip())


# ---------------------------------------------------------------- the printout


def _row(title: str, *cells: str) -> str:
    return (f"{title:<34}" + "".join(f"{cell:<32}" for cell in cells)).rstrip()


def _pipelines(bench: Bench) -> list[str]:
    """The upper half: seconds of the bare load and of each stage, one column per set of files."""
    made = [bench.pipelines[form] for form in TITLES]

    def stage(title: str, name: str) -> str:
        return _row(title, *(shown(m.seconds[name]) for m in made))

    return [
        _row("seconds, median (least-most), CPU", *TITLES.values()),
        _row("bare typed load", *("as CSV" if f == BAD else shown(bench.bases[f]) for f in TITLES)),
        stage("pipeline, through the reports", "total"),
        *(stage(f"  {name}", name) for name in STAGES),
        _row("pipeline / bare load", *(shown_ratio(_of_base(bench, form)) for form in TITLES)),
        _row("peak memory, GiB", *(gib(m.peak) for m in made)),
    ]


def _of_base(bench: Bench, form: str) -> Ratio:
    return ratios(bench.pipelines[form].seconds["total"], bench.bases[form])


def _rest(bench: Bench) -> list[str]:
    """The lower half: rules compared with the scan and by hand, and the start of Prefect."""
    rules, plain, every = bench.rules.seconds, bench.plain.seconds, bench.every
    four, every_rule = (
        shown_ratio(ratios(rules[name], rules["floor"])) for name in ("four rules", "all rules")
    )
    pandas, sql = (
        shown_ratio(ratios(plain[name], plain["four rules"])) for name in ("pandas", "sql")
    )
    first, again = bench.starts
    (total,), (judge,) = every.seconds["total"], every.seconds["judge"]
    (tiny,) = bench.tiny.seconds["total"]
    same = f"the same {bench.plain.counts['exceptions']} exceptions"
    return [
        _row(
            "CSV, a document for every code",
            str(total),
            f"judge {judge}; {every.counts['persons']:,} persons; peak {gib(every.peak)} GiB",
        ),
        _row("scan hashing what rules read", shown(rules["floor"])),
        _row("judge stage, 4 rules", shown(rules["four rules"]), f"{four} x the scan"),
        _row(
            f"judge stage, all {bench.rules.counts['rules']} rules",
            shown(rules["all rules"]),
            f"{every_rule} x the scan",
        ),
        _row("4 rules on a tenth of the data", shown(plain["four rules"])),
        _row("  the same 4 rules in pandas", shown(plain["pandas"]), f"{pandas} x as long, {same}"),
        _row("  and in SQL by hand", shown(plain["sql"]), f"{sql} x as long, {same}"),
        _row("claims-audit on a tiny input", str(first), "with an empty Prefect home"),
        _row("  again", str(again)),
        _row("  its stages alone", str(tiny), "the rest is Python and Prefect starting"),
    ]


def _reach(bench: Bench) -> list[str]:
    """The goals of the bench, and whether each is reached."""
    rules, plain = bench.rules.seconds, bench.plain.seconds
    peak = max(pipeline.peak for pipeline in bench.pipelines.values())
    return [
        *(
            goal(f"pipeline / bare load, {title}", _of_base(bench, form), most=most, aim=aim)
            for form, title in TITLES.items()
            for most, aim in [OF_BASE[form]]
        ),
        goal("all rules / scan", ratios(rules["all rules"], rules["floor"]), most=MOST_OF_FLOOR),
        goal(
            "all rules / four of them",
            ratios(rules["all rules"], rules["four rules"]),
            most=MOST_GROWTH,
        ),
        plain_goal(plain, bench.n / 10),
        f"peak under {gib(MOST_MEMORY)} GiB{required(bench.n, MEMORY_AT)}: {gib(peak)} GiB "
        f"{verdict(peak < MOST_MEMORY)}",
    ]


def required(n: float, at: float) -> str:
    """At which N the goal must be reached, if this run was smaller."""
    return "" if n >= at else f", required at N = {at}"


def plain_goal(seconds: dict[str, list[Seconds]], n: float) -> str:
    """The goal of the rules compared with pandas."""
    ratio = ratios(seconds["pandas"], seconds["four rules"])
    return goal(
        "four rules in pandas / as they are",
        ratio,
        least=LEAST_OF_PLAIN,
        at=required(n, PLAIN_AT),
    )


def printout(bench: Bench) -> str:
    """One screen: what was measured, and which goals are reached."""
    counts = bench.pipelines[CSV].counts
    head = (
        f"N = {bench.n:g}: {counts['rows']:,} rows, {counts['exceptions']:,} exceptions; "
        f"{bench.pipelines[BAD].counts['quarantined']:,} rows of the bad set quarantined; "
        f"{os.cpu_count()} cores; rounds: {bench.rounds}"
    )
    return "\n".join([head, "", *_pipelines(bench), "", *_rest(bench), "", *_reach(bench)])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--n", type=float, default=1.0, help="scale: 1 is two million medical lines"
    )
    parser.add_argument(
        "--rounds",
        type=int,
        default=ROUNDS,
        help="rounds of base - pipeline - base; a single one shows no spread",
    )
    arguments = parser.parse_args()
    bench = Bench(arguments.n, arguments.rounds)
    bench.measure()
    print(printout(bench))


if __name__ == "__main__":
    main()

"""How long an audit takes, held against the bare load of the same files and against a plain scan of the same values.

Usage: python benchmarks/bench.py [--n N] [--rounds 3]          (make bench, make bench N=10; N = 1 is two million medical lines)

Every measurement runs in a fresh process, three rounds of base - pipeline - base, the disk synced in between; what is
printed is the median and the spread. Where the base varies by more than 30 % the machine was busy, and the ratio is void.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from time import perf_counter
from typing import Any

HERE = Path(__file__).resolve().parent
FOLDER = Path("out/bench")
ROUNDS = 3
STAGES = ("load", "validate", "settle", "judge", "report")
CSV, PARQUET, BAD = "csv", "parquet", "csv_bad"
TITLES = {CSV: "CSV", PARQUET: "Parquet", BAD: "CSV, 1 % bad rows"}
TINY = 0.001

MOST_VARIATION = 0.30  # of the base, from least to most
MOST_OF_BASE, AIM_OF_BASE = 2.0, 1.6
MOST_OF_FLOOR = 2.5
MOST_GROWTH = 1.25  # all rules against four of them; six times would be in proportion
LEAST_OF_PLAIN = 8.0
MOST_MEMORY, MEMORY_AT = 4 * 1024**3, 10


@dataclass
class Round:
    """Base - pipeline - base: seconds of the two bare loads, and what the pipeline between them measured."""

    before: float
    pipeline: dict[str, Any]
    after: float

    @property
    def ratio(self) -> float:
        """The pipeline's seconds over those of the bare load."""
        return float(self.pipeline["seconds"]["total"] / mean((self.before, self.after)))


class Bench:
    """One run of the bench: where it works, and what it measured."""

    def __init__(self, n: float, rounds: int) -> None:
        """Make the extracts and an empty folder to work in."""
        self.n, self.number_of_rounds = n, rounds
        self.work = FOLDER / f".work-{os.getpid()}"
        self.rounds: dict[str, list[Round]] = defaultdict(list)
        self.rules: dict[str, Any] = {}
        self.plain: dict[str, Any] = {}
        self.tiny: dict[str, Any] = {}
        self.starts: list[float] = []

    def measure(self) -> None:
        """Everything, in order; what is left on disk are the extracts."""
        extracts, tenth, tiny = _extracts(self.n), _extracts(self.n / 10), _extracts(TINY)
        try:
            for i in range(self.number_of_rounds):
                for form in (CSV, PARQUET):
                    self._round(extracts, form, i)
            self.rules = self.child("rules", extracts / CSV, self.folder(CSV))
            self.child("pipeline", tenth / CSV, self.folder("tenth"))
            self.plain = self.child("plain", tenth / CSV, self.folder("tenth"))
            self.tiny = self.child("pipeline", tiny / CSV, self.folder("tiny"))
            self.starts = [self._whole_program(tiny / CSV, i) for i in range(2)]
        finally:
            shutil.rmtree(self.work, ignore_errors=True)

    def _round(self, extracts: Path, form: str, number: int) -> None:
        before = self._base(extracts / form)
        measured = self._pipeline(extracts, form)
        after = self._base(extracts / form)
        self.rounds[form].append(Round(before, measured, after))
        if form == CSV:
            self.rounds[BAD].append(Round(before, self._pipeline(extracts, BAD), after))
        _say(
            f"round {number + 1} of {self.number_of_rounds}, {TITLES[form]}: {self.rounds[form][-1].ratio:.2f} x the bare load"
        )

    def _base(self, extracts: Path) -> float:
        seconds = self.child("base", extracts, self.folder("base"))["seconds"]["total"]
        shutil.rmtree(self.work / "base")
        return float(seconds)

    def _pipeline(self, extracts: Path, form: str) -> dict[str, Any]:
        shutil.rmtree(self.work / form, ignore_errors=True)
        return self.child("pipeline", extracts / form, self.folder(form))

    def folder(self, name: str) -> Path:
        """A folder to work in, made where it is not there."""
        (self.work / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        return self.work / name

    def child(self, name: str, extracts: Path, work: Path) -> dict[str, Any]:
        """Run one measurement of measures.py in a process of its own, once the disk is at rest."""
        os.sync()
        command = [sys.executable, str(HERE / "measures.py"), name, str(extracts), str(work)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{name} on {extracts} failed:\n{done.stderr}")
        measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return measured

    def _whole_program(self, extracts: Path, number: int) -> float:
        """Seconds of `claims-audit run`, Prefect and all; the first time with an empty Prefect home."""
        os.sync()
        output = self.folder(f"program{number}")
        command = [
            Path(sys.executable).with_name("claims-audit"),
            "run",
            "--input",
            extracts,
            "--output",
            output,
        ]
        environment = os.environ | {"PREFECT_HOME": str(self.folder("prefect").resolve())}
        started = perf_counter()
        done = subprocess.run(
            [*map(str, command), "--as-of", "2026-06-30"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"claims-audit failed:\n{done.stderr}")
        return perf_counter() - started


def _extracts(n: float) -> Path:
    command = [
        sys.executable,
        str(HERE / "make_extracts.py"),
        "--n",
        f"{n:g}",
        "--folder",
        str(FOLDER),
    ]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return Path(done.stdout.strip())


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


# ---------------------------------------------------------------- the printout


def spread(values: list[float]) -> str:
    """Median, least and most."""
    return f"{median(values):.2f} ({min(values):.2f}-{max(values):.2f})"


def variation(rounds: list[Round]) -> float:
    """By how much the slowest bare load was above the fastest, as a share of the fastest."""
    bases = [seconds for r in rounds for seconds in (r.before, r.after)]
    return max(bases) / min(bases) - 1


def _verdict(holds: bool) -> str:
    return "reached" if holds else "NOT REACHED"


def _row(title: str, *cells: str) -> str:
    return f"{title:<34}" + "".join(f"{cell:<24}" for cell in cells).rstrip()


def _pipelines(rounds: dict[str, list[Round]]) -> list[str]:
    """The upper half: seconds of the bare load and of the pipeline by stage, one column per set of files."""

    def cells(value: Any) -> list[str]:
        return [spread([value(r) for r in rounds[form]]) for form in TITLES]

    def bases(form: str) -> str:
        return (
            "as CSV"
            if form == BAD
            else spread([s for r in rounds[form] for s in (r.before, r.after)])
        )

    ratios = [
        "void"
        if variation(rounds[form]) > MOST_VARIATION
        else spread([r.ratio for r in rounds[form]])
        for form in TITLES
    ]
    return [
        _row("seconds, median (least-most)", *TITLES.values()),
        _row("bare typed load", *(bases(form) for form in TITLES)),
        _row("pipeline, through the reports", *cells(lambda r: r.pipeline["seconds"]["total"])),
        *(
            _row(f"  {stage}", *cells(lambda r, stage=stage: r.pipeline["seconds"][stage]))
            for stage in STAGES
        ),
        _row("pipeline / bare load", *ratios),
        _row("peak memory, GiB", *cells(lambda r: r.pipeline["peak"] / 1024**3)),
    ]


def _rest(bench: Bench) -> list[str]:
    """The lower half: rules against the scan, against pandas, and the start of Prefect."""
    rules, plain, tiny = (
        bench.rules["seconds"],
        bench.plain["seconds"],
        bench.tiny["seconds"]["total"],
    )
    first, again = bench.starts
    of_plain = plain["plain"] / plain["four rules"]
    return [
        _row("scan hashing what rules ask for", f"{rules['floor']:.2f}"),
        _row(
            "judge stage, 4 rules",
            f"{rules['four rules']:.2f}",
            f"{rules['four rules'] / rules['floor']:.2f} x the scan",
        ),
        _row(
            f"judge stage, all {bench.rules['counts']['rules']} rules",
            f"{rules['all rules']:.2f}",
            f"{rules['all rules'] / rules['floor']:.2f} x the scan",
        ),
        _row("4 rules on a tenth of the data", f"{plain['four rules']:.2f}"),
        _row(
            "  the same 4 rules in pandas",
            f"{plain['plain']:.2f}",
            f"{of_plain:.1f} x as long, the same {bench.plain['counts']['exceptions']} exceptions",
        ),
        _row(
            "claims-audit on a tiny input",
            f"{first:.2f}, then {again:.2f}",
            f"{tiny:.2f} of it the stages, the rest is Python's and Prefect's start",
        ),
    ]


def _reach(bench: Bench) -> list[str]:
    """What the bench is to reach, and whether it is."""
    rules, plain = bench.rules["seconds"], bench.plain["seconds"]
    of_base = []
    for form, title in TITLES.items():
        ratio, varied = median(r.ratio for r in bench.rounds[form]), variation(bench.rounds[form])
        if varied > MOST_VARIATION:
            of_base.append(f"{title}: void, the bare load varied by {varied:.0%}")
        else:
            of_base.append(
                f"{title}: {ratio:.2f} {_verdict(ratio <= MOST_OF_BASE)}{', the aim too' * (ratio <= AIM_OF_BASE)}"
            )
    of_floor, growth = rules["all rules"] / rules["floor"], rules["all rules"] / rules["four rules"]
    of_plain = plain["plain"] / plain["four rules"]
    peak = max(r.pipeline["peak"] for rounds in bench.rounds.values() for r in rounds)
    at = "" if bench.n >= MEMORY_AT else f", asked at N = {MEMORY_AT}"
    return [
        f"pipeline at most {MOST_OF_BASE} x the bare load (aim {AIM_OF_BASE})",
        *(f"    {text}" for text in of_base),
        f"rules at most {MOST_OF_FLOOR} x the scan: {of_floor:.2f} {_verdict(of_floor <= MOST_OF_FLOOR)}",
        f"all rules at most {MOST_GROWTH} x four of them: {growth:.2f} {_verdict(growth <= MOST_GROWTH)}",
        f"the same rules in pandas at least {LEAST_OF_PLAIN:g} x slower: {of_plain:.1f} {_verdict(of_plain >= LEAST_OF_PLAIN)}",
        f"peak under {MOST_MEMORY / 1024**3:g} GiB: {peak / 1024**3:.2f} GiB {_verdict(peak < MOST_MEMORY)}{at}",
    ]


def printout(bench: Bench) -> str:
    """One screen: what was measured, and what of it is reached."""
    rows = bench.rounds[CSV][0].pipeline["counts"]["rows"]
    found = bench.rounds[CSV][0].pipeline["counts"]["exceptions"]
    aside = bench.rounds[BAD][0].pipeline["counts"]["quarantined"]
    rows_of_it = f"{rows:,} rows, {found:,} exceptions; {aside:,} rows of the bad set quarantined"
    head = (
        f"N = {bench.n:g}: {rows_of_it}; {os.cpu_count()} cores; rounds: {bench.number_of_rounds}"
    )
    return "\n".join([head, "", *_pipelines(bench.rounds), "", *_rest(bench), "", *_reach(bench)])


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
        help="of base - pipeline - base; one round shows no spread",
    )
    arguments = parser.parse_args()
    bench = Bench(arguments.n, arguments.rounds)
    bench.measure()
    print(printout(bench))


if __name__ == "__main__":
    main()

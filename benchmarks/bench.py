"""Measure how long an audit takes, compared with a bare load and a plain scan of the same files.

Usage: python benchmarks/bench.py [--n N] [--rounds 3]

`make bench` and `make bench N=10` run it; N = 1 is two million medical lines. Each measurement runs
in a fresh process, in three rounds of base - pipeline - base, with the disk synced in between. The
printout shows the median and the spread. If the base varies by more than 30 %, the machine was busy
and the ratio is void.
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

MOST_VARIATION = 0.30  # of the base, from the fastest to the slowest
OF_BASE = {CSV: (1.6, 1.25), PARQUET: (2.0, 1.5), BAD: (1.9, 1.9)}
"""At most how many times the bare load a pipeline takes, and the aim."""
MOST_OF_FLOOR = 2.5
MOST_GROWTH = 1.25  # all rules compared with four; proportional would be six
LEAST_OF_PLAIN = 8.0
MOST_MEMORY, MEMORY_AT = 4 * 1024**3, 10


@dataclass
class Round:
    """Base - pipeline - base: seconds of the two bare loads, and the measurement in between."""

    before: float
    pipeline: dict[str, Any]
    after: float

    @property
    def ratio(self) -> float:
        """The pipeline's seconds over those of the bare load."""
        return float(self.pipeline["seconds"]["total"] / mean((self.before, self.after)))


class Bench:
    """One run of the bench: its folder, and what it measured."""

    def __init__(self, n: float, rounds: int) -> None:
        """Prepare to measure; nothing is written yet."""
        self.n, self.number_of_rounds = n, rounds
        self.work = FOLDER / f".work-{os.getpid()}"
        self.rounds: dict[str, list[Round]] = defaultdict(list)
        self.rules: dict[str, Any] = {}
        self.every: dict[str, Any] = {}
        self.plain: dict[str, Any] = {}
        self.tiny: dict[str, Any] = {}
        self.starts: list[float] = []

    def measure(self) -> None:
        """Measure everything in order; only the extracts stay on disk."""
        extracts, tenth, tiny = _extracts(self.n), _extracts(self.n / 10), _extracts(TINY)
        try:
            for i in range(self.number_of_rounds):
                for form in (CSV, PARQUET):
                    self._round(extracts, form, i)
            self.every = self.child("every", extracts / CSV, self.folder("every"))
            shutil.rmtree(self.work / "every")
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
        ratio = self.rounds[form][-1].ratio
        _report(
            f"round {number + 1} of {self.number_of_rounds}, {TITLES[form]}: "
            f"{ratio:.2f} x the bare load"
        )

    def _base(self, extracts: Path) -> float:
        seconds = self.child("base", extracts, self.folder("base"))["seconds"]["total"]
        shutil.rmtree(self.work / "base")
        return float(seconds)

    def _pipeline(self, extracts: Path, form: str) -> dict[str, Any]:
        shutil.rmtree(self.work / form, ignore_errors=True)
        return self.child("pipeline", extracts / form, self.folder(form))

    def folder(self, name: str) -> Path:
        """A folder to work in; created if it does not exist."""
        (self.work / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        return self.work / name

    def child(self, name: str, extracts: Path, work: Path) -> dict[str, Any]:
        """Run one measurement of measures.py in its own process, after syncing the disk."""
        os.sync()
        command = [sys.executable, str(HERE / "measures.py"), name, str(extracts), str(work)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{name} on {extracts} failed:\n{done.stderr}")
        measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return measured

    def _whole_program(self, extracts: Path, number: int) -> float:
        """Seconds of `claims-audit run` with Prefect; the first time with an empty Prefect home."""
        os.sync()
        output = self.folder(f"program{number}")
        program = Path(sys.executable).with_name("claims-audit")
        command = [program, "run", "--input", extracts, "--output", output]
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
    script = str(HERE / "make_extracts.py")
    command = [sys.executable, script, "--n", f"{n:g}", "--folder", str(FOLDER)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return Path(done.stdout.strip())


def _report(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


# ---------------------------------------------------------------- the printout


def spread(values: list[float]) -> str:
    """Median, least and most."""
    return f"{median(values):.2f} ({min(values):.2f}-{max(values):.2f})"


def variation(rounds: list[Round]) -> float:
    """How much slower the slowest bare load was than the fastest, as a share of the fastest."""
    bases = [seconds for r in rounds for seconds in (r.before, r.after)]
    return max(bases) / min(bases) - 1


def _verdict(is_reached: bool) -> str:
    return "reached" if is_reached else "NOT REACHED"


def _row(title: str, *cells: str) -> str:
    return f"{title:<34}" + "".join(f"{cell:<24}" for cell in cells).rstrip()


def _pipelines(rounds: dict[str, list[Round]]) -> list[str]:
    """The upper half: seconds of the bare load and of each stage, one column per set of files."""

    def cells(value: Any) -> list[str]:
        return [spread([value(r) for r in rounds[form]]) for form in TITLES]

    def base(form: str) -> str:
        if form == BAD:
            return "as CSV"
        return spread([s for r in rounds[form] for s in (r.before, r.after)])

    def ratio(form: str) -> str:
        if variation(rounds[form]) > MOST_VARIATION:
            return "void"
        return spread([r.ratio for r in rounds[form]])

    return [
        _row("seconds, median (least-most)", *TITLES.values()),
        _row("bare typed load", *map(base, TITLES)),
        _row("pipeline, through the reports", *cells(lambda r: r.pipeline["seconds"]["total"])),
        *(
            _row(f"  {stage}", *cells(lambda r, stage=stage: r.pipeline["seconds"][stage]))
            for stage in STAGES
        ),
        _row("pipeline / bare load", *map(ratio, TITLES)),
        _row("peak memory, GiB", *cells(lambda r: r.pipeline["peak"] / 1024**3)),
    ]


def _rest(bench: Bench) -> list[str]:
    """The lower half: rules compared with the scan and with pandas, and the start of Prefect."""
    rules, plain = bench.rules["seconds"], bench.plain["seconds"]
    tiny = bench.tiny["seconds"]["total"]
    first, again = bench.starts
    every = bench.every["seconds"]
    of_plain = plain["plain"] / plain["four rules"]
    return [
        _row(
            "CSV, a document for every code",
            f"{every['total']:.2f}",
            f"judge {every['judge']:.2f}; {bench.every['counts']['persons']:,} persons; "
            f"peak {bench.every['peak'] / 1024**3:.2f} GiB",
        ),
        _row("scan hashing what rules read", f"{rules['floor']:.2f}"),
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
            f"{tiny:.2f} of it the stages, the rest is Python and Prefect starting",
        ),
    ]


def _reach(bench: Bench) -> list[str]:
    """The goals of the bench, and whether each is reached."""
    rules, plain = bench.rules["seconds"], bench.plain["seconds"]
    of_base = []
    for form, title in TITLES.items():
        ratio, varied = median(r.ratio for r in bench.rounds[form]), variation(bench.rounds[form])
        if varied > MOST_VARIATION:
            of_base.append(f"{title}: void, the bare load varied by {varied:.0%}")
        else:
            most, aim = OF_BASE[form]
            also = ", the aim too" if ratio <= aim else ""
            goal = f"at most {most}, aim {aim}"
            of_base.append(f"{title}: {ratio:.2f} ({goal}) {_verdict(ratio <= most)}{also}")
    of_floor, growth = rules["all rules"] / rules["floor"], rules["all rules"] / rules["four rules"]
    of_plain = plain["plain"] / plain["four rules"]
    peak = max(r.pipeline["peak"] for rounds in bench.rounds.values() for r in rounds)
    at = "" if bench.n >= MEMORY_AT else f", required at N = {MEMORY_AT}"
    return [
        "pipeline, in bare loads",
        *(f"    {text}" for text in of_base),
        f"rules at most {MOST_OF_FLOOR} x the scan: {of_floor:.2f} "
        f"{_verdict(of_floor <= MOST_OF_FLOOR)}",
        f"all rules at most {MOST_GROWTH} x four of them: {growth:.2f} "
        f"{_verdict(growth <= MOST_GROWTH)}",
        f"the same rules in pandas at least {LEAST_OF_PLAIN:g} x slower: {of_plain:.1f} "
        f"{_verdict(of_plain >= LEAST_OF_PLAIN)}",
        f"peak under {MOST_MEMORY / 1024**3:g} GiB: {peak / 1024**3:.2f} GiB "
        f"{_verdict(peak < MOST_MEMORY)}{at}",
    ]


def printout(bench: Bench) -> str:
    """One screen: what was measured, and which goals are reached."""
    counts = bench.rounds[CSV][0].pipeline["counts"]
    quarantined = bench.rounds[BAD][0].pipeline["counts"]["quarantined"]
    head = (
        f"N = {bench.n:g}: {counts['rows']:,} rows, {counts['exceptions']:,} exceptions; "
        f"{quarantined:,} rows of the bad set quarantined; {os.cpu_count()} cores; "
        f"rounds: {bench.number_of_rounds}"
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
        help="rounds of base - pipeline - base; a single one shows no spread",
    )
    arguments = parser.parse_args()
    bench = Bench(arguments.n, arguments.rounds)
    bench.measure()
    print(printout(bench))


if __name__ == "__main__":
    main()

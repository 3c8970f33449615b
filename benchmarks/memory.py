"""Measure the most memory that one run takes, with all its processes, and compare it with a limit.

Usage: python benchmarks/memory.py --n N --memory GIB [--workers K]

`make bench N=50 MEMORY=4` runs it. `claims-audit run --memory GIB` audits the Parquet extracts
once, with Prefect and its server; meanwhile the resident memory of every process is added up, ten
times a second. Memory that processes share counts for each of them.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil
from bench import Bench, extracts_of
from make_extracts import CLEAN_PARQUET
from rounds import Seconds, clocks, gib, since, verdict

from flows.memory_limits import GIB


def resident(process: psutil.Process) -> int:
    """Bytes of a process and all that it started; of one that ended none.

    A process that has not begun its own program yet (vfork) has no memory but its parent's, which
    counts once.
    """
    found = 0
    for one in [process, *process.children(recursive=True)]:
        try:
            taken, parent = one.memory_info(), one.parent()
            if one is process or parent is None or taken.vms != parent.memory_info().vms:
                found += taken.rss
        except psutil.NoSuchProcess:
            continue
    return found


def run_watched(command: list[str], environment: dict[str, str]) -> tuple[int, Seconds]:
    """Run a program: the most bytes that it took with all its processes, and its seconds.

    Ends the program if that one fails.
    """
    start, most = clocks(), 0
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as running:
        watched = psutil.Process(running.pid)
        while running.poll() is None:
            try:
                most = max(most, resident(watched))
            except psutil.NoSuchProcess:
                break
            time.sleep(0.1)
    if running.returncode:
        raise SystemExit(f"claims-audit ended with exit code {running.returncode}.")
    return most, since(start)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--n", type=float, required=True, help="scale, as that of bench.py")
    parser.add_argument("--memory", type=float, required=True, help="GiB that the run may take")
    parser.add_argument("--workers", type=int, default=1, help="how many processes judge")
    asked = parser.parse_args()
    extracts = extracts_of(asked.n, parquet_only=True) / CLEAN_PARQUET
    bench = Bench(asked.n, rounds=1)
    output = bench.folder("memory")
    options = {"input": extracts, "output": output, "as-of": "2026-06-30"}
    options |= {"memory": asked.memory, "workers": asked.workers}
    command = [str(Path(sys.executable).with_name("claims-audit")), "run", "--quiet"]
    command += [text for name, value in options.items() for text in (f"--{name}", str(value))]
    try:
        home = {"PREFECT_HOME": str(bench.folder("prefect").resolve())}
        most, seconds = run_watched(command, os.environ | home)
        (timings,) = output.glob("run=*/timings.json")
        stages = json.loads(timings.read_text(encoding="utf-8"))
    finally:
        shutil.rmtree(bench.work, ignore_errors=True)
    print(
        f"N = {asked.n:g} from Parquet, {asked.workers} judging; {os.cpu_count()} cores\n"
        f"seconds: {seconds}; of its stages: {json.dumps(stages)}\n"
        f"peak memory of all processes under {asked.memory:g} GiB: {gib(most)} GiB "
        f"{verdict(most < asked.memory * GIB)}"
    )


if __name__ == "__main__":
    main()

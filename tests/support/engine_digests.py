"""Random warehouses under one setting of the engines, as digests: a program for a child process.

Polars fixes its threads when it is imported, so each setting needs a process.
"""

import json
import random
import shutil
import sys
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb

from flows import plan as planning
from flows.request import RunRequest
from tests.support.extracts import ANY_ERROR_RATE, Row, write
from tests.support.nights import content, night, published
from tests.support.read_once import library_read_once, reference_read_once
from tests.support.running import ROOT, request_for
from tests.support.senders import Sender

FIRST = date(2026, 3, 1)
_MOST_SENDERS = 5


def main(folder: Path, seeds: range, threads: int) -> None:
    """Print a JSON object: the digest of the sample, and of the random warehouse of each seed."""
    planning.load_policies, planning.load_reference = library_read_once, reference_read_once
    duckdb.connect = partial(_connect, duckdb.connect, threads)
    sample = request_for(ROOT / "data" / "sample", folder / "sample", folder / "sample.duckdb")
    digests = {"sample": _digest(sample)}
    for seed in seeds:
        digests[f"warehouse {seed}"] = _random_warehouse(folder / str(seed), seed)
        shutil.rmtree(folder / str(seed))
    print(json.dumps(digests))


def _connect(
    connect: Callable[..., duckdb.DuckDBPyConnection], threads: int, *path: str, **options: Any
) -> duckdb.DuckDBPyConnection:
    """Connect with a number of threads besides whatever else the program asks for."""
    options["config"] = options.get("config", {}) | {"threads": threads}
    return connect(*path, **options)


def _random_warehouse(base: Path, seed: int) -> str:
    """A night of some senders; in every tenth warehouse another that builds on it."""
    chance = random.Random(seed)
    base.mkdir()
    (base / "config.toml").write_text(ANY_ERROR_RATE, encoding="utf-8")
    senders = [Sender(100 * seed + n) for n in range(chance.randint(1, _MOST_SENDERS))]
    digests = []
    for number in range(2 if chance.random() < 0.1 else 1):
        landing, today = base / f"in{number}", FIRST + timedelta(days=30 * number)
        rows: dict[str, list[Row]] = {}
        for sender in senders:
            for table, row in sender.delivery(today) + sender.delivery(today):
                rows.setdefault(table, []).append(row)
        write(landing, {f"{table}_{number}.csv": of_table for table, of_table in rows.items()})
        warehouse, config = base / "audit.duckdb", base / "config.toml"
        digests.append(_digest(request_for(landing, base / "out", warehouse, today, config)))
    return " ".join(digests)


def _digest(request: RunRequest) -> str:
    """A digest of all that a night publishes and keeps; a checkpoint must not change that."""
    night(request)
    kept = content(request.warehouse_file)
    with duckdb.connect(str(request.warehouse_file)) as connection:
        connection.execute("CHECKPOINT")
    assert content(request.warehouse_file) == kept, "a checkpoint keeps every row"
    files = sorted(published(request.output).items())
    return sha256(repr((files, sorted(kept.items()))).encode()).hexdigest()


if __name__ == "__main__":
    main(Path(sys.argv[1]), range(*map(int, sys.argv[2:5])), int(sys.argv[5]))

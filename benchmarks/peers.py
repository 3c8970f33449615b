"""Compare the audit with other tools on the same CSV files, in one run of interleaved rounds.

Usage: python benchmarks/peers.py --python PYTHON [--n N] [--rounds 3]

`make bench-peers` runs it; N = 1 is two million medical lines. PYTHON is that of the environment
with the peers (peers.lock). What the peers leave out is printed with the figures.
"""

import argparse
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from bench import CSV, HERE, ROUNDS, Bench, extracts_of, plain_goal
from rounds import Measurement, Seconds, ratios, run_apart, shown, shown_ratio, summed

from flows.warehouse.columns import sql_type
from schemas.formats import ICD10CM_CATEGORY, ICD10CM_SUBDIVISION, SHAPES
from schemas.table import Column, Kind
from schemas.tables import TABLES

AS_SENT = SHAPES | {
    Kind.NDC: r"\d{11}|\d{4,5}-\d{3,4}-\d{1,2}",
    Kind.ICD10CM: rf"{ICD10CM_CATEGORY}(\.?{ICD10CM_SUBDIVISION})?",
}
"""The shapes of codes before they are rewritten, which no peer does."""

LEFT_OUT = (
    "dlt is given the types and checks nothing else: a bad row ends the load, and nothing is "
    "quarantined, noted or hashed.",
    "Pandera checks types, missing values, the shapes of codes, words, cents and the order of "
    "dates: no check digits, no quarantine,",
    "and no code is rewritten.",
    "By hand the rules give the same exceptions and reasons, compared one by one, without "
    "evidence, wording and amounts; all",
    "three start from settled rows.",
)


class Peers:
    """One comparison: what was measured of the product, of the peers, and of rules by hand."""

    def __init__(self, n: float, rounds: int, python: Path) -> None:
        """Prepare to measure; nothing is written yet."""
        self.bench, self.python = Bench(n, rounds), python
        self.ours, self.theirs, self.rules = Measurement(), Measurement(), Measurement()

    def measure(self) -> None:
        """Measure the rounds; only the extracts stay on disk."""
        bench = self.bench
        extracts = extracts_of(bench.n) / CSV
        try:
            contract = bench.folder("contract") / "contract.json"
            contract.write_text(json.dumps(_contract()), encoding="utf-8")
            for _ in range(bench.rounds):
                self.ours.join(bench.child("pipeline", extracts, bench.folder("ours")))
                for name in ("dlt", "pandera"):
                    script = [self.python, HERE / "peer_measures.py", name]
                    peer = run_apart([*script, extracts, bench.folder(name), contract])
                    self.theirs.join(peer)
                    shutil.rmtree(bench.work / name)
                self.rules.join(bench.child("plain", extracts, bench.folder("ours"), 1))
                shutil.rmtree(bench.work / "ours")
        finally:
            shutil.rmtree(bench.work, ignore_errors=True)
        for who, rows in self.theirs.counts.items():
            if rows != self.ours.counts["rows"] or self.ours.counts["quarantined"]:
                raise SystemExit(f"{who}: {rows:,}; the audit has {self.ours.counts['rows']:,}")

    def printout(self) -> str:
        """One screen: seconds, ratios to the product, and what the peers leave out."""
        ours, theirs, rules = self.ours, self.theirs.seconds, self.rules.seconds
        load = ours.seconds["load"]
        checked = summed(load, ours.seconds["validate"])
        four, persons = rules["four rules"], ours.counts["persons"]

        def rate(title: str, rounds: Sequence[Seconds]) -> str:
            return f"  {title:<38}{persons / median(s.cpu for s in rounds):,.0f}"

        return "\n".join(
            [
                f"N = {self.bench.n:g}, CSV: {ours.counts['rows']:,} rows, {persons:,} persons "
                f"with audited drug lines, {self.rules.counts['exceptions']:,} exceptions of four "
                f"rules; {os.cpu_count()} cores; rounds: {self.bench.rounds}",
                "",
                f"{'seconds, median (least-most), CPU':<40}{'':<32}times claims-audit",
                *_group(
                    "load into DuckDB", ("claims-audit, load", load), ("dlt, load", theirs["dlt"])
                ),
                *_group(
                    "check every row",
                    ("claims-audit, load and validate", checked),
                    ("pandas and Pandera, read and check", theirs["pandera"]),
                ),
                *_group(
                    "DX01, QTY01, GEN01 and CYC01",
                    ("claims-audit", four),
                    ("pandas by hand", rules["pandas"]),
                    ("DuckDB SQL by hand", rules["sql"]),
                ),
                "",
                "persons judged per second per core (persons / CPU seconds)",
                rate("claims-audit, four rules", four),
                rate("claims-audit, all rules, stage judge", ours.seconds["judge"]),
                rate("pandas by hand", rules["pandas"]),
                rate("DuckDB SQL by hand", rules["sql"]),
                "",
                *LEFT_OUT,
                "",
                plain_goal(rules, self.bench.n),
            ]
        )


def _group(
    title: str, base: tuple[str, Sequence[Seconds]], *peers: tuple[str, Sequence[Seconds]]
) -> list[str]:
    """The product's seconds, and those of each peer with the ratio."""
    name, own = base
    return [
        title,
        f"  {name:<38}{shown(own)}",
        *(
            f"  {peer:<38}{shown(rounds):<32}{shown_ratio(ratios(rounds, own))}"
            for peer, rounds in peers
        ),
    ]


def _contract() -> dict[str, object]:
    """What peers must know of each table, as JSON."""

    def described(column: Column) -> dict[str, object]:
        pattern = None
        if column.kind in AS_SENT:
            pattern = f"^({AS_SENT[column.kind]})$"
        elif column.strict:
            pattern = f"(?i)^({'|'.join(column.spellings)})$"
        return {
            "kind": column.kind.value,
            "nullable": column.nullable,
            "pattern": pattern,
            "sql": sql_type(column),
        }

    return {
        table.name: {
            "columns": {column.name: described(column) for column in table.columns},
            "one_of": table.one_of,
            "spans": table.spans,
        }
        for table in TABLES.values()
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--python", type=Path, required=True, help="of the peers' environment")
    parser.add_argument(
        "--n", type=float, default=0.1, help="scale: 1 is two million medical lines"
    )
    parser.add_argument(
        "--rounds", type=int, default=ROUNDS, help="a single one cannot show that the base varied"
    )
    arguments = parser.parse_args()
    peers = Peers(arguments.n, arguments.rounds, arguments.python)
    peers.measure()
    print(peers.printout())


if __name__ == "__main__":
    main()

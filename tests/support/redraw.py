"""Draw a sample again from its receipt and the run's Parquet, without anything of this program.

Written from the texts of the receipt alone. It uses the standard library, and pyarrow to read
Parquet.
"""

import hashlib
import json
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq


def redraw(receipt_file: Path, run: Path) -> tuple[str, list[str], str]:
    """The hash of the frame, the ids of the drawn units in order, and the hash of the sample."""
    receipt = json.loads(receipt_file.read_text(encoding="utf-8"))
    if receipt["population"]["name"] == "worklist":
        frame = _frame_of_worklist(receipt, run)
    else:  # a run does not publish these lines, so the frame is next to the receipt
        rows = pq.read_table(receipt_file.parent / receipt["population"]["table"]).to_pylist()
        frame = {_unit_id(receipt, row): row["stratum"] for row in rows}
    drawn: list[str] = []
    for row in sorted(receipt["strata"], key=lambda row: row["stratum"].encode()):
        own = [unit for unit, stratum in frame.items() if stratum == row["stratum"]]
        own.sort(key=lambda unit: _sha256([f"{receipt['seed']}:{unit}"]))
        assert len(own) == row["units"]
        drawn += own[: row["sampled"]]
    of_frame = _sha256(f"{unit}\t{frame[unit]}\n" for unit in sorted(frame))
    return of_frame, drawn, _sha256(f"{unit}\n" for unit in drawn)


def _frame_of_worklist(receipt: dict[str, Any], run: Path) -> dict[str, str]:
    """The id of each unit -> its stratum."""
    asked = receipt["population"]
    rules = {
        row["exception_id"]: row["rule_id"]
        for row in pq.read_table(run / "exceptions.parquet").to_pylist()
    }
    return {
        _unit_id(receipt, line): _stratum(receipt, line, rules)
        for line in pq.read_table(run / asked["table"]).to_pylist()
        if line["status"] != "dismissed" and line["collectable"] != "no"
        if asked["payee"] in (None, line["billing_npi"])
        if asked["rule"] is None or asked["rule"] in line["rule_ids"]
    }


def _unit_id(receipt: dict[str, Any], line: dict[str, Any]) -> str:
    key = [line[name] for name in receipt["unit"]["key"]]
    return _sha256([json.dumps(key, ensure_ascii=False, separators=(",", ":"))])


def _stratum(receipt: dict[str, Any], line: dict[str, Any], rules: dict[str, str]) -> str:
    parts = []
    for name in receipt["strata_by"]:
        if name == "payer":
            value = receipt["payer_strata"][line["payer"]]
        elif name == "rule":
            value = rules[line["exception_ids"][0]]
        else:
            value = _band(line[name], [Decimal(edge) for edge in receipt["bands"]])
        parts.append(f"{name}={value}")
    return "; ".join(parts) or "all"


def _band(amount: Decimal, edges: list[Decimal]) -> str:
    below = [edge for edge in edges if edge <= amount]
    if not below:
        return f"under {edges[0]}"
    if len(below) == len(edges):
        return f"{edges[-1]} and over"
    return f"{below[-1]}-{edges[len(below)] - Decimal('0.01')}"


def _sha256(parts: Iterable[str]) -> str:
    return hashlib.sha256("".join(parts).encode()).hexdigest()

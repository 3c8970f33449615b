"""The run that letters are about, as it was published and as its warehouse recorded it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from flows.errors import InputRefused
from flows.privacy import FULL
from flows.provenance import sha256_of
from flows.reports.packet.names import packet_names
from flows.reports.packet.published import EXCEPTIONS, WORKLIST
from flows.results.manifest import MANIFEST, read_complete_run
from flows.results.run_record import refuse_unrecorded


@dataclass(frozen=True)
class LetterRun:
    """A published run: its manifest, tables, and the hash of its manifest."""

    manifest: dict[str, Any]
    exceptions: pl.DataFrame
    worklist: pl.DataFrame
    manifest_sha256: str
    packet_name: Callable[[str], str]

    @property
    def run_id(self) -> str:
        """Its id."""
        return str(self.manifest["run_id"])

    @property
    def as_of(self) -> date:
        """Its as-of date."""
        return date.fromisoformat(self.manifest["as_of"])

    def policy_sha256(self, policy_id: str) -> str:
        """The hash of the policy file that a finding rests on."""
        return str(self.manifest["policies"].get(policy_id, {}).get("sha256", ""))


def read_letter_run(folder: Path, warehouse: Path) -> LetterRun:
    """Read a run for its letters.

    Raises InputRefused if it is not complete, hides who its lines are about, or is not a run of
    the warehouse.
    """
    manifest = read_complete_run(folder)
    if manifest.get("privacy", FULL) != FULL:
        raise InputRefused(
            "--run hides who its lines are about, so no letter can be written. "
            "Give a run of full privacy level."
        )
    digest = sha256_of(folder / MANIFEST)
    refuse_unrecorded(warehouse, manifest["run_id"], digest)
    return LetterRun(
        manifest,
        pl.read_parquet(folder / EXCEPTIONS, glob=False),
        pl.read_parquet(folder / WORKLIST, glob=False),
        digest,
        packet_names(folder / EXCEPTIONS),
    )

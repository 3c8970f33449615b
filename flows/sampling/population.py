"""The population that a sample is drawn from: lines of a published run."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import polars as pl

from audit_rules.law.places import Places
from flows.errors import InputRefused, UsageError
from flows.privacy import AGGREGATE, FULL
from flows.provenance import sha256_of
from flows.results.manifest import MANIFEST, read_complete_run
from flows.results.totals import with_leading
from schemas.collecting import NO
from schemas.decisions import DISMISSED

Population = Literal["worklist", "lines"]
NOT_COLLECTABLE = "not_collectable"
LEFT_OUT = {
    "dismissed": pl.col("status") == DISMISSED,
    NOT_COLLECTABLE: pl.col("collectable") == NO,
}
"""Lines of a worklist about which nobody is asked, so that none of them is in a frame."""
LEFT_OUT_IS = f"dismissed: status is {DISMISSED}; {NOT_COLLECTABLE}: collectable is {NO}"


@dataclass(frozen=True)
class SampledRun:
    """A published run: its manifest, and the hash of that."""

    folder: Path
    manifest: Mapping[str, Any]
    manifest_sha256: str

    @property
    def run_id(self) -> str:
        """Its id."""
        return str(self.manifest["run_id"])

    @property
    def privacy(self) -> str:
        """Its privacy level."""
        return str(self.manifest.get("privacy", FULL))

    def table(self, name: str) -> pl.DataFrame:
        """A result table."""
        return pl.read_parquet(self.folder / f"{name}.parquet", glob=False)


class Lines(NamedTuple):
    """The lines of a population; and how many are left out, by reason.

    table   the columns of a unit and of its run, rule_id and rule_ids among them.
    """

    table: pl.DataFrame
    left_out: dict[str, int]


@dataclass(frozen=True)
class PopulationFilter:
    """What the population is narrowed to; None or nothing: all of it.

    payers   their names, in any spelling that the config knows.
    payee    the NPI that was paid.
    rule     a rule that found something on the line.
    """

    payers: tuple[str, ...] = ()
    payee: str | None = None
    rule: str | None = None

    def of(self, lines: pl.DataFrame, places: Places) -> pl.DataFrame:
        """The lines that are left. Raises UsageError if none is."""
        kept = lines
        if self.payers:
            wanted = {places.payer_id(name) for name in self.payers}
            ids = {n: places.payer_id(n) in wanted for n in lines["payer"].unique()}
            kept = kept.filter(pl.col("payer").replace_strict(ids, return_dtype=pl.Boolean))
        if self.payee:
            kept = kept.filter(billing_npi=self.payee)
        if self.rule:
            kept = kept.filter(pl.col("rule_ids").list.contains(self.rule))
        if kept.is_empty():
            raise UsageError(
                f"The population has no line{' of that payer, payee or rule' * self.is_any}, so "
                "there is nothing to draw. Give another run, or narrow it less."
            )
        return kept

    @property
    def is_any(self) -> bool:
        """Whether it narrows anything."""
        return bool(self.payers or self.payee or self.rule)


def read_sampled_run(folder: Path) -> SampledRun:
    """Read the run from which a sample is drawn.

    Raises InputRefused if it is not complete, or shows no lines.
    """
    manifest = read_complete_run(folder)
    if manifest.get("privacy") == AGGREGATE:
        raise InputRefused(
            "--run: an aggregate run shows no lines, so none can be drawn. Give another run."
        )
    return SampledRun(folder, manifest, sha256_of(folder / MANIFEST))


def worklist_lines(run: SampledRun) -> Lines:
    """The lines of the worklist."""
    lines = run.table("worklist")
    left_out = {}
    for reason, is_so in LEFT_OUT.items():
        kept = lines.filter(~is_so.fill_null(False))
        left_out[reason] = lines.height - kept.height
        lines = kept
    return Lines(with_leading(lines, run.table("exceptions"), "rule_id"), left_out)

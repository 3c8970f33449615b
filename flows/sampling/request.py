"""The options of a sample, and which of them do not go together."""

from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Literal

from flows.errors import UsageError
from flows.sampling.allocation import Allocation
from flows.sampling.population import Population, PopulationFilter
from flows.sampling.strata import AMOUNTS, By, read_bands
from flows.warehouse.files import real_path

Design = Literal["srs", "stratified"]


@dataclass(frozen=True)
class SampleRequest:
    """What kind of sample to draw; paths as given.

    size, sizes   how many units in all, or a file that says it of each stratum.
    bands         amounts as typed, at which a new band begins.
    review_only   whether the sample is never projected, so that law need not allow it.
    warehouse     that of the run, for the population of judged lines.
    """

    run: Path
    output: Path
    seed: int
    size: int | None = None
    population: Population = "worklist"
    design: Design = "srs"
    by: tuple[By, ...] = ()
    bands: tuple[str, ...] = ()
    allocation: Allocation = "proportional"
    sizes: Path | None = None
    population_filter: PopulationFilter = field(default_factory=PopulationFilter)
    review_only: bool = False
    warehouse: Path | None = None

    @property
    def measure(self) -> str:
        """The amount whose variation counts in the allocation of Neyman."""
        own = [name for name in self.by if name in AMOUNTS]
        return own[0] if own else "paid_amount" if self.warehouse else "amount_at_risk"

    def checked_bands(self) -> tuple[Decimal, ...]:
        """The edges of bands. Raises UsageError if the options do not go together."""
        if real_path(self.output).is_relative_to(real_path(self.run)):
            raise UsageError(
                "--output is in the folder of the run, which would no longer be complete. Name "
                "another folder."
            )
        if (self.design == "stratified") != bool(self.by):
            raise UsageError(
                "--design stratified and --by need each other. Name what strata are made by, such "
                "as --by payer, or leave out both."
            )
        if (self.size is None) == (self.sizes is None):
            raise UsageError("Give either --size or --sizes: how many units are drawn.")
        if self.sizes and not self.by:
            raise UsageError("--sizes goes with --design stratified. Give --size.")
        if (self.population == "lines") != bool(self.warehouse):
            raise UsageError(
                "--warehouse and --population lines need each other: a run publishes only lines on "
                "which rules found something. Give both or neither."
            )
        if self.warehouse and (
            self.population_filter.rule or {"rule", "amount_at_risk"} & {*self.by}
        ):
            raise UsageError(
                "--population lines has lines on which no rule found anything. Leave out --rule, "
                "and --by rule and amount_at_risk."
            )
        if self.seed < 0:
            raise UsageError("--seed is a whole number, not below zero. Correct it.")
        return read_bands(self.bands, self.by)

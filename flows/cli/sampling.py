"""The commands that draw a probability sample of a run's lines, and estimate from it."""

from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Literal

from flows.cli.options import options_of_a_run
from flows.errors import UsageError


@options_of_a_run("config", "policies", "law", "ndc_directory")
def sample(
    *,
    run: Path,
    output: Path,
    seed: int,
    size: int | None = None,
    population: Literal["worklist", "lines"] = "worklist",
    design: Literal["srs", "stratified"] = "srs",
    by: list[Literal["payer", "rule", "paid_amount", "amount_at_risk"]] | None = None,
    bands: list[str] | None = None,
    allocation: Literal["proportional", "neyman"] = "proportional",
    sizes: Path | None = None,
    payer: list[str] | None = None,
    payee: str | None = None,
    rule: str | None = None,
    warehouse: Path | None = None,
    review_only: bool = False,
    **options: Path,
) -> None:
    """Draw a probability sample of a run's lines, with a receipt by which anybody can draw it
    again.

    The same run, options and seed give the same sample and the same bytes on any machine. Lines
    that are dismissed or not collectable are in no frame. Refused if a law file forbids projecting
    a sample of these lines. What is written holds PHI, unless the run is pseudonymised.

    Parameters
    ----------
    run
        the folder run=ID of a complete run
    output
        folder for samples; each has its own folder in it
    seed
        a whole number that decides which units are drawn
    size
        how many units are drawn in all
    population
        what is drawn from: the lines of the worklist, or all judged lines
    design
        srs: every unit has the same chance; stratified: a sample of each stratum
    by
        what strata are made by; may be given several times. rule: that of the leading exception
    bands
        an amount of --by paid_amount or amount_at_risk at which a new band begins; may be given
        several times
    allocation
        how --size is shared out among the strata: by their units, or by units and variation
    sizes
        instead of --size, a CSV with the columns stratum and size
    payer
        only lines of this payer; may be given several times
    payee
        only lines paid to this NPI
    rule
        only lines on which this rule found something
    warehouse
        with --population lines, the warehouse of the run
    review_only
        draw what a law forbids projecting; `estimate` refuses it
    """
    from flows.sampling.population import PopulationFilter
    from flows.sampling.request import SampleRequest
    from flows.sampling.text import drawn_text
    from flows.sampling.write import draw_sample

    narrowed = PopulationFilter(tuple(payer or ()), payee, rule)
    request = SampleRequest(
        *(run, output, seed, size, population, design, tuple(by or ()), tuple(bands or ())),
        *(allocation, sizes, narrowed, review_only, warehouse),
    )
    text = drawn_text(draw_sample(request, **options))
    print(text)


@options_of_a_run("config", "policies", "law")
def estimate(
    *,
    sample: Path,
    reviewed: Path | None = None,
    confidence: list[str] | None = None,
    export: Path | None = None,
    **options: Path,
) -> None:
    """Estimate from a reviewed sample what all lines of its frame were overpaid, with intervals.

    The sample is drawn again first, so that no unit was swapped. Refused unless every unit has an
    amount, and if a law file forbids projecting the sample.

    Parameters
    ----------
    sample
        the folder sample=ID that `sample` wrote
    reviewed
        a CSV with the columns unit_id and overpayment (default: review.csv of the sample)
    confidence
        a level of confidence in percent; may be given several times (default: 80, 90 and 95)
    export
        a JSON file to write, with every figure
    """
    from flows.sampling.estimate import LEVELS, estimate_sample
    from flows.sampling.receipt import as_json
    from flows.sampling.text import estimate_text
    from flows.warehouse.files import write_whole

    levels = _levels(confidence) if confidence else LEVELS
    found = estimate_sample(sample, reviewed, levels, **options)
    if export:
        if not export.parent.is_dir():
            raise UsageError("--export: its folder does not exist. Make it, or name another.")
        write_whole(export, as_json(found.as_dict()))
    print(estimate_text(found))


def _levels(texts: list[str]) -> tuple[Decimal, ...]:
    """Levels as typed; one that is not a number, or out of range, is refused later."""
    try:
        levels = {Decimal(text.removesuffix("%")) for text in texts}
    except InvalidOperation:
        return ()
    return tuple(sorted(levels)) if all(level.is_finite() for level in levels) else ()

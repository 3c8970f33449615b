"""Samples and estimates for people, on one screen. Counts and dollars only."""

from collections.abc import Iterator, Mapping
from decimal import Decimal

from flows.reports.money import dollars
from flows.sampling.appraisal import Appraisal
from flows.sampling.estimate import Estimate
from flows.sampling.reviewed import OVERPAYMENT
from flows.sampling.write import REVIEW, SIZES, DrawnSample
from schemas.notes import counted

_LABEL, _COLUMN = 30, 18


def drawn_text(drawn: DrawnSample) -> str:
    """What was drawn, and what to do next."""
    receipt = drawn.receipt
    frame, sample, strata = receipt["frame"], receipt["sample"], receipt["strata"]
    law, left_out = receipt["law"], receipt["population"]["left_out"]
    listed = f" of {len(strata):,} strata, which {SIZES} lists" if receipt["strata_by"] else ""
    lines = [
        f"Sample {receipt['sample_id']} of run {receipt['run']['run_id']}",
        f"drawn: {sample['units']:,} of {counted(frame['units'], 'unit')}{listed}",
        *(
            f"not in the frame: {counted(count, 'line')}, {reason.replace('_', ' ')}"
            for reason, count in left_out.items()
            if count
        ),
        *_law_lines(law["may_be_projected"], law["unknown_units"]),
        f"Review every unit: write into the column {OVERPAYMENT} of {REVIEW}, then run `estimate`.",
    ]
    if drawn.kept_review:
        lines.append(f"{REVIEW} was there already and is as it was.")
    return "\n".join([*lines, str(drawn.folder)])


def _law_lines(answer: str, unknown: int) -> Iterator[str]:
    if answer == "no":
        yield "This sample may not be projected: a law forbids it. It is for review only."
    elif unknown:
        yield (
            f"Whether a law forbids projecting is not known for {counted(unknown, 'unit')}: the "
            "config does not say where their payer is or what business it is in, or the run "
            "withholds the plan."
        )


def estimate_text(estimate: Estimate) -> str:
    """What each stratum comes to, and the appraisal of the whole."""
    parts = [f"Sample {estimate.receipt['sample_id']}: overpayment in dollars"]
    if estimate.strata:
        parts.append("\n".join(_strata(estimate.strata)))
    whole = estimate.whole
    parts.append("\n".join(_appraisal(whole)))
    if whole.distribution and not whole.standard_error_total:
        parts.append(
            "The reviewed units of a stratum do not differ, so the limits say nothing of the rest."
        )
    parts += _law_lines("", estimate.unknown)
    return "\n\n".join(parts)


def _strata(strata: Mapping[str, Appraisal]) -> Iterator[str]:
    width = max(9, *(len(name) + 2 for name in strata))
    columns = ("units", "reviewed", "not zero", "mean", "point estimate", "standard error")
    yield f"{'stratum':{width}}" + "".join(f"{name:>{_COLUMN}}" for name in columns)
    for name, one in strata.items():
        counts = (f"{number:,}" for number in (one.units, one.sampled, one.nonzero))
        amounts = map(_money, (one.mean, one.point_estimate, one.standard_error_total))
        yield f"{name:{width}}" + "".join(f"{cell:>{_COLUMN}}" for cell in (*counts, *amounts))


def _appraisal(one: Appraisal) -> Iterator[str]:
    figures = {
        "units in the frame": f"{one.units:,}",
        "units reviewed": f"{one.sampled:,}",
        "units not zero": f"{one.nonzero:,}",
        "overpaid in the sample": _money(one.sampled_total),
        "mean": _money(one.mean),
        "standard deviation": None if one.deviation is None else _money(one.deviation),
        "skewness": None if one.skewness is None else f"{one.skewness:.2f}",
        "kurtosis": None if one.kurtosis is None else f"{one.kurtosis:.2f}",
        "standard error of the mean": _money(one.standard_error_mean),
        "standard error of the total": _money(one.standard_error_total),
        "point estimate of the total": _money(one.point_estimate),
    }
    yield from (_row(label, [text]) for label, text in figures.items() if text is not None)
    if one.distribution is None:
        yield "Every unit of the frame was reviewed, so nothing is estimated."
        return
    limits, percents = one.limits, [level.precision_percent for level in one.limits]
    yield ""
    yield _row("confidence", [f"{level.level.normalize():f}%" for level in limits])
    yield _row("two-sided, lower limit", [_money(level.lower) for level in limits])
    yield _row("two-sided, upper limit", [_money(level.upper) for level in limits])
    yield _row("precision", [_money(level.precision) for level in limits])
    yield _row("precision in percent", ["-" if p is None else f"{p:,.2f}%" for p in percents])
    yield _row("quantile", [f"{level.quantile:.12f}" for level in limits])
    yield _row("one-sided, at least", [_money(level.at_least) for level in limits])
    yield _row("one-sided, at most", [_money(level.at_most) for level in limits])
    yield f"The quantiles are those of {one.distribution}."


def _row(label: str, values: list[str]) -> str:
    return f"{label:{_LABEL}}" + "".join(f"{value:>{_COLUMN}}" for value in values)


def _money(amount: Decimal) -> str:
    """Dollars, with the sign in front."""
    return f"{'-' * (amount < 0)}{dollars(abs(amount))}"

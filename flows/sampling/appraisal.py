"""The appraisal of a reviewed sample: point estimate, standard error and confidence limits.

The library `svy` computes estimates and standard errors of sampling without replacement; scipy has
the quantiles. Limits are those of RAT-STATS, the program of the OIG: from Student's t with n-1
degrees of freedom for one stratum, from the normal distribution for several together. Everything
is computed in cents, and rounded half up to whole cents at the end.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

import polars as pl
import svy
from scipy import stats

_CENT = Decimal("0.01")


@dataclass(frozen=True)
class Limits:
    """The limits at one level of confidence, for the total of the frame in dollars.

    level                percent.
    quantile             of Student's t or the normal distribution, two-sided; null if every unit
                         was reviewed, so that nothing is estimated.
    lower, upper         of the two-sided interval.
    precision            half its width; in percent of the point estimate, null if that is zero.
    at_least, at_most    of the one-sided intervals.
    """

    level: Decimal
    quantile: float | None
    lower: Decimal
    upper: Decimal
    precision: Decimal
    precision_percent: Decimal | None
    one_sided_quantile: float | None
    at_least: Decimal
    at_most: Decimal


@dataclass(frozen=True)
class Appraisal:
    """What the sample of one stratum, or of all together, says about it. Amounts in dollars.

    sampled_total             what the reviewed units were overpaid, in all.
    nonzero                   units with another overpayment than zero.
    deviation, skewness       of the sample; skewness and kurtosis by its own moments, null if
    and kurtosis              its units do not differ, or for several strata together.
    standard_error_*          of the mean and of the total.
    point_estimate            of the total.
    distribution              the one that gave the quantiles; null if every unit was reviewed.
    """

    units: int
    sampled: int
    nonzero: int
    sampled_total: Decimal
    mean: Decimal
    deviation: Decimal | None
    skewness: float | None
    kurtosis: float | None
    standard_error_mean: Decimal
    standard_error_total: Decimal
    point_estimate: Decimal
    distribution: str | None
    limits: tuple[Limits, ...]


class _Distribution(NamedTuple):
    """Student's t with these degrees of freedom, or the normal distribution if they are None."""

    freedom: int | None

    @property
    def name(self) -> str:
        if self.freedom is None:
            return "the normal distribution"
        return f"Student's t with {self.freedom} degree{'s' * (self.freedom != 1)} of freedom"

    def quantile(self, probability: float) -> float:
        if self.freedom is None:
            return float(stats.norm.ppf(probability))
        return float(stats.t.ppf(probability, self.freedom))


def appraise(
    reviewed: pl.DataFrame, units: Mapping[str, int], levels: Sequence[Decimal]
) -> Appraisal:
    """Appraise a sample.

    reviewed   one row per sampled unit: stratum, cents (Int64).
    units      stratum -> how many units the frame has of it.
    levels     of confidence, in percent.
    """
    population = sum(units.values())
    mean_cents, total_cents, error_cents = _estimated(reviewed, units)
    cents, is_one = reviewed["cents"], len(units) == 1
    moments = cents.to_numpy() if is_one and cents.n_unique() > 1 else None
    freedom = reviewed.height - 1
    distribution = None
    if reviewed.height < population:
        distribution = _Distribution(freedom if is_one else None)
    return Appraisal(
        units=population,
        sampled=reviewed.height,
        nonzero=int((cents != 0).sum()),
        sampled_total=_dollars(float(cents.sum())),
        mean=_dollars(mean_cents),
        deviation=_dollars(float(str(cents.std()))) if is_one and freedom else None,
        skewness=None if moments is None else float(stats.skew(moments)),
        kurtosis=None if moments is None else float(stats.kurtosis(moments, fisher=False)),
        standard_error_mean=_dollars(error_cents / population),
        standard_error_total=_dollars(error_cents),
        point_estimate=_dollars(total_cents),
        distribution=distribution.name if distribution else None,
        limits=tuple(_limits(level, total_cents, error_cents, distribution) for level in levels),
    )


def _estimated(reviewed: pl.DataFrame, units: Mapping[str, int]) -> tuple[float, float, float]:
    """Mean, total and standard error of the total, in cents."""
    of_frame = pl.col("stratum").replace_strict(dict(units), return_dtype=pl.Int64)
    table = reviewed.select(
        "stratum", units=of_frame, y=pl.col("cents").cast(pl.Float64)
    ).with_columns(weight=pl.col("units") / pl.len().over("stratum"))
    if (table["weight"] == 1).all():  # every unit of the frame was reviewed: nothing is estimated
        total = float(table["y"].sum())
        return total / table.height, total, 0.0
    # a stratum of a single unit, which was drawn, adds nothing to the variance
    design = svy.Design(stratum="stratum", wgt="weight", pop_size="units", singleton="skip")
    estimated = svy.Sample(data=table, design=design).estimation.total(y="y")
    assert isinstance(estimated, svy.Estimate)  # one column, one estimate
    (found,) = estimated.to_dicts()
    total = float(found["est"])
    return total / sum(units.values()), total, float(found["se"])


def _limits(
    level: Decimal, total: float, error: float, distribution: _Distribution | None
) -> Limits:
    share = float(level) / 100
    both = distribution.quantile(0.5 + share / 2) if distribution else None
    one = distribution.quantile(share) if distribution else None
    width, side = error * (both or 0), error * (one or 0)
    return Limits(
        level=level,
        quantile=both,
        lower=_dollars(total - width),
        upper=_dollars(total + width),
        precision=_dollars(width),
        precision_percent=_rounded(100 * width / total) if total else None,
        one_sided_quantile=one,
        at_least=_dollars(total - side),
        at_most=_dollars(total + side),
    )


def _dollars(cents: float) -> Decimal:
    """Whole cents, half up: what is a half but for the noise of floating point counts as one."""
    whole = Decimal(f"{cents:.6f}").quantize(Decimal(1), ROUND_HALF_UP)
    return (whole * _CENT).quantize(_CENT) + 0


def _rounded(percent: float) -> Decimal:
    return Decimal(f"{percent:.6f}").quantize(_CENT, ROUND_HALF_UP)

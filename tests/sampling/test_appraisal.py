"""Appraisals agree with worked examples that textbooks and RAT-STATS have published."""

import math
import random
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction

import polars as pl
import pytest

from flows.sampling.appraisal import Appraisal, appraise

LEVELS = (Decimal(80), Decimal(90), Decimal(95))

SIGNATURES = {
    **{42: 23, 41: 4, 36: 1, 32: 1, 29: 1, 27: 2, 23: 1, 19: 1, 16: 2, 15: 2},
    **{14: 1, 11: 1, 10: 1, 9: 1, 7: 1, 6: 3, 5: 2, 4: 1, 3: 1},
}
"""W. G. Cochran, Sampling Techniques, 3rd edition (Wiley 1977), section 2.8: signatures on a sheet
-> how many of 50 sheets, drawn from 676."""

HOURS = {
    "town A": (
        *(35, 43, 36, 39, 28, 28, 29, 25, 38, 27),
        *(26, 32, 29, 40, 35, 41, 37, 31, 45, 34),
    ),
    "town B": (27, 15, 4, 41, 49, 25, 10, 30),
    "rural": (8, 14, 12, 15, 30, 32, 21, 20, 34, 7, 11, 24),
}
HOUSEHOLDS = {"town A": 155, "town B": 62, "rural": 93}
"""R. L. Scheaffer, W. Mendenhall, L. Ott, Elementary Survey Sampling, chapter 5: hours of
television of sampled households, and how many households there are."""

COUNTIES = {
    "Northeast": (220, 21, 97_629.8, 7_647_472_708),
    "North Central": (1054, 103, 300_504.2, 29_618_183_543),
    "South": (1382, 135, 211_315.0, 53_587_487_856),
    "West": (422, 41, 662_295.5, 396_185_950_266),
}
"""S. L. Lohr, Sampling: Design and Analysis (Duxbury 1999), example 3.2: counties, sampled
counties, mean and variance of the acres devoted to farms in 1992."""


def _reviewed(amounts: Mapping[str, Sequence[float]]) -> pl.DataFrame:
    """A reviewed sample with these amounts in dollars."""
    rows = [(name, round(100 * y)) for name, own in amounts.items() for y in own]
    return pl.DataFrame(rows, schema={"stratum": pl.String, "cents": pl.Int64}, orient="row")


def _with_moments(size: int, mean: float, variance: float) -> list[float]:
    """A sample of that size, mean and variance."""
    pairs = size // 2
    step = math.sqrt(variance * (size - 1) / (2 * pairs))
    return [mean + step] * pairs + [mean - step] * pairs + [mean] * (size % 2)


def _one(amounts: Sequence[float], units: int) -> Appraisal:
    return appraise(_reviewed({"all": amounts}), {"all": units}, LEVELS)


# ---------------------------------------------------------------- worked examples


def test_an_unrestricted_sample_is_appraised_as_cochran_does() -> None:
    sheets = [y for y, count in SIGNATURES.items() for _ in range(count)]
    assert (len(sheets), sum(sheets), sum(y * y for y in sheets)) == (50, 1471, 54_497)
    found = _one(sheets, 676)
    assert round(found.point_estimate) == 19_888
    assert found.deviation is not None and round(found.deviation**2) == 229
    # he takes 1.28 for the quantile, and prints 18,107 and 21,669
    half = Decimal("1.28") * found.standard_error_total
    assert abs(found.point_estimate - half - 18_107) < 1
    assert abs(found.point_estimate + half - 21_669) < 1


def test_an_unrestricted_sample_is_appraised_as_lohr_does() -> None:
    """Example 2.5: 300 of 3,078 counties."""
    found = _one(_with_moments(300, 297_897.04667, 344_551.89**2), 3078)
    assert abs(found.point_estimate - 916_927_110) < 10
    assert abs(found.standard_error_mean - Decimal("18898.43")) < Decimal("0.01")
    assert abs(found.standard_error_total - 58_169_381) < 20
    limits = found.limits[2]
    means = limits.lower / 3078, limits.upper / 3078
    assert [round(mean) for mean in means] == [260_706, 335_088]


def test_a_stratified_sample_is_appraised_as_scheaffer_mendenhall_and_ott_do() -> None:
    found = appraise(_reviewed(HOURS), HOUSEHOLDS, LEVELS)
    assert round(found.mean, 1) == Decimal("27.7")
    # they round means and variances first, and print a variance of the total of 189,278.56
    assert abs(found.standard_error_total**2 / Decimal("189278.56") - 1) < Decimal("0.0005")
    of_one = {name: _one(HOURS[name], HOUSEHOLDS[name]) for name in HOURS}
    assert [round(one.mean, 1) for one in of_one.values()] == [
        *(Decimal("33.9"), Decimal("25.1"), Decimal("19.0")),
    ]
    deviations = [one.deviation for one in of_one.values()]
    assert deviations == [Decimal("5.95"), Decimal("15.25"), Decimal("9.36")]
    assert sum(one.point_estimate for one in of_one.values()) == found.point_estimate


def test_a_stratified_sample_is_appraised_as_lohr_does() -> None:
    samples = {name: _with_moments(n, mean, v) for name, (_, n, mean, v) in COUNTIES.items()}
    units = {name: count for name, (count, *_) in COUNTIES.items()}
    found = appraise(_reviewed(samples), units, LEVELS)
    assert abs(found.point_estimate - 909_736_034) < 100
    assert abs(found.standard_error_total - 50_417_248) < 100


def test_quantiles_are_those_that_rat_stats_prints() -> None:
    """Office of Inspector General, RAT-STATS: t of each stratum, Z of several together."""
    printed = {
        2: (3.077683537175, 6.313751514675, 12.706204736175),
        3: (1.885618083164, 2.919985580354, 4.30265272975),
        4: (1.637744353696, 2.353363434802, 3.182446305284),
    }
    for size, expected in printed.items():
        of_one = _one(range(size), 100)
        assert [limit.quantile for limit in of_one.limits] == pytest.approx(expected, abs=1e-11)
    overall = appraise(_reviewed(HOURS), HOUSEHOLDS, LEVELS)
    normal = (1.281551565545, 1.644853626951, 1.959963984540)
    assert [limit.quantile for limit in overall.limits] == pytest.approx(normal, abs=1e-11)
    assert overall.distribution == "the normal distribution"
    assert _one(range(4), 100).distribution == "Student's t with 3 degrees of freedom"


# ---------------------------------------------------------------- the formulas


@pytest.mark.parametrize("seed", range(20))
def test_estimates_and_limits_are_those_of_the_formulas(seed: int) -> None:
    """N times the mean, and the root of the sum of N(N-n)s2/n, as RAT-STATS computes them."""
    choose = random.Random(seed)
    strata = {
        f"s{k}": [choose.randrange(-500, 10**7) / 100 for _ in range(choose.randrange(2, 30))]
        for k in range(choose.randrange(1, 5))
    }
    units = {name: len(own) + choose.randrange(0, 900) for name, own in strata.items()}
    units["s0"] += 1
    found = appraise(_reviewed(strata), units, LEVELS)
    total, variance = Fraction(0), Fraction(0)
    for name, own in strata.items():
        cents, n = [Fraction(round(100 * y)) for y in own], len(own)
        mean = sum(cents) / n
        spread = sum((y - mean) ** 2 for y in cents) / (n - 1)
        total += units[name] * mean
        variance += units[name] * (units[name] - n) * spread / n
    error = math.sqrt(variance)
    assert abs(Fraction(found.point_estimate) * 100 - total) <= Fraction(1, 2)
    assert abs(float(found.standard_error_total) * 100 - error) <= 0.51
    for limit in found.limits:
        assert limit.quantile and limit.one_sided_quantile
        expected = (
            (limit.lower, -limit.quantile),
            (limit.upper, limit.quantile),
            (limit.at_least, -limit.one_sided_quantile),
            (limit.at_most, limit.one_sided_quantile),
        )
        for shown, quantile in expected:
            assert abs(float(shown) * 100 - (float(total) + quantile * error)) <= 0.51


def test_the_lower_limit_of_one_side_is_that_of_a_narrower_interval_of_two() -> None:
    found = _one([0, 12.5, 99, 4, 4, 0, 31], 120)
    two_sided_80, _, _ = found.limits
    assert found.limits[1].at_least == two_sided_80.lower
    assert found.limits[1].at_most == two_sided_80.upper
    precise = two_sided_80.precision / found.point_estimate * 100
    assert two_sided_80.precision_percent == round(precise, 2)


def test_moments_are_those_of_the_sample() -> None:
    found = _one([1, 2, 3, 10], 9)
    m2, m3, m4 = (sum((y - 4) ** k for y in (1, 2, 3, 10)) / 4 for k in (2, 3, 4))
    assert found.skewness == pytest.approx(m3 / m2**1.5)
    assert found.kurtosis == pytest.approx(m4 / m2**2)
    assert _one([5, 5, 5], 9).skewness is None


# ---------------------------------------------------------------- edges


def test_half_a_cent_is_rounded_up_whatever_floating_point_makes_of_it() -> None:
    assert _one([0.29, 0.0], 25).point_estimate == Decimal("3.63")  # 12.5 times 29 cents
    assert _one([0.01, 0.02, 0, 0, 0, 0], 7).point_estimate == Decimal("0.04")  # 3.5 cents
    assert str(_one([0, 0], 25).point_estimate) == "0.00"
    for units in (15, 23, 39, 41):  # units / 14 x 7 cents, a little less in floating point
        half = Fraction(units * 7, 14)
        shown = _one([0.01] * 7 + [0.0] * 7, units).point_estimate
        assert Fraction(shown) * 100 == half + Fraction(1, 2)


def test_of_a_frame_that_was_reviewed_whole_nothing_is_estimated() -> None:
    found = _one([1, 2, 6], 3)
    assert (found.point_estimate, found.standard_error_total) == (Decimal("9.00"), 0)
    assert found.distribution is None
    assert {(limit.lower, limit.upper, limit.quantile) for limit in found.limits} == {
        (Decimal("9.00"), Decimal("9.00"), None)
    }


def test_a_stratum_that_was_reviewed_whole_adds_its_amount_and_no_error() -> None:
    alone = _one([1, 2, 6], 30)
    for whole, units in (([5], 1), ([2, 3], 2)):
        found = appraise(
            _reviewed({"all": [1, 2, 6], "whole": whole}), {"all": 30, "whole": units}, LEVELS
        )
        assert found.point_estimate == alone.point_estimate + 5
        assert found.standard_error_total == alone.standard_error_total

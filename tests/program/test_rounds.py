"""The benchmarks' clocks, medians and goals: a ratio is void if its base varied too much."""

import subprocess
import sys

import pytest

from benchmarks.rounds import Measurement, OnClock, Ratio, Seconds, clocks, goal, ratios, since


def _both(*values: float) -> list[Seconds]:
    """Rounds that took as long on both clocks."""
    return [Seconds(value, value) for value in values]


def _of(ratio: Ratio) -> list[float]:
    return [on.ratio for on in ratio]


def test_a_ratio_is_the_median_of_the_ratios_of_the_rounds() -> None:
    measured = [Seconds(2, 3), Seconds(40, 4), Seconds(6, 90)]
    assert _of(ratios(measured, _both(1, 1, 1.25))) == [4.8, 4]


def test_the_mean_of_several_bases_counts_for_their_round() -> None:
    ratio = ratios(_both(8, 18), _both(1.9, 2.1, 2.0, 2.0))
    assert _of(ratio) == [6.5, 6.5]
    with pytest.raises(ValueError, match="3 rounds of the base for 2"):
        ratios(_both(1, 1), _both(1, 1, 1))


@pytest.mark.parametrize(("slowest", "is_void"), [(1.29, False), (1.31, True)])
def test_a_ratio_is_void_on_the_clock_whose_base_varied(slowest: float, is_void: bool) -> None:
    bases = [Seconds(1, 1), Seconds(slowest, 1)]
    wall, cpu = ratios(_both(2), bases)
    assert (wall.is_void, cpu.is_void) == (is_void, False)


def test_a_goal_is_reached_or_not_or_void_on_each_clock() -> None:
    over, within = OnClock("wall", 2.01, 0.1), OnClock("CPU", 2.0, 0.1)
    assert goal("load", (over, within), most=2) == (
        "load at most 2: wall 2.01 NOT REACHED; CPU 2.00 reached"
    )
    void, less = OnClock("wall", 9.0, 0.45), OnClock("CPU", 9.99, 0.1)
    assert goal("pandas", (void, less), least=10) == (
        "pandas at least 10: wall void, the base varied by 45%; CPU 9.99 NOT REACHED"
    )


def test_cpu_seconds_count_the_children_that_ended() -> None:
    measured = Measurement()
    busy = "import time\nwhile time.process_time() < 0.05: pass"
    start = clocks()
    with measured.timed("a child"):
        subprocess.run([sys.executable, "-I", "-S", "-c", busy], check=True)
    (child,) = measured.seconds["a child"]
    assert 0.05 <= child.cpu <= since(start).cpu

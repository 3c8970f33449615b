"""Seconds of rounds on two clocks, their medians, and ratios to a base that stood still.

Every measurement is in wall seconds and in CPU seconds. Of several rounds the median counts. If the
base varies by more than 30 % over the rounds, the machine was busy and the ratio is void. Only the
standard library is imported, so that any environment can measure.
"""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from statistics import mean, median
from time import perf_counter
from typing import NamedTuple

MOST_VARIATION = 0.30  # of the base, from the fastest to the slowest


class Seconds(NamedTuple):
    """Wall seconds; CPU seconds, user and system, of the process and the children that ended."""

    wall: float
    cpu: float

    def __str__(self) -> str:
        """The wall seconds, then the CPU seconds."""
        return f"{self.wall:.2f}, cpu {self.cpu:.2f}"


def clocks() -> Seconds:
    """What the two clocks show now."""
    used = [getrusage(RUSAGE_SELF), getrusage(RUSAGE_CHILDREN)]
    return Seconds(perf_counter(), sum(u.ru_utime + u.ru_stime for u in used))


def since(start: Seconds) -> Seconds:
    """The seconds since `clocks()` showed `start`."""
    now = clocks()
    return Seconds(now.wall - start.wall, now.cpu - start.cpu)


@dataclass
class Measurement:
    """One measurement: rounds of seconds by name, counts by name, and peak memory in bytes."""

    seconds: dict[str, list[Seconds]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    peak: int = 0

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Measure the seconds that the block takes, as one more round of that name."""
        start = clocks()
        yield
        self.add(name, since(start))

    def add(self, name: str, *rounds: Seconds) -> None:
        """Add rounds to a name."""
        self.seconds.setdefault(name, []).extend(rounds)

    def join(self, other: "Measurement") -> None:
        """Add the rounds of another process; its counts replace those with the same names."""
        for name, rounds in other.seconds.items():
            self.add(name, *rounds)
        self.counts |= other.counts
        self.peak = max(self.peak, other.peak)

    def printed(self) -> str:
        """The measurement of this process as a line of JSON."""
        self.peak = getrusage(RUSAGE_SELF).ru_maxrss * 1024
        return json.dumps(asdict(self))


def run_apart(
    command: Sequence[object], environment: Mapping[str, str] = os.environ
) -> Measurement:
    """Run a program whose last line is a printed measurement, after syncing the disk."""
    os.sync()
    done = subprocess.run(
        [*map(str, command)], capture_output=True, text=True, check=False, env=environment
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))} failed:\n{done.stderr}")
    measured = json.loads(done.stdout.splitlines()[-1])
    rounds = {
        name: [Seconds(*values) for values in rounds]
        for name, rounds in measured["seconds"].items()
    }
    return Measurement(rounds, measured["counts"], measured["peak"])


def gib(peak: int) -> str:
    """Bytes in GiB."""
    return f"{peak / 1024**3:.2f}"


# ---------------------------------------------------------------- medians and ratios


def spread(values: Sequence[float]) -> str:
    """Median, least and most."""
    return f"{median(values):.2f} ({min(values):.2f}-{max(values):.2f})"


def shown(rounds: Sequence[Seconds]) -> str:
    """Median, least and most of the wall seconds, then the median of the CPU seconds."""
    return f"{spread([r.wall for r in rounds])}, cpu {median(r.cpu for r in rounds):.2f}"


def middle(rounds: Sequence[Seconds]) -> Seconds:
    """The median of each clock."""
    return Seconds(median(r.wall for r in rounds), median(r.cpu for r in rounds))


def summed(*parts: Sequence[Seconds]) -> list[Seconds]:
    """Rounds of steps that follow one another as rounds of the whole."""
    return [
        Seconds(sum(p.wall for p in of_round), sum(p.cpu for p in of_round))
        for of_round in zip(*parts, strict=True)
    ]


def variation(values: Sequence[float]) -> float:
    """How much more the most is than the least, as a share of the least."""
    return max(values) / min(values) - 1


@dataclass(frozen=True)
class OnClock:
    """The ratio on one clock, and by which share its base varied; void if that is too much."""

    clock: str
    ratio: float
    varied: float

    @property
    def is_void(self) -> bool:
        """Whether the base varied too much for the ratio to mean anything."""
        return self.varied > MOST_VARIATION

    def __str__(self) -> str:
        """The clock and the ratio, or that it is void."""
        return f"{self.clock} {'void' if self.is_void else f'{self.ratio:.2f}'}"


Ratio = tuple[OnClock, OnClock]


def ratios(of: Sequence[Seconds], base: Sequence[Seconds]) -> Ratio:
    """The median ratio over the rounds, on each clock.

    base   as many rounds, or several for each: then their mean counts, and each may vary.
    """
    each, rest = divmod(len(base), len(of))
    if rest or not each:
        raise ValueError(f"{len(base)} rounds of the base for {len(of)}")

    def on(clock: str, values: list[float], bases: list[float]) -> OnClock:
        means = [mean(bases[i * each : (i + 1) * each]) for i in range(len(values))]
        by_round = [value / its_base for value, its_base in zip(values, means, strict=True)]
        return OnClock(clock, median(by_round), variation(bases))

    return (
        on("wall", [s.wall for s in of], [s.wall for s in base]),
        on("CPU", [s.cpu for s in of], [s.cpu for s in base]),
    )


def shown_ratio(ratio: Ratio) -> str:
    """The ratio on both clocks."""
    return ", ".join(map(str, ratio))


def verdict(is_reached: bool) -> str:
    """A goal's verdict."""
    return "reached" if is_reached else "NOT REACHED"


def goal(
    title: str,
    ratio: Ratio,
    most: float = float("inf"),
    least: float = 0.0,
    aim: float | None = None,
    at: str = "",
    places: int = 2,
) -> str:
    """A goal, and whether it is reached on each clock.

    aim      a lower ratio that would be better still.
    at       at which size the goal must be reached, if this is another one.
    places   decimal places of the ratio.
    """
    limit = f"at least {least:g}" if least else f"at most {most:g}"

    def said(on: OnClock) -> str:
        if on.is_void:
            return f"{on.clock} void, the base varied by {on.varied:.0%}"
        also = " (the aim too)" if aim is not None and on.ratio <= aim else ""
        return f"{on.clock} {on.ratio:.{places}f} {verdict(least <= on.ratio <= most)}{also}"

    aimed = "" if aim is None or aim == most else f", aim {aim:g}"
    return f"{title} {limit}{aimed}{at}: {'; '.join(map(said, ratio))}"

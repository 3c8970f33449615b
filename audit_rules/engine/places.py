"""Places among sorted facts: where a line's window begins and ends, and what is next to its day.

The work grows with the lines and the facts, not with their pairs. Facts are frames of key, fact_no
and date; lines are frames of asked_no, key, day, opens and closes.
"""

from typing import Literal, NamedTuple

import polars as pl

from schemas.results import MOST_EVIDENCE

_CALENDAR = 1 << 22  # more days than the calendar has
_EPOCH = 719_163  # the day number of 1970-01-01


class NearestFacts(NamedTuple):
    """The nearest facts, and how many there are.

    facts    one row per line and fact: asked_no, fact_no, distance in days.
    counts   one row per line: asked_no, count.
    """

    facts: pl.DataFrame
    counts: pl.DataFrame


class Bounds(NamedTuple):
    """Where the windows of lines are among the facts in the order of key and date.

    Positions: of the key's facts, the window's, and the first of the window that is after the day.
    """

    key_start: pl.Series
    key_end: pl.Series
    start: pl.Series
    end: pl.Series
    after: pl.Series


def bounds(asked: pl.DataFrame, dated: pl.DataFrame) -> Bounds:
    """Find the windows of lines among facts that are sorted by key and date."""
    places = dated.select(_place("key", pl.col("date"))).to_series()

    def position(place: pl.Expr, side: Literal["left", "right"]) -> pl.Series:
        wanted = asked.select(place).to_series()
        return places.search_sorted(wanted, side).cast(pl.Int64)

    start = position(_place("key", pl.col("opens")), "left")
    end = position(_place("key", pl.col("closes")), "right")
    after = position(_place("key", pl.min_horizontal("day", "closes")), "right")
    whole = pl.DataFrame({"start": start, "end": end, "after": after}).select(
        "start",
        end=pl.max_horizontal("start", "end"),
        after=pl.max_horizontal("start", pl.min_horizontal("after", "end")),
    )
    key = pl.col("key").cast(pl.Int64)
    return Bounds(
        position(key * _CALENDAR, "left"),
        position((key + 1) * _CALENDAR, "left"),
        whole["start"],
        whole["end"],
        whole["after"],
    )


def near_places(asked: pl.DataFrame, dated: pl.DataFrame) -> NearestFacts:
    """The facts of each line's window that are nearest to its day: MOST_EVIDENCE on either side.

    Of several facts of one date those with the lowest fact_no.
    """
    forwards = dated.sort("key", "date", "fact_no")
    backwards = dated.sort("key", "date", "fact_no", descending=[False, True, False])
    found = bounds(asked, forwards)
    before = _run(asked, found.key_start + found.key_end - found.after, found.after - found.start)
    later = _run(asked, found.after, found.end - found.after)
    return NearestFacts(
        pl.concat([_at_places(before, backwards), _at_places(later, forwards)]),
        asked.select("asked_no", count=found.end - found.start),
    )


def by_stretch(asked: pl.DataFrame, dated: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Lines and facts under keys that meet exactly while the fact lasts from its date until `at`.

    Time is halved again and again: a fact goes to the few stretches that make up its days, a line
    to the one stretch of each length that holds its day.
    """
    if asked.is_empty() or dated.is_empty():
        return asked.clear(), dated.clear()
    base, top = _days(asked["at"].min()), _days(asked["at"].max())
    halvings = (top - base).bit_length()
    size = 1 << halvings
    day = pl.col("at").dt.epoch("d").cast(pl.Int64) - base + size
    held = asked.with_columns(stretch=pl.concat_list(day // (1 << n) for n in range(halvings + 1)))
    start = pl.col("date").dt.epoch("d").cast(pl.Int64).clip(base) - base
    past = pl.col("until").dt.epoch("d").cast(pl.Int64).clip(None, top) - base + 1
    open_facts = dated.with_columns(left=start + size, right=past + size)
    made = []
    for _ in range(halvings + 1):
        open_facts = open_facts.filter(pl.col("left") < pl.col("right"))
        for edge, stretch in (("left", pl.col("left")), ("right", pl.col("right") - 1)):
            made.append(open_facts.filter(pl.col(edge) % 2 == 1).with_columns(stretch=stretch))
        open_facts = open_facts.with_columns(
            left=(pl.col("left") + 1) // 2, right=pl.col("right") // 2
        )
    parts = pl.concat(made).drop("left", "right")
    names = parts.select("key", "stretch").unique().with_row_index("part")
    return (
        held.explode("stretch").join(names, on=["key", "stretch"]).pipe(_under_part),
        parts.join(names, on=["key", "stretch"]).pipe(_under_part),
    )


def by_number(asked: pl.DataFrame, dated: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Lines and facts under keys that meet exactly if the fact's number is from the line's
    `least` to its `most`."""
    numbers = dated["number"].unique().sort()

    def as_day(places: pl.Series) -> pl.Series:  # so that numbers are halved as time is
        return places.cast(pl.Int32).cast(pl.Date)

    first = numbers.search_sorted(asked["least"], "left")
    last = numbers.search_sorted(asked["most"], "right").cast(pl.Int64) - 1
    own = numbers.search_sorted(dated["number"], "left")
    facts, lines = by_stretch(
        dated.drop("number").with_columns(at=as_day(own)),
        asked.with_columns(date=as_day(first), until=as_day(last)),
    )
    return lines.drop("date", "until"), facts.drop("at")


def _under_part(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.drop("key", "stretch").rename({"part": "key"})


def _days(day: object) -> int:
    return int(pl.Series([day], dtype=pl.Date).dt.epoch("d")[0])


def _place(key: str, date: pl.Expr) -> pl.Expr:
    """Key and date as one number in their order."""
    number = date.dt.epoch("d").cast(pl.Int64) + _EPOCH
    return pl.col(key).cast(pl.Int64) * _CALENDAR + number


def _run(asked: pl.DataFrame, start: pl.Series, length: pl.Series) -> pl.DataFrame:
    """One row per line and position, from each start on, MOST_EVIDENCE at most."""
    runs = asked.select("asked_no", "day", start=start, length=length).filter(pl.col("length") > 0)
    end = pl.col("start") + pl.col("length").clip(None, MOST_EVIDENCE)
    return runs.select("asked_no", "day", position=pl.int_ranges("start", end)).explode("position")


def _at_places(runs: pl.DataFrame, dated: pl.DataFrame) -> pl.DataFrame:
    """What is at each position, and how far it is from the line's day."""
    distance = (pl.col("date") - pl.col("day")).dt.total_days().abs()
    return runs.with_columns(
        fact_no=dated["fact_no"].gather(runs["position"]),
        date=dated["date"].gather(runs["position"]),
    ).select("asked_no", "fact_no", distance=distance)

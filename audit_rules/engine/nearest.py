"""The facts in a window around a line: all of them, or the nearest of a great many.

Every line of a person has facts of that person around it. Their pairs grow with the square of the
person's rows, so a key with more than MOST_PAIRS of them is not joined: the facts are sorted once,
and each line takes the nearest MOST_EVIDENCE from its place among them. Column `more` says how many
others it has; without the column there are none.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from audit_rules.engine.arithmetic import exact_sum
from audit_rules.engine.dossier import MOST_PAIRS, Dossier
from audit_rules.engine.places import NearestFacts, bounds, by_number, by_stretch, near_places
from audit_rules.engine.rule import ON
from schemas.days import FIRST_DAY, LAST_DAY
from schemas.results import CLAIM_LINE, MOST_EVIDENCE

_FIRST, _LAST = pl.lit(FIRST_DAY), pl.lit(LAST_DAY)


@dataclass(frozen=True)
class Window:
    """Which facts count for a line, as expressions over the line's columns.

    opens, closes   first and last date that a fact may have.
    at              the day that the fact must last until; None: any.
    """

    opens: pl.Expr = _FIRST
    closes: pl.Expr = _LAST
    at: pl.Expr | None = None


@dataclass(frozen=True)
class Facts:
    """Facts to look for around lines.

    frame     one row per fact, of any person.
    on        columns that the lines have too, and that must be equal.
    date      the column with a fact's date.
    until     the column with its last day, for windows with `at`.
    order     columns that sort the facts of one date.
    classes   columns with few values that `fits` and `within` read.
    fits      a further condition over the columns of a line and `classes`.
    within    a column with a number, and the least and the most that fit: expressions over the
              columns of a line and `classes`.
    by_class  whether each line takes the nearest facts of every class.
    """

    frame: pl.LazyFrame
    on: Sequence[str]
    date: str = "service_date"
    until: str | None = None
    order: Sequence[str] = CLAIM_LINE
    classes: Sequence[str] = ()
    fits: pl.Expr | None = None
    within: tuple[str, pl.Expr, pl.Expr] | None = None
    by_class: bool = False


def around(dossier: Dossier, asked: pl.LazyFrame, facts: Facts, *windows: Window) -> pl.LazyFrame:
    """Lines with their facts in any of the windows, which must not overlap, or at any time.

    asked   lines with the columns `facts.on`, `day`, to which the nearest are nearest, and those
            that the windows read. Other columns must have other names than the facts'.

    One row per line and fact. A line with a great many facts has the MOST_EVIDENCE nearest; of
    several on one date those that come first in `facts.order`.
    """
    crowded = crowded_keys(dossier, asked, facts)
    if crowded is None:
        return _joined(asked, facts, windows).collect().lazy()  # read twice: flag and evidence
    on = list(facts.on)
    lines, frame = pl.collect_all([asked, facts.frame])
    few = _joined(lines.join(crowded, on=on, how="anti").lazy(), facts, windows).collect()
    many = _nearest(
        lines.join(crowded, on=on, how="semi"),
        frame.join(crowded, on=on, how="semi"),
        facts,
        windows,
    )
    return pl.concat([few, many], how="diagonal_relaxed").lazy()


def total_around(
    dossier: Dossier, asked: pl.LazyFrame, facts: Facts, window: Window, value: str
) -> pl.LazyFrame:
    """The sum of an integer column of each line's facts in a window: row_id, policy_id, total."""
    crowded = crowded_keys(dossier, asked, facts)
    if crowded is None:
        return _total_of_pairs(asked, facts, window, value)
    on = list(facts.on)
    lines = asked.collect()
    few = lines.join(crowded, on=on, how="anti").lazy()
    added = _total_of_pairs(few, facts, window, value)
    lines = lines.join(crowded, on=on, how="semi")
    many = facts.frame.join(crowded.lazy(), on=on, how="semi").collect()
    kinds = crowded.with_row_index("key")
    lines = lines.join(kinds, on=on).with_columns(opens=window.opens, closes=window.closes)
    dated = many.join(kinds, on=on).sort("key", facts.date)
    found = bounds(lines, dated.select("key", date=facts.date))
    so_far = dated.select(pl.col(value).cast(pl.Int128).fill_null(0).cum_sum()).to_series()
    so_far = pl.concat([pl.Series([0], dtype=pl.Int128), so_far.rename("")])
    total = so_far.gather(found.end) - so_far.gather(found.start)
    return pl.concat([added, lines.select(*ON, total=total).lazy()])


def _total_of_pairs(asked: pl.LazyFrame, facts: Facts, window: Window, value: str) -> pl.LazyFrame:
    return _joined(asked, facts, [window]).group_by(ON).agg(total=exact_sum(pl.col(value)))


def crowded_keys(dossier: Dossier, asked: pl.LazyFrame, facts: Facts) -> pl.DataFrame | None:
    """The keys with too many pairs of a line and a fact to make them all, if there are any.

    `person` is part of every key: only persons with many rows are counted.
    """
    if not dossier.crowded_persons:
        return None
    on = list(facts.on)
    is_asked = pl.col("person").is_in(dossier.crowded_persons)
    found = facts.frame.filter(is_asked).group_by(on).agg(facts=pl.len())
    counted = found.filter(pl.col("facts") > MOST_EVIDENCE)
    pairs = asked.filter(is_asked).group_by(on).agg(lines=pl.len()).join(counted, on=on)
    is_crowded = pl.col("lines").cast(pl.Int64) * pl.col("facts") > MOST_PAIRS
    keys = pairs.filter(is_crowded).select(on).collect()
    return None if keys.is_empty() else keys


def _joined(asked: pl.LazyFrame, facts: Facts, windows: Sequence[Window]) -> pl.LazyFrame:
    """Every line with every fact of a window."""
    date = pl.col(facts.date)

    def holds(window: Window) -> pl.Expr:
        is_dated = date.is_between(window.opens, window.closes)
        return is_dated if window.at is None else is_dated & (pl.col(str(facts.until)) >= window.at)

    found = asked.join(facts.frame, on=list(facts.on))
    found = found.filter(pl.any_horizontal(map(holds, windows))) if windows else found
    if facts.within is not None:
        number, least, most = facts.within
        found = found.filter(pl.col(number).is_between(least, most))
    return found if facts.fits is None else found.filter(facts.fits)


def _nearest(
    asked: pl.DataFrame, facts: pl.DataFrame, given: Facts, windows: Sequence[Window]
) -> pl.DataFrame:
    """What `_joined` gives, but of each line the nearest facts only, and how many `more` it has.

    asked_no   the line, or the line and class, that `more` counts for.
    """
    on, classes = list(given.on), list(given.classes)
    plain = [name for name, dtype in facts.schema.items() if not dtype.is_nested()]
    facts = facts.unique(plain).sort(*on, given.date, *given.order, nulls_last=True)
    facts = facts.with_row_index("fact_no")
    kinds = facts.select(*on, *classes).unique(maintain_order=True).with_row_index("key")
    lines = asked.with_row_index("line_no").join(kinds, on=on, maintain_order="left")
    if given.fits is not None:
        lines = lines.filter(given.fits)
    lines = lines.with_row_index("place_no").with_columns(
        asked_no="place_no" if given.by_class else "line_no"
    )
    dated = facts.join(kinds, on=[*on, *classes], nulls_equal=True).select(
        "key", "fact_no", date=given.date, until=given.until or given.date
    )
    if given.within is not None:
        number, least, most = given.within
        lines, dated = by_number(
            lines.with_columns(least=least, most=most).drop_nulls(["least", "most"]),
            dated.with_columns(number=facts[number].gather(dated["fact_no"])).drop_nulls("number"),
        )
        lines = lines.drop("least", "most")
    found = [_in_window(lines, dated, window) for window in windows or (Window(),)]
    picked = _kept(pl.concat(f.facts for f in found), pl.concat(f.counts for f in found))
    lines = lines.drop("line_no", "place_no", "key", *classes).unique("asked_no")
    return picked.join(lines, on="asked_no").join(facts.drop(on), on="fact_no").drop("fact_no")


def _kept(facts: pl.DataFrame, counts: pl.DataFrame) -> pl.DataFrame:
    """The nearest facts of each line, out of those of all windows, with `more`."""
    ordered = facts.sort("asked_no", "distance", "fact_no")
    kept = ordered.filter(pl.int_range(pl.len()).over("asked_no") < MOST_EVIDENCE)
    total = counts.group_by("asked_no").agg(pl.col("count").sum())
    more = pl.col("count") - pl.len().over("asked_no")
    return kept.join(total, on="asked_no").select("asked_no", "fact_no", more=more.cast(pl.Int64))


def _in_window(lines: pl.DataFrame, dated: pl.DataFrame, window: Window) -> NearestFacts:
    """The nearest facts of each line in a window, on both sides of its day."""
    at = pl.lit(None, pl.Date) if window.at is None else window.at
    asked = lines.select(
        "asked_no", "key", "day", opens=window.opens, closes=window.closes, at=at
    ).drop_nulls(["day", "opens", "closes", *(["at"] if window.at is not None else [])])
    if window.at is not None:
        asked, dated = by_stretch(asked, dated)
    return near_places(asked, dated)


def without_itself(found: pl.LazyFrame, row: str) -> pl.LazyFrame:
    """What `around` found, with the line itself, whose number is in `row`, not among the `more`.

    The line is evidence anyway.
    """
    is_shown = (pl.col(row) == pl.col("row_id")).any().over(ON)
    return found.with_columns(pl.col("^more$") - (~is_shown).cast(pl.Int64))


def counting_none(found: pl.LazyFrame) -> pl.LazyFrame:
    """What was chosen of what `around` found: the others are not evidence, so they do not count."""
    return found.drop("more", "asked_no", strict=False)

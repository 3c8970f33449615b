"""Fills of a drug and one other in turn, each sharing days of supply with the next.

A person's fills make a graph: from each dispensing date to those later ones of the other drug with
which its supply shares enough days. The work grows with the fills, not with their pairs.
"""

import polars as pl

from audit_rules.engine.dossier import Dossier
from audit_rules.engine.nearest import Facts, Window, around
from audit_rules.engine.rule import ON
from schemas.days import days_after, days_before

_MOST_STEPS = 9
_PERSON = ("person", "policy_id", "drug", "other", "days", "shared_days")
"""Whose fills, under which term, and which two drugs."""
_LINE = (*ON, "other")
_DATE = pl.col("date")


def fills_in_turn(dossier: Dossier, asked: pl.LazyFrame) -> pl.LazyFrame:
    """The fills of the other drug next to each asked fill that is one of `fills` in turn.

    asked   fills with the columns of their concurrent_therapy term.

    One row per line, policy and fill of the other drug within `days`.
    """
    fills = dossier.fills.filter(pl.col("days_supply") > 0).drop("row_id")
    longest = fills.group_by("person", "ingredient", date="service_date").agg(
        end=pl.col("supply_end").max()
    )
    both = longest.select("person", other="ingredient").unique()
    lines = (
        asked.filter(pl.col("days_supply") > 0)
        .with_columns(other="ingredients", date="service_date", end="supply_end")
        .explode("other")
        .join(both, on=["person", "other"], how="semi")
        .select("row_id", *_PERSON, "fills", "date", "end")
        .collect()
    )
    in_turn = _counted(lines, longest.collect()).filter(pl.col("count") >= pl.col("fills"))
    near = in_turn.lazy().select(*ON, "person", "days", day="date", ingredient="other")
    day = pl.col("day")
    window = Window(days_before(day, "days"), days_after(day, "days"))
    return around(dossier, near, Facts(fills, ("person", "ingredient")), window)


def _counted(lines: pl.DataFrame, longest: pl.DataFrame) -> pl.DataFrame:
    """Lines with `count`: how many fills in turn they are one of, all within `days` of the line."""
    kinds = lines.select(_PERSON).unique()
    turns = [
        kinds.with_columns(ingredient=this, following=that)
        for this, that in (("drug", "other"), ("other", "drug"))
    ]
    dates = pl.concat(turns).join(longest, on=["person", "ingredient"]).with_row_index("place")
    lasting = dates.filter(_lasts()).select(*_PERSON, "ingredient", meets="date", then="place")
    meeting = _with_meetings(dates)
    steps = meeting.join(
        lasting,
        left_on=[*_PERSON, "following", "meets"],
        right_on=[*_PERSON, "ingredient", "meets"],
    ).select("place", "then")
    after = _with_meetings(lines).join(
        lasting, left_on=[*_PERSON, "other", "meets"], right_on=[*_PERSON, "ingredient", "meets"]
    )
    others = meeting.filter(pl.col("ingredient") == pl.col("other"))
    before = lines.filter(_lasts()).join(
        others.select(*_PERSON, date="meets", then="place"), on=[*_PERSON, "date"]
    )
    most = min(lines.select(pl.col("fills").max()).item() or 1, _MOST_STEPS) - 1
    day = dates.select("place", furthest="date")
    ahead = _most_steps(after, day, steps.rename({"place": "this", "then": "next"}), most)
    behind = _most_steps(before, day, steps.rename({"then": "this", "place": "next"}), most, -1)
    return (
        lines.join(ahead.rename({"steps": "ahead"}), on=_LINE, how="left")
        .join(behind.rename({"steps": "behind"}), on=_LINE, how="left")
        .with_columns(count=1 + pl.col("ahead").fill_null(0) + pl.col("behind").fill_null(0))
    )


def _with_meetings(fills: pl.DataFrame) -> pl.DataFrame:
    """One row per fill and later date, within `days`, with which its supply shares enough days."""
    last = pl.min_horizontal(days_before(pl.col("end"), "shared_days"), days_after(_DATE, "days"))
    meets = pl.date_ranges(days_after(_DATE, pl.lit(1)), last)
    return fills.with_columns(meets=meets).explode("meets").drop_nulls("meets")


def _lasts() -> pl.Expr:
    """Whether a fill's supply lasts as long as it has to share."""
    return pl.col("end") >= days_after(_DATE, "shared_days")


def _most_steps(
    first: pl.DataFrame, day: pl.DataFrame, steps: pl.DataFrame, most: int, sign: int = 1
) -> pl.DataFrame:
    """How many steps lines can go without leaving their `days`: row_id, policy_id, other, steps.

    first   lines with `then`, the place that a first step reaches.
    day     the date of each place.
    steps   from `this` to `next`.
    sign    1 for steps forwards in time, -1 for steps back.
    """
    nearest = pl.col("furthest").min() if sign > 0 else pl.col("furthest").max()
    distance = (pl.col("furthest") - _DATE).dt.total_days() * sign
    found = [first.select(_LINE).clear().with_columns(steps=pl.lit(0))]
    reach = day
    for number in range(1, most + 1):
        able = first.join(reach, left_on="then", right_on="place").filter(
            distance <= pl.col("days")
        )
        found.append(able.select(_LINE).unique().with_columns(steps=pl.lit(number)))
        ends = steps.join(reach, left_on="next", right_on="place")
        reach = ends.group_by(place="this").agg(furthest=nearest)
    return pl.concat(found).group_by(_LINE).agg(pl.col("steps").max())

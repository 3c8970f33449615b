"""Fills of a drug and one other in turn, each sharing days of supply with the next."""

import polars as pl

from audit_rules.engine.dossier import Dossier
from audit_rules.engine.rule import ON
from schemas.days import days_after, days_before

_MOST_STEPS = 9


def fills_in_turn(dossier: Dossier, asked: pl.LazyFrame) -> pl.LazyFrame:
    """The fills of the other drug next to each asked fill that is one of `fills` in turn.

    asked   fills with the columns of their concurrent_therapy term.

    One row per line, policy and fill of the other drug within `days`.
    """
    lines = asked.filter(pl.col("days_supply") > 0)
    wanted = lines.select(*ON, "person", "drug", other="ingredients").explode("other")
    names = wanted.select("person", "other").unique()
    fills = dossier.fills.filter(pl.col("days_supply") > 0).drop("row_id")
    supplied = fills.join(
        pl.concat(
            [
                names.select("person", ingredient="other"),
                wanted.select("person", ingredient="drug"),
            ]
        ).unique(),
        on=["person", "ingredient"],
        how="semi",
    )
    longest = supplied.group_by("person", "ingredient", "service_date").agg(
        end=pl.col("supply_end").max()
    )
    both = names.join(longest.select("person", other="ingredient").unique(), on=["person", "other"])
    start = lines.select(
        *ON,
        "person",
        "drug",
        "days",
        "shared_days",
        "fills",
        day="service_date",
        at="service_date",
        end="supply_end",
    ).join(both, on="person")
    nodes = longest.collect().lazy()
    before, after = (_steps(start, nodes, forwards) for forwards in (False, True))
    key = [*ON, "other"]
    chained = (
        start.join(before, on=key, how="left")
        .join(after, on=key, how="left")
        .filter(pl.col("before").fill_null(0) + pl.col("after").fill_null(0) + 1 >= pl.col("fills"))
    )
    near = chained.select(
        *ON,
        "person",
        ingredient="other",
        opens=days_before(pl.col("day"), "days"),
        closes=days_after(pl.col("day"), "days"),
    )
    return near.join(fills, on=["person", "ingredient"]).filter(
        pl.col("service_date").is_between(pl.col("opens"), pl.col("closes"))
    )


def _steps(start: pl.LazyFrame, nodes: pl.LazyFrame, forwards: bool) -> pl.LazyFrame:
    """How many fills in turn go on from each start, in one direction, within `days`: row_id,
    policy_id, other, and `after` or `before`."""
    name = "after" if forwards else "before"
    key = [*ON, "other"]
    current = start.collect()
    last = current.select(pl.col("fills").max()).item() or 1
    found = []
    for step in range(1, min(last, _MOST_STEPS)):
        other = pl.col("other") if step % 2 else pl.col("drug")
        moved = (
            current.lazy()
            .with_columns(ingredient=other)
            .join(nodes.rename({"end": "next_end"}), on=["person", "ingredient"])
            .filter(_is_next(forwards))
            .with_columns(at="service_date", end="next_end")
            .drop("ingredient", "service_date", "next_end")
            .unique([*key, "at"])
        )
        current = moved.collect()
        found.append(current.lazy().select(key).unique().with_columns(pl.lit(step).alias(name)))
    empty = start.select(key).clear().with_columns(pl.lit(0).alias(name))
    return pl.concat([empty, *found]).group_by(key).agg(pl.col(name).max())


def _is_next(forwards: bool) -> pl.Expr:
    """Whether a fill is the next in turn: within `days` of the one judged, and sharing days."""
    date, at = pl.col("service_date"), pl.col("at")
    is_later = date > at if forwards else date < at
    starts = pl.max_horizontal(date, at)
    ends = pl.min_horizontal("end", "next_end")
    shared = (ends - starts).dt.total_days() >= pl.col("shared_days")
    is_near = (date - pl.col("day")).dt.total_days().abs() <= pl.col("days")
    return is_later & shared & is_near

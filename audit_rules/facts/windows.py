"""Windows around a service date, as the terms give them, and what is in them."""

import polars as pl

from audit_rules.engine.rule import ON
from schemas.days import days_after, days_before


def is_near(date: pl.Expr, day: pl.Expr) -> pl.Expr:
    """Whether `date` is from lookback_days before `day` to lookahead_days after, both included."""
    return date.is_between(days_before(day, "lookback_days"), days_after(day, "lookahead_days"))


def any_near(asked: pl.LazyFrame, facts: pl.LazyFrame, date: str = "service_date") -> pl.LazyFrame:
    """The lines with a fact of the person from lookback_days before `day` to lookahead_days after:
    row_id, policy_id and `found`, the date of the first."""
    day = pl.col("day")
    opens, closes = days_before(day, "lookback_days"), days_after(day, "lookahead_days")
    return first_in(asked.with_columns(opens=opens, closes=closes), facts, date)


def first_in(
    asked: pl.LazyFrame, facts: pl.LazyFrame, date: str = "service_date", by: tuple[str, ...] = ()
) -> pl.LazyFrame:
    """The lines with a fact of the person (and `by`) from `opens` to `closes`: row_id, policy_id
    and `found`, the date of the first.

    A line without `opens` has no window. A line may come more than once, with several windows.
    """
    key = list(dict.fromkeys(["person", *by]))
    columns = list(dict.fromkeys([*ON, *key, "opens", "closes"]))
    dated = facts.select(*key, found=date).drop_nulls().unique().sort("found")
    windows = asked.select(columns).drop_nulls("opens").sort("opens")
    joined = windows.join_asof(
        dated,
        left_on="opens",
        right_on="found",
        by=key,
        strategy="forward",
        coalesce=False,
        check_sortedness=False,
    )
    return joined.filter(pl.col("found") <= pl.col("closes")).select(*ON, "found")


def last_before(
    asked: pl.LazyFrame, facts: pl.LazyFrame, name: str, by: tuple[str, ...] = ()
) -> pl.LazyFrame:
    """Lines with the date of the person's latest fact before `day`, as `name`: row_id, policy_id.

    Lines without one fall away.
    """
    key = list(dict.fromkeys(["person", *by]))
    columns = list(dict.fromkeys([*ON, *key, "day"]))
    dated = facts.select(*key, pl.col("service_date").alias(name)).drop_nulls().unique().sort(name)
    joined = (
        asked.select(columns)
        .sort("day")
        .join_asof(
            dated,
            left_on="day",
            right_on=name,
            by=key,
            strategy="backward",
            allow_exact_matches=False,
            coalesce=False,
            check_sortedness=False,
        )
    )
    return joined.drop_nulls(name).select(*ON, name)


def of_terms(facts: pl.LazyFrame, terms: pl.LazyFrame, column: str, name: str) -> pl.LazyFrame:
    """Facts whose `name` is in that column of a policy's terms, once per policy: adds policy_id."""
    listed = terms.select("policy_id", pl.col(column).alias(name)).explode(name).unique()
    return facts.join(listed, on=name)

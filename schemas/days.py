"""Days before and after a date, within the calendar.

Quantities and terms can name more days than the calendar has. A date that falls outside it is its
first or last day, so that no date wraps round and every date can be shown.
"""

from datetime import date

import polars as pl

FIRST_DAY, LAST_DAY = date.min, date.max


def days_after(day: pl.Expr, days: pl.Expr | str) -> pl.Expr:
    """The date so many whole days after another, at most the last of the calendar."""
    return day + _at_most(days, pl.lit(LAST_DAY) - day)


def days_before(day: pl.Expr, days: pl.Expr | str) -> pl.Expr:
    """The date so many whole days before another, at least the first of the calendar."""
    return day - _at_most(days, day - pl.lit(FIRST_DAY))


def years_after(day: pl.Expr, years: pl.Expr | str) -> pl.Expr:
    """The same day of a later year, of 29 February 1 March; at most the last of the calendar."""
    number = (pl.col(years) if isinstance(years, str) else years).cast(pl.Int64)
    year = (day.dt.year().cast(pl.Int64) + number).clip(None, LAST_DAY.year)
    same_day = pl.concat_str(year.cast(pl.String), day.dt.strftime("-%m-%d"))
    return pl.coalesce(same_day.str.to_date("%Y-%m-%d", strict=False), pl.date(year, 3, 1))


def _at_most(days: pl.Expr | str, room: pl.Expr) -> pl.Expr:
    """Days as a duration, at most the room there is; null stays null."""
    number = (pl.col(days) if isinstance(days, str) else days).cast(pl.Int64)
    most = room.dt.total_days()
    return pl.duration(days=pl.when(number > most).then(most).otherwise(number))


def shifted(day: date, days: int) -> date:
    """The date so many days after (or before, if negative) another, within the calendar."""
    number = day.toordinal() + days
    return date.fromordinal(min(max(number, FIRST_DAY.toordinal()), LAST_DAY.toordinal()))

"""Days before and after a date, within the calendar.

Quantities and terms can name more days than the calendar has. A date that falls outside it is its
first or last day, so that no date wraps round and every date can be shown.
"""

from datetime import date

import polars as pl

FIRST_DAY, LAST_DAY = date.min, date.max
_FRIDAY = 5


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


def months_after(day: pl.Expr, months: int) -> pl.Expr:
    """The same day of the month so many months later, or its last day if it is shorter.

    At most the last day of the calendar.
    """
    number = day.dt.year().cast(pl.Int64) * 12 + day.dt.month().cast(pl.Int64) - 1 + months
    year, month = number // 12, number % 12 + 1
    fits = year.is_between(FIRST_DAY.year, LAST_DAY.year)
    first = pl.date(pl.when(fits).then(year), pl.when(fits).then(month), 1)
    last = first.dt.month_end().dt.day().cast(pl.Int64)
    same_day = pl.min_horizontal(day.dt.day().cast(pl.Int64), last)
    there = pl.date(pl.when(fits).then(year), pl.when(fits).then(month), same_day)
    outside = pl.when(year > LAST_DAY.year).then(pl.lit(LAST_DAY)).otherwise(pl.lit(FIRST_DAY))
    return pl.when(day.is_not_null()).then(pl.coalesce(there, outside))


def months_back(day: pl.Expr, months: int) -> pl.Expr:
    """The first day from which so many months reach `day`: the same day of the earlier month, or
    the first of the next if that month is too short."""
    earlier = months_after(day, -months)
    is_shorter = earlier.dt.day() < day.dt.day()
    return pl.when(is_shorter).then(days_after(earlier, pl.lit(1))).otherwise(earlier)


def birthday_after(birth: pl.Expr, months: int) -> pl.Expr:
    """The day on which an age in months is completed; born on 29 February: 1 March."""
    plain = months_after(birth, months)
    is_leap = (birth.dt.month() == 2) & (birth.dt.day() == 29) & (plain.dt.month() == 2)
    is_short = is_leap & (plain.dt.day() == 28)
    return pl.when(is_short).then(days_after(plain, pl.lit(1))).otherwise(plain)


def working_day_after(day: date, days: int) -> date:
    """The date so many working days after another: Monday to Friday, whatever is a holiday."""
    found = day
    for _ in range(days):
        found = shifted(found, 1)
        while found.isoweekday() > _FRIDAY and found < LAST_DAY:
            found = shifted(found, 1)
    return found

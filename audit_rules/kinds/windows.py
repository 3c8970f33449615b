"""The days of a window around each line, and of a span after a day."""

import polars as pl

from audit_rules.policy.language.spans import COURSE, EVER, Edge, Span, Window
from schemas.days import (
    FIRST_DAY,
    birthday_after,
    days_after,
    days_before,
    months_after,
    months_back,
)


def span_after(day: pl.Expr, span: Span) -> pl.Expr:
    """The day on which a span from `day` is over."""
    return months_after(day, span.months) if span.months else days_after(day, pl.lit(span.days))


def span_start(day: pl.Expr, span: Span) -> pl.Expr:
    """The first day of the last span at `day`: the earliest e with day < e + span."""
    if span.months:
        return months_back(days_after(day, pl.lit(1)), span.months)
    return days_before(day, pl.lit(span.days - 1))


def completed_on(birth: pl.Expr, span: Span) -> pl.Expr:
    """The day on which an age is completed."""
    return birthday_after(birth, span.months) if span.months else span_after(birth, span)


def _shifted(day: pl.Expr, edge: Edge) -> pl.Expr:
    if edge.days >= 0:
        return days_after(day, pl.lit(edge.days))
    return days_before(day, pl.lit(-edge.days))


def opens_on(window: Window, day: pl.Expr, course_start: pl.Expr) -> pl.Expr:
    """The first day of a window; null if it opens with a course and the line is in none."""
    edge = window.opens
    if edge.word == EVER:
        return pl.lit(FIRST_DAY)
    if edge.word == COURSE:
        return course_start
    if edge.months < 0:
        return months_back(day, -edge.months)
    return months_after(day, edge.months) if edge.months else _shifted(day, edge)


def closes_on(window: Window, day: pl.Expr) -> pl.Expr:
    """The last day of a window."""
    edge = window.closes
    return months_after(day, edge.months) if edge.months else _shifted(day, edge)

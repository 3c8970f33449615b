"""The trend: dollars by outcome and lines with findings over the last nights."""

from collections.abc import Sequence

import altair as alt
import polars as pl

from flows.ledger.nights import NightTotals
from flows.reports.money import short
from flows.reports.page.chart_style import (
    COLOURS,
    PLAIN,
    QUIET,
    Chart,
    chart_of,
    data_of,
    heading,
)
from schemas.notes import counted
from schemas.results import AMOUNT_COLUMNS, TOTAL, Schema

_NIGHT: Schema = {
    "as_of": pl.Date,
    "lines": pl.Int64,
    **dict.fromkeys(AMOUNT_COLUMNS.values(), TOTAL),
}
_WIDTH, _HEIGHT = 300, 50


def trend_chart(nights: Sequence[NightTotals]) -> Chart:
    """The chart of two nights or more: a panel per outcome and one of lines, over the same days."""
    rows = data_of(pl.DataFrame(nights, _NIGHT, orient="row")).with_columns(
        night=pl.col("as_of").cast(pl.String) + "T00:00:00Z"
    )
    last = nights[-1]
    panels = [
        _panel(
            rows,
            column,
            f"{outcome.replace('_', ' ')}: {short(getattr(last, column))} on {last.as_of}",
            COLOURS[outcome],
            "$~s",
        )
        for outcome, column in AMOUNT_COLUMNS.items()
    ]
    panels.append(_panel(rows, "lines", f"lines with findings: {last.lines:,}", PLAIN, "d"))
    description = (
        f"{counted(len(nights), 'night')} from {nights[0].as_of} to {last.as_of}; "
        "the table below gives the figures of each."
    )
    chart = alt.vconcat(*panels, spacing=10)
    return chart_of(
        chart, "trend", "Dollars by outcome and lines over the last nights", description
    )


def _panel(rows: pl.DataFrame, value: str, title: str, colour: str, form: str) -> alt.Chart:
    """One line over the nights, from zero."""
    nights = rows["night"]
    named = [alt.DateTime(utc=True, **_parts(night)) for night in (nights[0], nights[-1])]
    is_last = value == "lines"
    # UTC throughout, so that the bytes do not depend on the time zone of the machine
    x = alt.X(
        "utcyearmonthdate(night):T",
        title=None,
        axis=alt.Axis(values=named, format="%Y-%m-%d", grid=False, labels=is_last),
    )
    y = alt.Y(
        f"{value}:Q",
        title=None,
        scale=alt.Scale(zero=True),
        axis=alt.Axis(
            format=form,
            tickCount=2,
            domain=False,
            ticks=False,
            tickMinStep=1,
            minExtent=42,
            labelPadding=6,
        ),
    )
    point = alt.OverlayMarkDef(size=28, fill=colour, stroke=QUIET, strokeWidth=0.7)
    line: alt.Chart = alt.Chart(rows).mark_line(color=colour, point=point).encode(x=x, y=y)
    return line.properties(width=_WIDTH, height=_HEIGHT, title=heading(title))


def _parts(night: str) -> dict[str, int]:
    year, month, day = map(int, night[:10].split("-"))
    return {"year": year, "month": month, "date": day}

"""The charts of figures and doses, as Altair specifications that vl-convert renders without browser
or network."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

import altair as alt
import polars as pl

from flows.reports.money import short
from flows.reports.page.chart_style import (
    INK,
    PLAIN,
    QUIET,
    Chart,
    chart_of,
    data_of,
    heading,
    outcome_colour,
    row_labels,
)
from flows.reports.page.figures import Figure
from flows.reports.page.timeline import AT_MOST, Timeline
from flows.reports.printable import printable
from schemas.notes import counted

# widths and heights in px, made to fit a phone
_BAR, _ROW, _DOLLARS, _LINES, _MONTHS, _WEEKS = 14, 24, 140, 76, 306, 250
_ROOM = 1.6  # room for the number after the longest bar, relative to that bar


def figure_chart(figure: Figure) -> Chart:
    """The chart of one figure, every bar of it."""
    figure = replace(figure, rows=_printable(figure.rows))
    chart = _over_time(figure) if figure.is_over_time else _bars(figure)
    description = "; ".join(
        f"{label}: {short(dollars)}, {counted(lines, 'line')}"
        for label, dollars, lines in figure.totals
    )
    return chart_of(chart, figure.name, f"At risk and lines {figure.title.lower()}", description)


def dose_chart(timeline: Timeline) -> Chart:
    """The dose timeline: a row per course, a mark per dose with the number of its cycle, and a line
    per limit."""
    doses = _printable(timeline.doses)
    names = doses["course_name"].unique(maintain_order=True).to_list()
    base = alt.Chart(data_of(doses.with_columns(pl.col("cycle").str.replace(" or ", "/")))).encode(
        x=alt.X(
            "week:Q",
            title="Weeks since the first dose",
            axis=alt.Axis(tickMinStep=1, grid=False, tickCount=6),
        ),
        y=alt.Y("course_name:N", sort=names, title=None, axis=row_labels(grid=True)),
    )
    marks = base.mark_circle(size=85, opacity=1).encode(color=outcome_colour())
    cycles = [
        base.transform_filter(side).mark_text(dy=dy, fontSize=9, color=QUIET).encode(text="cycle:N")
        for side, dy in (("!datum.is_below", -10), ("datum.is_below", 11))
    ]
    chart = alt.layer(*_limit_lines(timeline.limits, names), marks, *cycles)
    chart = chart.properties(width=_WEEKS, height=alt.Step(42))
    description = (
        f"{counted(len(names), 'course')}, {counted(doses.height, 'dose')}; "
        "the table below gives week, cycle, finding and limit of each."
    )
    return chart_of(chart, "doses", "Doses of each course in weeks since its first", description)


def _limit_lines(limits: pl.DataFrame, names: list[str]) -> Iterator[alt.Chart]:
    """An upright line per limit; each limit of a course is named once."""
    at = {"x": alt.X("week:Q"), "y": alt.Y("course_name:N", sort=names)}
    line = alt.Chart(data_of(limits)).mark_tick(
        orient="vertical", color=INK, thickness=1.5, size=22
    )
    yield line.encode(**at)
    named = limits.unique(["course_name", "limit"], keep="first", maintain_order=True)
    is_most = pl.col("limit").str.starts_with(AT_MOST)
    sides: tuple[tuple[Literal["right", "left"], int, pl.Expr], ...] = (
        ("right", 4, is_most),
        ("left", -4, ~is_most),
    )
    for align, dx, is_here in sides:
        text = alt.Chart(data_of(named.filter(is_here))).mark_text(
            align=align, dx=dx, dy=-20, fontSize=9, fontWeight="bold", color=INK
        )
        yield text.encode(text="limit:N", **at)


def _bars(figure: Figure) -> alt.HConcatChart:
    labels = [label for label, _, _ in figure.totals]
    totals = data_of(
        pl.DataFrame(figure.totals, schema=["label", "dollars", "lines"], orient="row")
    ).with_columns(
        shown=pl.Series([short(dollars) for _, dollars, _ in figure.totals], dtype=pl.String)
    )

    def panel(
        value: str, title: str, text: str, width: int, is_first: bool
    ) -> alt.LayerChart | alt.FacetChart:
        axis = row_labels() if is_first else None
        most = max([*totals[value], 0]) or 1
        x = alt.X(f"{value}:Q", stack="zero", axis=None, scale=alt.Scale(domain=[0, most * _ROOM]))
        bars = (
            alt.Chart(data_of(figure.rows))
            .mark_bar(height=_BAR)
            .encode(
                x=x,
                y=alt.Y("label:N", sort=labels, title=None, axis=axis),
                order="order:Q",
                color=outcome_colour()
                if figure.rows["outcome"].is_not_null().any()
                else alt.value(PLAIN),
            )
        )
        numbers = (
            alt.Chart(totals)
            .mark_text(align="left", dx=4)
            .encode(x=alt.X(f"{value}:Q", axis=None), y=alt.Y("label:N", sort=labels), text=text)
        )
        return alt.layer(bars, numbers).properties(
            width=width, height=alt.Step(_ROW), title=heading(title)
        )

    return alt.hconcat(
        panel("dollars", "at risk", "shown:N", _DOLLARS, True),
        panel("lines", "lines", "lines:Q", _LINES, False),
        spacing=10,
    )


def _over_time(figure: Figure) -> alt.VConcatChart:
    rows = figure.rows.with_columns(month=pl.col("label") + "-01T00:00:00Z")
    years = [int(label[:4]) for label, _, _ in figure.totals]
    is_long = max(years) - min(years) > 1

    def panel(value: str, title: str, form: str) -> alt.Chart:
        # UTC throughout, so that the bytes do not depend on the time zone of the machine
        x = alt.X(
            "utcyearmonth(month):T",
            title=None,
            axis=alt.Axis(
                format="%Y" if is_long else "%b %Y",
                tickCount=6,
                grid=False,
                labelOverlap=True,
            ),
        )
        y = alt.Y(
            f"{value}:Q",
            title=None,
            axis=alt.Axis(
                format=form, tickCount=3, domain=False, ticks=False, tickMinStep=1, minExtent=42
            ),
        )
        bars: alt.Chart = (
            alt.Chart(data_of(rows)).mark_bar(color=PLAIN, binSpacing=0.5).encode(x=x, y=y)
        )
        return bars.properties(width=_MONTHS, height=96, title=heading(title))

    return alt.vconcat(panel("dollars", "at risk", "$~s"), panel("lines", "lines", "d"), spacing=14)


def _printable(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows without characters that would end the renderer, and with it this program."""
    texts = pl.selectors.string().map_elements(printable, return_dtype=pl.String)
    return rows.with_columns(texts)

"""The look of the charts, and how they become SVG inside the page."""

import re
from collections.abc import Sequence
from html import escape
from typing import Any, NamedTuple

import altair as alt
import polars as pl

from flows.reports.colours import IN_CHARTS
from flows.reports.page.drawing import draw
from flows.reports.page.timeline import NO_FINDING
from flows.results.small_cells import OTHER

PLAIN = "#2b6a6c"
COLOURS = IN_CHARTS | {NO_FINDING: "#c3cad3", OTHER: PLAIN}
INK, QUIET = "#1c2430", "#5a6472"
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
# px, and the letters that fit; not measured, because a browser's font is not the renderer's
_LABELS, _LONGEST = 118, 17
_SPOKEN = re.compile(r' (?:role|aria-[a-z]+)="[^"]*"')
_ID = re.compile(r'(?<=[ "(#])(clip|gradient)(\d+)')


def heading(text: str) -> alt.Title:
    """A small title over a panel, on the left."""
    return alt.Title(
        text, anchor="start", frame="group", fontSize=11, fontWeight="normal", color=QUIET
    )


def row_labels(grid: bool = False) -> alt.Axis:
    """Names of rows, aligned on the left and cut if too long."""
    cut = f"slice(datum.label, 0, {_LONGEST - 1}) + '…'"
    label = f"length(datum.label) > {_LONGEST} ? {cut} : datum.label"
    return alt.Axis(
        ticks=False,
        domain=False,
        grid=grid,
        labelAlign="left",
        labelPadding=_LABELS,
        minExtent=_LABELS,
        maxExtent=_LABELS,
        labelLimit=0,
        labelExpr=label,
    )


def outcome_colour() -> alt.Color:
    """The colour of the column `outcome`."""
    return alt.Color(
        "outcome:N",
        legend=None,
        scale=alt.Scale(domain=list(COLOURS), range=list(COLOURS.values())),
    )


def data_of(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with types that JSON can hold, and with their order, which divided bars keep."""
    return rows.with_row_index("order").cast({pl.selectors.decimal(): pl.Float64})


class Chart(NamedTuple):
    """A chart that can be drawn: its name on the page, a title and a description for screen
    readers, and its Vega-Lite specification."""

    name: str
    title: str
    description: str
    specification: dict[str, Any]


def chart_of(chart: alt.TopLevelMixin, name: str, title: str, description: str) -> Chart:
    """A chart in the style of the page."""
    styled = chart.configure(font=_FONT, background="white").configure_view(stroke=None)
    styled = styled.configure_axis(
        titleFontWeight="normal",
        titleColor=QUIET,
        labelColor=INK,
        labelFontSize=11,
        gridColor="#e3e7ec",
        domainColor="#aab3bf",
        tickColor="#aab3bf",
    )
    styled = styled.configure_text(fontSize=11, color=INK)
    # the specification is ours, and validating it takes as long as drawing it
    return Chart(name, title, description, styled.to_dict(validate=False))


def drawn(charts: Sequence[Chart]) -> list[str]:
    """The SVG of each chart, in the same order. Raises Bug and RuntimeError as `draw` does."""
    drawings = draw([chart.specification for chart in charts]) if charts else []
    return [_named(svg, chart) for svg, chart in zip(drawings, charts, strict=True)]


def _named(svg: str, chart: Chart) -> str:
    """The SVG with its title and description."""
    name = chart.name
    # a screen reader reads it as one image and then the table below, not mark by mark
    body = _SPOKEN.sub("", svg)
    body = _ID.sub(rf"{name}-\1\2", body)  # ids must be unique among all charts of the page
    opening = f'<svg role="img" aria-labelledby="{name}-title {name}-desc" '
    texts = (
        f'<title id="{name}-title">{escape(chart.title)}</title>'
        f'<desc id="{name}-desc">{escape(chart.description)}</desc>'
    )
    head, _, rest = body.partition(">")
    return f"{head.replace('<svg ', opening, 1)}>{texts}{rest}"

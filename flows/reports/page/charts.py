"""Charts as SVG inside the page, from Altair specifications; vl-convert renders them without a browser or a network."""

import re
from html import escape

import altair as alt
import polars as pl
from vl_convert import vegalite_to_svg

from flows.reports.money import short
from flows.reports.page.figures import Figure
from flows.reports.page.timeline import NO_FINDING
from flows.results.small_cells import OTHER

_PLAIN = "#2b6a6c"
COLOURS = {
    "recover": "#b3261e",
    "records_request": "#b06000",
    "review": "#1f5fa8",
    "advisory": "#5f6b7a",
    NO_FINDING: "#c3cad3",
    OTHER: _PLAIN,
}
_INK, _QUIET = "#1c2430", "#5a6472"
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
_BAR, _ROW, _DOLLARS, _LINES, _MONTHS, _WEEKS = (
    14,
    24,
    140,
    76,
    306,
    250,
)  # in px, made for a telephone's width
_LABELS, _LONGEST = (
    118,
    17,
)  # px, and the letters that fit: browsers have other letters than the renderer, so none are measured
_ROOM = 1.6  # for the figure behind the longest bar
_SPOKEN = re.compile(r' (?:role|aria-[a-z]+)="[^"]*"')
_ID = re.compile(r'(?<=[ "(#])(clip|gradient)(\d+)')


def svg(figure: Figure) -> str:
    """The chart of one figure."""
    chart = _over_time(figure) if figure.is_over_time else _bars(figure)
    said = "; ".join(
        f"{label}: {short(dollars)}, {lines} lines" for label, dollars, lines in figure.totals
    )
    return _rendered(chart, figure.name, f"At risk and lines {figure.title.lower()}", said)


def dose_svg(doses: pl.DataFrame) -> str:
    """The dose timeline: a row per course, a mark per dose at its week, the cycle's number above or below it."""
    names = doses["course_name"].unique(maintain_order=True).to_list()
    base = alt.Chart(_data(doses.with_columns(pl.col("cycle").str.replace(" or ", "/")))).encode(
        x=alt.X(
            "week:Q",
            title="Weeks since the first dose",
            axis=alt.Axis(tickMinStep=1, grid=False, tickCount=6),
        ),
        y=alt.Y("course_name:N", sort=names, title=None, axis=_labels(grid=True)),
    )
    marks = base.mark_circle(size=85, opacity=1).encode(color=_outcome_colour())
    cycles = [
        base.transform_filter(side)
        .mark_text(dy=dy, fontSize=9, color=_QUIET)
        .encode(text="cycle:N")
        for side, dy in (("!datum.is_below", -10), ("datum.is_below", 11))
    ]
    chart = alt.layer(marks, *cycles).properties(width=_WEEKS, height=alt.Step(30))
    said = f"{len(names)} courses, {doses.height} doses; the table below gives week, cycle and finding of each."
    return _rendered(chart, "doses", "Doses of each course in weeks since its first", said)


def _bars(figure: Figure) -> alt.HConcatChart:
    labels = [label for label, _, _ in figure.totals]
    totals = _data(
        pl.DataFrame(figure.totals, schema=["label", "dollars", "lines"], orient="row")
    ).with_columns(
        shown=pl.Series([short(dollars) for _, dollars, _ in figure.totals], dtype=pl.String)
    )

    def panel(
        value: str, title: str, text: str, width: int, is_first: bool
    ) -> alt.LayerChart | alt.FacetChart:
        axis = _labels() if is_first else None
        most = max([*totals[value], 0]) or 1
        x = alt.X(f"{value}:Q", stack="zero", axis=None, scale=alt.Scale(domain=[0, most * _ROOM]))
        bars = (
            alt.Chart(_data(figure.rows))
            .mark_bar(height=_BAR)
            .encode(
                x=x,
                y=alt.Y("label:N", sort=labels, title=None, axis=axis),
                order="order:Q",
                color=_outcome_colour()
                if figure.rows["outcome"].is_not_null().any()
                else alt.value(_PLAIN),
            )
        )
        words = (
            alt.Chart(totals)
            .mark_text(align="left", dx=4)
            .encode(x=alt.X(f"{value}:Q", axis=None), y=alt.Y("label:N", sort=labels), text=text)
        )
        return alt.layer(bars, words).properties(
            width=width, height=alt.Step(_ROW), title=_heading(title)
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
        # UTC throughout: the bytes must not depend on the machine's zone
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
            alt.Chart(_data(rows)).mark_bar(color=_PLAIN, binSpacing=0.5).encode(x=x, y=y)
        )
        return bars.properties(width=_MONTHS, height=96, title=_heading(title))

    return alt.vconcat(panel("dollars", "at risk", "$~s"), panel("lines", "lines", "d"), spacing=14)


def _heading(text: str) -> alt.Title:
    return alt.Title(
        text, anchor="start", frame="group", fontSize=11, fontWeight="normal", color=_QUIET
    )


def _labels(grid: bool = False) -> alt.Axis:
    """Names of rows, one under the other from the left."""
    cut = f"length(datum.label) > {_LONGEST} ? slice(datum.label, 0, {_LONGEST - 1}) + '…' : datum.label"
    return alt.Axis(
        ticks=False,
        domain=False,
        grid=grid,
        labelAlign="left",
        labelPadding=_LABELS,
        minExtent=_LABELS,
        maxExtent=_LABELS,
        labelLimit=0,
        labelExpr=cut,
    )


def _outcome_colour() -> alt.Color:
    return alt.Color(
        "outcome:N",
        legend=None,
        scale=alt.Scale(domain=list(COLOURS), range=list(COLOURS.values())),
    )


def _data(rows: pl.DataFrame) -> pl.DataFrame:
    """As JSON can hold it, and in an order that bars divided by outcome keep."""
    return rows.with_row_index("order").cast({pl.selectors.decimal(): pl.Float64})


def _rendered(chart: alt.TopLevelMixin, name: str, title: str, description: str) -> str:
    """The SVG, named for a screen reader and of the width that its place has."""
    styled = chart.configure(font=_FONT, background="white").configure_view(stroke=None)
    styled = styled.configure_axis(
        titleFontWeight="normal",
        titleColor=_QUIET,
        labelColor=_INK,
        labelFontSize=11,
        gridColor="#e3e7ec",
        domainColor="#aab3bf",
        tickColor="#aab3bf",
    )
    styled = styled.configure_text(fontSize=11, color=_INK)
    drawn = vegalite_to_svg(
        styled.to_dict(validate=False)
    )  # the specification is ours: to validate it takes as long as to draw it
    body = _SPOKEN.sub(
        "", drawn
    )  # read out as one image, with the table below it, not mark by mark
    body = _ID.sub(rf"{name}-\1\2", body)  # ids are one space for all charts of the page
    opening = f'<svg role="img" aria-labelledby="{name}-title {name}-desc" '
    words = f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-desc">{escape(description)}</desc>'
    head, _, rest = body.partition(">")
    return f"{head.replace('<svg ', opening, 1)}>{words}{rest}"

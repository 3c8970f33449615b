"""Write the page of a run from its result files alone: the same results give the same bytes."""

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
from markupsafe import Markup

from flows.reports.html import templates
from flows.reports.money import dollars
from flows.reports.page.chart_style import COLOURS, drawn
from flows.reports.page.charts import dose_chart, figure_chart
from flows.reports.page.figures import QUESTIONS, Figure, aggregate_figures, figures
from flows.reports.page.filters import choices
from flows.reports.page.lines import page_lines
from flows.reports.page.members import member_names
from flows.reports.page.timeline import DOSE_OUTCOMES, MOST_COURSES, Timeline, timeline
from flows.reports.page.trend import trend_chart
from flows.reports.run_facts import RunFacts
from flows.reports.wording import ledger_text
from flows.results.payers import one_name_per_payer
from flows.results.small_cells import AGGREGATE_FILE, LEAST
from flows.results.totals import shown_totals, totals, totals_as_text
from schemas.decisions import DISMISSED
from schemas.outcomes import (
    MEANING,
    NO_POLICY,
    NOT_APPLICABLE,
    NOT_EVALUABLE,
    PASS,
)
from schemas.results import AGGREGATE, AMOUNT_COLUMNS, NUMBERED_LINE, TOTAL

PAGE = "summary.html"
PAGE_LINES = 100
_PARTS = 100
"""How many parts of the page are in memory at a time; each is a piece of a line at most."""
_COLUMNS = (
    ("Claim line", "text"),
    ("Member", "rank"),
    ("Payer", "text"),
    ("Service", "text"),
    ("Drug", "text"),
    ("Provider", "text"),
    ("Outcome", "rank"),
    ("At risk", "amount"),
    ("Collect by", "text"),
    ("Why", ""),
)
_TOO_FEW = f"There are no findings, or they concern fewer than {LEAST} members and are not shown."
_NOTHING_AUDITED = "No paid line of an audited drug was found: nothing was audited."
_NOTHING = (
    "No rule found anything to question on the audited lines. "
    "What was checked, and what could not be determined, is listed below."
)


def write_page(
    folder: Path, run: RunFacts, balance: dict[str, Any], payer_names: dict[str, str]
) -> None:
    """Write summary.html from the Parquet files of a folder.

    balance: the counts of rows in and out; payer_names: folded spelling -> payer id.
    """
    worklist, advisories = (
        pl.read_parquet(folder / f"{name}.parquet", glob=False)
        for name in ("worklist", "advisories")
    )
    in_file = pl.scan_parquet(folder / "exceptions.parquet", glob=False)
    exceptions = in_file.select("exception_id", "rule_id", "amount_at_risk").collect()
    lines = pl.concat([worklist, advisories])
    is_live = pl.col("outcome").is_not_null()
    named = one_name_per_payer(lines.filter(is_live), payer_names)  # as in the charts
    lines = lines.with_columns(payer_name=named)
    live = lines.filter(is_live)
    members = member_names(lines)
    doses = timeline(in_file, members)
    bars = list(figures(exceptions, live, payer_names)) if exceptions.height else []
    drawings = _drawings(bars, run, doses)
    quarantine = pl.read_parquet(
        folder / "quarantine.parquet", glob=False, columns=["file", "column", "check"]
    )
    coverage = pl.read_parquet(folder / "rule_coverage.parquet", glob=False)
    headline = (
        *_amounts(worklist),
        *_hit_rate(live.height, run.audited_lines),
        ("members", f"{members.height:,}", ""),
        ("exceptions", f"{exceptions.height:,}", ""),
    )
    shown_lines = page_lines(in_file, live, members, run.as_of)
    shown = {
        "totals": headline,
        "changes": f"{run.changes[0].upper()}{run.changes[1:]}.",
        "moved": _moved(pl.scan_parquet(folder / "changes.parquet", glob=False)),
        "without_price": exceptions["amount_at_risk"].null_count(),
        "doses": doses.doses.to_dicts(),
        "courses": doses.courses,
        "course_limit": MOST_COURSES,
        "dose_outcomes": DOSE_OUTCOMES,
        "lines": shown_lines,
        "filters": choices((line["filters"] for line in shown_lines), QUESTIONS, MEANING),
        "line_count": live.height,
        "set_aside": page_lines(in_file, lines.filter(~is_live), members, run.as_of),
        "set_aside_count": lines.height - live.height,
        "columns": _COLUMNS,
        "coverage": list(_coverage(coverage.filter(pl.col("policy_id") != NO_POLICY))),
        "ungoverned": coverage.filter(pl.col("policy_id") == NO_POLICY)["lines"].sum(),
        "balance": balance,
        "least": LEAST,
        "quarantined": quarantine.group_by("file", "column", "check")
        .len()
        .sort("file", "column", "check")
        .to_dicts(),
    }
    nothing = _NOTHING if coverage["lines"].sum() else _NOTHING_AUDITED
    shown |= {"is_empty": exceptions.is_empty(), "nothing": nothing}
    _write(folder, run, bars, drawings, shown)


def write_aggregate_page(folder: Path, run: RunFacts) -> None:
    """Write summary.html from the four tables in aggregate.csv."""
    table = pl.read_csv(folder / AGGREGATE_FILE, schema=AGGREGATE, glob=False)
    of_one_table = table.filter(pl.col("by") == "month")
    (lines,) = totals(of_one_table)["lines"]
    shown: dict[str, Any] = {
        "totals": (*_amounts(of_one_table), ("lines with findings", f"{lines:,}", "")),
        "changes": "",
        "moved": [],
        "without_price": 0,
        "doses": [],
        "lines": [],
        "set_aside": [],
        "coverage": [],
        "least": LEAST,
        "is_empty": table.is_empty(),
        "nothing": _TOO_FEW,
    }
    bars = list(aggregate_figures(table))
    _write(folder, run, bars, _drawings(bars, run), shown)


def _drawings(
    bars: Sequence[Figure], run: RunFacts, doses: Timeline | None = None
) -> dict[str, Markup]:
    """Name of each chart -> its SVG."""
    charts = [figure_chart(figure.drawn) for figure in bars]
    if doses and doses.doses.height:
        charts.append(dose_chart(doses))
    if len(run.trend) > 1:
        charts.append(trend_chart(run.trend))
    named = zip(charts, drawn(charts), strict=True)
    return {chart.name: Markup(drawing) for chart, drawing in named}


def _amounts(lines: pl.DataFrame) -> Iterator[tuple[str, str, str]]:
    """The sums of the columns of the worklist that are shown, each under the column's name."""
    for column, amount in shown_totals(totals_as_text(lines)).items():
        yield column, dollars(amount), ""


def _hit_rate(found: int, audited: int | None) -> Iterator[tuple[str, str, str]]:
    """How many lines were audited, and what part of them has a live finding."""
    if audited is None:
        yield "lines with findings", f"{found:,}", ""
        return
    yield "lines audited", f"{audited:,}", ""
    rate = f"{found / audited:.1%} of those audited" if audited >= found > 0 else ""
    yield "lines with findings", f"{found:,}", rate


def _moved(changes: pl.LazyFrame) -> list[dict[str, Any]]:
    """What changed since the last run, by status and reason: findings, lines and dollars."""
    why = ["status", "why"]
    amount = pl.coalesce("amount_at_risk", "previous_amount_at_risk").cast(TOTAL)
    lines = changes.group_by(*why, *NUMBERED_LINE, "member_id").agg(
        amount.max().alias("dollars"), findings=pl.len()
    )
    whole = lines.group_by(why).agg(
        pl.col("dollars", "findings").sum(), pl.len().cast(pl.Int64).alias("lines")
    )
    return whole.sort(why, nulls_last=True).collect().to_dicts()


def _write(
    folder: Path,
    run: RunFacts,
    bars: Sequence[Figure],
    drawings: Mapping[str, Markup],
    shown: dict[str, Any],
) -> None:
    pages = templates("flows.reports.page")
    pages.filters["ledger"] = ledger_text
    script = pages.get_template("page.js").render()
    page = pages.get_template("summary.html").stream(
        run=run,
        charts=[(figure, figure.drawn.note, drawings[figure.name]) for figure in bars],
        doses_drawing=drawings.get("doses", ""),
        trend_drawing=drawings.get("trend", ""),
        outcomes=MEANING.items(),
        amount_columns=AMOUNT_COLUMNS,
        colours=COLOURS,
        dismissed=DISMISSED,
        page_lines=PAGE_LINES,
        script=Markup(script),
        script_hash=_hash_of(script),
        style=Markup(pages.get_template("page.css").render()),
        **shown,
    )
    page.enable_buffering(_PARTS)
    page.dump(str(folder / PAGE), encoding="utf-8")


def _hash_of(script: str) -> str:
    """The hash for the content security policy: no other script runs, and nothing is fetched."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _coverage(coverage: pl.DataFrame) -> Iterator[dict[str, Any]]:
    """One row per policy and rule, with `counts` and the reasons in words.

    counts: lines, exceptions, pass, not applicable, not evaluable.
    """
    answer = ("policy_id", "rule_id", "outcome", "reason")
    of_every_term = coverage.group_by(answer, maintain_order=True).agg(pl.col("lines").sum())
    for (policy_id, rule_id), answers in of_every_term.group_by(
        "policy_id", "rule_id", maintain_order=True
    ):
        rows = answers.to_dicts()
        by = {
            name: sum(r["lines"] for r in rows if r["outcome"] == name)
            for name in (PASS, NOT_APPLICABLE, NOT_EVALUABLE)
        }
        total = sum(r["lines"] for r in rows)
        counts = (total, total - sum(by.values()), *by.values())
        reasons = "; ".join(
            f"{r['reason'].replace('_', ' ')} {r['lines']:,}".removesuffix(" 0")
            for r in rows
            if r["reason"]
        )
        yield {
            "policy_id": policy_id,
            "rule_id": rule_id,
            "question": QUESTIONS.get(str(rule_id), ""),
            "counts": counts,
            "reasons": reasons,
        }

"""The words of a finding: the document's own, or the kind's, with figures in their places."""

from collections.abc import Sequence
from string import Formatter

import polars as pl

from audit_rules.engine.answers import worded
from audit_rules.engine.arithmetic import from_thousandths
from audit_rules.kinds.conditions import sexes
from audit_rules.kinds.counting import Pools
from audit_rules.kinds.ground import Ground
from audit_rules.kinds.registry import BY_KIND
from audit_rules.policy.language.terms import LanguageTerm

_DOSES = ("dose", "day", "course_start")


def sentence(term: LanguageTerm, entry: int, reason: str) -> str:
    """The template of the rationale of a failed line."""
    own = term.finding[entry].says
    return own or BY_KIND[term.kind].RULE.says.get(reason, "")


def with_words(
    ground: Ground, rows: pl.DataFrame, terms: Sequence[LanguageTerm], pools: dict[int, Pools]
) -> pl.DataFrame:
    """Failed rows with `rationale`.

    rows    every one with a finding: term_no, entry, kind_reason, cite and the figures.
    pools   term_no -> the dose dates that its numbers count.
    """
    key = ["term_no", "entry", "kind_reason"]
    texts: dict[tuple[str, int], int] = {}
    sources: list[tuple[str, Pools]] = []
    rows_of_text = []
    for number, entry, reason in rows.select(key).unique(maintain_order=True).iter_rows():
        text = sentence(terms[number], entry, reason)
        place = texts.setdefault((text, id(pools[number])), len(sources))
        if place == len(sources):
            sources.append((text, pools[number]))
        rows_of_text.append((number, entry, reason, place))
    schema = dict(rows.select(key).schema) | {"text_no": pl.Int64}
    told = rows.join(pl.DataFrame(rows_of_text, schema=schema, orient="row"), on=key)
    parts = [rows.clear().with_columns(rationale=pl.lit(None, pl.String))]
    for number, (text, counted) in enumerate(sources):
        some = told.filter(pl.col("text_no") == number).drop("text_no")
        names = {n for _, n, _, _ in Formatter().parse(text) if n}
        shown = _with_names(ground, some, names, counted)
        words = shown.select(rationale=worded(text)).to_series()
        parts.append(
            some.with_columns(words) if names else some.with_columns(rationale=pl.lit(text))
        )
    return pl.concat(parts)


def _with_names(ground: Ground, rows: pl.DataFrame, names: set[str], pools: Pools) -> pl.DataFrame:
    """Rows with a column for each name of a sentence."""
    lines = ground.asked.select(
        "ask_no",
        "service_date",
        "product_code",
        "birth_date",
        "age",
        "channel",
        "quantity",
        "days_supply",
        place="place_of_service_code",
        npi="provider_npi",
        product="set_no",
    )
    set_names = {s.number: s.name for s in ground.sets}
    shown = rows.select(
        "ask_no",
        "observed",
        "allowed",
        "cite",
        "found",
        "found_date",
        "missing",
        "window_from",
        "window_to",
        "phase",
        "previous_date",
        "ended_on",
        "fact_value",
        "fact_date",
        excess=from_thousandths(pl.col("excess")),
    ).join(lines, on="ask_no", maintain_order="left")
    shown = shown.with_columns(
        product=pl.col("product").replace_strict(set_names, return_dtype=pl.String)
    )
    if "sex" in names:
        found = pl.DataFrame({"ask_no": ground.asked["ask_no"], "sex": sexes(ground)})
        shown = shown.join(found, on="ask_no", maintain_order="left")
    if names & set(_DOSES):
        numbers = pools.numbers.select("ask_no", "dose", "course_start", day="number").unique(
            "ask_no"
        )
        shown = shown.join(numbers, on="ask_no", how="left", maintain_order="left")
    return shown

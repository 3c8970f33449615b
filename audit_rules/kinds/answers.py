"""From a kind's test to an answer: asked or not, excused or not, the finding, and its amount."""

import polars as pl

from audit_rules.engine.arithmetic import rounded_half_up
from audit_rules.kinds.ground import Ground
from audit_rules.kinds.setting import FAILS, PASSES, KindResult, Setting
from audit_rules.policy.language.terms import LanguageTerm
from audit_rules.policy.terms.base import FAR_FUTURE
from schemas.outcomes import (
    ADVISORY,
    EXCEPTIONS,
    EXCESS_QUANTITY,
    FULL_PAID,
    NONE,
    NOT_APPLICABLE,
    NOT_EVALUABLE,
    PASS,
    PRICE_DIFFERENCE,
    PRICE_UNKNOWN,
    RECORDS_REQUEST,
)

_BASES = {
    "excess": EXCESS_QUANTITY,
    "whole_line": FULL_PAID,
    "difference": PRICE_DIFFERENCE,
    "none": NONE,
}
_SHORT = "history_too_short"


def answers_of(setting: Setting, tested: KindResult) -> pl.DataFrame:
    """One row per line, set and term that is asked and in force: outcome and figures, uncapped.

    Columns: ask_no, row_id, set_no, term_no, outcome, reason, entry (number of the finding's
    entry), is_short, and the figures of the result.
    """
    dates = pl.DataFrame(
        [
            (n, t.effective_from, t.effective_to or FAR_FUTURE)
            for n, t in zip(setting.numbers, setting.terms, strict=True)
        ],
        schema={"term_no": pl.Int64, "term_from": pl.Date, "term_to": pl.Date},
        orient="row",
    )
    lines = setting.ground.judged.select("ask_no", "row_id", "set_no", "day")
    rows = tested.result.join(lines, on="ask_no").join(dates, on="term_no")
    rows = rows.filter(pl.col("term_from") <= pl.col("day"), pl.col("day") < pl.col("term_to"))
    conditions = pl.DataFrame(
        {
            "ask_no": setting.ground.asked["ask_no"],
            **_condition(setting, "applies"),
            **_condition(setting, "unless"),
        }
    )
    rows = rows.join(conditions, on="ask_no").filter(
        pl.col("applies").is_null() | pl.col("applies")
    )
    if any("{found" in (finding.says or "") for finding in setting.term.finding):
        rows = _with_found(rows, setting)
    fails = pl.col("state") == FAILS
    outcome = (
        pl.when(pl.col("applies").is_null())
        .then(pl.lit(NOT_EVALUABLE))
        .when((pl.col("state") == PASSES) | pl.col("unless").fill_null(False))
        .then(pl.lit(PASS))
        .when(~fails)
        .then(pl.lit(NOT_EVALUABLE))
        .otherwise(pl.lit(ADVISORY))
    )
    is_failed = outcome == ADVISORY
    reason = (
        pl.when(pl.col("applies").is_null())
        .then("applies_reason")
        .when(outcome != PASS)
        .then("reason")
    )
    rows = rows.with_columns(outcome=outcome, reason=reason, is_failed=is_failed)
    return _with_finding(setting.term, rows).drop(
        "day", "term_from", "term_to", "applies", "applies_reason", "unless", "unless_reason"
    )


def _with_found(rows: pl.DataFrame, setting: Setting) -> pl.DataFrame:
    """Rows with what made the clause apply as `found`, if the kind's test names nothing."""
    things = [one for one in (setting.applies.found if setting.applies else ()) if one.name]
    if not things:
        return rows
    names = pl.col("name").unique(maintain_order=True).str.join(" or ")
    facts = pl.concat(one.facts.select("ask_no", "date", name=pl.lit(one.name)) for one in things)
    told = facts.group_by("ask_no", maintain_order=True).agg(
        applies_found=names, applies_date=pl.col("date").max()
    )
    joined = rows.join(told, on="ask_no", how="left", maintain_order="left")
    is_named = pl.col("found").is_not_null()
    return joined.with_columns(
        found=pl.when(is_named).then("found").otherwise("applies_found"),
        found_date=pl.when(is_named).then("found_date").otherwise("applies_date"),
    ).drop("applies_found", "applies_date")


def _condition(setting: Setting, name: str) -> dict[str, pl.Series]:
    truth = getattr(setting, name)
    if truth is None:
        value = setting.ground.filled(name == "applies", pl.Boolean)
        return {name: value, f"{name}_reason": setting.ground.filled(None, pl.String)}
    return {name: truth.value, f"{name}_reason": truth.reason}


def _with_finding(term: LanguageTerm, rows: pl.DataFrame) -> pl.DataFrame:
    """Failed lines with the outcome of the entry that answers their reason."""
    last = len(term.finding) - 1
    entry = pl.lit(last)
    for number, one in reversed(list(enumerate(term.finding[:-1]))):
        entry = pl.when(pl.col("reason").is_in(list(one.answers))).then(number).otherwise(entry)
    rows = rows.with_columns(entry=pl.when("is_failed").then(entry).cast(pl.Int64))

    def of_entry(values: list[str | None]) -> pl.Expr:
        told = {i: v for i, v in enumerate(values) if v is not None}
        return pl.col("entry").replace_strict(told, default=None, return_dtype=pl.String)

    stated = of_entry([f.outcome for f in term.finding])
    short = of_entry([f.history_short for f in term.finding])
    renamed = of_entry([f.reason for f in term.finding])
    amount = of_entry([_BASES[f.amount or term.default_amount] for f in term.finding])
    outcome = pl.when(pl.col("is_hint").fill_null(False)).then(pl.lit(ADVISORY)).otherwise(stated)
    is_short = pl.col("is_short").fill_null(False)
    outcome = pl.when(is_short).then(weaker(outcome, short)).otherwise(outcome)
    unsure = pl.col("unless").is_null()
    outcome = pl.when(unsure).then(weaker(outcome, pl.lit(RECORDS_REQUEST))).otherwise(outcome)
    keeps_reason = renamed.is_null() | (pl.col("reason") == _SHORT)
    return rows.with_columns(
        outcome=pl.when("is_failed").then(outcome).otherwise("outcome"),
        kind_reason="reason",
        reason=pl.when(pl.col("is_failed") & ~keeps_reason).then(renamed).otherwise("reason"),
        amount_basis=pl.when("is_failed").then(amount),
        observed=pl.when("is_failed").then("observed"),
        allowed=pl.when("is_failed").then("allowed"),
    )


def weaker(first: pl.Expr, second: pl.Expr) -> pl.Expr:
    """The weaker of two outcomes of exceptions."""
    rank = {outcome: i for i, outcome in enumerate(EXCEPTIONS)}

    def place(outcome: pl.Expr) -> pl.Expr:
        return outcome.replace_strict(rank, default=None, return_dtype=pl.Int64)

    return pl.when(place(first) >= place(second)).then(first).otherwise(second)


def with_amounts(ground: Ground, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with amount_cents: what the basis asks for, at most what was paid; null if unknown.

    A quantity's excess is paid for without the dispensing fee. If a kind counts nothing, it is
    the whole line.
    """
    money = ground.asked.select("ask_no", "paid_cents", "fee_cents")
    rows = rows.join(money, on="ask_no", maintain_order="left")
    paid = pl.col("paid_cents")
    price = (paid - pl.col("fee_cents").fill_null(0)).clip(0)
    counts = pl.col("own").is_not_null()
    own = pl.col("own").round(0).cast(pl.Int128)
    excess = pl.col("excess").round(0).cast(pl.Int128).clip(0)
    share = rounded_half_up(price.cast(pl.Int128) * excess, own.clip(1))
    of_excess = pl.when(~counts).then(price).when(own > 0).then(share)
    basis = pl.col("amount_basis")
    amount = (
        pl.when(basis == EXCESS_QUANTITY)
        .then(of_excess)
        .when(basis == FULL_PAID)
        .then(paid)
        .when(basis == NONE)
        .then(0)
    )
    cents = pl.when("is_failed").then(pl.min_horizontal(amount.clip(0), paid))
    known = pl.when(amount.is_not_null()).then(cents)
    return rows.with_columns(
        amount_cents=known,
        amount_basis=pl.when(pl.col("is_failed") & known.is_null())
        .then(pl.lit(PRICE_UNKNOWN))
        .otherwise(basis),
    ).drop("fee_cents")


__all__ = ["NOT_APPLICABLE", "answers_of", "weaker", "with_amounts"]

"""Answers that are one: of a line in several sets, of alternatives, of terms under one rule id, and
once a date or claim."""

from collections.abc import Sequence

import polars as pl

from audit_rules.policy.language.terms import LanguageTerm
from schemas.outcomes import EXCEPTIONS, NOT_APPLICABLE, NOT_EVALUABLE, PASS

_WEAKEST_LAST = {o: i for i, o in enumerate(EXCEPTIONS)}


def one_per_term(rows: pl.DataFrame) -> pl.DataFrame:
    """Of a line in several sets of a term, the answer that one of them is enough for."""
    return _kindest(rows, ["row_id", "term_no"], ["set_no"])


def one_of_alternatives(rows: pl.DataFrame, terms: Sequence[LanguageTerm]) -> pl.DataFrame:
    """Of alternatives that apply, one answer; the others are not_applicable, and fall away.

    Any passes: pass; else any that is not_evaluable; else the kindest finding.
    """
    words = {i: t.alternatives for i, t in enumerate(terms) if t.alternatives}
    if not words:
        return rows
    word = pl.col("term_no").replace_strict(words, default=None, return_dtype=pl.String)
    rows = rows.with_columns(word=word)
    alone = rows.filter(pl.col("word").is_null())
    together = _kindest(rows.filter(pl.col("word").is_not_null()), ["row_id", "word"], ["term_no"])
    return pl.concat([alone, together]).drop("word")


def _kindest(rows: pl.DataFrame, key: list[str], order: list[str]) -> pl.DataFrame:
    """Per key the kindest answer: pass, else not_evaluable, else the weakest outcome with the least
    amount, null last."""
    rank = pl.col("outcome").replace_strict(
        {PASS: -2, NOT_EVALUABLE: -1} | {o: len(EXCEPTIONS) - i for o, i in _WEAKEST_LAST.items()},
        return_dtype=pl.Int64,
    )
    return (
        rows.with_columns(rank=rank)
        .sort(*key, "rank", "amount_cents", *order, nulls_last=True)
        .unique(key, keep="first", maintain_order=True)
        .drop("rank")
    )


def one_per_rule(rows: pl.DataFrame, terms: Sequence[LanguageTerm]) -> pl.DataFrame:
    """Of terms under one rule id, the strongest answer; the others fall away.

    Adds rule_id, and `unit`: the term's number, or -1 for terms that answer as one.
    """
    ids = {i: t.rule_id or t.default_rule for i, t in enumerate(terms)}
    shared = {i for i, t in enumerate(terms) if t.rule_id}
    number = pl.col("term_no")
    rows = rows.with_columns(
        rule_id=number.replace_strict(ids, return_dtype=pl.String),
        unit=pl.when(number.is_in(sorted(shared))).then(-1).otherwise(number),
    )
    return (
        rows.with_columns(rank=_strength())
        .sort("row_id", "rule_id", "unit", "rank", "term_no")
        .unique(["row_id", "rule_id", "unit"], keep="first", maintain_order=True)
        .drop("rank")
    )


def _strength() -> pl.Expr:
    order = (*EXCEPTIONS, NOT_EVALUABLE, PASS, NOT_APPLICABLE)
    return pl.col("outcome").replace_strict(
        {o: i for i, o in enumerate(order)}, return_dtype=pl.Int64
    )


def once(rows: pl.DataFrame, lines: pl.DataFrame, terms: Sequence[LanguageTerm]) -> pl.DataFrame:
    """Of a person's and payer's lines of a date or claim the first with the strongest answer keeps
    it; the others are not_applicable, and fall away.

    lines   row_id, person, payer_id, day, claim_source, claim_id, claim_line_number.
    """
    modes = {i: t.finding[-1].once for i, t in enumerate(terms)}
    rows = rows.with_columns(mode=pl.col("term_no").replace_strict(modes, return_dtype=pl.String))
    kept = [rows.filter(pl.col("mode") == "line")]
    for mode, place in (("date", ["day"]), ("claim", ["claim_source", "claim_id"])):
        some = rows.filter(pl.col("mode") == mode)
        if some.height:
            joined = some.join(lines, on="row_id").with_columns(rank=_strength())
            key = ["rule_id", "unit", "person", "payer_id", *place]
            first = joined.sort(*key, "rank", "claim_id", "claim_line_number", "row_id").unique(
                key, keep="first", maintain_order=True
            )
            kept.append(some.join(first, on=["row_id", "rule_id", "unit"], how="semi"))
    return pl.concat(kept).drop("mode")

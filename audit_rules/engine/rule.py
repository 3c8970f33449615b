"""What a rule is, and the steps every rule takes: find its lines and terms, answer in order of precedence, settle."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from string import Formatter
from typing import NamedTuple, Protocol

import polars as pl

from audit_rules.engine.dossier import Dossier
from audit_rules.policy.library import PolicyLibrary
from audit_rules.policy.terms import Term
from audit_rules.reference.codes import Reference
from schemas.outcomes import (
    ADVISORY,
    EXCEPTIONS,
    FULL_PAID,
    NONE,
    NOT_APPLICABLE,
    PRICE_UNKNOWN,
    RECOVER,
    REVIEW,
)

ON = ("row_id", "policy_id")
"""A rule gives one answer per line and policy."""


@dataclass(frozen=True)
class Rule:
    """A rule's fixed facts; its meaning is the docstring of its module.

    asks     kinds of term it needs; the first decides which policies the rule belongs to.
    basis    how amount_at_risk comes about.
    says     reason -> rationale; {names} are columns of the answer.
    needs    reason -> documents that would settle it.
    capped   `recover` becomes `review` where the text in force is not in hand or past its review.
    passing  reasons that end by themselves as days go by: such an answer is asked for anew on a later night.
    """

    id: str
    name: str
    asks: tuple[type[Term], ...]
    basis: str
    says: dict[str, str]
    needs: dict[str, tuple[str, ...]] = field(default_factory=dict)
    capped: bool = True
    passing: tuple[str, ...] = ()


class Findings(NamedTuple):
    """What a rule found: answers (one row per line and policy it could judge) and the evidence behind them.

    gaps   what the rule could look for on no line at all: policy_id and reason, named in the coverage with no lines.
    """

    answers: pl.LazyFrame
    evidence: Sequence[pl.LazyFrame] = ()
    gaps: pl.LazyFrame | None = None


@dataclass(frozen=True)
class Book:
    """Policies and reference facts together, as rules ask for them."""

    library: PolicyLibrary
    reference: Reference

    def terms(self, kind: type[Term]) -> pl.LazyFrame:
        """One row per term of a kind."""
        return self.library.terms(kind)


class RuleModule(Protocol):
    """A module of `audit_rules.rules`."""

    RULE: Rule

    def evaluate(self, dossier: Dossier, lines: pl.LazyFrame, book: Book) -> Findings:
        """Judge the lines in scope."""
        ...


class Answer(NamedTuple):
    """One row of a rule's table: when it fits, what it answers."""

    when: pl.Expr
    outcome: str
    reason: str | None = None
    observed: pl.Expr | None = None
    allowed: pl.Expr | None = None


def in_scope(dossier: Dossier, book: Book, rule: Rule) -> pl.LazyFrame:
    """The judged lines of every policy that has the rule's first kind of term, with the version in force.

    One row per line and policy: the line, policy_id, version_from (null before the first version), is_capped.
    """
    policies = book.terms(rule.asks[0]).select("policy_id").unique()
    versions = book.library.versions().join(policies, on="policy_id", how="semi")
    of_payer = dossier.lines.join(
        versions, left_on=["payer_id", "drug"], right_on=["policy_payer", "policy_drug"]
    )
    of_all = dossier.lines.join(
        versions.filter(pl.col("policy_payer").is_null()).drop("policy_payer", "policy_drug"),
        how="cross",
    )
    day = pl.col("service_date")
    in_force = (pl.col("version_from") <= day) & (day < pl.col("version_to"))
    is_capped = in_force & (pl.col("capped_from") <= day).fill_null(False)
    return (
        pl.concat([of_payer, of_all], how="diagonal")
        .with_columns(version_from=pl.when(in_force).then("version_from"), is_capped=is_capped)
        .sort(*ON, "version_from", nulls_last=True)
        .unique(list(ON), keep="first", maintain_order=True)
        .drop("version_to", "capped_from")
    )


def in_force(lines: pl.LazyFrame, terms: pl.LazyFrame, on: Sequence[str] = ()) -> pl.LazyFrame:
    """Lines with the term of their policy (and of `on`) that is in force on the service date; others fall away."""
    day = pl.col("service_date")
    return lines.join(terms, on=["policy_id", *on]).filter(
        (pl.col("term_from") <= day) & (day < pl.col("term_to"))
    )


def with_flag(lines: pl.LazyFrame, name: str, found: pl.LazyFrame) -> pl.LazyFrame:
    """Lines with a column `name`: true where `found` has a row for the line and policy, else false."""
    flagged = found.select(*ON).unique().with_columns(pl.lit(True).alias(name))
    return lines.join(flagged, on=list(ON), how="left").with_columns(pl.col(name).fill_null(False))


def answer(lines: pl.LazyFrame, table: Iterable[Answer]) -> pl.LazyFrame:
    """Try the rows of a rule's table in order; the first whose condition is true answers, else `pass`.

    A condition that is null (a fact is missing) does not fit: Kleene's unknown is not true.
    """
    rows = list(table)
    number = pl.lit(len(rows))
    for i, row in reversed(list(enumerate(rows))):
        number = pl.when(row.when).then(i).otherwise(number)

    def pick(values: list[pl.Expr | None], default: pl.Expr) -> pl.Expr:
        chosen = default
        for i, value in enumerate(values):
            chosen = (
                pl.when(pl.col("answer_no") == i)
                .then(default if value is None else value)
                .otherwise(chosen)
            )
        return chosen

    text = pl.lit(None, dtype=pl.String)
    figure = pl.lit(None, dtype=pl.Float64)
    return (
        lines.with_columns(answer_no=number)
        .with_columns(
            outcome=pick([pl.lit(r.outcome) for r in rows], pl.lit("pass")),
            reason=pick([pl.lit(r.reason, dtype=pl.String) for r in rows], text),
            observed=pick(
                [None if r.observed is None else r.observed.cast(pl.Float64) for r in rows], figure
            ),
            allowed=pick(
                [None if r.allowed is None else r.allowed.cast(pl.Float64) for r in rows], figure
            ),
        )
        .drop("answer_no")
    )


def rounded_half_up(numerator: pl.Expr, denominator: pl.Expr) -> pl.Expr:
    """numerator / denominator to the nearest integer, halves up, exactly; integers, denominator positive."""
    n, d = numerator.cast(pl.Int128), denominator.cast(pl.Int128)
    return ((2 * n + d) // (2 * d)).cast(pl.Int64)


def settle(scope: pl.LazyFrame, answers: pl.LazyFrame, rule: Rule) -> pl.LazyFrame:
    """Cap, price and word the answers; lines in scope without an answer are not_applicable.

    One row per line and policy in scope, with outcome, reason, observed, allowed, amount_cents, amount_basis, rationale.
    """
    rest = scope.join(answers, on=list(ON), how="anti").with_columns(outcome=pl.lit(NOT_APPLICABLE))
    is_exception = pl.col("outcome").is_in(EXCEPTIONS)
    full = pl.col("paid_cents")
    own = pl.col("own_amount_cents") if rule.basis not in (FULL_PAID, NONE, PRICE_UNKNOWN) else None
    amount = {
        FULL_PAID: full,
        NONE: pl.lit(0, dtype=pl.Int64),
        PRICE_UNKNOWN: pl.lit(None, dtype=pl.Int64),
    }.get(rule.basis, own)
    assert amount is not None
    nothing = (pl.col("outcome") == ADVISORY) | (rule.basis == NONE)
    capped = pl.when(pl.col("is_capped") & (pl.col("outcome") == RECOVER) & rule.capped).then(
        pl.lit(REVIEW)
    )
    settled = (
        answers.with_columns(outcome=capped.otherwise("outcome"))
        .with_columns(
            amount_cents=pl.when(is_exception & nothing)
            .then(0)
            .when(is_exception)
            .then(amount.clip(0, full)),
        )
        .with_columns(
            amount_basis=pl.when(nothing)
            .then(pl.lit(NONE))
            .when(pl.col("amount_cents").is_null())
            .then(pl.lit(PRICE_UNKNOWN))
            .otherwise(pl.lit(rule.basis)),
            rationale=_rationale(rule),
        )
    )
    return pl.concat([settled, rest], how="diagonal").with_columns(rule_id=pl.lit(rule.id))


class RuleRun(NamedTuple):
    """One rule on a dossier: its lines in scope, the settled answers on them, and what the rule itself found."""

    module: RuleModule
    scope: pl.DataFrame
    settled: pl.LazyFrame
    found: Findings


def run_rules(dossier: Dossier, book: Book, modules: Sequence[RuleModule]) -> Iterator[RuleRun]:
    """Each rule in turn: find its lines, evaluate, settle. Answers and evidence are not collected yet."""
    for module in modules:
        scope = in_scope(dossier, book, module.RULE).collect()
        found = module.evaluate(dossier, scope.lazy(), book)
        yield RuleRun(module, scope, settle(scope.lazy(), found.answers, module.RULE), found)


def _rationale(rule: Rule) -> pl.Expr:
    chosen = pl.lit(None, dtype=pl.String)
    for reason, words in rule.says.items():
        chosen = pl.when(pl.col("reason") == reason).then(worded(words)).otherwise(chosen)
    return chosen


def worded(template: str) -> pl.Expr:
    """A text with {column} places filled from the row; a null reads as "unknown"."""
    text, columns = "", []
    for literal, name, _, _ in Formatter().parse(template):
        text += literal.replace("{", "{{") + ("{}" if name else "")
        if name:
            columns.append(_shown(name))
    return pl.format(text, *columns) if columns else pl.lit(text)


def _shown(name: str) -> pl.Expr:
    is_number = name in (
        "observed",
        "allowed",
        "quantity",
        "days_supply",
        "strength_mg",
        "standard_days",
    )
    shown = pl.col(name).cast(pl.String)
    if is_number:
        shown = pl.col(name).cast(pl.Float64).round(3).cast(pl.String).str.replace(r"\.0+$", "")
    return shown.fill_null("unknown")

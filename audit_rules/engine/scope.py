"""Which lines a rule judges, which version and terms are in force on each, and flags on them."""

from collections.abc import Sequence

import polars as pl

from audit_rules.engine.dossier import Dossier
from audit_rules.engine.rule import ON, PolicyBook, Rule


def in_scope(dossier: Dossier, book: PolicyBook, rule: Rule) -> pl.LazyFrame:
    """The lines of every policy that has the rule's first kind of term, with the version in force.

    One row per line and policy: the line, policy_id, version_from (null before the first version),
    text_is_missing, review_has_passed.
    """
    every = dossier.once(
        in_scope.__name__, book, lambda: under_policies(dossier.lines, book).collect()
    )
    policies = {policy.document.id for policy, _ in book.library.of_kind(rule.asks[0])}
    return every.filter(pl.col("policy_id").is_in(policies))


def under_policies(lines: pl.LazyFrame, book: PolicyBook) -> pl.LazyFrame:
    """Lines under every policy, as `in_scope` gives them of a rule's."""
    versions = book.library.versions()
    of_payer = lines.join(
        versions, left_on=["payer_id", "drug"], right_on=["policy_payer", "policy_drug"]
    )
    of_all = lines.join(
        versions.filter(pl.col("policy_payer").is_null()).drop("policy_payer", "policy_drug"),
        how="cross",
    )
    day = pl.col("service_date")
    in_force = (pl.col("version_from") <= day) & (day < pl.col("version_to"))
    text_is_missing = in_force & (day < pl.col("text_from")).fill_null(False)
    review_has_passed = in_force & (pl.col("reviewed_through") < day).fill_null(False)
    return (
        pl.concat([of_payer, of_all], how="diagonal")
        .with_columns(
            version_from=pl.when(in_force).then("version_from"),
            text_is_missing=text_is_missing,
            review_has_passed=review_has_passed,
        )
        .sort(*ON, "version_from", nulls_last=True)
        .unique(list(ON), keep="first", maintain_order=True)
        .drop("version_to", "text_from", "reviewed_through")
    )


def in_force(lines: pl.LazyFrame, terms: pl.LazyFrame, on: Sequence[str] = ()) -> pl.LazyFrame:
    """Lines with the term of their policy (and `on`) in force on the service date; others are
    dropped."""
    day = pl.col("service_date")
    return lines.join(terms, on=["policy_id", *on]).filter(
        (pl.col("term_from") <= day) & (day < pl.col("term_to"))
    )


def with_flag(lines: pl.LazyFrame, name: str, found: pl.LazyFrame) -> pl.LazyFrame:
    """Lines with a Boolean column `name`: whether `found` has a row for the line and policy."""
    flagged = found.select(*ON).unique().with_columns(pl.lit(True).alias(name))
    return lines.join(flagged, on=list(ON), how="left").with_columns(pl.col(name).fill_null(False))

"""What each exception rests on alone, as its rule or its policy term declares."""

from collections.abc import Iterable, Iterator, Sequence

import polars as pl

from audit_rules.engine.rule import Described
from audit_rules.policy.language.terms import LanguageTerm
from audit_rules.policy.library import PolicyLibrary

_OF_A_RULE = ("rule_id", "reason")
_OF_A_TERM = ("term_id", "reason")


def with_grounds(
    exceptions: pl.DataFrame, rules: Sequence[Described], library: PolicyLibrary
) -> pl.DataFrame:
    """Exceptions with the column `ground`; null: nothing that a law on collecting looks at."""
    by_rule = [(m.RULE.id, reason, g) for m in rules for reason, g in m.RULE.grounds.items()]
    by_term = [row for p in library.spoken() for t in p.language_terms for row in _of_term(t)]
    return (
        exceptions.join(
            _frame(by_rule, _OF_A_RULE, "of_rule"), on=_OF_A_RULE, how="left", maintain_order="left"
        )
        .join(
            _frame(by_term, _OF_A_TERM, "of_term"), on=_OF_A_TERM, how="left", maintain_order="left"
        )
        .with_columns(ground=pl.coalesce("of_term", "of_rule"))
        .drop("of_term", "of_rule")
    )


def _of_term(term: LanguageTerm) -> Iterator[tuple[str, str, str]]:
    """term_id, reason and ground of each finding of a term that has one."""
    listed = {reason for finding in term.finding for reason in finding.answers}
    for finding in term.finding:
        if finding.ground is not None:
            kinds_own = finding.answers or [r for r in term.reasons if r not in listed]
            for reason in [finding.reason] if finding.reason else kinds_own:
                yield term.term_id, reason, finding.ground


def _frame(rows: Iterable[tuple[str, str, str]], on: tuple[str, str], name: str) -> pl.DataFrame:
    schema = dict.fromkeys((*on, name), pl.String)
    return pl.DataFrame(list(dict.fromkeys(rows)), schema=schema, orient="row").unique(on)

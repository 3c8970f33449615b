"""The catalogue: what each rule asks, and how much of each document is audited."""

from collections.abc import Iterator, Set

import polars as pl

from audit_rules.engine.rule import Described, RuleModule
from audit_rules.policy.document import Policy
from audit_rules.policy.language.possible import is_impossible
from audit_rules.policy.language.terms import LanguageTerm
from audit_rules.policy.library import PolicyLibrary
from audit_rules.policy.terms.base import Term
from audit_rules.reference.product_sets import is_filled
from audit_rules.wording import counted


def describe(module: Described) -> str:
    """A rule's own docstring, with its kinds of term and the documents it needs."""
    rule = module.RULE
    terms = ", ".join(kind.kind for kind in rule.asks)
    lines = [
        f"{rule.id} ({rule.name})",
        "",
        (module.__doc__ or "").strip(),
        "",
        f"Terms: {terms}. Amount: {rule.basis}.",
    ]
    lines += [
        f"{reason}: settled by {'; '.join(documents)}." for reason, documents in rule.needs.items()
    ]
    return "\n".join(lines)


Question = tuple[str, str, str | None]
"""What a line can be asked: policy_id, rule_id, and the term that answers by itself."""


def audited_clauses(
    library: PolicyLibrary,
    rules: tuple[RuleModule, ...],
    ndc: pl.DataFrame,
    asked: Set[Question] | None = None,
) -> str:
    """Per document: clauses audited, partly audited and not auditable, each with its rule or
    reason.

    ndc     the NDC tables, as `Reference.ndc`.
    asked   what some line was asked in a run; a clause that is not among it is not audited. None:
            no run is looked at.
    """
    return "\n\n".join(
        "\n".join(_of_document(policy, rules, ndc, asked)) for policy in library.policies
    )


def _of_document(
    policy: Policy, rules: tuple[RuleModule, ...], ndc: pl.DataFrame, asked: Set[Question] | None
) -> Iterator[str]:
    kinds = {type(t) for t in policy.terms}
    asking = [m.RULE for m in rules if m.RULE.asks[0] in kinds]  # others judge no line of it
    asked_by = {kind: [rule.id for rule in asking if kind in rule.asks] for kind in kinds}
    of_rules = {kind for m in rules for kind in m.RULE.asks}
    unasked = [t for t in policy.terms if type(t) in of_rules and not asked_by[type(t)]]
    never = _never_asked(policy, ndc)
    if asked is not None:
        for term in policy.terms:
            ids = _asking(term) or asked_by[type(term)]
            answers = {(policy.document.id, i, own) for i in ids for own in (None, term.term_id)}
            if ids and not answers & asked:
                never.setdefault(term.term_id, "the last run asked it of no line")
    asked_of_lines = [t for t in policy.terms if t not in unasked and t.term_id not in never]
    whole = [t for t in asked_of_lines if not t.partly]
    partly = [t for t in asked_of_lines if t.partly]
    yield f"{policy.document.id}: {policy.document.title}"
    yield (
        f"  {counted(len(whole), 'clause')} audited, {len(partly)} partly,"
        f" {len(policy.not_auditable) + len(unasked) + len(never)} not auditable"
    )
    for heading, terms in (("audited", whole), ("partly audited", partly)):
        for term in terms:
            askers = ", ".join(_asking(term) or asked_by[type(term)]) or "every rule"
            yield f"  {heading}: {term.cite} [{askers}; {term.term_id}]"
            if term.partly:
                yield f"    not seen: {term.partly}"
    for term in unasked:
        yield f"  not auditable: {term.cite} [{term.term_id}]"
        yield "    a rule reads it only with other terms, which the document does not state"
    for term in (t for t in policy.terms if t.term_id in never):
        yield f"  not auditable: {term.cite} [{term.term_id}]"
        yield f"    {never[term.term_id]}"
    for clause in policy.not_auditable:
        yield f"  not auditable: {clause.clause}"
        yield f"    {clause.why}"


def _never_asked(policy: Policy, ndc: pl.DataFrame) -> dict[str, str]:
    """Why no line is ever asked, by the id of each such term of the language."""
    found = {}
    declared = policy.declared
    filled = {name for name, one in declared.every_set.items() if is_filled(one, ndc)}
    for term in policy.language_terms:
        if not any(one.name in filled for one in declared.sets_of(term)):
            found[term.term_id] = "no code and no NDC is of its sets"
        elif term.applies_to is not None and is_impossible(declared, term.applies_to):
            found[term.term_id] = "its applies_to can never be true"
    return found


def _asking(term: Term) -> list[str]:
    """The rule id under which a term of the language answers."""
    return [term.rule_id or term.default_rule] if isinstance(term, LanguageTerm) else []

"""The catalogue: what each rule asks, and how much of each document is audited."""

from collections.abc import Iterator

from audit_rules.engine.rule import RuleModule
from audit_rules.policy.document import Policy
from audit_rules.policy.library import PolicyLibrary


def describe(module: RuleModule) -> str:
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


def audited_clauses(library: PolicyLibrary, rules: tuple[RuleModule, ...]) -> str:
    """Per document: clauses audited, partly audited and not auditable, each with its rule or
    reason."""
    return "\n\n".join("\n".join(_of_document(policy, rules)) for policy in library.policies)


def _of_document(policy: Policy, rules: tuple[RuleModule, ...]) -> Iterator[str]:
    asked_by = {
        kind: [m.RULE.id for m in rules if kind in m.RULE.asks]
        for kind in {type(t) for t in policy.terms}
    }
    whole = [t for t in policy.terms if not t.partly]
    partly = [t for t in policy.terms if t.partly]
    yield f"{policy.document.id}: {policy.document.title}"
    yield (
        f"  {len(whole)} clauses audited, {len(partly)} partly, {len(policy.not_auditable)} not"
        " auditable"
    )
    for heading, terms in (("audited", whole), ("partly audited", partly)):
        for term in terms:
            yield (
                f"  {heading}: {term.cite} [{', '.join(asked_by[type(term)]) or 'every rule'};"
                f" {term.term_id}]"
            )
            if term.partly:
                yield f"    not seen: {term.partly}"
    for clause in policy.not_auditable:
        yield f"  not auditable: {clause.clause}"
        yield f"    {clause.why}"

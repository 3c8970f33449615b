"""What a rule's own docstring says: the question, and when each answer is given."""

import re
from textwrap import dedent

from audit_rules.engine.rule import RuleModule

_ENTRY = re.compile(r"^(?P<name>[a-z_]+|Cannot see) {2,}(?P<text>.+(?:\n {4,}.+)*)", re.MULTILINE)


def question(module: RuleModule) -> str:
    """The first line of the docstring, without the id."""
    first, *_ = _text(module).splitlines()
    return first.partition(" -- ")[2]


def meanings(module: RuleModule) -> dict[str, str]:
    """Answer -> when it is given, in the docstring's words; `Cannot see` among them."""
    return {m["name"]: " ".join(m["text"].split()) for m in _ENTRY.finditer(_text(module))}


def _text(module: RuleModule) -> str:
    return dedent(module.__doc__ or "").strip()

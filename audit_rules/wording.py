"""Words for readers: what a rule's docstring says, and figures and lists as sentences show them."""

import re
from collections.abc import Sequence
from decimal import Decimal
from textwrap import dedent

from audit_rules.engine.rule import Described

_ENTRY = re.compile(r"^(?P<name>[a-z_]+|Cannot see) {2,}(?P<text>.+(?:\n {4,}.+)*)", re.MULTILINE)


def question(module: Described) -> str:
    """The first paragraph of the docstring on one line, without the id."""
    first = _text(module).partition("\n\n")[0]
    return " ".join(first.split()).partition(" -- ")[2]


def meanings(module: Described) -> dict[str, str]:
    """Answer -> when it is given, in the docstring's words; `Cannot see` among them."""
    return {m["name"]: " ".join(m["text"].split()) for m in _ENTRY.finditer(_text(module))}


def figure(value: object) -> str:
    """A figure as people write it, without trailing zeros; a missing one reads as unknown."""
    if value is None:
        return "unknown"
    if isinstance(value, Decimal | float):
        return f"{value:f}".rstrip("0").rstrip(".") if "." in f"{value:f}" else f"{value:f}"
    return str(value)


def counted(number: object, thing: str) -> str:
    """A number of things, in the plural unless there is exactly one."""
    return f"{figure(number)} {thing}" if figure(number) == "1" else f"{figure(number)} {thing}s"


def listed(words: Sequence[str]) -> str:
    """One or more words as a list in a sentence: A, B and C."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _text(module: Described) -> str:
    return dedent(module.__doc__ or "").strip()

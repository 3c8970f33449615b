"""Conditions that no line can meet."""

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal

from audit_rules.policy.language.conditions import Group, LineKey, Node, Thing
from audit_rules.policy.language.declarations import Declarations
from audit_rules.policy.language.spans import Span


def is_impossible(declared: Declarations, node: Node) -> bool:
    """Whether no line can meet a condition, whatever is on file."""
    if isinstance(node, Thing | LineKey):
        names = node.names if isinstance(node, Thing) else node.words
        lists = declared.codes
        return bool(names) and all(name in lists and not lists[name].codes for name in names)
    if node.how == "any_of":
        return all(is_impossible(declared, part) for part in node.parts)
    if node.how == "none_of":
        return False
    if any(is_impossible(declared, part) for part in node.parts):
        return True
    by_key: dict[str, list[LineKey]] = defaultdict(list)
    for key in _line_keys(node):
        by_key[key.key].append(key)
    return any(_contradict(keys) for keys in by_key.values())


def _line_keys(node: Node) -> Iterator[LineKey]:
    """The questions about the line that must all hold."""
    if isinstance(node, LineKey):
        yield node
    elif isinstance(node, Group) and node.how == "all_of":
        for part in node.parts:
            yield from _line_keys(part)


def _contradict(keys: list[LineKey]) -> bool:
    words = [set(key.words) for key in keys if key.words and key.key != "modifiers"]
    if words and not set.intersection(*words):
        return True
    lows = [_size(k.range.low) for k in keys if k.range.low is not None]
    highs = [_size(k.range.high) for k in keys if k.range.high is not None]
    return bool(lows and highs) and max(lows) > min(highs)


def _size(bound: Decimal | Span) -> float:
    return bound.days + bound.months * 30.5 if isinstance(bound, Span) else float(bound)

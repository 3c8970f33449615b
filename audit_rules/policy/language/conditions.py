"""Conditions: a tree of questions about a line, in the order in which the file asks them."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from audit_rules.policy.language.spans import Span, Window, parse_span, parse_window

DRUG, FILL, SERVICE, DIAGNOSIS = "drug", "fill", "service", "diagnosis"
FACT, AUTHORIZATION, SPECIALIST = "fact", "authorization", "specialist"
THINGS = (DRUG, FILL, SERVICE, DIAGNOSIS, FACT, AUTHORIZATION, SPECIALIST)
OWN = "own"
SEXES = ("female", "male")
COUNTS = ("dose", "day", "course")
WORD_KEYS = ("sex", "place", "channel", "plan", "payer_type", "hcpcs", "modifiers", "ndc")
LINE_KEYS = ("age", *WORD_KEYS, "quantity", *COUNTS)
GROUPS = ("any_of", "all_of", "none_of")
THING_FIELDS = {
    "window": None,
    "touches": ("date", "supply"),
    "least": None,
    "least_days_supply": None,
    "same": ("claim", "provider", "dates"),
    "not_own": None,
    "payers": ("any", "own"),
    "observed_days": None,
    "silence": ("absent", "unknown"),
    "name": None,
    "cite": None,
}
FACT_FIELDS = {"which": ("any", "latest"), "is": None, "from": None, "to": None}


@dataclass(frozen=True)
class Range:
    """From a number on, and up to a number; ages are spans, and `high` is the age not reached."""

    low: Decimal | Span | None = None
    high: Decimal | Span | None = None


@dataclass(frozen=True)
class LineKey:
    """A question about the line itself: a key of LINE_KEYS, and what it may be."""

    key: str
    words: tuple[str, ...] = ()
    range: Range = Range()


@dataclass(frozen=True)
class Thing:
    """Something on file: what it is, where its date lies, and how much of it is needed."""

    kind: str
    names: tuple[str, ...]
    window: Window | None = None
    touches: str = "date"
    least: int = 1
    least_days_supply: int | None = None
    same: str | None = None
    not_own: bool = False
    payers: str = "any"
    observed_days: int | None = None
    silence: str = "unknown"
    name: str | None = None
    cite: str | None = None
    which: str = "latest"
    values: tuple[str, ...] = ()
    range: Range = Range()


@dataclass(frozen=True)
class Group:
    """Parts of which all, any or none must hold: `how` is all_of, any_of or none_of."""

    how: str
    parts: tuple["Node", ...]


Node = LineKey | Thing | Group


def leaves(node: Node) -> Iterator[LineKey | Thing]:
    """Every question and thing of a condition, in the order of the file."""
    if isinstance(node, Group):
        for part in node.parts:
            yield from leaves(part)
    else:
        yield node


def parse_condition(data: object) -> Group:
    """A condition: all its keys must hold. ValueError that names the key and the remedy."""
    if isinstance(data, Group):
        return data
    if not isinstance(data, dict) or not data:
        raise ValueError('a condition is a table, such as { diagnosis = "name" }. Write one')
    thing_keys = [k for k in data if k in THINGS]
    if len(thing_keys) > 1:
        raise ValueError(
            f"{thing_keys[0]} and {thing_keys[1]}: a condition holds one thing on file. Put each"
            " into a table of its own, under all_of or any_of"
        )
    allowed = _allowed(thing_keys[0] if thing_keys else None)
    for key in data:
        if key not in (*LINE_KEYS, *GROUPS, *THINGS, *allowed):
            known = ", ".join([*LINE_KEYS, *GROUPS, *THINGS, *allowed])
            raise ValueError(f"unknown key {key!r} in a condition. Known keys: {known}")
    parts: list[Node] = []
    for key, value in data.items():
        if key in THINGS:
            parts.append(_thing(key, data))
        elif key in GROUPS:
            parts.append(Group(key, tuple(parse_condition(v) for v in _tables(key, value))))
        elif key in LINE_KEYS:
            parts.append(_line_key(key, value))
    return Group("all_of", tuple(parts))


def parse_thing(data: object) -> Thing:
    """A thing on file alone, as `require` and `forbid` list them."""
    if isinstance(data, Thing):
        return data
    kind = next((k for k in data if k in THINGS), None) if isinstance(data, dict) else None
    if kind is None or not isinstance(data, dict):
        raise ValueError(f"no thing on file. Name one of {', '.join(THINGS)}")
    extra = [k for k in data if k != kind and k not in _allowed(kind)]
    if extra:
        raise ValueError(
            f"unknown field {extra[0]!r} of a {kind}. Known fields: {', '.join(_allowed(kind))}"
        )
    return _thing(kind, data)


def _allowed(kind: str | None) -> tuple[str, ...]:
    if kind is None:
        return ()
    return (*THING_FIELDS, *(FACT_FIELDS if kind == FACT else ()))


def _tables(key: str, value: object) -> list[object]:
    if not isinstance(value, list) or not value:
        raise ValueError(f"{key} is a list of conditions. Write {key} = [{{ ... }}, {{ ... }}]")
    return value


def words_of(key: str, value: object) -> tuple[str, ...]:
    """One word or several; ValueError if there is none."""
    words = (value,) if isinstance(value, str) else value
    if not isinstance(words, list | tuple) or not words:
        words = ("",)
    if not all(isinstance(w, str) and w for w in words):
        raise ValueError(f'{key} is a word or a list of words. Write {key} = ["..."]')
    return tuple(words)


def number(key: str, value: object) -> Decimal:
    """A number of a policy; ValueError if it is not one."""
    try:
        if isinstance(value, int | float | Decimal | str) and not isinstance(value, bool):
            return Decimal(str(value))
    except InvalidOperation:
        pass
    raise ValueError(f"{key}: {value!r} is not a number. Write one")


def _count(key: str, value: object, least: int = 1) -> int:
    if isinstance(value, str) and value.isdigit():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ValueError(f"{key}: {value!r} is not a whole number from {least} on. Write one")
    return value


def parse_range(key: str, value: object, upper: str = "to") -> Range:
    """A table { from, to } (ages: { from, under }) with at least one end."""
    if not isinstance(value, dict) or not value or set(value) - {"from", upper}:
        raise ValueError(f"{key} is a table. Write {key} = {{ from = ..., {upper} = ... }}")
    low, high = (
        None
        if end not in value
        else parse_span(value[end])
        if key == "age"
        else number(key, value[end])
        for end in ("from", upper)
    )
    if isinstance(low, Decimal) and isinstance(high, Decimal) and low > high:
        raise ValueError(f"{key}: from {low} is above {upper} {high}. Exchange them")
    return Range(low, high)


def _line_key(key: str, value: object) -> LineKey:
    if key == "age":
        return LineKey(key, range=parse_range(key, value, "under"))
    if key == "quantity" or key in COUNTS:
        return LineKey(key, range=parse_range(key, value))
    words = words_of(key, value)
    if key == "sex" and set(words) - set(SEXES):
        raise ValueError(f"sex: unknown word {words[0]!r}. Known words: {', '.join(SEXES)}")
    return LineKey(key, words)


def _thing(kind: str, data: dict[str, Any]) -> Thing:
    for key, choices in (THING_FIELDS | FACT_FIELDS).items():
        if choices and key in data and data[key] not in choices:
            raise ValueError(
                f"{key}: unknown word {data[key]!r}. Known words: {', '.join(choices)}"
            )
    window = parse_window(data["window"]) if "window" in data else None
    if window is None and kind not in (AUTHORIZATION, DIAGNOSIS):
        raise ValueError(
            f"{kind} needs a window. Write the days from the service date, such as window ="
            " [-90, -1]"
        )
    days = data.get("least_days_supply")
    observed = data.get("observed_days")
    is_text = {k: data.get(k) for k in ("name", "cite")}
    low, high = (number(k, data[k]) if k in data else None for k in ("from", "to"))
    return Thing(
        kind,
        words_of(kind, data[kind]),
        window,
        data.get("touches", "date"),
        _count("least", data.get("least", 1)),
        None if days is None else _count("least_days_supply", days),
        data.get("same"),
        bool(data.get("not_own", False)),
        data.get("payers", "any"),
        None if observed is None else _count("observed_days", observed, 0),
        data.get("silence", "unknown"),
        is_text["name"],
        is_text["cite"],
        data.get("which", "latest"),
        words_of("is", data["is"]) if "is" in data else (),
        Range(low, high),
    )


def _things(value: object) -> tuple[Thing, ...]:
    if isinstance(value, dict):
        value = [value]
    if not isinstance(value, list | tuple) or not value:
        raise ValueError('a list of things on file. Write [{ service = "...", window = [...] }]')
    return tuple(parse_thing(v) for v in value)


CONDITION, THING, AGE = "condition", "thing", "age"
"""Parts of the published schema that the parsers above read (condition_schema.py)."""


def _part(*parts: object) -> WithJsonSchema:
    """Marks a field whose published schema is one of these parts."""
    return WithJsonSchema({"x-parts": list(parts)})


Condition = Annotated[Any, BeforeValidator(parse_condition), _part(CONDITION)]
Things = Annotated[Any, BeforeValidator(_things), _part(THING, [THING])]
ThingField = Annotated[Any, BeforeValidator(parse_thing), _part(THING)]
AgeRange = Annotated[Any, BeforeValidator(lambda v: parse_range("age", v, "under")), _part(AGE)]

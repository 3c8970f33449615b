"""The text of a policy file: tables of TOML, with comments that say what a table does not."""

import json
from collections.abc import Iterable, Mapping
from textwrap import wrap

from audit_rules.public_tables.order import Order

_WIDTH = 98


class Words(str):
    """TOML that is written as it is, such as a date or an inline table."""

    __slots__ = ()


def comment(text: str) -> str:
    """A comment, wrapped."""
    return "".join(f"# {line}\n" for line in wrap(text, _WIDTH, break_long_words=False))


def section(header: str, fields: Mapping[str, object]) -> str:
    """A table, or one of an array, without the fields that are None."""
    lines = [f"{key} = {value(v)}\n" for key, v in fields.items() if v is not None]
    return f"\n{header}\n" + "".join(lines)


def value(given: object) -> str:
    """A value of TOML."""
    if isinstance(given, Words):
        return str(given)
    if isinstance(given, bool):
        return str(given).lower()
    if isinstance(given, list | tuple):
        return f"[{', '.join(value(v) for v in given)}]"
    if isinstance(given, dict):
        return f"{{ {', '.join(f'{k} = {value(v)}' for k, v in given.items())} }}"
    return json.dumps(given, ensure_ascii=False)


def opening(
    document_id: str, title: str, order: Order, notes: Iterable[str], **more: object
) -> str:
    """The comments and [document]."""
    fields: dict[str, object] = {"id": document_id, "title": title, "payer": order.payer}
    if order.payer_names:
        fields["payer_names"] = list(order.payer_names)
    return (
        "\n".join(comment(n).rstrip("\n") for n in notes)
        + "\n"
        + section("[document]", fields | more)
    )


def versions(table: str, releases: Iterable[str | None], earliest: str) -> str:
    """A version for each release; one before them if rows have dates of their own."""
    days = sorted({day for day in releases if day})
    parts = []
    if earliest < days[0]:
        parts.append((earliest, f"{table}, dates of the rows of the first release ({days[0]})"))
    parts += [(day, f"{table}, release {day}") for day in days]
    return "".join(
        section("[[version]]", {"effective_from": Words(day), "basis": "stated", "cite": cite})
        for day, cite in parts
    )

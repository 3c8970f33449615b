"""Tables of a policy file as checked models; a refusal says what to write instead."""

from difflib import get_close_matches
from typing import TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from audit_rules.errors import PolicyRefused
from audit_rules.policy.terms.base import Strict

M = TypeVar("M", bound=Strict)
_REMEDIES = {
    "missing": "Add it.",
    "date": "Correct the value: a date without quotes, such as 2026-01-31.",
    "string_type": "Correct the value: text in quotes.",
    "bool": "Correct the value: true or false, without quotes.",
    "tuple_type": 'Correct the value: a list, such as ["first", "second"].',
}
"""How the type of an error of Pydantic begins -> what to write instead."""


def parse(name: str, model: type[M], data: object, where: str) -> M:
    """The model of a table; PolicyRefused with file, place, field and remedy if it is not valid."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(x) for x in first["loc"])
        fields = [f.alias or n for n, f in model.model_fields.items()]
        said = first["msg"].removeprefix("Value error, ").removesuffix(".")
        raise PolicyRefused(
            f"{name}: {where}: {field + ': ' if field else ''}{said}. {_remedy(first, fields)}"
        ) from None


def _remedy(error: ErrorDetails, fields: list[str]) -> str:
    """What to write instead of a value that is refused."""
    written = str(error["loc"][-1]) if error["loc"] else ""
    near = get_close_matches(written, fields, 1)
    kind = error["type"]
    if kind == "extra_forbidden":
        instead = f"Remove it, or write {near[0]}" if near else "Remove it"
        return f"{instead}; allowed are: {', '.join(fields)}."
    if kind == "string_pattern_mismatch" and "ndc" in error["loc"]:
        return "Correct the value: 11 digits without hyphens."
    for start, remedy in _REMEDIES.items():
        if kind.startswith(start):
            return remedy
    return "Correct the value."

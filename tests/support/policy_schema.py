"""The published schema of policy files, asked about TOML."""

import datetime
import tomllib
from functools import cache
from typing import Any

import jsonschema

from audit_rules.policy.file_schema import policy_file_schema


@cache
def _validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(policy_file_schema())


def schema_errors(data: dict[str, Any]) -> list[str]:
    """What the schema refuses in the content of a policy file: places and messages."""
    errors = sorted(_validator().iter_errors(_as_json(data)), key=lambda e: list(map(str, e.path)))
    return [f"{'.'.join(map(str, e.path))}: {e.message[:300]}" for e in errors]


def errors_of_text(text: str) -> list[str]:
    """The same of a file's text."""
    return schema_errors(tomllib.loads(text))


def _as_json(value: Any) -> Any:
    """As a TOML language server hands it to the schema: dates are text."""
    if isinstance(value, dict):
        return {key: _as_json(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_as_json(inner) for inner in value]
    return value.isoformat() if isinstance(value, datetime.date) else value

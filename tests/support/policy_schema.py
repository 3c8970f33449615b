"""The published schemas of policy files and of law files, asked about TOML."""

import datetime
import tomllib
from functools import cache
from typing import Any

import jsonschema

from audit_rules.law.file_schema import law_file_schema
from audit_rules.policy.file_schema import policy_file_schema


@cache
def _validator(is_law: bool) -> jsonschema.Draft202012Validator:
    schema = law_file_schema() if is_law else policy_file_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def schema_errors(data: dict[str, Any], is_law: bool = False) -> list[str]:
    """What the schema refuses in the content of a policy file: places and messages."""
    found = _validator(is_law).iter_errors(_as_json(data))
    errors = sorted(found, key=lambda e: list(map(str, e.path)))
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

"""The published JSON Schema of a policy file, from the models that read it.

An editor completes and explains a policy with it. It knows fields, their types and words; what
depends on other tables of the file, such as a set that is not declared, only loading finds.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from pydantic.json_schema import models_json_schema

from audit_rules.policy.document import Document, Version
from audit_rules.policy.field_texts import field_texts, first_line
from audit_rules.policy.language.condition_schema import Schema, condition_parts
from audit_rules.policy.language.kinds import KINDS, Approval
from audit_rules.policy.language.read import DECLARING
from audit_rules.policy.language.terms import LanguageTerm
from audit_rules.policy.statements import SECTION_KINDS
from audit_rules.policy.terms import TERM_KINDS
from audit_rules.policy.terms.base import NotAuditable, Strict

TABLE = (
    "a CSV next to the policy: each row is a term, its columns are fields of the term, and its id"
    " ends the term_id"
)
_POLICY = "A policy file of claims-audit: one document, its versions and terms."


def policy_file_schema() -> Schema:
    """The JSON Schema (2020-12) of a policy file, as TOML is read: dates are text."""
    arrays: dict[str, list[type[Strict]]] = {"version": [Version]}
    for kind in (*KINDS, *TERM_KINDS):
        arrays.setdefault(kind.kind, []).append(kind)
    arrays |= {key: [model] for key, model in DECLARING.items()}
    arrays |= {section.key: [section] for section in SECTION_KINDS}
    arrays["not_auditable"] = [NotAuditable]
    made = file_schema("policy", _POLICY, {"document": Document}, arrays, condition_parts())
    made["properties"]["version"]["minItems"] = 1
    made["required"].append("version")
    return made


def file_schema(
    title: str,
    description: str,
    head: Mapping[str, type[Strict]],
    arrays: Mapping[str, Sequence[type[Strict]]],
    parts: Mapping[str, Schema] = MappingProxyType({}),
) -> Schema:
    """The JSON Schema (2020-12) of a TOML file that models read.

    head     a table that the file must have -> its model.
    arrays   array of tables -> the models that one of them may be.
    parts    further definitions that these refer to.
    """
    models = _with_parts([*head.values(), *(model for some in arrays.values() for model in some)])
    made, shared = models_json_schema(
        [(model, "validation") for model in models], ref_template="#/$defs/{model}"
    )
    names = {model: made[model, "validation"]["$ref"].rpartition("/")[2] for model in models}
    definitions = shared["$defs"]
    for model, name in names.items():
        _describe(definitions[name], model)
    every = {name: definitions[name] for name in names.values()} | dict(parts)
    properties = {key: _named(names[model], first_line(model)) for key, model in head.items()}
    for key, kinds in arrays.items():
        items = [{"$ref": f"#/$defs/{names[kind]}"} for kind in kinds]
        properties[key] = {
            "description": " / ".join(first_line(kind) for kind in kinds),
            "type": "array",
            "items": items[0] if len(items) == 1 else {"anyOf": items},
        }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        "description": description,
        "type": "object",
        "properties": properties,
        "required": [*head],
        "additionalProperties": False,
        "$defs": {name: _plain(every[name]) for name in sorted(every)},
    }


def _with_parts(models: list[type[Strict]]) -> list[type[Strict]]:
    """The models and those of their fields, each once."""
    found: dict[type[Strict], None] = {}
    waiting = list(models)
    while waiting:
        model = waiting.pop(0)
        if model in found:
            continue
        found[model] = None
        for field in model.model_fields.values():
            waiting += _models_in(field.annotation)
    return list(found)


def _models_in(annotation: object) -> list[type[Strict]]:
    if isinstance(annotation, type) and issubclass(annotation, Strict):
        return [annotation]
    return [m for part in getattr(annotation, "__args__", ()) for m in _models_in(part)]


def _named(name: str, description: str) -> Schema:
    return {"description": description, "$ref": f"#/$defs/{name}"}


def _describe(own: Schema, model: type[Strict]) -> None:
    """Add what fields mean, and which of them go together."""
    own["description"] = first_line(model)
    texts = field_texts(model)
    missing = sorted(own["properties"].keys() - texts.keys())
    if missing:
        raise ValueError(
            f"{model.__name__}: its docstring does not describe {', '.join(missing)}. Write each on"
            " a line of its own: the name, three spaces, what it means."
        )
    for name, field in own["properties"].items():
        field["description"] = texts[name]
    rules: Schema = {}
    if model.either:
        rules["oneOf"] = [{"required": [name]} for name in model.either]
    if not issubclass(model, LanguageTerm):
        own |= rules
        return
    own["properties"]["table"] = {"description": TABLE, "type": "string"}
    shortest = {"minLength": own["properties"]["term_id"].pop("minLength")}
    rules |= {"required": own.pop("required"), "properties": {"term_id": shortest}}
    own["required"] = ["term_id"]
    own["if"] = {"required": ["table"]}
    own["else"] = rules | {"additionalProperties": True}  # else Tombi takes what it names for all
    if model is Approval:  # else it is an older term of the same name
        own["required"] = ["term_id", "finding"]


def _plain(schema: Any) -> Any:
    """Without titles and empty defaults of Pydantic; numbers are numbers; parts are references."""
    if isinstance(schema, list):
        return [_plain(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    made: Schema = {}
    for key, value in schema.items():
        if key == "properties":
            made[key] = {name: _plain(field) for name, field in value.items()}
        elif key == "x-parts":
            made |= _any(value)
        elif key != "title" and (key != "default" or _is_worth_a_word(value)):
            made[key] = _plain(value)
    if "anyOf" in made:
        kept = _kept(made.pop("anyOf"))
        made |= kept[0] if len(kept) == 1 else {"anyOf": kept}
    return made


def _kept(choices: list[Schema]) -> list[Schema]:
    """The choices that a file is written with: no null, which TOML lacks, and no number as text,
    which only a CSV has."""
    has_number = any(choice.get("type") == "number" for choice in choices)
    return [
        choice
        for place, choice in enumerate(choices)
        if choice.get("type") != "null"
        and not (has_number and choice.get("type") == "string" and not _is_span(choice))
        and choice not in choices[:place]
    ]


def _is_worth_a_word(default: object) -> bool:
    """Whether a default says more than that a field may be left out."""
    return isinstance(default, bool | int | str) and default != ""


def _is_span(choice: Schema) -> bool:
    return "month" in choice.get("pattern", "")


def _any(parts: list[Any]) -> Schema:
    """A reference to a part, to a list of it, or to one of several."""
    made = [
        {"type": "array", "minItems": 1, "items": {"$ref": f"#/$defs/{part[0]}"}}
        if isinstance(part, list)
        else {"$ref": f"#/$defs/{part}"}
        for part in parts
    ]
    return made[0] if len(made) == 1 else {"anyOf": made}

"""docs/policy-language.md: every table and field of a policy file, from its published schema."""

from collections.abc import Iterator, Set
from typing import Any

from audit_rules.policy.file_schema import policy_file_schema
from audit_rules.policy.language.condition_schema import CONDITION, THING
from audit_rules.policy.language.kinds import KINDS
from audit_rules.policy.language.read import DECLARING
from audit_rules.policy.language.terms import LanguageTerm

_OPENING = """\
# The policy language

Generated from the code that reads policy files; `claims-audit policy schema` prints the same for
an editor. [Writing a policy](writing-a-policy.md) teaches it by examples. **Bold** fields are
required; of fields with an equals sign (=) a term has one.
"""
_TERM_FIELDS = frozenset(f.alias or n for n, f in LanguageTerm.model_fields.items()) | {"table"}
_SHOWN_APART = ("Finding", "Phase", "Length", "Band", "Modifiers", "WholeVials", "NdcOf")
_SIMPLE = {
    "date": "date",
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true, false",
}
Schema = dict[str, Any]


def policy_language() -> str:
    """The whole page."""
    schema = policy_file_schema()
    parts, arrays = schema["$defs"], schema["properties"]
    own = {kind.kind: parts[kind.__name__] for kind in KINDS}
    shared = own["quantity"] | {"required": ["finding", "effective_from", "cite", "basis"]}
    sections = [
        ("[document]", parts["Document"], None),
        ("[[version]]", parts["Version"], None),
        *((f"[[{key}]]", parts[model.__name__], None) for key, model in DECLARING.items()),
        ("[[not_auditable]]", parts["NotAuditable"], None),
        ("Every term", shared | {"description": "Fields of all eight kinds."}, _TERM_FIELDS),
        *((f"[[{key}]]", part, _own_fields(part, shared)) for key, part in own.items()),
        *((name, parts[name], None) for name in _SHOWN_APART),
        ("condition", parts[CONDITION], None),
    ]
    assert {*DECLARING, *own} <= arrays.keys() and THING in parts
    return "\n".join([_OPENING, *(_section(*section) for section in sections)])


def _own_fields(part: Schema, shared: Schema) -> set[str]:
    """The fields of a kind that are not those of every term."""
    common = shared["properties"]
    return {n for n, f in part["properties"].items() if n not in _TERM_FIELDS or f != common[n]}


def _section(name: str, part: Schema, fields: Set[str] | None) -> str:
    reasons = [k.reasons for k in KINDS if f"[[{k.kind}]]" == name]
    answers = "".join(f" Its reasons: {', '.join(f'`{r}`' for r in some)}." for some in reasons)
    head = f"## {name}\n\n{part['description']}{answers}\n\n| field | value | meaning |\n"
    return f"{head}| --- | --- | --- |\n{''.join(_rows(part, fields))}"


def _rows(part: Schema, fields: Set[str] | None) -> Iterator[str]:
    required = {*part.get("required", ()), *part.get("else", {}).get("required", ())}
    either = part.get("oneOf") or part.get("else", {}).get("oneOf", [])
    one_of = {name for choice in either for name in choice["required"]}
    for name, field in part["properties"].items():
        if fields is None or name in fields:
            shown = f"**`{name}`**" if name in required else f"`{name}`"
            mark = " =" if name in one_of else ""
            text = field["description"].replace("|", "\\|")
            default = f"; default `{_toml(field['default'])}`" if "default" in field else ""
            yield f"| {shown}{mark} | {_value(field)} | {text.removesuffix('.')}{default} |\n"


def _toml(default: object) -> str:
    return str(default).lower() if isinstance(default, bool) else str(default)


def _value(field: Schema) -> str:
    """What a field may be, in words."""
    if "anyOf" in field:
        return " or ".join(dict.fromkeys(_value(choice) for choice in field["anyOf"]))
    if "enum" in field or "const" in field:
        return ", ".join(f"`{word}`" for word in field.get("enum", [field.get("const")]))
    if field.get("type") == "array":
        return f"list of {_value(field['items'])}" if "items" in field else "[from, to]"
    if "$ref" in field:
        return str(field["$ref"]).rpartition("/")[2]
    if "month" in field.get("pattern", ""):
        return "span"
    return _SIMPLE.get(field.get("format") or field.get("type"), "table")

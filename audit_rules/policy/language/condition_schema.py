"""The published JSON Schema of conditions and things on file, from the tables that their parser
reads."""

from itertools import combinations
from typing import Any

from pydantic import TypeAdapter

from audit_rules.policy.language.conditions import (
    AGE,
    AUTHORIZATION,
    CONDITION,
    COUNTS,
    DIAGNOSIS,
    FACT,
    FACT_FIELDS,
    GROUPS,
    LINE_KEYS,
    SEXES,
    THING,
    THING_FIELDS,
    THINGS,
    WORD_KEYS,
)
from audit_rules.policy.language.spans import SpanText, WindowField

Schema = dict[str, Any]
_TEXTS = {
    "age": "the age on the service date: { from, under }, as spans",
    "sex": "the sex of the person",
    "place": "the place of service is one of these codes; false on a fill",
    "channel": "the dispensing channel is one of these words; false on a medical line",
    "plan": "the plan of the person's enrollment is one of these words",
    "payer_type": "the payer type of the person's enrollment is one of these words",
    "hcpcs": "the HCPCS code of the line is one of these codes",
    "modifiers": "a modifier of the line is one of these codes",
    "ndc": "the NDC of the line is of one of these sets",
    "quantity": "the quantity of the line: { from, to }",
    "dose": "the number of the dose in its course, from 1: { from, to }",
    "day": "the days since the first dose of the course, from 0: { from, to }",
    "course": "the number of the course, from 1: { from, to }",
    "any_of": "conditions of which one is enough",
    "all_of": "conditions of which all must hold",
    "none_of": "conditions of which none may hold",
    "drug": 'a line or fill of one of these sets, or of the set judged ("own"), is on file',
    "fill": 'a fill of one of these sets, or of the set judged ("own"), is on file',
    "service": "another medical line with one of these HCPCS codes or lists is on file",
    "diagnosis": "a diagnosis with one of these ICD-10-CM codes or lists is on file",
    "fact": "a fact of clinical evidence with this code is on file",
    "authorization": '"approved": an approval covers the line; or an approval with that override',
    "specialist": "a medical line of a provider with one of these taxonomies is on file",
    "window": "from when to when its date counts, in days from the service date: [-90, -1], "
    '["-6 months", 0], ["ever", -1] or ["course", 0]',
    "touches": "whether its date, or a day of its supply, must be in the window",
    "least": "on so many dates at least",
    "least_days_supply": "with so many days' supply in sum at least",
    "same": "only on the same claim, only of the same provider, or (diagnosis) by dates alone",
    "not_own": "lines of the set judged do not count",
    "payers": "lines of any payer count, or of the line's own",
    "observed_days": "if the person was observed for fewer days, silence proves nothing",
    "silence": "whether what is not on file is unknown, or not there whatever was supplied",
    "name": "what it is called in a finding",
    "cite": "its own clause",
    "which": "whether any value in the window counts, or the latest",
    "is": "the fact has one of these values",
    "from": "the fact is a number from this one on",
    "to": "the fact is a number up to this one",
}
"""What each key of a condition means, for the editor."""
_WITHOUT_WINDOW = (AUTHORIZATION, DIAGNOSIS)


def _reference(part: str) -> Schema:
    return {"$ref": f"#/$defs/{part}"}


def _range(upper: str, number: Schema) -> Schema:
    return {
        "type": "object",
        "properties": {"from": number, upper: number},
        "minProperties": 1,
        "additionalProperties": False,
    }


def _whole(least: int) -> Schema:
    return {"type": "integer", "minimum": least}


def _words(choices: tuple[str, ...] = ()) -> Schema:
    """One word or several."""
    word: Schema = {"enum": list(choices)} if choices else {"type": "string"}
    return {"anyOf": [word, {"type": "array", "minItems": 1, "items": word}]}


_NUMBER: Schema = {"type": "number"}
_SPAN: Schema = TypeAdapter(SpanText).json_schema()
_WINDOW: Schema = TypeAdapter(WindowField).json_schema()
_CONDITIONS: Schema = {"type": "array", "minItems": 1, "items": _reference(CONDITION)}
_VALUES: dict[str, Schema] = {
    **dict.fromkeys((*WORD_KEYS, *THINGS, "is"), _words()),
    **dict.fromkeys(GROUPS, _CONDITIONS),
    **dict.fromkeys(("quantity", *COUNTS), _range("to", _NUMBER)),
    **{
        key: {"enum": list(choices)}
        for key, choices in (THING_FIELDS | FACT_FIELDS).items()
        if choices
    },
    "age": _reference(AGE),
    "sex": _words(SEXES),
    "window": _WINDOW,
    "least": _whole(1),
    "least_days_supply": _whole(1),
    "observed_days": _whole(0),
    "not_own": {"type": "boolean"},
    "name": {"type": "string"},
    "cite": {"type": "string"},
    "from": _NUMBER,
    "to": _NUMBER,
}
"""What each key of a condition may be."""


def condition_parts() -> dict[str, Schema]:
    """The definitions that fields of terms refer to, by name."""
    return {CONDITION: _condition(), THING: _thing(), AGE: _range("under", _SPAN)}


def _object(keys: tuple[str, ...]) -> Schema:
    properties = {key: {"description": _TEXTS[key], **_VALUES[key]} for key in keys}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _one_thing() -> Schema:
    """One thing at most, and the fields that go with it."""
    of_facts = {key: [FACT] for key in FACT_FIELDS}
    windows = {key: ["window"] for key in THINGS if key not in _WITHOUT_WINDOW}
    return {
        "allOf": [{"not": {"required": list(pair)}} for pair in combinations(THINGS, 2)],
        "dependentRequired": of_facts | windows,
    }


def _condition() -> Schema:
    keys = (*LINE_KEYS, *GROUPS, *THINGS, *THING_FIELDS, *FACT_FIELDS)
    text = "A condition: all its keys must hold. It names one thing on file at most."
    of_things = {key: {"anyOf": [{"required": [t]} for t in THINGS]} for key in THING_FIELDS}
    return {
        "description": text,
        **_object(keys),
        "minProperties": 1,
        **_one_thing(),
        "dependentSchemas": of_things,
    }


def _thing() -> Schema:
    keys = (*THINGS, *THING_FIELDS, *FACT_FIELDS)
    return {
        "description": "A thing on file: what it is, where its date lies, how much is needed.",
        **_object(keys),
        **_one_thing(),
        "anyOf": [{"required": [key]} for key in THINGS],
    }

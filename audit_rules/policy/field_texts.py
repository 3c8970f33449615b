"""What each field of a policy file means, for the published schema: the docstrings of its tables,
and names that mean the same in every table."""

import re
from inspect import cleandoc

from audit_rules.policy.terms.base import Strict

ANYWHERE = {
    "active_codes": "diagnoses that contradict it",
    "adult_age": "completed years from which a person is an adult",
    "allowed": "so many are allowed",
    "at": "the clause that the sum is about",
    "cite": "the clause of the document, in words a reader can find",
    "codes": "ICD-10-CM codes, with their dots",
    "daily_mg": "mg a day",
    "days": "a number of days",
    "default_days": "the days' supply of a fill that states none",
    "effective_from": "the first service date on which it holds",
    "effective_to": "the first service date on which it no longer holds; left out if it has no end",
    "channel": "the dispensing channel",
    "forms_left_out": "the forms left out when a code is looked at",
    "hcpcs": "HCPCS codes",
    "indication": "what the codes stand for",
    "indications": "names of indications",
    "ingredients": "ingredients, as NDC tables name them",
    "kind": "what it refers to",
    "label_mg": "mg a day that the label calls the most",
    "later_units": "units on a date that opens no cycle",
    "least_days": "at least so many days",
    "long_days": "days in hand in any other channel",
    "lookahead_days": "days after the service date in which it may be dated",
    "lookback_days": "days before the service date in which it may be dated",
    "looks_like_vials": "units that look like a number of vials",
    "minimum_age": "completed years that the criteria ask for",
    "minimum_days": "at least so many days",
    "name": "what it is called",
    "no_waste_modifier": "the modifier that says that no drug was thrown away",
    "pediatric_mg": "mg a day for a child",
    "places": "place of service codes",
    "quantity": "tablets or other units",
    "regimen_days": "how near to the dose they must be",
    "regimen_hcpcs": "HCPCS codes of the other drugs of a regimen that allows it",
    "remission_codes": "diagnoses that say remission",
    "required_status": "the value of the evidence that is asked for",
    "response_values": "values of the evidence that count as a response",
    "says": "what the document says of it, in its words",
    "strength": "how strong",
    "strength_mg": "mg of one tablet",
    "studied_mg": "mg a day that was studied",
    "subject": "what a statement is about",
    "system": "what codes they are",
    "tablet_drug": "the drug whose tablets they are",
    "taxonomies": "taxonomy codes of the specialty",
    "to": "what it refers to, as the document calls it",
    "tolerance": "the factor up to which a dose is not questioned",
    "unmet_mrd_values": "values of evidence `mrd` that say that disease is left",
    "unmet_response_values": "values of evidence `response` that say so",
    "vial_mg": "mg of one vial",
    "vial_units": "units of one vial",
    "waste_modifier": "the modifier of drug thrown away",
    "years": "whole years; or days",
}
"""Fields whose name says nearly all, if the docstring of their table says no more."""
_FIELD = re.compile(r"(\w+(?:, \w+)*) {2,}(.*)")


def first_line(model: type[Strict]) -> str:
    """What a table is."""
    return cleandoc(model.__doc__ or "").partition("\n\n")[0].replace("\n", " ")


def field_texts(model: type[Strict]) -> dict[str, str]:
    """What each field of a table means: what the docstrings of the model and its bases say."""
    texts = dict(ANYWHERE)
    for base in reversed(model.__mro__):
        texts |= _described(cleandoc(base.__dict__.get("__doc__") or ""))
    return texts


def _described(docstring: str) -> dict[str, str]:
    """The fields that a docstring describes: `name, other   text`, with indented lines after it."""
    texts: dict[str, str] = {}
    names: list[str] = []
    for line in docstring.splitlines():
        entry = _FIELD.fullmatch(line)
        if entry:
            names = entry[1].split(", ")
            texts |= dict.fromkeys(names, entry[2])
        elif names and line.startswith("  "):
            texts |= {name: f"{texts[name]} {line.strip()}" for name in names}
        else:
            names = []
    return texts

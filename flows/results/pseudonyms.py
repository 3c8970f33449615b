"""Replace identifiers in result tables by pseudonyms, and withhold what else names a person.

Dates of service stay; birth and death dates, raw records and reasons typed by users are withheld.
Exception ids are replaced as well: they are plain hashes of claim ids, which could be guessed. NPIs
name providers and stay; a value in an NPI column that is not a valid NPI is pseudonymised.
"""

import re
from functools import cache
from string import Formatter

import polars as pl

from audit_rules.rules import RULES
from flows.privacy import Pseudonyms
from schemas.formats import well_formed
from schemas.tables import Kind

_KINDS = {
    "exception_id": "exception",
    "continues": "exception",
    "person_id": "person",
    "member_id": "member",
    "claim_id": "claim",
}
_PROVIDERS = ("provider_npi", "billing_npi")
_WITHHELD = ("raw_record", "decision_reason")  # free text, which may contain anything
_WITHHELD_DATES = ("birth_date", "death_date")
NAMES_IN_RATIONALE = {
    "twin_claim_id": "claim",
    "npi": "provider",
    **dict.fromkeys(_WITHHELD_DATES, "withheld"),
}
"""Placeholders in a rule's sentence that hold an identifier or a date, and its kind."""
_ORDER = (
    "table",
    "file",
    "row_number",
    "column",
    "check",
    "claim_source",
    "claim_id",
    "claim_line_number",
    "rule_id",
    "payer",
    "member_id",
    "policy_id",
    "exception_id",
)


def pseudonymise(frame: pl.DataFrame, pseudonyms: Pseudonyms) -> pl.DataFrame:
    """A result table with pseudonyms for identifiers and without what is withheld.

    Its rows are sorted by what it shows, so that their order reveals nothing either.
    """
    columns = frame.columns
    changed = {
        name: _pseudonymise(frame[name], kind, pseudonyms)
        for name, kind in _KINDS.items()
        if name in columns
    }
    changed |= {
        name: _pseudonymise_npis(frame[name], pseudonyms) for name in _PROVIDERS if name in columns
    }
    changed |= {
        name: pl.Series([None] * frame.height, dtype=pl.String)
        for name in _WITHHELD
        if name in columns
    }
    if "evidence" in columns:
        changed["evidence"] = _pseudonymise_evidence(frame["evidence"], pseudonyms)
        changed["rationale"] = _pseudonymise_rationales(frame, pseudonyms)
    order = [name for name in _ORDER if name in columns]
    return frame.with_columns(**changed).sort(order, nulls_last=True)


def _pseudonymise(values: pl.Series, kind: str, pseudonyms: Pseudonyms) -> pl.Series:
    distinct = values.drop_nulls().unique().to_list()
    replacements = [pseudonyms.of(kind, value) for value in distinct]
    return values.replace_strict(distinct, replacements, default=None, return_dtype=pl.String)


def _pseudonymise_npis(values: pl.Series, pseudonyms: Pseudonyms) -> pl.Series:
    """Valid NPIs unchanged; a pseudonym for anything that fails the NPI check digit."""
    replaced = _pseudonymise(values, "provider", pseudonyms)
    frame = pl.DataFrame({"npi": values, "pseudonym": replaced})
    is_npi = well_formed(pl.col("npi"), Kind.NPI)
    return frame.select(npi=pl.when(is_npi).then("npi").otherwise("pseudonym"))["npi"]


def _pseudonymise_evidence(lists: pl.Series, pseudonyms: Pseudonyms) -> pl.Series:
    """Evidence with pseudonyms for claims and authorizations, and without withheld dates."""
    rows = lists.to_frame("evidence").with_row_index("row")
    facts = rows.filter(pl.col("evidence").list.len() > 0).explode("evidence").unnest("evidence")
    is_authorization = pl.col("kind") == "authorization"
    is_provider = pl.col("kind").is_in(["fill", "service"]) & (pl.col("id") != "daw_code")
    changed = facts.with_columns(
        claim_id=_pseudonymise(facts["claim_id"], "claim", pseudonyms),
        id=pl.when(is_authorization)
        .then(_pseudonymise(facts["id"], "authorization", pseudonyms))
        .when(is_provider)
        .then(_pseudonymise_npis(facts["id"], pseudonyms))
        .otherwise("id"),
        date=pl.when(~pl.col("code").is_in(_WITHHELD_DATES).fill_null(False)).then("date"),
    )
    fields = [field.name for field in lists.dtype.inner.fields]  # type: ignore[attr-defined]
    regrouped = changed.group_by("row", maintain_order=True).agg(evidence=pl.struct(fields))
    joined = rows.select("row").join(regrouped, on="row", how="left", maintain_order="left")
    evidence = joined["evidence"]
    if not evidence.null_count():
        return evidence
    return evidence.fill_null(pl.Series([[]], dtype=lists.dtype)).cast(lists.dtype)


def _pseudonymise_rationales(frame: pl.DataFrame, pseudonyms: Pseudonyms) -> pl.Series:
    """The rationale of each exception, with pseudonyms where its rule's sentence names somebody."""
    patterns = _sentence_patterns()
    rationales = [
        _replace_names(text, patterns[rule_id, reason], pseudonyms)
        if text and (rule_id, reason) in patterns
        else text
        for rule_id, reason, text in frame.select("rule_id", "reason", "rationale").iter_rows()
    ]
    return pl.Series(rationales, dtype=pl.String)


@cache
def _sentence_patterns() -> dict[tuple[str, str], re.Pattern[str]]:
    """Patterns for the sentences that name somebody, by rule and reason, with a group per name."""
    patterns = {}
    for module in RULES:
        for reason, sentence in module.RULE.says.items():
            parts = [(literal, name) for literal, name, _, _ in Formatter().parse(sentence)]
            if NAMES_IN_RATIONALE.keys() & {name for _, name in parts}:
                written = "".join(re.escape(literal) + _group(name) for literal, name in parts)
                patterns[module.RULE.id, reason] = re.compile(written, re.DOTALL)
    return patterns


def _group(placeholder: str | None) -> str:
    """The pattern for what a sentence has in place of a placeholder."""
    if not placeholder:
        return ""
    return f"(?P<{placeholder}>.+)" if placeholder in NAMES_IN_RATIONALE else ".*?"


def _replace_names(text: str, pattern: re.Pattern[str], pseudonyms: Pseudonyms) -> str | None:
    """The text with every name replaced; None, which shows nothing, if it is not the sentence."""
    match = pattern.fullmatch(text)
    if match is None:
        return None
    for name, value in sorted(match.groupdict().items(), key=lambda item: -match.start(item[0])):
        replacement = _replacement(NAMES_IN_RATIONALE[name], value, pseudonyms)
        text = text[: match.start(name)] + replacement + text[match.end(name) :]
    return text


def _replacement(kind: str, value: str, pseudonyms: Pseudonyms) -> str:
    if kind == "withheld":
        return "a date withheld"
    if kind == "provider":
        return str(_pseudonymise_npis(pl.Series([value]), pseudonyms)[0])
    return pseudonyms.of(kind, value)

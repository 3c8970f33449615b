"""Privacy levels: how much the results of a run may show about a person. The warehouse keeps all.

full            everything, as in the extracts.
pseudonymised   identifiers are keyed pseudonyms, the same in every run with the same key. Dates of
                service stay; birth and death dates, raw records and reasons typed by users are
                withheld.
aggregate       counts and sums only; see flows/results/small_cells.py.

A pseudonym is an HMAC-SHA256 of the identifier and its kind. Exception ids are replaced as well:
they are plain hashes of claim ids, which could be guessed. NPIs name providers and stay; a value in
an NPI column that is not a valid NPI is pseudonymised.
"""

import hashlib
import hmac
import os
import re
from dataclasses import dataclass, field
from functools import cache
from string import Formatter

import polars as pl

from audit_rules.rules import RULES
from flows.errors import UsageError
from flows.request import LEVELS, PSEUDONYMISED
from schemas.formats import well_formed
from schemas.tables import Kind

KEY = "CLAIMS_AUDIT_PSEUDONYM_KEY"
SHORTEST_KEY = 32  # characters
_DIGITS, _EXCEPTION_DIGITS = 20, 32
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
_IN_RATIONALE = {
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


@dataclass(frozen=True)
class Pseudonyms:
    """Pseudonyms for identifiers, made with a key that is never shown."""

    key: bytes = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """Shows whether two runs used the same key, without revealing it."""
        return self.of("key", "fingerprint")

    def of(self, kind: str, identifier: str) -> str:
        """The pseudonym of an identifier: hexadecimal digits."""
        digest = hmac.new(self.key, f"{kind}\x1f{identifier}".encode(), hashlib.sha256).hexdigest()
        return digest[: _EXCEPTION_DIGITS if kind == "exception" else _DIGITS]


def read_pseudonyms(level: str) -> Pseudonyms | None:
    """Read the key from the environment, if the level needs one.

    Raises UsageError if the level is unknown, or the key is missing or too short.
    """
    if level not in LEVELS:
        raise UsageError(f"--privacy is one of {', '.join(LEVELS)}.")
    if level != PSEUDONYMISED:
        return None
    key = os.environ.get(KEY, "").strip()
    if len(key) < SHORTEST_KEY:
        problem = "is too short" if key else "is not set"
        raise UsageError(
            f"--privacy pseudonymised: {KEY} {problem}. Set it to a secret of at least "
            f"{SHORTEST_KEY} characters."
        )
    return Pseudonyms(key.encode())


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
            if _IN_RATIONALE.keys() & {name for _, name in parts}:
                written = "".join(re.escape(literal) + _group(name) for literal, name in parts)
                patterns[module.RULE.id, reason] = re.compile(written, re.DOTALL)
    return patterns


def _group(placeholder: str | None) -> str:
    """The pattern for what a sentence has in place of a placeholder."""
    if not placeholder:
        return ""
    return f"(?P<{placeholder}>.+)" if placeholder in _IN_RATIONALE else ".*?"


def _replace_names(text: str, pattern: re.Pattern[str], pseudonyms: Pseudonyms) -> str | None:
    """The text with every name replaced; None, which shows nothing, if it is not the sentence."""
    match = pattern.fullmatch(text)
    if match is None:
        return None
    for name, value in sorted(match.groupdict().items(), key=lambda item: -match.start(item[0])):
        replacement = _replacement(_IN_RATIONALE[name], value, pseudonyms)
        text = text[: match.start(name)] + replacement + text[match.end(name) :]
    return text


def _replacement(kind: str, value: str, pseudonyms: Pseudonyms) -> str:
    if kind == "withheld":
        return "a date withheld"
    if kind == "provider":
        return str(_pseudonymise_npis(pl.Series([value]), pseudonyms)[0])
    return pseudonyms.of(kind, value)

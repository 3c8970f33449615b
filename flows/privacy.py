"""Privacy levels: how much of a person the results of a run may show. The warehouse stays whole.

full            everything, as the extracts say it.
pseudonymised   identifiers are keyed pseudonyms, the same every night under the same key; dates of service stay, those of
                birth and death are withheld, and so are raw records and the words of who decided.
aggregate       counts and sums only; see flows/results/small_cells.py.

A pseudonym is an HMAC-SHA256 of the identifier and its kind. Exception ids are pseudonyms too: as plain hashes of claim ids
they could be guessed. NPIs name providers and stay; what stands in their place and is none becomes a pseudonym.
"""

import hashlib
import hmac
import os
import re
from dataclasses import dataclass, field
from functools import cache
from string import Formatter
from typing import Literal

import polars as pl

from audit_rules.rules import RULES
from flows.errors import UsageError
from schemas.formats import well_formed
from schemas.tables import Kind

Level = Literal["full", "pseudonymised", "aggregate"]
FULL: Level = "full"
PSEUDONYMISED: Level = "pseudonymised"
AGGREGATE: Level = "aggregate"
LEVELS = (FULL, PSEUDONYMISED, AGGREGATE)

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
_WITHHELD = ("raw_record", "decision_reason")  # text as it came, which may say anything
_WITHHELD_DATES = ("birth_date", "death_date")
_IN_RATIONALE = {
    "twin_claim_id": "claim",
    "npi": "provider",
    **dict.fromkeys(_WITHHELD_DATES, "withheld"),
}
"""Places of a rule's sentence that hold an identifier, and its kind."""
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
    """Names in place of identifiers, made with a key that is never shown."""

    key: bytes = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """Says whether two runs used one key, without saying which."""
        return self.of("key", "fingerprint")

    def of(self, kind: str, identifier: str) -> str:
        """The pseudonym of an identifier: hexadecimal digits."""
        digest = hmac.new(self.key, f"{kind}\x1f{identifier}".encode(), hashlib.sha256).hexdigest()
        return digest[: _EXCEPTION_DIGITS if kind == "exception" else _DIGITS]


def read_pseudonyms(level: str) -> Pseudonyms | None:
    """The key from the environment, where the level needs one. Raises UsageError where it is missing or short."""
    if level not in LEVELS:
        raise UsageError(f"--privacy is one of {', '.join(LEVELS)}.")
    if level != PSEUDONYMISED:
        return None
    key = os.environ.get(KEY, "").strip()
    if len(key) < SHORTEST_KEY:
        was = "is too short" if key else "is not set"
        raise UsageError(
            f"--privacy pseudonymised: {KEY} {was}. Set it to a secret of at least {SHORTEST_KEY} characters."
        )
    return Pseudonyms(key.encode())


def pseudonymised(frame: pl.DataFrame, names: Pseudonyms) -> pl.DataFrame:
    """A result table with pseudonyms for identifiers and nothing of what was withheld; in the order of the pseudonyms."""
    changed = {
        column: _named(frame[column], kind, names)
        for column, kind in _KINDS.items()
        if column in frame.columns
    }
    changed |= {
        column: _npis(frame[column], names) for column in _PROVIDERS if column in frame.columns
    }
    changed |= {
        column: pl.Series([None] * frame.height, dtype=pl.String)
        for column in _WITHHELD
        if column in frame.columns
    }
    if "evidence" in frame.columns:
        changed["evidence"] = _evidence(frame["evidence"], names)
        changed["rationale"] = _rationales(frame, names)
    order = [column for column in _ORDER if column in frame.columns]
    return frame.with_columns(**changed).sort(order, nulls_last=True)


def _named(values: pl.Series, kind: str, names: Pseudonyms) -> pl.Series:
    known = values.drop_nulls().unique().to_list()
    return values.replace_strict(
        known, [names.of(kind, value) for value in known], default=None, return_dtype=pl.String
    )


def _npis(values: pl.Series, names: Pseudonyms) -> pl.Series:
    """NPIs as they are; what is none by its check digit, a pseudonym."""
    frame = pl.DataFrame({"npi": values, "name": _named(values, "provider", names)})
    return frame.select(
        pl.when(well_formed(pl.col("npi"), Kind.NPI)).then("npi").otherwise("name").alias("npi")
    )["npi"]


def _evidence(lists: pl.Series, names: Pseudonyms) -> pl.Series:
    """Evidence with pseudonyms of claims and authorizations."""
    rows = lists.to_frame("evidence").with_row_index("row")
    facts = rows.filter(pl.col("evidence").list.len() > 0).explode("evidence").unnest("evidence")
    is_authorization, is_provider = (
        pl.col("kind") == "authorization",
        pl.col("kind").is_in(["fill", "service"]),
    )
    changed = facts.with_columns(
        claim_id=_named(facts["claim_id"], "claim", names),
        id=pl.when(is_authorization)
        .then(_named(facts["id"], "authorization", names))
        .when(is_provider & (pl.col("id") != "daw_code"))
        .then(_npis(facts["id"], names))
        .otherwise("id"),
        date=pl.when(~pl.col("code").is_in(_WITHHELD_DATES).fill_null(False)).then("date"),
    )
    fields = [field.name for field in lists.dtype.inner.fields]  # type: ignore[attr-defined]
    gathered = changed.group_by("row", maintain_order=True).agg(evidence=pl.struct(fields))
    joined = rows.select("row").join(gathered, on="row", how="left", maintain_order="left")[
        "evidence"
    ]
    return (
        joined.fill_null(pl.Series([[]], dtype=lists.dtype)).cast(lists.dtype)
        if joined.null_count()
        else joined
    )


def _rationales(frame: pl.DataFrame, names: Pseudonyms) -> pl.Series:
    """The rationale of each exception, read by its rule's own sentence, with pseudonyms where that names somebody."""
    patterns = _sentences()
    return pl.Series(
        [
            _reworded(text, patterns[rule_id, reason], names)
            if text and (rule_id, reason) in patterns
            else text
            for rule_id, reason, text in frame.select("rule_id", "reason", "rationale").iter_rows()
        ],
        dtype=pl.String,
    )


@cache
def _sentences() -> dict[tuple[str, str], re.Pattern[str]]:
    """The sentences that name somebody, by rule and reason."""
    found = {}
    for module in RULES:
        for reason, words in module.RULE.says.items():
            parts = [(literal, name) for literal, name, _, _ in Formatter().parse(words)]
            if _IN_RATIONALE.keys() & {name for _, name in parts}:
                places = (
                    f"(?P<{n}>.+)" if n in _IN_RATIONALE else ".*?" if n else "" for _, n in parts
                )
                found[module.RULE.id, reason] = re.compile(
                    "".join(
                        re.escape(literal) + place
                        for (literal, _), place in zip(parts, places, strict=True)
                    ),
                    re.DOTALL,
                )
    return found


def _reworded(text: str, sentence: re.Pattern[str], names: Pseudonyms) -> str | None:
    found = sentence.fullmatch(text)
    if found is None:
        return None
    for name, value in sorted(found.groupdict().items(), key=lambda item: -found.start(item[0])):
        text = (
            text[: found.start(name)]
            + _said(_IN_RATIONALE[name], value, names)
            + text[found.end(name) :]
        )
    return text


def _said(kind: str, value: str, names: Pseudonyms) -> str:
    if kind == "withheld":
        return "a date withheld"
    return str(_npis(pl.Series([value]), names)[0]) if kind == "provider" else names.of(kind, value)

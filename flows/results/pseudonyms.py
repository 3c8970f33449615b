"""Replace identifiers in result tables by pseudonyms, and withhold what else may name a person.

Every column of every result table is in one of the lists below. Dates of service stay;
birth and death dates, plans, raw records and texts typed by users are withheld. Exception ids are
replaced as well: they are plain hashes of claim ids, which could be guessed. NPIs name providers
and stay; a value in an NPI column that is not a valid NPI is pseudonymised. So is a payer that no
policy and no alias of the config names.
"""

import re
from collections.abc import Collection
from functools import cache
from string import Formatter

import polars as pl

from audit_rules.engine.caps import without_caps
from audit_rules.engine.rule import Described
from audit_rules.kinds.registry import KIND_MODULES
from audit_rules.rules import CATALOGUE
from flows.privacy import Pseudonyms
from flows.results.pseudonymised_evidence import BORN_OR_DIED, pseudonymise_evidence
from flows.results.pseudonymised_values import (
    pseudonymise_lists,
    pseudonymise_npis,
    pseudonymise_payers,
    pseudonymise_values,
    pseudonymous_payer,
)

IDENTIFIERS = {
    "exception_id": "exception",
    "continues": "exception",
    "person_id": "person",
    "member_id": "member",
    "claim_id": "claim",
    "decided_by": "reviewer",
}
"""Columns of identifiers, and the kind of each: they become pseudonyms."""
IDENTIFIER_LISTS = {"exception_ids": "exception"}
"""Columns of lists of identifiers. Their order says what leads, and nothing about the ids."""
PROVIDERS = ("provider_npi", "billing_npi")
"""Columns of NPIs: they stay if they are valid, and become pseudonyms otherwise."""
PAYERS = ("payer",)
"""Columns of payers: known names stay, others become pseudonyms."""
WITHHELD = ("plan", "raw_record", "decision_reason")
"""Columns that are null: a plan may have few members, and free text may contain anything."""
REWRITTEN = ("evidence", "rationale")
"""Columns with parts of several kinds, each treated by its kind."""
KEPT = (
    # the rule, its clause, and what it came to
    *("rule_id", "rule_ids", "reason", "previous_reason", "outcome", "previous_outcome"),
    *(
        "policy_id",
        "term_id",
        "policy_effective_from",
        "citation",
        "documents_needed",
        "observed",
        "allowed",
    ),
    # the line, with its dates of service, which this level shows
    *("claim_source", "claim_line_number", "service_date", "paid_date", "quantity", "drug"),
    "product_code",
    # amounts and counts
    *("paid_amount", "amount_at_risk", "previous_amount_at_risk", "amount_basis"),
    *("recover_amount", "records_request_amount", "review_amount", "expected_amount"),
    *("dismissed_amount", "not_collectable_amount", "recovered_amount", "lines", "rows"),
    # what may be collected
    *("collectable", "recoup_by", "recoup_term", "answer_by"),
    # the ledger, without who decided and why
    *("status", "why", "first_seen", "decision", "dismissed_until"),
    # where a check failed: our names of columns and checks, names of files, and positions
    *("table", "file", "row_number", "column", "check", "first_row_number"),
)
"""Columns that stay as they are."""
NAMES_IN_RATIONALE = {
    "twin_claim_id": "claim",
    "npi": "provider",
    "payer": "payer",
    "twin_payer": "payer",
    **dict.fromkeys(BORN_OR_DIED, "withheld"),
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


def pseudonymise(
    frame: pl.DataFrame, pseudonyms: Pseudonyms, known_payers: Collection[str] = ()
) -> pl.DataFrame:
    """A result table with pseudonyms for identifiers and without what is withheld.

    Its rows are sorted by what it shows, so that their order reveals nothing either. A column that
    is not declared above is withheld.

    known_payers   folded names of the payers that policies or the config name.
    """
    shown = [_shown(frame, name, pseudonyms, known_payers) for name in frame.columns]
    order = [name for name in _ORDER if name in frame.columns]
    return pl.DataFrame(shown).sort(order, nulls_last=True)


def _shown(
    frame: pl.DataFrame, name: str, pseudonyms: Pseudonyms, known_payers: Collection[str]
) -> pl.Series:
    """One column as the results show it."""
    values = frame[name]
    shown = pl.Series(name, [None] * len(values), dtype=values.dtype)
    if name in KEPT:
        shown = values
    elif name in IDENTIFIERS:
        shown = pseudonymise_values(values, IDENTIFIERS[name], pseudonyms)
    elif name in IDENTIFIER_LISTS:
        shown = pseudonymise_lists(values, IDENTIFIER_LISTS[name], pseudonyms)
    elif name in PROVIDERS:
        shown = pseudonymise_npis(values, pseudonyms).alias(name)
    elif name in PAYERS:
        shown = pseudonymise_payers(values, known_payers, pseudonyms)
    elif name == "evidence":
        shown = pseudonymise_evidence(values, pseudonyms)
    elif name == "rationale":
        shown = _pseudonymise_rationales(frame, pseudonyms, known_payers)
    return shown


def _pseudonymise_rationales(
    frame: pl.DataFrame, pseudonyms: Pseudonyms, known_payers: Collection[str]
) -> pl.Series:
    """The rationale of each exception, with pseudonyms if its rule's sentence names somebody."""
    patterns = _sentence_patterns()
    rationales = [
        _replace_names(text, patterns[rule_id, reason], pseudonyms, known_payers)
        if text and (rule_id, reason) in patterns
        else text
        for rule_id, reason, text in frame.select("rule_id", "reason", "rationale").iter_rows()
    ]
    return pl.Series("rationale", rationales, dtype=pl.String)


@cache
def _sentence_patterns() -> dict[tuple[str, str], re.Pattern[str]]:
    """Patterns for the sentences that name somebody, by rule and reason, with a group per name."""
    patterns = {}
    every: tuple[Described, ...] = (*CATALOGUE, *KIND_MODULES)
    for module in every:
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


def _replace_names(
    whole: str, pattern: re.Pattern[str], pseudonyms: Pseudonyms, known_payers: Collection[str]
) -> str | None:
    """The text with every name replaced; None, which shows nothing, if it is not the sentence.

    What the sentence says of a cap names nobody and stays.
    """
    text, why_capped = without_caps(whole)
    match = pattern.fullmatch(text)
    if match is None:
        return None
    for name, value in sorted(match.groupdict().items(), key=lambda item: -match.start(item[0])):
        replacement = _replacement(NAMES_IN_RATIONALE[name], value, pseudonyms, known_payers)
        text = text[: match.start(name)] + replacement + text[match.end(name) :]
    return text + why_capped


def _replacement(
    kind: str, value: str, pseudonyms: Pseudonyms, known_payers: Collection[str]
) -> str:
    if kind == "withheld":
        return "a date withheld"
    if kind == "provider":
        return str(pseudonymise_npis(pl.Series([value]), pseudonyms)[0])
    if kind == "payer":
        return pseudonymous_payer(value, known_payers, pseudonyms)
    return pseudonyms.of(kind, value)

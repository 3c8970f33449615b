"""Replace identifiers in result tables by pseudonyms, and withhold what else may name a person.

Every column of every result table is in one of the lists below. Dates of service stay;
birth and death dates, plans, raw records and texts typed by users are withheld. Exception ids are
replaced as well: they are plain hashes of claim ids, which could be guessed. NPIs name providers
and stay; a value in an NPI column that is not a valid NPI is pseudonymised. So is a payer that no
policy and no alias of the config names.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from string import Formatter
from typing import NamedTuple

import polars as pl

from audit_rules.engine.caps import without_caps
from audit_rules.engine.rule import Described
from audit_rules.kinds.registry import BY_KIND, KIND_MODULES
from audit_rules.policy.language.terms import LanguageTerm
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
    frame: pl.DataFrame,
    pseudonyms: Pseudonyms,
    known_payers: Collection[str] = (),
    terms: Iterable[LanguageTerm] = (),
) -> pl.DataFrame:
    """A result table with pseudonyms for identifiers and without what is withheld.

    Its rows are sorted by what it shows, so that their order reveals nothing either. A column that
    is not declared above is withheld.

    known_payers   folded names of the payers that policies or the config name.
    terms          terms of the policy language, whose sentences are the documents' own.
    """
    if "rationale" in frame.columns:
        said = _without_names(frame, _sentences(terms), pseudonyms, known_payers)
        frame = frame.with_columns(said)
    shown = [_shown(frame, name, pseudonyms, known_payers) for name in frame.columns]
    order = [name for name in _ORDER if name in frame.columns]
    return pl.DataFrame(shown).sort(order, nulls_last=True)


def _shown(
    frame: pl.DataFrame, name: str, pseudonyms: Pseudonyms, known_payers: Collection[str]
) -> pl.Series:
    """One column as the results show it."""
    values = frame[name]
    shown = pl.Series(name, [None] * len(values), dtype=values.dtype)
    if name in KEPT or name == "rationale":
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
    return shown


class _Sentence(NamedTuple):
    """A sentence with places: its pattern, with a group for each place that names somebody."""

    pattern: re.Pattern[str]
    names: tuple[str, ...]


@cache
def _sentence(template: str) -> _Sentence:
    parts = [(literal, name) for literal, name, _, _ in Formatter().parse(template)]
    groups = {name: "(.+)" if name in NAMES_IN_RATIONALE else ".*?" for _, name in parts if name}
    written = "".join(re.escape(text) + groups.get(name or "", "") for text, name in parts)
    names = tuple(name for _, name in parts if name in NAMES_IN_RATIONALE)
    return _Sentence(re.compile(written, re.DOTALL), names)


@cache
def _sentences_of_rules() -> dict[tuple[str, str], list[_Sentence]]:
    """Sentences of rules and kinds of term that name somebody, by rule and reason."""
    every: tuple[Described, ...] = (*CATALOGUE, *KIND_MODULES)
    said = {(m.RULE.id, why): _sentence(text) for m in every for why, text in m.RULE.says.items()}
    return {key: [sentence] for key, sentence in said.items() if sentence.names}


def _sentences(terms: Iterable[LanguageTerm]) -> dict[str, list[_Sentence]]:
    """Term id -> its sentences, if one of them names somebody; that one first."""
    found = {}
    for term in terms:
        of_kind = BY_KIND[term.kind].RULE.says.values()
        own = [entry.says for entry in term.finding if entry.says]
        said = [_sentence(text) for text in dict.fromkeys((*own, *of_kind))]
        if any(sentence.names for sentence in said):
            found[term.term_id] = sorted(said, key=lambda sentence: not sentence.names)
    return found


def _without_names(
    frame: pl.DataFrame,
    of_terms: Mapping[str, list[_Sentence]],
    pseudonyms: Pseudonyms,
    known_payers: Collection[str],
) -> pl.Series:
    """The rationale of each exception, with pseudonyms if its sentence names somebody."""
    of_rules = _sentences_of_rules()
    term_id = "term_id" if "term_id" in frame.columns else pl.lit(None).alias("term_id")
    rationales = []
    for rule_id, reason, term, text in frame.select(
        "rule_id", "reason", term_id, "rationale"
    ).iter_rows():
        said = of_terms.get(term) or of_rules.get((rule_id, reason))
        shown = _replace_names(text, said, pseudonyms, known_payers) if text and said else text
        rationales.append(shown)
    return pl.Series("rationale", rationales, dtype=pl.String)


def _replace_names(
    whole: str, said: list[_Sentence], pseudonyms: Pseudonyms, known_payers: Collection[str]
) -> str | None:
    """The text with every name replaced; None, which shows nothing, if it is another sentence.

    What the sentence says of a cap names nobody and stays.
    """
    text, why_capped = without_caps(whole)
    for sentence in said:
        match = sentence.pattern.fullmatch(text)
        if match is None:
            continue
        for group in range(len(sentence.names), 0, -1):
            kind = NAMES_IN_RATIONALE[sentence.names[group - 1]]
            replacement = _replacement(kind, match[group], pseudonyms, known_payers)
            text = text[: match.start(group)] + replacement + text[match.end(group) :]
        return text + why_capped
    return None


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

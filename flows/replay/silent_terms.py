"""Terms of the policy language that say nothing of a line of their sets: `explain` shows them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date

import polars as pl

from audit_rules.counterfactuals.case import Row
from audit_rules.engine.rule import PolicyBook
from audit_rules.policy.document import Policy
from audit_rules.policy.language.terms import LanguageTerm
from audit_rules.policy.terms.base import FAR_FUTURE
from audit_rules.reference.product_sets import line_sets
from schemas.outcomes import NOT_APPLICABLE

_PLACES = {
    "date": ("person", "payer_id", "service_date"),
    "claim": ("person", "payer_id", "claim_source", "claim_id"),
}
"""What a term that answers once a date, or once a claim, answers once for."""

_Place = tuple[object, ...]


def silent_terms(
    book: PolicyBook,
    asked: pl.DataFrame,
    sets: Mapping[tuple[int, str], list[int]],
    answers: pl.DataFrame,
) -> list[Row]:
    """An answer, not_applicable, for each term that judges a set of a line and does not answer.

    Terms under a rule id of the document's answer as one, and are not among them. Terms that are
    not in force on the date are among them only if the document has none that is.
    asked   the lines of documents.
    sets    the numbers of the sets in which a line is, by row_id and policy_id.
    answers   the answers of documents.
    """
    lines = {row["row_id"]: row for row in asked.iter_rows(named=True)}
    on_line: dict[tuple[int, str], set[str]] = defaultdict(set)
    in_place: set[tuple[str, _Place]] = set()
    for row_id, policy_id, term_id in answers.select("row_id", "policy_id", "term_id").iter_rows():
        on_line[row_id, policy_id].add(term_id)
        in_place |= {(term_id, _place(lines[row_id], mode)) for mode in _PLACES}
    found = []
    for policy in book.library.spoken():
        by_set = _terms_by_set(policy, book)
        for row_id, line in lines.items():
            key = row_id, policy.document.id
            judged = {t.term_id: (t, n) for n in sets.get(key, ()) for t in by_set[n]}
            for term, set_no in _shown(judged.values(), line["service_date"]):
                if term.term_id not in on_line[key]:
                    others = [judged[i][0] for i in on_line[key] if i in judged]
                    place = _place(line, term.finding[-1].once)
                    why = _why(term, others, (term.term_id, place) in in_place)
                    place_of = {"row_id": row_id, "set_no": set_no, "rationale": why}
                    found.append(_answer(policy, term, line["service_date"]) | place_of)
    return found


def _place(line: Row, mode: str) -> _Place:
    return (mode, *(line[column] for column in _PLACES.get(mode, ())))


def _terms_by_set(policy: Policy, book: PolicyBook) -> dict[int, list[LanguageTerm]]:
    numbers = {one.name: one.number for one in line_sets(policy, book.reference.ndc)}
    found: dict[int, list[LanguageTerm]] = defaultdict(list)
    for term in policy.language_terms:
        if term.rule_id is None:
            for one in policy.declared.sets_of(term):
                found[numbers[one.name]].append(term)
    return found


def _shown(terms: Iterable[tuple[LanguageTerm, int]], day: date) -> list[tuple[LanguageTerm, int]]:
    every = list(terms)
    in_force = [t for t in every if t[0].effective_from <= day < (t[0].effective_to or FAR_FUTURE)]
    return in_force or every


def _why(term: LanguageTerm, others: Iterable[LanguageTerm], answers_elsewhere: bool) -> str | None:
    """Why the term does not answer, if not for its own case."""
    if term.alternatives and any(o.alternatives == term.alternatives for o in others):
        return "of the clauses of which one is enough, another answers"
    if answers_elsewhere:
        return f"the clause answers once a {term.finding[-1].once}, on another line"
    return None


def _answer(policy: Policy, term: LanguageTerm, day: date) -> Row:
    begun = [v.effective_from for v in policy.versions if v.effective_from <= day]
    return {
        "policy_id": policy.document.id,
        "rule_id": term.default_rule,
        "outcome": NOT_APPLICABLE,
        "term_id": term.term_id,
        "counted_term": term.term_id,
        "citation": f"{policy.document.title}: {term.cite}",
        "version_from": max(begun, default=None),
    }

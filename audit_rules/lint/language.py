"""Checks of documents of the policy language: what nothing can ask, and what deserves a look.

Each is named as its findings are; see LANGUAGE_CHECKS.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import pairwise

from audit_rules.lint.defect import Defect, Subject
from audit_rules.policy.language.amounts import Quantity
from audit_rules.policy.language.checks import needs_doses, things_of, words_named
from audit_rules.policy.language.conditions import LineKey, Thing, leaves
from audit_rules.policy.language.possible import is_impossible
from audit_rules.policy.language.terms import LanguageTerm
from audit_rules.policy.terms.base import FAR_FUTURE
from audit_rules.reference.product_sets import is_filled
from audit_rules.wording import counted, listed
from schemas.outcomes import RECOVER

_LIMITS = {"most", "below", "least", "used", "bands", "mg_per", "most_mg", "phase"}
_OWN = {"term_id", "cite", "partly", "assumed", "basis", "provenance", "finding", "alternatives"}
_DATES = {"effective_from", "effective_to"}
_TELLING = ("ndc", "quantity")


def set_without_codes(subject: Subject) -> Iterator[Defect]:
    """A product set that no code and no NDC fills: its clauses are asked of no line."""
    for one in subject.policy.declared.every_set.values():
        if not is_filled(one, subject.context.ndc):
            yield subject.error(
                f"products {one.name}",
                "set_without_codes",
                one.name,
                f"No HCPCS code and no NDC is of the set {one.name!r}: no line is ever of it.",
                "List its hcpcs or ndc, or put its NDCs into an ndc*.csv next to the policy.",
            )


def never_applies(subject: Subject) -> Iterator[Defect]:
    """A condition of `applies_to` that no line can meet."""
    for term in subject.policy.language_terms:
        if term.applies_to is not None and is_impossible(subject.policy.declared, term.applies_to):
            yield subject.error(
                term.cite,
                "never_applies",
                term.term_id,
                f"{term.term_id}: applies_to can never be true: the clause is asked of no line.",
                "Correct the condition. Use any_of if one of several is enough.",
            )


def unused_declaration(subject: Subject) -> Iterator[Defect]:
    """A code list or a fact of the file that no term asks about."""
    policy = subject.policy
    named = {word for term in policy.language_terms for word in words_named(term)}
    own = {f.code for f in policy.declared.facts.values()} - subject.context.facts
    for kind, words in (("codes", policy.declared.codes), ("fact", own)):
        for word in sorted(set(words) - named):
            yield subject.warning(
                f"{kind} {word}",
                "unused_declaration",
                word,
                f"No term asks about the {kind} {word!r}.",
                "Remove it, or correct the name in the term that means it.",
            )


def shared_code(subject: Subject) -> Iterator[Defect]:
    """A HCPCS code of several sets, and a term on one of them that no condition tells apart."""
    sets_of: dict[str, list[str]] = defaultdict(list)
    for one in subject.policy.declared.sets.values():
        for code in one.hcpcs:
            sets_of[code].append(one.name)
    shared = {code: names for code, names in sets_of.items() if len(names) > 1}
    for code, names in shared.items():
        blind = [t for t in subject.policy.language_terms if _is_blind(subject, t, names)]
        if blind:
            terms = listed([t.term_id for t in blind])
            yield subject.warning(
                blind[0].cite,
                "shared_code",
                code,
                f"{code} is of the sets {listed(names)}: without an NDC its lines are in each, and"
                f" nothing tells them apart in {terms}.",
                "Tell them apart in applies_to, by diagnosis, quantity or ndc.",
            )


def _is_blind(subject: Subject, term: LanguageTerm, names: list[str]) -> bool:
    mine = {one.name for one in subject.policy.declared.sets_of(term)} & set(names)
    asks = [] if term.applies_to is None else list(leaves(term.applies_to))
    tells = any(
        (isinstance(t, LineKey) and t.key in _TELLING)
        or (isinstance(t, Thing) and t.kind == "diagnosis")
        for t in asks
    )
    is_of_fills = isinstance(term, Quantity) and term.is_of_fills
    return bool(mine) and mine != set(names) and not tells and not is_of_fills


def same_question(subject: Subject) -> Iterator[Defect]:
    """Two terms ask one thing at one time with other numbers, and are not alternatives."""
    asked: dict[str, list[LanguageTerm]] = defaultdict(list)
    for term in subject.policy.language_terms:
        fields = {k: v for k, v in iter(term) if k not in _LIMITS | _OWN | _DATES}
        if any(getattr(term, limit, None) for limit in _LIMITS):
            asked[f"{term.kind} {fields!r}"].append(term)
    for terms in asked.values():
        ordered = sorted(terms, key=lambda t: t.effective_from)
        for first, second in pairwise(ordered):
            overlap = second.effective_from < (first.effective_to or FAR_FUTURE)
            differs = any(getattr(first, n, None) != getattr(second, n, None) for n in _LIMITS)
            is_either = first.alternatives is not None and (
                first.alternatives == second.alternatives
            )
            if overlap and differs and not is_either:
                yield subject.warning(
                    second.cite,
                    "same_question",
                    second.term_id,
                    f"{second.term_id} asks what {first.term_id} asks, with other numbers: the"
                    " stricter one alone decides.",
                    "Give both the same word in alternatives, or say in applies_to when each is"
                    " asked.",
                )


def single_alternative(subject: Subject) -> Iterator[Defect]:
    """A word of `alternatives` that one term alone has."""
    having: dict[str, list[LanguageTerm]] = defaultdict(list)
    for term in subject.policy.language_terms:
        if term.alternatives is not None:
            having[term.alternatives].append(term)
    for word, terms in having.items():
        if len(terms) == 1:
            yield subject.warning(
                terms[0].cite,
                "single_alternative",
                word,
                f"{terms[0].term_id} is the only one of the alternatives {word!r}.",
                "Give the word to the other terms too, or leave it out.",
            )


def silence_taken_as_absence(subject: Subject) -> Iterator[Defect]:
    """Things of a term that count as not there whatever was supplied."""
    for term in subject.policy.language_terms:
        things = [t for t in things_of(term) if isinstance(t, Thing) and t.silence == "absent"]
        if things:
            names = dict.fromkeys(f"{t.kind} {listed(list(t.names))}" for t in things)
            more = f" (and {counted(len(names) - 1, 'other thing')})" if len(names) > 1 else ""
            yield subject.warning(
                term.cite,
                "silence_taken_as_absence",
                things[0].names[0],
                f"{term.term_id}: if {next(iter(names))}{more} is not found, it counts as not"
                " there, whatever was supplied.",
                'Leave silence = "absent" out, unless a rule taken over needs it.',
            )


def recovery_on_uncertain_numbers(subject: Subject) -> Iterator[Defect]:
    """A recovery that rests on dose numbers of a set whose course may have begun unseen."""
    for term in subject.policy.language_terms:
        sets = [s.name for s in subject.policy.declared.sets_of(term) if not s.observed_days]
        if sets and needs_doses(term) and any(f.outcome == RECOVER for f in term.finding):
            yield subject.warning(
                term.cite,
                "recovery_on_uncertain_numbers",
                term.term_id,
                f"{term.term_id} recovers by the number of a dose, but observed_days of"
                f" {listed(sets)} is 0: a course may have begun before anybody was observed.",
                "Give observed_days, or another outcome.",
            )


LANGUAGE_CHECKS: tuple[Callable[[Subject], Iterator[Defect]], ...] = (
    set_without_codes,
    never_applies,
    unused_declaration,
    shared_code,
    same_question,
    single_alternative,
    silence_taken_as_absence,
    recovery_on_uncertain_numbers,
)

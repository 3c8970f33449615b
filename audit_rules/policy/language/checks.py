"""What a document of the language must hold besides the types of its fields."""

import re
from collections.abc import Iterable, Iterator

from audit_rules.errors import PolicyRefused
from audit_rules.policy.language.amounts import FILL_MEASURES, DoseBasis, Quantity, Schedule
from audit_rules.policy.language.conditions import (
    AUTHORIZATION,
    COUNTS,
    DIAGNOSIS,
    DRUG,
    FACT,
    FILL,
    OWN,
    SERVICE,
    SPECIALIST,
    LineKey,
    Thing,
    leaves,
)
from audit_rules.policy.language.declarations import Declarations
from audit_rules.policy.language.kinds import Approval, Coding, OnFile, Who
from audit_rules.policy.language.sets import CODE_SHAPES, Products
from audit_rules.policy.language.spans import COURSE
from audit_rules.policy.language.terms import LanguageTerm

_SYSTEM_OF = {
    "hcpcs": "hcpcs",
    "modifiers": "modifier",
    "place": "place",
    SERVICE: "hcpcs",
    DIAGNOSIS: "icd10cm",
    SPECIALIST: "taxonomy",
}
_LONGEST_MONTH = 31
_ENUMERATED = {"channel": ("retail", "home_delivery")}


def things_of(term: LanguageTerm) -> Iterator[LineKey | Thing]:
    """Every question about a line and every thing on file that a term names."""
    conditions = [term.applies_to, term.unless]
    if isinstance(term, Approval):
        conditions += [row.when for row in term.length]
    for condition in conditions:
        if condition is not None:
            yield from leaves(condition)
    if isinstance(term, OnFile):
        yield from (*term.require, *term.forbid)
    if isinstance(term, Who) and term.consultation:
        yield term.consultation


def words_named(term: LanguageTerm) -> Iterator[str]:
    """Every name of a code list or fact, and every code, that a term names."""
    for leaf in things_of(term):
        yield from leaf.words if isinstance(leaf, LineKey) else leaf.names
    if isinstance(term, Who):
        yield from (*term.places, *term.not_places, *term.taxonomies)
    if isinstance(term, DoseBasis):
        yield term.basis
    if isinstance(term, Coding):
        yield from term.unclassified
        yield from _modifiers_of(term)


def _modifiers_of(term: Coding) -> tuple[str, ...]:
    given = term.modifiers
    asked = (*given.any_, *given.all_, *given.none, *given.one_of) if given else ()
    return (*asked, *(term.vial_units.modifiers if term.vial_units else ()))


def rests_on_history(declared: Declarations, terms: Iterable[LanguageTerm]) -> bool:
    """Whether some answer may be another one since when a payer has sent claims or approvals."""
    return any(
        isinstance(term, Approval)
        or (needs_doses(term) and any(s.observed_days for s in declared.sets_of(term)))
        or any(isinstance(t, Thing) and _needs_observation(t) for t in things_of(term))
        for term in terms
    )


def _needs_observation(thing: Thing) -> bool:
    """Whether its silence may mean that the person was not observed for long enough."""
    if thing.silence == "absent":
        return False
    if thing.observed_days is not None:
        return thing.observed_days > 0
    return thing.kind not in (DIAGNOSIS, FACT)


def furthest_day(declared: Declarations, terms: Iterable[LanguageTerm]) -> int:
    """How many days after a line the windows reach that may still be open; 0: none does."""
    things = [t for term in terms for t in things_of(term) if isinstance(t, Thing)]
    windows = [
        t.window or (declared.diagnosis_window if t.kind == DIAGNOSIS else None)
        for t in things
        if t.silence != "absent"
    ]
    ends = [w.closes.days + w.closes.months * _LONGEST_MONTH for w in windows if w is not None]
    return max(0, *ends, 0)


def check_language(name: str, declared: Declarations, terms: Iterable[LanguageTerm]) -> None:
    """Raise PolicyRefused unless every word is declared and every set can be asked about."""
    for term in terms:
        where = f"{name}: {term.kind} {term.term_id}"
        sets = declared.sets_of(term)
        if len(sets) < len(term.of):
            _known(where, "of", term.of, declared.every_set)
        if term.names_no_set:
            continue
        if not sets:
            raise PolicyRefused(
                f"{where}: of: there is no set. Declare [[products]], or name a table with hcpcs."
            )
        for leaf in things_of(term):
            _check_leaf(where, leaf, declared)
        _check_kind(where, term, sets, declared)


def _known(where: str, field: str, words: Iterable[str], known: Iterable[str]) -> None:
    there = list(known)
    for word in words:
        if word not in there:
            raise PolicyRefused(
                f"{where}: {field}: {word!r} is not declared. Declared names:"
                f" {', '.join(there) or 'none'}."
            )


def _check_leaf(where: str, leaf: LineKey | Thing, declared: Declarations) -> None:
    what = leaf.key if isinstance(leaf, LineKey) else leaf.kind
    words = leaf.words if isinstance(leaf, LineKey) else leaf.names
    if what in (DRUG, FILL):
        _known(where, what, (w for w in words if w != OWN), declared.every_set)
    elif what == "ndc":
        _known(where, what, words, declared.every_set)
    elif what == FACT:
        _known(where, what, words, declared.facts)
    elif what in _SYSTEM_OF:
        check_codes(where, what, words, _SYSTEM_OF[what], declared)
    elif what in _ENUMERATED:
        _known(where, what, words, _ENUMERATED[what])
    if isinstance(leaf, Thing):
        _check_thing(where, leaf, declared)


def _check_thing(where: str, thing: Thing, declared: Declarations) -> None:
    has_none = thing.window is None and declared.diagnosis_window is None
    if thing.kind == DIAGNOSIS and thing.same != "claim" and has_none:
        raise PolicyRefused(
            f"{where}: diagnosis {thing.names[0]!r}: no window. Give one, such as window ="
            " [-365, 0], or diagnosis_window in [document]."
        )
    if thing.kind == FACT:
        fact = declared.facts[thing.names[0]]
        if fact.unit and thing.values:
            raise PolicyRefused(
                f"{where}: fact {fact.code}: is a number of {fact.unit}, so it has no words. Write"
                " from and to in place of is."
            )
        _known(where, "is", thing.values, fact.values)
    if thing.kind == AUTHORIZATION and len(thing.names) > 1:
        raise PolicyRefused(f"{where}: authorization: one word. Write any_of for several.")


def check_codes(
    where: str, field: str, words: Iterable[str], system: str, declared: Declarations
) -> None:
    """Each word is a declared list of that system, or a code of its shape; else PolicyRefused."""
    for word in words:
        if word in declared.codes:
            if declared.codes[word].system != system:
                raise PolicyRefused(
                    f"{where}: {field}: {word!r} is a list of {declared.codes[word].system}."
                    f" Name one of {system}."
                )
        elif not re.fullmatch(CODE_SHAPES[system], word):
            known = [c.name for c in declared.codes.values() if c.system == system]
            raise PolicyRefused(
                f"{where}: {field}: {word!r} is neither a code nor a declared name. Declared names:"
                f" {', '.join(known) or 'none'}."
            )


def needs_doses(term: LanguageTerm) -> bool:
    """Whether a term counts the doses of a course."""
    if isinstance(term, Schedule) or (isinstance(term, Quantity) and term.per == COURSE):
        return True
    for leaf in things_of(term):
        if isinstance(leaf, LineKey) and leaf.key in COUNTS:
            return True
        if isinstance(leaf, Thing) and leaf.window and leaf.window.opens.word == COURSE:
            return True
    return False


def _check_kind(
    where: str, term: LanguageTerm, sets: list[Products], declared: Declarations
) -> None:
    if needs_doses(term):
        for one in sets:
            if one.observed_days is None:
                raise PolicyRefused(
                    f"{where}: set {one.name!r} has no observed_days, but its doses are numbered."
                    " Give it; 0: what is on file is all."
                )
    in_mg = isinstance(term, DoseBasis) or (isinstance(term, Quantity) and term.measure == "mg")
    for one in sets:
        if in_mg and one.hcpcs and one.unit_mg is None:
            raise PolicyRefused(
                f"{where}: set {one.name!r} has a code but no unit_mg. Give the mg of one unit."
            )
    if isinstance(term, Quantity):
        _check_measure(where, term, sets)
    asks_channel = any(isinstance(t, LineKey) and t.key == "channel" for t in things_of(term))
    asks_channel |= isinstance(term, Who) and bool(term.channels)
    empty = not any(s.hcpcs or s.of_drug or s.has_ndcs for s in sets)
    if asks_channel and not empty and not any(s.has_ndcs for s in sets):
        raise PolicyRefused(
            f"{where}: channel: it is of fills, but no set of `of` has an NDC. List its NDCs, or"
            " leave the channel out."
        )
    if isinstance(term, DoseBasis) and term.basis != "age":
        _known(where, "basis", [term.basis], declared.facts)
    if isinstance(term, Who):
        for field, system in (
            ("places", "place"),
            ("not_places", "place"),
            ("taxonomies", "taxonomy"),
        ):
            check_codes(where, field, getattr(term, field), system, declared)
        _known(where, "channels", term.channels, _ENUMERATED["channel"])
    if isinstance(term, Coding):
        check_codes(where, "unclassified", term.unclassified, "hcpcs", declared)
        check_codes(where, "modifiers", _modifiers_of(term), "modifier", declared)


def _check_measure(where: str, term: Quantity, sets: list[Products]) -> None:
    has_codes = any(s.hcpcs or s.of_drug for s in sets)
    has_ndcs = any(s.has_ndcs for s in sets)
    if not (has_codes or has_ndcs):  # an empty set is lint's to find
        return
    if term.measure == "units" and not has_codes:
        raise PolicyRefused(
            f"{where}: measure: units are of medical lines, but no set of `of` has a HCPCS code."
            ' Write measure = "quantity".'
        )
    if term.measure in FILL_MEASURES and not has_ndcs:
        raise PolicyRefused(
            f"{where}: measure: {term.measure} is of fills, but no set of `of` has an NDC. Write"
            ' measure = "units", or list its NDCs.'
        )
    if term.per == "day_of_supply" and not has_ndcs:
        raise PolicyRefused(
            f"{where}: per: day_of_supply is of fills, but no set of `of` has an NDC. List its"
            " NDCs."
        )

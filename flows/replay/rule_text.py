"""One rule on one line as plain text: answer, clause, evidence and what would change it."""

import re
from collections.abc import Iterable, Iterator
from datetime import date

from audit_rules.counterfactuals.case import Row
from audit_rules.policy.document import Policy
from audit_rules.policy.terms.base import FAR_FUTURE, Term
from audit_rules.wording import meanings, question
from flows.replay.explanation import RuleExplanation
from flows.replay.paragraphs import labelled
from flows.reports.wording import basis_text, fact_text, is_the_line
from schemas.decisions import DISMISSED
from schemas.outcomes import EXCEPTIONS, NOT_APPLICABLE, NOT_EVALUABLE, PASS, RECORDS_REQUEST
from schemas.results import MORE

_MOST_FACTS, _FEW_FACTS = 12, 4  # shown for an exception, and for any other answer
_CLAUSE_ASIDE = re.compile(r",? or (before the clause|(the|no) clause was (not )?in force.*)$")
_LAST_COMMA = re.compile(r", (?=[^,]*$)")
_REASON = re.compile(r" \(`[a-z_]+`\)")
_SHORT_MEANING = 3  # words; "none of these" adds nothing to the fact shown


def rule_lines(found: RuleExplanation, policy: Policy) -> Iterator[str]:
    """Every line of text about one rule under one policy."""
    return titled_lines(rule_title(found), rule_parts(found, policy))


def titled_lines(title: str, parts: Iterable[tuple[str, str]]) -> Iterator[str]:
    """A title in a line, and each text below it behind its label."""
    yield f"  {title}"
    for label, text in parts:
        yield from labelled(label, text)


def rule_title(found: RuleExplanation) -> str:
    """The rule and what it answers."""
    answer, rule = found.answer, found.module.RULE
    return f"{rule.id} {rule.name}: {_outcome(answer['outcome'], answer['reason'])}"


def rule_parts(found: RuleExplanation, policy: Policy) -> Iterator[tuple[str, str]]:
    """What there is to say about one rule under one policy, each text with its label."""
    answer = found.answer
    is_exception = answer["outcome"] in EXCEPTIONS
    yield "question", question(found.module)
    if is_exception:
        yield "finding", answer["rationale"]
    else:
        yield from _why_no_finding(found, policy)
    yield "clause", _clause(found, policy)
    yield from _evidence(found, _MOST_FACTS if is_exception else _FEW_FACTS)
    if is_exception:
        yield "amount", _amount(answer)
        yield "exception", f"id {found.exception_id}"
        if found.ledger:
            yield "ledger", found.ledger.text()
        if found.collecting and not (found.ledger and found.ledger.status == DISMISSED):
            yield "collecting", found.collecting
        yield from _documents(found)
    else:
        yield "would fire", _nearest_change(found)


def without_underscores(word: str) -> str:
    """An outcome as people read it: records request."""
    return word.replace("_", " ")


def _outcome(outcome: str, reason: str | None) -> str:
    word = without_underscores(outcome)
    return f"{word} ({reason})" if reason else word


def _why_no_finding(found: RuleExplanation, policy: Policy) -> Iterator[tuple[str, str]]:
    yield "because", _decisive_fact(found, policy)
    is_pass = found.answer["outcome"] == PASS
    meaning = _meaning(found)
    if is_pass and found.firing and len(meaning.split()) > _SHORT_MEANING:
        yield "pass means", meaning


def _decisive_fact(found: RuleExplanation, policy: Policy) -> str:
    """Why the rule finds nothing: a date, what is missing, or what the nearest change changes."""
    answer, outcome = found.answer, found.answer["outcome"]
    first = min((v.effective_from for v in policy.versions), default=date.min)
    if answer["service_date"] < first:
        return f"the service date, {answer['service_date']}, is before the policy's first version"
    if outcome == NOT_APPLICABLE and (dates := _clause_dates(found, policy)):
        return dates
    if outcome == NOT_APPLICABLE and answer["rationale"]:
        return str(answer["rationale"])
    if outcome == NOT_EVALUABLE and (unknown := _unknown_condition(found)):
        return unknown
    meaning = _meaning(found)
    if found.firing is None or outcome == NOT_EVALUABLE:
        return meaning or "the rule does not cover such a line"
    fact = found.firing.change.on_file
    return f"{fact} ({meaning})" if outcome == NOT_APPLICABLE and meaning else fact


def _unknown_condition(found: RuleExplanation) -> str:
    """What a condition of the clause cannot know; empty if the rule's own words hold the reason."""
    text = meanings(found.module).get(NOT_EVALUABLE, "")
    named = _REASON.findall(text)
    reason = found.answer["reason"]
    if not reason or (text and not named) or f" (`{reason}`)" in named:
        return ""
    return f"what the clause asks about is not known: {without_underscores(reason)}"


def _meaning(found: RuleExplanation) -> str:
    """When the rule gives this answer, in its own words.

    Reasons are left out, and so is the remark on clauses: `_clause_dates` gives their dates.
    """
    text = _REASON.sub("", meanings(found.module).get(found.answer["outcome"], "").rstrip("."))
    shorter = _CLAUSE_ASIDE.sub("", text)
    return text if shorter == text else _LAST_COMMA.sub(" or ", shorter)


def _clause_dates(found: RuleExplanation, policy: Policy) -> str:
    """When the rule's clauses began or ended, if none was in force on the service date."""
    day: date = found.answer["service_date"]
    spans = [(t.effective_from, t.effective_to or FAR_FUTURE) for t in _terms(found, policy)]
    if any(start <= day < end for start, end in spans):
        return ""
    start = min(s for s, _ in spans)
    if day < start:
        return f"the clause began on {start}, after the service date"
    return f"the clause ended on {max(spans)[1]}"


def _clause(found: RuleExplanation, policy: Policy) -> str:
    """The clause that the answer rests on, otherwise the rule's clauses in that policy."""
    day, terms = found.answer["service_date"], _terms(found, policy)
    in_force = [t for t in terms if t.effective_from <= day < (t.effective_to or FAR_FUTURE)]
    cited = found.answer.get("citation") or "; ".join(
        dict.fromkeys(term.cite for term in in_force or terms)
    )
    return f"{policy.document.id}: {cited.replace(f'{policy.document.title}: ', '')}"


def _terms(found: RuleExplanation, policy: Policy) -> list[Term]:
    kind, rule_id = found.module.RULE.asks[0], found.module.RULE.id
    if own := found.answer.get("counted_term"):
        return [t for t in policy.terms if t.term_id == own]
    return [
        t
        for t in policy.terms
        if isinstance(t, kind) and getattr(t, "rule_id", None) in (None, rule_id)
    ]


def _evidence(found: RuleExplanation, most: int) -> Iterator[tuple[str, str]]:
    """The latest facts against and for the billing, at most so many of each."""
    others = [f for f in found.evidence if not is_the_line(f, found.answer)]
    for side in ("against", "for"):
        facts = [fact_text(f) for f in others if f["side"] == side and f["kind"] != MORE]
        more = [fact_text(f) for f in others if f["side"] == side and f["kind"] == MORE]
        if facts:
            earlier = [f"{len(facts) - most} earlier"] if len(facts) > most else []
            rest = "".join(f"; and {count}" for count in (*earlier, *more))
            yield f"evidence {side}", "; ".join(facts[-most:]) + rest


def _amount(answer: Row) -> str:
    cents = answer["amount_cents"]
    at_risk = "unknown" if cents is None else f"{cents / 100:.2f}"
    return (
        f"{at_risk} at risk of {answer['paid_cents'] / 100:.2f} paid: {basis_text(cents, answer)}"
    )


def _documents(found: RuleExplanation) -> Iterator[tuple[str, str]]:
    """The documents that would settle a records request."""
    if found.answer["outcome"] == RECORDS_REQUEST:
        needed = found.module.RULE.needs.get(found.answer["reason"], ())
        if needed:
            yield "settled by", "; ".join(needed)


def _nearest_change(found: RuleExplanation) -> str:
    firing = found.firing
    if firing is None:
        return "not by any single change that is tried here"
    return f"{_outcome(firing.outcome, firing.reason)}, {firing.change.condition}"

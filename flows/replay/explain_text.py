"""An explanation as plain text: by line, exceptions first, then what cannot be told, what passes, what does not apply."""

import re
from collections.abc import Iterator
from datetime import date
from textwrap import wrap

from audit_rules.policy.library import FAR_FUTURE, Policy
from audit_rules.policy.terms import Term
from audit_rules.rules import RULES
from audit_rules.wording import counted, figure, listed, meanings, question
from flows.replay.explain import ClaimRow, Explanation, Row, RuleExplanation
from flows.reports.wording import basis, fact
from schemas.outcomes import (
    EXCEPTIONS,
    NOT_APPLICABLE,
    NOT_EVALUABLE,
    PASS,
    RECORDS_REQUEST,
)

WIDTH = 118
_LABEL = 11
_MOST_FACTS, _FEW_FACTS = 12, 4  # of an exception, of a rule that stays silent
_CLAUSE_ASIDE = re.compile(r",? or (before the clause|(the|no) clause was (not )?in force.*)$")
_LAST_COMMA = re.compile(r", (?=[^,]*$)")
_REASON = re.compile(r" \(`[a-z_]+`\)")

_GROUPS = (
    ("Exceptions", EXCEPTIONS),
    ("Cannot be told", (NOT_EVALUABLE,)),
    ("Passed", (PASS,)),
    ("Does not apply", (NOT_APPLICABLE,)),
)
_FATES = {
    "duplicate": "it is an exact copy of another row, and counts once: that row is looked at",
    "after_as_of": "its service date is after the as-of date, so it is not known yet; a later --as-of brings it in",
    "denied": "it was denied; had it been paid, it would be looked at",
    "reversed": "it was reversed, or is a reversal; had it stood, it would be looked at",
    "superseded": "a later version of the line, or a claim that replaced this one, took its place: that one is looked at",
}


def text_of(explanation: Explanation) -> str:
    """The whole explanation, ready to print; characters that a terminal would obey are left out."""
    lines = [f"Claim {explanation.claim_id}, as known on {explanation.as_of}"]
    for row in explanation.rows:
        lines += ["", *_row(row, explanation)]
    return "\n".join("".join(c for c in line if c.isprintable()) for line in lines)


# ---------------------------------------------------------------- a line of the claim


def _row(row: ClaimRow, explanation: Explanation) -> Iterator[str]:
    values = row.values
    plan = f", plan {values['plan']}" if values["plan"] else ""
    person = "" if values["person"] == values["member_id"] else f" (person {values['person']})"
    title = f"{row.source.upper()} LINE {values['claim_line_number']}: {values['payer']}{plan}, member {values['member_id']}{person}"
    yield from (title, "=" * min(len(title), WIDTH))
    yield from _wrapped("", _billed(row), indent=0)
    yield from _wrapped(
        "", f"It is row {values['row_number']} of {values['file']}. {_standing(row)}", indent=0
    )
    if row.case is None:
        return
    for policy in explanation.library.policies:
        told = next((t for t in row.told if t.answer["policy_id"] == policy.document.id), None)
        if told:
            yield from _wrapped(
                "", f"- {policy.document.id}: {_version(told, policy)}.", indent=0, hang=2
            )
    for heading, outcomes in _GROUPS:
        found = [t for o in outcomes for t in row.told if t.answer["outcome"] == o]
        if found:
            yield from ("", f"{heading.upper()} ({len(found)})")
        for told in found:
            yield ""
            yield from _told(told, explanation)
    yield from _unasked(row)


def _billed(row: ClaimRow) -> str:
    values, line = row.values, row.case.line if row.case else {}
    is_fill = row.source == "pharmacy"
    is_netted = values["is_netted"] and row.case is not None
    quantity = values["netted_quantity"] if is_netted else values["billed"]
    paid = values["netted_paid_amount"] if is_netted else values["paid_amount"]
    what = [str(line[c]) for c in ("product", "drug") if line.get(c)]
    if is_fill and line.get("strength_mg"):
        what.append(f"{figure(line['strength_mg'])} mg")
    thing = ("tablet" if line.get("form") == "tablet" else "unit") if is_fill else "unit"
    amount = "unknown quantity" if quantity is None else counted(quantity, thing)
    codes = [
        f"{name} {values[c]}"
        for name, c in (("HCPCS", "hcpcs_code"), ("NDC", "ndc_code"))
        if values.get(c)
    ]
    used = [values[c] for c in values if c.startswith("hcpcs_modifier") and values[c]]
    parts = [
        f"{amount} of {' '.join(what)}" if what else amount,
        ", ".join(codes) or "no product code",
    ]
    parts += [f"modifier {listed(used)}"] if used else []
    if is_fill:
        parts.append(
            "days' supply unknown"
            if values["days_supply"] is None
            else counted(values["days_supply"], "day")
        )
        parts.append((values["dispensing_channel"] or "channel unknown").replace("_", " "))
    when = f" on {values['paid_date']}" if values["paid_date"] else ""
    netted = ", its reversals taken off" if is_netted else ""
    parts.append("paid amount unknown" if paid is None else f"paid {paid}{when}{netted}")
    return (
        f"{'Dispensed' if is_fill else 'Service of'} {values['service_date']}: {'; '.join(parts)}."
    )


def _standing(row: ClaimRow) -> str:
    """How many rules answered what, or why none looked at the row."""
    if row.case is None:
        return f"No rule looks at it: {_why_not_judged(row)}."
    counts = [
        f"{n} {_plain(o)}"
        for o in (*EXCEPTIONS, NOT_EVALUABLE, PASS, NOT_APPLICABLE)
        if (n := _count(row, o))
    ]
    return f"Answers: {', '.join(counts)}. In force:"


def _count(row: ClaimRow, outcome: str) -> int:
    return sum(t.answer["outcome"] == outcome for t in row.told)


def _why_not_judged(row: ClaimRow) -> str:
    values = row.values
    if row.fate in _FATES:
        return _FATES[row.fate]
    paid = values["netted_paid_amount"] if values["is_netted"] else values["paid_amount"]
    if paid is None:
        return "its paid amount is not known, so it is history for other lines only"
    if paid <= 0:
        return "nothing was paid for it, so it is history for other lines only"
    return "its codes are those of no audited drug, so it is history for other lines only"


def _version(told: RuleExplanation, policy: Policy) -> str:
    """The document and the version in force on the service date, and why that one."""
    title, start, day = (
        policy.document.title,
        told.answer["version_from"],
        told.answer["service_date"],
    )
    if start is None:
        return f"{title}; no version was in force on {day}, the first is of {policy.versions[0].effective_from}"
    if policy.document.payer is None:
        return f"{title}; always in force"
    version = next(v for v in policy.versions if v.effective_from == start)
    later: list[date] = [v.effective_from for v in policy.versions if v.effective_from > start]
    until = f"the next began on {later[0]}" if later else "there is no later one"
    words = (
        f"{title}; version of {start} ({version.cite}), the latest that had begun on {day}; {until}"
    )
    if told.answer["is_capped"]:
        why = (
            "its own review date had passed by then"
            if version.text_in_hand
            else "its text is not in hand"
        )
        words += f". As {why}, what it would recover is only reviewed"
    return words


def _unasked(row: ClaimRow) -> Iterator[str]:
    asked = {t.module.RULE.id for t in row.told}
    others = [f"{m.RULE.id} {m.RULE.name}" for m in RULES if m.RULE.id not in asked]
    if others:
        yield from ("", f"NOT ASKED ({len(others)})", "")
        why = "No document of this payer on this drug has a clause that they ask about, whatever else the claim said."
        yield from _wrapped("", f"{', '.join(others)}. {why}", indent=2)


# ---------------------------------------------------------------- a rule


def _told(told: RuleExplanation, explanation: Explanation) -> Iterator[str]:
    answer, rule = told.answer, told.module.RULE
    outcome = answer["outcome"]
    policy = next(p for p in explanation.library.policies if p.document.id == answer["policy_id"])
    yield f"  {rule.id} {rule.name}: {_outcome(outcome, answer['reason'])}"
    yield from _wrapped("asks", question(told.module))
    if outcome in EXCEPTIONS:
        yield from _wrapped("finds", answer["rationale"])
    else:
        yield from _wrapped("silent as", _kept_silent(told, policy))
        yield from (
            _wrapped("pass means", _meaning(told))
            if outcome == PASS and told.firing and _says_more(told)
            else ()
        )
    yield from _wrapped("clause", _clause(told, policy))
    most = _MOST_FACTS if outcome in EXCEPTIONS else _FEW_FACTS
    for side in ("against", "for"):
        facts = [
            fact(f) for f in told.evidence if f["side"] == side and not _is_the_line(f, answer)
        ]
        if facts:
            more = f"; and {len(facts) - most} before" if len(facts) > most else ""
            yield from _wrapped(f"saw {side}", "; ".join(facts[-most:]) + more)
    if outcome in EXCEPTIONS:
        yield from _wrapped("amount", _amount(answer))
        needed = rule.needs.get(answer["reason"], ()) if outcome == RECORDS_REQUEST else ()
        yield from _wrapped("settled by", "; ".join(needed)) if needed else ()
    else:
        yield from _wrapped("would fire", _nearest(told))


def _plain(outcome: str) -> str:
    return outcome.replace("_", " ")


def _outcome(outcome: str, reason: str | None) -> str:
    return f"{_plain(outcome)} ({reason})" if reason else _plain(outcome)


def _kept_silent(told: RuleExplanation, policy: Policy) -> str:
    """The fact that keeps the rule silent: a date, what is missing, or what the nearest change would change."""
    answer, outcome = told.answer, told.answer["outcome"]
    if answer["version_from"] is None:
        return (
            f"the service date, {answer['service_date']}, lies before the document's first version"
        )
    if outcome == NOT_APPLICABLE and (ended := _clause_dates(told, policy)):
        return ended
    meaning = _meaning(told)
    if told.firing is None or outcome == NOT_EVALUABLE:
        return meaning or "the rule does not ask about such a line"
    fact = told.firing.change.fact
    return f"{fact} ({meaning})" if outcome == NOT_APPLICABLE and meaning else fact


def _meaning(told: RuleExplanation) -> str:
    """When the rule gives this answer, in its own words; without reasons, and without the aside on clauses, told by itself."""
    words = _REASON.sub("", meanings(told.module).get(told.answer["outcome"], "").rstrip("."))
    plain = _CLAUSE_ASIDE.sub("", words)
    return words if plain == words else _LAST_COMMA.sub(" or ", plain)


def _says_more(told: RuleExplanation) -> bool:
    """Whether the rule's word on passing says more than "within it"."""
    return len(_meaning(told).split()) > len(["none", "of", "these"])


def _is_the_line(fact: Row, answer: Row) -> bool:
    """Whether a fact is the judged line itself, which stands in the heading."""
    own = all(fact[c] == answer[c] for c in ("claim_source", "claim_id", "claim_line_number"))
    return own and fact["kind"] in ("fill", "service") and fact["id"] is None


def _terms(told: RuleExplanation, policy: Policy) -> list[Term]:
    return [t for t in policy.terms if isinstance(t, told.module.RULE.asks[0])]


def _clause_dates(told: RuleExplanation, policy: Policy) -> str:
    """Since or until when the rule's clauses held, where none did on the service date."""
    day: date = told.answer["service_date"]
    spans = [(t.effective_from, t.effective_to or FAR_FUTURE) for t in _terms(told, policy)]
    if any(start <= day < end for start, end in spans):
        return ""
    start = min(s for s, _ in spans)
    return (
        f"the clause began on {start}, after the service date"
        if day < start
        else f"the clause ended on {max(spans)[1]}"
    )


def _clause(told: RuleExplanation, policy: Policy) -> str:
    """The clause that the answer rests on, else those of the rule in that document."""
    day = told.answer["service_date"]
    terms = _terms(told, policy)
    in_force = [
        t for t in terms if t.effective_from <= day < (t.effective_to or FAR_FUTURE)
    ] or terms
    cited = told.answer.get("citation") or "; ".join(dict.fromkeys(t.cite for t in in_force))
    return f"{policy.document.id}: {cited.replace(f'{policy.document.title}: ', '')}"


def _amount(answer: Row) -> str:
    cents = answer["amount_cents"]
    at_risk = "unknown" if cents is None else f"{cents / 100:.2f}"
    return f"{at_risk} at risk of {answer['paid_cents'] / 100:.2f} paid: {basis(cents, answer)}"


def _nearest(told: RuleExplanation) -> str:
    firing = told.firing
    if firing is None:
        return "by no single change of a fact on file that is tried here"
    return f"{_outcome(firing.outcome, firing.reason)} {firing.change.words}"


# ---------------------------------------------------------------- lines


def _wrapped(label: str, text: str, indent: int = 6, hang: int = 0) -> Iterator[str]:
    """A labelled paragraph, its lines under one another."""
    start = " " * indent + (label.ljust(_LABEL) + " " if label else "")
    yield from wrap(
        text,
        WIDTH,
        initial_indent=start,
        subsequent_indent=" " * (len(start) + hang),
        break_long_words=False,
    )

"""An explanation as plain text: line by line, with exceptions first and then the other answers."""

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from audit_rules.counterfactuals.case import Row
from audit_rules.policy.document import Policy
from audit_rules.rules import CATALOGUE
from audit_rules.wording import counted, figure, listed
from flows.replay.explanation import ClaimRow, Explanation, RuleExplanation
from flows.replay.paragraphs import WIDEST, paragraph
from flows.replay.rule_text import rule_parts, rule_title, titled_lines, without_underscores
from schemas.outcomes import EXCEPTIONS, NOT_APPLICABLE, NOT_EVALUABLE, PASS
from schemas.results import AMOUNT_COLUMNS

_GROUPS = (
    ("Exceptions", EXCEPTIONS),
    ("Cannot be determined", (NOT_EVALUABLE,)),
    ("Passed", (PASS,)),
    ("Does not apply", (NOT_APPLICABLE,)),
)
_NOT_CHECKED_AS = {
    "duplicate": "it is an exact copy of another row, which is checked in its place",
    "after_as_of": "its service date is after the as-of date. A later --as-of includes it",
    "denied": "it was denied. Had it been paid, it would be checked",
    "reversed": "it was reversed, or is itself a reversal",
    "superseded": "a later version of the line, or the claim that replaced it, is checked instead",
}
_ASKED_ONCE = "Several rules question this line. Its amount is asked for once."


def text_of(explanation: Explanation) -> str:
    """The whole explanation, ready to print, without characters that a terminal would obey."""
    lines = [f"Claim {explanation.claim_id}, as known on {explanation.as_of}"]
    for row in explanation.rows:
        lines += ["", *_row_lines(row, explanation)]
    if explanation.lines_untried:
        lines += ["", *paragraph(_untried(explanation.lines_untried))]
    return "\n".join("".join(c for c in line if c.isprintable()) for line in lines)


def _untried(lines: int) -> str:
    return (
        f"What would change an answer was not looked for on the last {counted(lines, 'line')}: the "
        "claim has too many. Explain one of them with --line."
    )


class RuleText(NamedTuple):
    """One rule on one line under one policy.

    parts   each text with its label.
    """

    title: str
    parts: tuple[tuple[str, str], ...]


class GroupText(NamedTuple):
    """The rules that gave answers of one kind.

    remark   what holds for all of them; may be empty.
    """

    heading: str
    remark: str
    rules: tuple[RuleText, ...]


class RowText(NamedTuple):
    """What there is to say about one row of the claim.

    sentences   what was billed, and what became of the row.
    policies    each policy that was asked, and its version.
    not_asked   the rules that were not asked, and why; may be empty.
    """

    title: str
    sentences: tuple[str, ...]
    policies: tuple[str, ...] = ()
    groups: tuple[GroupText, ...] = ()
    not_asked: GroupText = GroupText("", "", ())


def row_text(row: ClaimRow, explanation: Explanation) -> RowText:
    """One row of an explained claim as texts, whatever they are shown on."""
    place = f"Row {row.values['row_number']} of {row.values['file']}. {_status(row)}"
    of_the_row = _title(row), (_billed(row), place)
    if row.case is None:
        return RowText(*of_the_row)
    policies = {policy.document.id: policy for policy in explanation.library.policies}
    versions, groups = [], []
    for policy in policies.values():
        found = next((r for r in row.rules if r.answer["policy_id"] == policy.document.id), None)
        if found:
            versions.append(f"{policy.document.id}: {_version(found, policy)}.")
    for heading, outcomes in _GROUPS:
        group = [r for o in outcomes for r in row.rules if r.answer["outcome"] == o]
        several = sum(r.answer["outcome"] in AMOUNT_COLUMNS for r in group) > 1
        if group:
            rules = (
                RuleText(rule_title(r), tuple(rule_parts(r, policies[r.answer["policy_id"]])))
                for r in group
            )
            groups.append(GroupText(heading, _ASKED_ONCE if several else "", tuple(rules)))
    return RowText(*of_the_row, tuple(versions), tuple(groups), _not_asked(row))


def _row_lines(row: ClaimRow, explanation: Explanation) -> Iterator[str]:
    text = row_text(row, explanation)
    yield from (text.title, "=" * min(len(text.title), WIDEST))
    for sentence in text.sentences:
        yield from paragraph(sentence)
    for policy in text.policies:
        yield from paragraph(f"- {policy}", hang=2)
    for group in text.groups:
        yield from ("", f"{group.heading.upper()} ({len(group.rules)})")
        if group.remark:
            yield from ("", *paragraph(group.remark, indent=2))
        for rule in group.rules:
            yield from ("", *titled_lines(rule.title, rule.parts))
    if text.not_asked.rules:
        yield from ("", f"{text.not_asked.heading.upper()} ({len(text.not_asked.rules)})", "")
        named = ", ".join(rule.title for rule in text.not_asked.rules)
        yield from paragraph(f"{named}. {text.not_asked.remark}", indent=2)


def _title(row: ClaimRow) -> str:
    values = row.values
    plan = f", plan {values['plan']}" if values["plan"] else ""
    person = "" if values["person"] == values["member_id"] else f" (person {values['person']})"
    line = f"{row.source.upper()} LINE {values['claim_line_number']}"
    return f"{line}: {values['payer']}{plan}, member {values['member_id']}{person}"


# ---------------------------------------------------------------- what was billed


def _billed(row: ClaimRow) -> str:
    """The line in a sentence: date, quantity, product, codes, days' supply and amount paid."""
    values, is_fill = row.values, row.source == "pharmacy"
    parts = [_product(row), _codes(values)]
    modifiers = [values[c] for c in values if c.startswith("hcpcs_modifier") and values[c]]
    parts += [f"modifier {listed(modifiers)}"] if modifiers else []
    if is_fill:
        days = values["days_supply"]
        parts.append("days' supply unknown" if days is None else counted(days, "day"))
        parts.append(without_underscores(values["dispensing_channel"] or "channel unknown"))
    parts.append(_paid(row))
    return (
        f"{'Dispensed' if is_fill else 'Service of'} {values['service_date']}: {'; '.join(parts)}."
    )


def _product(row: ClaimRow) -> str:
    values, line = row.values, row.case.line if row.case else {}
    is_fill = row.source == "pharmacy"
    quantity = values["netted_quantity"] if _is_netted(row) else values["billed"]
    unit = "tablet" if is_fill and line.get("form") == "tablet" else "unit"
    amount = "unknown quantity" if quantity is None else counted(quantity, unit)
    names = [str(line[c]) for c in ("product", "drug") if line.get(c)]
    if is_fill and line.get("strength_mg"):
        names.append(f"{figure(line['strength_mg'])} mg")
    return f"{amount} of {' '.join(names)}" if names else amount


def _codes(values: Row) -> str:
    columns = (("HCPCS", "hcpcs_code"), ("NDC", "ndc_code"))
    codes = [f"{name} {values[column]}" for name, column in columns if values.get(column)]
    return ", ".join(codes) or "no product code"


def _paid(row: ClaimRow) -> str:
    values, is_netted = row.values, _is_netted(row)
    amount = values["netted_paid_amount"] if is_netted else values["paid_amount"]
    if amount is None:
        return "paid amount unknown"
    when = f" on {values['paid_date']}" if values["paid_date"] else ""
    return f"paid {amount}{when}{', net of reversals' if is_netted else ''}"


def _is_netted(row: ClaimRow) -> bool:
    return bool(row.values["is_netted"] and row.case is not None)


# ---------------------------------------------------------------- what was asked


def _status(row: ClaimRow) -> str:
    """How many rules gave which answer, or why none checks the row."""
    if row.case is None:
        return f"No rule checks it: {_why_not_checked(row)}."
    counts = {
        outcome: sum(r.answer["outcome"] == outcome for r in row.rules)
        for outcome in (*EXCEPTIONS, NOT_EVALUABLE, PASS, NOT_APPLICABLE)
    }
    answers = ", ".join(f"{n} {without_underscores(o)}" for o, n in counts.items() if n)
    return f"Answers: {answers}. Policies:"


def _why_not_checked(row: ClaimRow) -> str:
    values = row.values
    if row.fate in _NOT_CHECKED_AS:
        return _NOT_CHECKED_AS[row.fate]
    if values["netted_paid_amount"] is None:
        why = "its paid amount is unknown"
    elif not values["is_paid_history"]:
        why = "nothing was paid for it"
    else:
        why = "the policies given judge none of its codes for this payer"
    return f"{why}. It only counts as history for other lines"


def _version(found: RuleExplanation, policy: Policy) -> str:
    """The policy and its version in force on the service date, and why that version."""
    title, day = policy.document.title, found.answer["service_date"]
    start = found.answer["version_from"]
    if start is None:
        first = policy.versions[0].effective_from
        return f"{title}; no version was in force on {day}: the first took effect on {first}"
    if not policy.payers:
        return f"{title}; always in force"
    version = next(v for v in policy.versions if v.effective_from == start)
    later: list[date] = [v.effective_from for v in policy.versions if v.effective_from > start]
    next_one = f"the next took effect on {later[0]}" if later else "there is no later one"
    text = (
        f"{title}; version of {start} ({version.cite}), the latest in effect on {day} ({next_one})"
    )
    if found.answer["text_is_missing"]:
        why = "it was not approved yet" if version.text_in_hand else "its text is not on hand"
        most = "what it asks for is a review at most, but for care that the plan itself denied"
        return f"{text}. Because {why}, {most}"
    if found.answer["review_has_passed"]:
        return f"{text}. Because its review date had passed by then, a recovery becomes a review"
    return text


def _not_asked(row: ClaimRow) -> GroupText:
    asked = {r.module.RULE.id for r in row.rules}
    others = [f"{m.RULE.id} {m.RULE.name}" for m in CATALOGUE if m.RULE.id not in asked]
    why = "No policy of this payer for this drug contains a clause that these rules check."
    return GroupText("Not asked", why, tuple(RuleText(name, ()) for name in others))

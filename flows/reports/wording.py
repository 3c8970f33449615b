"""Amounts and pieces of evidence in words."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from audit_rules.kinds.registry import described
from audit_rules.rules import CATALOGUE
from audit_rules.wording import figure
from flows.reports.money import dollars
from schemas.collecting import NO
from schemas.outcomes import ADVISORY, AMOUNT_BASES, EXCESS_QUANTITY
from schemas.results import AGAINST, CLAIM_LINE, FOR, MORE

_DOSE = re.compile(r"course (\d+) cycle (\d+) to (\d+)")
_OF_A_PRICE = {
    "daw_code": "DAW code {value}{day}",
    "unit_price": "unit price {value} of this fill, without the dispensing fee",
    "generic_unit_price": (
        "unit price {value} of the generic fill{day}, NDC {code}{claim}, without its fee"
    ),
    "price_window": "a generic fill to compare with was looked for from {value}",
}
"""What a piece of evidence of a price comparison says, by its id."""

_OWN_PRICE = "the line's own price for each"


def figures_text(answer: Mapping[str, Any]) -> str:
    """The observed and the allowed figure of an answer, with what they count; empty without."""
    observed, allowed = answer["observed"], answer["allowed"]
    if observed is None or allowed is None:
        return ""
    one, several = described(answer["rule_id"], answer.get("reason"), CATALOGUE).RULE.counts
    found = f"{figure(observed)} {one if observed == 1 else several}".rstrip()
    return f"Found {found}, allowed {figure(allowed)}."


def basis_text(cents: int | None, answer: dict[str, Any]) -> str:
    """How an amount at risk came about, from an answer's amount_basis, observed and allowed; of an
    excess that these two do not measure, such as a whole date, only its basis."""
    observed, allowed = answer["observed"], answer["allowed"]
    rule = described(answer["rule_id"], answer["reason"], CATALOGUE).RULE
    is_measured = answer["amount_basis"] == EXCESS_QUANTITY and rule.measures(answer["reason"])
    if not is_measured or cents is None or None in (observed, allowed) or observed <= allowed:
        return AMOUNT_BASES.get(answer["amount_basis"], "")
    over = observed - allowed
    each = cents / over
    is_exact = each == int(each)
    price = f"{dollars(Decimal(int(each)) / 100)} each" if is_exact else _OWN_PRICE
    return f"{figure(round(over, 3))} above the {figure(allowed)} allowed, at {price}"


def asked_once_text(row: Mapping[str, Any], others: int, line: Mapping[str, Any] | None) -> str:
    """That the dollars of a line are asked for once, if its findings alone do not say so.

    others   how many other exceptions question the line.
    line     the line in the worklist; None if it has advisories alone.
    """
    if line is None:
        return ""
    at_risk, own = line["amount_at_risk"], row["amount_at_risk"]
    if back := line.get("recovered_amount"):
        left = f"{dollars(at_risk)} is" if at_risk else "nothing is"
        return f"{dollars(back)} came back for the line already; {left} asked for now."
    if own and not at_risk and not line.get("dismissed_amount") and row["outcome"] != ADVISORY:
        return (
            "Every line of this claim bears the same amount. It is asked for once, on another line."
        )
    if not others:
        return ""
    text = "The amount of the line is asked for once, whatever the number of findings"
    if not at_risk:
        return f"{text}."
    return f"{text}: together they put {dollars(at_risk)} of {dollars(row['paid_amount'])} at risk."


def ledger_text(row: Mapping[str, Any]) -> str:
    """What the ledger knows of an exception, as a sentence; empty if its run did not say."""
    if not row.get("status"):
        return ""
    text = f"Status {row['status']}, first found on {row['first_seen']}"
    if row["decision"]:
        text += f"; latest decision: {row['decision'].replace('_', ' ')}"
    return f"{text}."


def collecting_text(row: Mapping[str, Any], citations: Mapping[str, str]) -> str:
    """Whether the amount of an exception may still be asked for, in a sentence; empty if nobody
    knows and no clause has a say.

    citations   clause -> where it is written.
    """
    term, day = row["recoup_term"], row["recoup_by"]
    clause = citations.get(term, term)
    match row["collectable"]:
        case "yes":
            return f"It may be asked for until {day} ({clause})."
        case "no" if day:
            return f"It may not be asked for any more: the last day was {day} ({clause})."
        case "no":
            return (
                f"It may not be asked for, because a clerical slip is its only ground ({clause})."
            )
        case _ if term:
            return (
                "Whether it may still be asked for is unknown, because the date that the limit "
                f"is counted from is unknown ({clause})."
            )
    return ""


def fee_text(row: Mapping[str, Any], citations: Mapping[str, str]) -> str:
    """That the dispensing fee is not asked for, in a sentence; empty if no clause bars it.

    row   has the fee_term of `with_fee_term`.
    """
    term = row["fee_term"]
    return f"Its dispensing fee may not be asked for ({citations[term]})." if term else ""


def barred_part_text(row: Mapping[str, Any], line: Mapping[str, Any] | None) -> str:
    """What of the line may not be asked for, if the exception itself may be; empty: nothing.

    line   the line in the worklist; None if it has advisories alone.
    """
    barred = line.get("not_collectable_amount") if line else None
    if not barred or not row["amount_at_risk"] or row.get("collectable") == NO:
        return ""
    return f"{dollars(barred)} of the line may not be asked for."


def fact_text(fact: dict[str, Any]) -> str:
    """One piece of evidence in words."""
    day = f" of {fact['date']}" if fact["date"] else ""
    claim = f" (claim {fact['claim_id']})" if fact["claim_id"] else ""
    code, value, name = fact["code"], fact["value"], fact["id"]
    match fact["kind"]:
        case "more":
            text = f"{value} more, no nearer in time to the line"
        case "diagnosis":
            text = f"diagnosis {code}{day}{claim or ' (diagnosis table)'}"
        case "fill" if name in _OF_A_PRICE:
            text = _OF_A_PRICE[name].format(value=value, day=day, code=code, claim=claim)
        case "fill" if name:
            text = f"prescriber {name}, taxonomy {code}"
        case "fill":
            text = f"fill{day}: {_trimmed(value or 'quantity unknown')}{claim}"
        case "dose":
            text = f"dose{day}, {cycle_text(value)}{claim}"
        case "service":
            by = f" by {name}, taxonomy" if name else ""
            text = f"service{by} {code}{day}{f', {_trimmed(value)} units' if value else ''}{claim}"
        case "authorization":
            only = f", {code} only" if code else ""
            text = f"authorization {name}, {value}{only}, from {fact['date']}"
        case "eligibility":
            text = f"{code.replace('_', ' ')} {fact['date']}{f' to {value}' if value else ''}"
        case _:
            text = f"{code} = {value}{day}"
    return text


def basis_of_row(row: dict[str, Any]) -> str:
    """How the amount at risk of an exception came about."""
    amount = row["amount_at_risk"]
    return basis_text(None if amount is None else int(amount * 100), row)


def shown_facts(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The evidence of an exception, but for the line itself and the number of facts left out."""
    return [f for f in row["evidence"] if not is_the_line(f, row) and f["kind"] != MORE]


def texts_by_side(
    facts: list[dict[str, Any]], said: Callable[[str], str] = str
) -> dict[str, list[str]]:
    """Side -> its pieces of evidence in words, as `said` writes them."""
    return {s: [said(fact_text(f)) for f in facts if f["side"] == s] for s in (AGAINST, FOR)}


def left_out_by_side(row: Mapping[str, Any]) -> dict[str, str]:
    """Side -> how many pieces of evidence the exception leaves out, if it leaves some out."""
    return {f["side"]: f["value"] for f in row["evidence"] if f["kind"] == MORE}


def is_the_line(fact: Mapping[str, Any], line: Mapping[str, Any]) -> bool:
    """Whether a piece of evidence is only the judged line itself, which is shown anyway."""
    is_own = all(fact[c] == line[c] for c in CLAIM_LINE)
    return is_own and fact["kind"] in ("fill", "service") and not fact["id"]


def cycle_text(value: str) -> str:
    """The cycle of a dose in words; two numbers only if the count is uncertain."""
    found = _DOSE.fullmatch(value)
    if not found:
        return value
    course, low, high = found.groups()
    return f"course {course} cycle {low}" + ("" if low == high else f" or {high}")


def _trimmed(value: str) -> str:
    number, _, rest = value.partition(" ")
    return f"{number.rstrip('0').rstrip('.') if '.' in number else number} {rest}".strip()

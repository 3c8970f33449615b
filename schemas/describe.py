"""What the columns of the result tables mean: description, unit, values and nulls, kept once for
every reader.

The Parquet files carry these texts in their schema, and the JSON schemas under schemas/json are
made from them.
"""

from typing import NamedTuple

from schemas.collecting import COLLECTABLE
from schemas.decisions import OPEN, RESOLVED, STANDING, STATUSES
from schemas.outcomes import AMOUNT_BASES, ANSWERS, EXCEPTIONS
from schemas.results import AGAINST, FOR, MORE, TABLES

GRAINS = {
    "exceptions": (
        "One row per rule and claim line that is not clean, sorted by claim source, claim, line and"
        " rule."
    ),
    "worklist": (
        "One row per claim line with an exception that is more than an advisory; no dollar is"
        " counted twice, and every total that a run shows is a sum of these columns."
    ),
    "advisories": "One row per claim line with advisories alone; the columns are the worklist's.",
    "changes": "One row per exception that changed since the last run.",
    "rule_coverage": "One row per policy, rule and answer: how many audited lines got it.",
    "quarantine": "One row per check of severity error that a row of an extract failed.",
    "warnings": (
        "One row per file, column and check of severity warning, with counts and no values."
    ),
}
"""What one row of each result table is."""

DOLLARS = "US dollars"


class Meaning(NamedTuple):
    """What a column means.

    values     every value that it may have, if these are few.
    nullable   whether it may be null; a null means unknown or none, never zero and never
               false.
    """

    description: str
    unit: str | None = None
    values: tuple[str, ...] = ()
    nullable: bool = True


_SOURCES = ("medical", "pharmacy")
_CHANGES = (*(status for status in STATUSES if status != OPEN), RESOLVED)
_KINDS = (
    "diagnosis",
    "fill",
    "dose",
    "service",
    "authorization",
    "evidence",
    "eligibility",
    MORE,
)


def _never_null(description: str, unit: str | None = None, values: tuple[str, ...] = ()) -> Meaning:
    return Meaning(description, unit, values, nullable=False)


_EVERYWHERE: dict[str, Meaning] = {
    "exception_id": _never_null(
        "Names the exception, the same in every run: SHA-256, 32 hex digits"
    ),
    "rule_id": _never_null("The rule, such as QTY01; its text is printed by `claims-audit rules`"),
    "reason": Meaning("Why the rule answered as it did, in one word"),
    "outcome": _never_null("What the finding means, strongest first", values=EXCEPTIONS),
    "policy_id": _never_null("The policy document that was applied"),
    "term_id": Meaning(
        "The term of the document that was applied; in rule_coverage null for terms that answer as"
        " one"
    ),
    "policy_effective_from": Meaning("First day of the version in force on the service date"),
    "citation": Meaning("The clause of the document that states the condition"),
    "payer": _never_null("Payer of the line, as the extract names it"),
    "plan": Meaning("Plan of the line, as the extract names it"),
    "person_id": Meaning(
        "The person whose line it is: person_id if the extracts link one, else the member_id"
    ),
    "member_id": _never_null("Member of the line, as the extract has it"),
    "claim_source": _never_null("Claim table of the line", values=_SOURCES),
    "claim_id": _never_null("Claim of the line, as the extract has it"),
    "claim_line_number": _never_null("Number of the line within its claim"),
    "service_date": _never_null("Date of service; of a fill the dispensing date"),
    "paid_date": Meaning("Day on which the line was paid"),
    "provider_npi": Meaning("NPI of the prescribing (pharmacy) or rendering (medical) provider"),
    "billing_npi": Meaning("NPI of the dispensing pharmacy or billing provider"),
    "quantity": Meaning("Quantity billed, after final action", "tablets, or HCPCS units"),
    "drug": Meaning("Ingredient of the audited drug"),
    "product_code": Meaning("HCPCS code (medical) or 11-digit NDC (pharmacy); leading zeros count"),
    "observed": Meaning("What was billed, to compare with `allowed`", "unit of the rule"),
    "allowed": Meaning("What the clause allows", "unit of the rule"),
    "paid_amount": _never_null("Paid for the line, after final action", DOLLARS),
    "amount_at_risk": Meaning(
        "What the finding puts in question; null if no price is known, 0 for advisory", DOLLARS
    ),
    "amount_basis": _never_null("How amount_at_risk comes about", values=tuple(AMOUNT_BASES)),
    "evidence": _never_null("What the judgement rests on, in a stable order"),
    "evidence.kind": _never_null("Kind of fact", values=_KINDS),
    "evidence.side": _never_null("For or against the provider's billing", values=(FOR, AGAINST)),
    "evidence.claim_source": Meaning(
        "Claim table of the fact, if it is on a claim", values=_SOURCES
    ),
    "evidence.claim_id": Meaning("Claim of the fact"),
    "evidence.claim_line_number": Meaning("Line of the fact"),
    "evidence.id": Meaning("Authorization of the fact, or the column of a diagnosis"),
    "evidence.code": Meaning(
        "Code of the fact: ICD-10-CM, HCPCS, NDC, or a code of clinical_evidence"
    ),
    "evidence.value": Meaning("Value of the fact, as text"),
    "evidence.date": Meaning("Day of the fact"),
    "documents_needed": _never_null(
        "What would settle a records_request; empty for other outcomes"
    ),
    "rationale": Meaning("The finding in one or two sentences that a provider would understand"),
    "rule_ids": _never_null("Rules with an exception on the line, in order of their ids"),
    "exception_ids": _never_null(
        "Exceptions on the line: the strongest first, then that with most at risk; dismissed ones"
        " last"
    ),
    "recover_amount": _never_null("Largest single amount of outcome recover on the line", DOLLARS),
    "records_request_amount": _never_null(
        "What the largest amount of outcome records_request exceeds recover_amount by", DOLLARS
    ),
    "review_amount": _never_null(
        "What the largest amount of outcome review exceeds the largest of both others by", DOLLARS
    ),
    "expected_amount": _never_null(
        "amount_at_risk, each part times the share of reviewed findings of its rule that held; in"
        " full if none has been reviewed",
        DOLLARS,
    ),
    "dismissed_amount": _never_null(
        "What the exceptions that a person has dismissed would add to amount_at_risk; it is in no"
        " other amount",
        DOLLARS,
    ),
    "not_collectable_amount": _never_null(
        "What exceptions that may no longer be collected, and dispensing fees that law bars, would"
        " add to amount_at_risk; it is in no other amount",
        DOLLARS,
    ),
    "recovered_amount": _never_null(
        "What came back for the line, as persons have said; it is in no other amount", DOLLARS
    ),
    "collectable": _never_null(
        "Whether the amount may still be asked for on the as-of date; unknown if the config, the"
        " law files or the claim do not say enough",
        values=COLLECTABLE,
    ),
    "recoup_by": Meaning(
        "Last day on which a demand may go out; null if no limit is known, or it is not certain"
    ),
    "recoup_term": Meaning(
        "Clause of a law file that says so; null if none is known for this payer and line of"
        " business"
    ),
    "answer_by": Meaning(
        "Last day on which the provider may answer a letter of the as-of date, if a law or contract"
        " gives a time for it; working days are Monday to Friday, holidays among them"
    ),
    "lines": _never_null("Audited lines that got this answer", "claim lines"),
    "status": _never_null(
        "What the ledger knows of the exception: open if an earlier run found it and nothing has"
        " changed since",
        values=STATUSES,
    ),
    "decision": Meaning(
        "The latest decision of a person on the exception; null if there is none, or if it was"
        " taken back",
        values=STANDING,
    ),
    "why": Meaning(
        "Why it changed, such as `amount moved`, claim_reversed or by_person; null for a new one"
    ),
    "previous_outcome": Meaning("Outcome before the change", values=EXCEPTIONS),
    "previous_reason": Meaning("Reason before the change"),
    "previous_amount_at_risk": Meaning("amount_at_risk before the change", DOLLARS),
    "first_seen": _never_null("First as-of date that found the exception"),
    "continues": Meaning(
        "Exception of the claim that this claim replaces, if it was rebilled under another id"
    ),
    "decision_reason": Meaning("Reason given by the person who dismissed or reopened it"),
    "decided_by": Meaning("Person who dismissed or reopened it"),
    "dismissed_until": Meaning(
        "Last day on which the dismissal holds; null: until the exception changes"
    ),
    "table": _never_null("Table of the contract that the file belongs to"),
    "file": _never_null("Path of the file, relative to the landing folder"),
    "row_number": _never_null("Position among the file's readable records, from 1"),
    "column": Meaning("Column that the check is about; null if it is about the whole row"),
    "check": _never_null("Check that failed"),
    "raw_record": Meaning("Text of the row, as the file has it"),
    "rows": _never_null("Rows of the file in which the check failed", "rows"),
    "first_row_number": Meaning("Position of the first of them, from 1"),
}

_OF_A_LINE = {
    "outcome": Meaning(
        "The strongest outcome on the line, strongest first; null if a person has dismissed every"
        " exception on it",
        values=EXCEPTIONS,
    ),
    "amount_at_risk": _never_null(
        "recover_amount, records_request_amount and review_amount together, at most paid_amount",
        DOLLARS,
    ),
    "collectable": _never_null(
        "Whether something of the line may still be asked for: the first of yes, unknown and no"
        " that one of its exceptions has; those that a person has dismissed count last",
        values=COLLECTABLE,
    ),
    "recoup_by": Meaning("Last day on which that demand may go out; null if it is not known"),
    "recoup_term": Meaning("Clause of a law file that says so; null if none is known"),
}
_LEADING = " of the exception that leads the line, the first of exception_ids"
_OF_A_LINE |= {
    name: _EVERYWHERE[name]._replace(description=f"{text}{_LEADING}")
    for name, text in (
        ("status", "What the ledger knows"),
        ("first_seen", "First as-of date"),
        ("decision", "The latest decision of a person"),
    )
}
_IN_ONE_TABLE: dict[tuple[str, str], Meaning] = {
    **{(table, c): m for table in ("worklist", "advisories") for c, m in _OF_A_LINE.items()},
    ("changes", "status"): _never_null(
        "What became of the exception since the last run", values=_CHANGES
    ),
    ("rule_coverage", "outcome"): _never_null("The rule's answer", values=ANSWERS),
    ("rule_coverage", "policy_id"): _never_null(
        "The policy document; `none` for lines that no document governs"
    ),
    ("rule_coverage", "rule_id"): Meaning("The rule; null for lines that no document governs"),
}


def meaning(table: str, column: str) -> Meaning:
    """What a column of a result table means; fields of a list's structs are named `evidence.kind`.
    KeyError: undescribed."""
    return _IN_ONE_TABLE.get((table, column)) or _EVERYWHERE[column]


def described() -> set[str]:
    """Every column that some text is about, for the test that finds texts about none."""
    assert all(column in TABLES[table] for table, column in _IN_ONE_TABLE)
    return set(_EVERYWHERE)

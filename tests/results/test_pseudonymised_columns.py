"""Pseudonymised results: every column is declared, and no sender's text or real order is left."""

from collections import Counter
from datetime import date
from typing import Any

import polars as pl
import pytest

from flows.privacy import Pseudonyms
from flows.results import pseudonyms as lists
from flows.results.pseudonyms import pseudonymise
from schemas.results import EVIDENCE, EVIDENCE_FIELDS, TABLES

NAMES = Pseudonyms(b"s" * 32)
CANARY = "CANARY7Q"
_EMPTY: dict[str, Any] = dict.fromkeys(EVIDENCE_FIELDS)


def _shown(*facts: dict[str, Any]) -> list[dict[str, Any]]:
    """The evidence of an exception as pseudonymised results show it."""
    row = {"rule_id": "X", "reason": "x", "rationale": "y"}
    row |= {"evidence": [_EMPTY | fact for fact in facts]}
    frame = pl.DataFrame([row], schema_overrides={"evidence": EVIDENCE})
    shown: list[dict[str, Any]] = pseudonymise(frame, NAMES)["evidence"].to_list()[0]
    return shown


def test_c8_every_result_column_is_in_exactly_one_list() -> None:
    """A new column of a result table shows what it holds only if somebody has said that it may."""
    declared = Counter(
        [
            *lists.IDENTIFIERS,
            *lists.IDENTIFIER_LISTS,
            *lists.PROVIDERS,
            *lists.PAYERS,
            *lists.WITHHELD,
            *lists.REWRITTEN,
            *lists.KEPT,
        ]
    )
    columns = {column for table in TABLES.values() for column in table}
    assert set(declared) == columns
    assert set(declared.values()) == {1}


def test_c8_a_column_that_nobody_declared_is_withheld() -> None:
    frame = pl.DataFrame({"rule_id": ["X"], "note": [CANARY], "notes": [[CANARY]]})
    assert pseudonymise(frame, NAMES).to_dicts() == [{"rule_id": "X", "note": None, "notes": None}]


def test_c8_plans_and_unknown_payers_are_hidden() -> None:
    """Plans and payers that no policy names were shown as the extract spells them."""
    frame = pl.DataFrame(
        {
            "payer": ["CIGNA", f"{CANARY} Health", f"{CANARY.lower()} health", "Aetna"],
            "plan": [CANARY] * 4,
            "decided_by": [CANARY] * 4,
        }
    )
    shown = pseudonymise(frame, NAMES, {"cigna": "cigna", "aetna": "aetna"})
    assert CANARY not in str(shown.to_dicts()) and shown["plan"].null_count() == 4
    payers = Counter(shown["payer"])
    assert payers.pop("CIGNA") == payers.pop("Aetna") == 1
    assert list(payers.values()) == [2], "one pseudonym for both spellings"
    assert CANARY.lower() not in str(payers)


@pytest.mark.parametrize(
    "fact",
    [
        {"kind": "fill", "id": "daw_code", "code": "47335047281", "value": CANARY},
        {"kind": "authorization", "id": "A1", "code": CANARY, "value": "denied"},
        {"kind": "service", "id": "1234567893", "code": CANARY},
        {"kind": "fill", "id": "1234567893", "code": CANARY},
        {"kind": "diagnosis", "id": "diagnosis_code_1", "code": CANARY},
        {"kind": "evidence", "code": "response", "value": CANARY},
        {"kind": "new kind", "id": CANARY, "code": CANARY},
    ],
    ids=str,
)
def test_c8_evidence_shows_no_text_that_a_sender_typed(fact: dict[str, Any]) -> None:
    assert CANARY not in str(_shown(fact))


@pytest.mark.parametrize(
    "fact",
    [
        {"kind": "fill", "id": "daw_code", "code": "47335047281", "value": "1"},
        {"kind": "fill", "code": "47335047281", "value": "30 imatinib"},
        {"kind": "dose", "code": "J9229", "value": "course 1 cycle 2 to 3"},
        {"kind": "service", "id": "1234567893", "code": "207RH0003X"},
        {"kind": "diagnosis", "id": "diagnosis_code_1", "code": "C92.10"},
        {"kind": "evidence", "code": "response", "value": "CRi"},
        {"kind": "evidence", "code": "bsa_m2", "value": "1.85"},
        {"kind": "eligibility", "code": "enrollment", "value": "until 2026-01-31"},
        {"kind": "authorization", "code": "brand", "value": "approved"},
    ],
    ids=str,
)
def test_c8_known_codes_and_words_stay(fact: dict[str, Any]) -> None:
    assert _shown(fact) == [_EMPTY | fact]


def test_c8_evidence_is_not_in_the_order_of_real_claim_ids() -> None:
    """Under pseudonyms the pieces of one day kept the order of the claim ids behind them."""
    day = date(2026, 3, 1)
    ids = ["AAA", "BBB", "MMM", "ZZZ"]
    facts = [{"side": "against", "kind": "fill", "claim_id": i, "date": day} for i in ids]
    one = [fact["claim_id"] for fact in _shown(*facts)]
    other = [fact["claim_id"] for fact in _shown(*reversed(facts))]
    assert one == other == sorted(NAMES.of("claim", i) for i in ids)
    assert one != [NAMES.of("claim", i) for i in ids], "the pseudonyms sort differently"

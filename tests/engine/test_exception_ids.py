"""The ids of exceptions: people's decisions hang on them, so they stay the same for ever."""

import hashlib

import pytest

from audit_rules.engine.exceptions import exception_id

ANSWER = {
    "claim_source": "medical",
    "payer_id": "payer",
    "claim_id": "C1",
    "claim_line_number": 7,
    "rule_id": "DX01",
    "term_id": None,
    "person": "A",
    "shares_key": False,
}


@pytest.mark.parametrize(
    ("differing", "named_by"),
    [
        ({}, ["medical", "payer", "C1", "7", "DX01", ""]),
        ({"shares_key": True}, ["medical", "payer", "C1", "7", "DX01", "", "A"]),
        ({"term_id": "t.1"}, ["medical", "payer", "C1", "7", "DX01", "t.1"]),
        ({"claim_line_number": None}, ["medical", "payer", "C1", "", "DX01", ""]),
    ],
)
def test_an_id_is_a_digest_of_what_names_the_answer(
    differing: dict[str, object], named_by: list[str]
) -> None:
    digest = hashlib.sha256("\x1f".join(named_by).encode()).hexdigest()[:32]
    assert exception_id(ANSWER | differing) == digest


def test_an_answer_without_a_term_has_the_id_of_one_whose_term_is_null() -> None:
    of_a_rule = {name: value for name, value in ANSWER.items() if name != "term_id"}
    assert exception_id(of_a_rule) == exception_id(ANSWER)

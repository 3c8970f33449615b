"""Caps keep a rule from accusing: what each row of the table lowers, and which rules it spares."""

from itertools import product

import polars as pl
import pytest

from audit_rules.engine.caps import CAPS, capped
from audit_rules.rules import CATALOGUE
from schemas.outcomes import (
    ADVISORY,
    EXCEPTIONS,
    GENERAL,
    PASS,
    RECORDS_REQUEST,
    RECOVER,
    REVIEW,
)

FLAGS = tuple(cap.flag for cap in CAPS)
ANY_POLICY = "bcbsnc-besponsa"


def _outcome(
    outcome: str, *flags: str, policy_id: str = ANY_POLICY, amount_cents: int | None = 100
) -> str:
    """What becomes of one answer on whose line these caps fit."""
    row = {
        "policy_id": policy_id,
        "outcome": outcome,
        "amount_cents": amount_cents,
        **{flag: flag in flags for flag in FLAGS},
    }
    answers = pl.LazyFrame([row], schema_overrides={"amount_cents": pl.Int64})
    return str(capped(answers).collect()["outcome"].item())


@pytest.mark.parametrize(
    ("flag", "recover", "request_"),
    [
        ("text_is_missing", REVIEW, REVIEW),
        ("review_has_passed", REVIEW, RECORDS_REQUEST),
        ("is_approved_care", REVIEW, REVIEW),
        ("other_law_is_first", REVIEW, REVIEW),
        ("is_demoted", REVIEW, REVIEW),
    ],
)
def test_each_cap_lowers_what_its_row_says(flag: str, recover: str, request_: str) -> None:
    assert _outcome(RECOVER, flag) == recover
    assert _outcome(RECORDS_REQUEST, flag) == request_


def test_all_caps_that_fit_apply() -> None:
    assert _outcome(RECORDS_REQUEST, "review_has_passed", "is_approved_care") == REVIEW


@pytest.mark.parametrize("outcome", [REVIEW, ADVISORY, PASS])
def test_no_cap_changes_a_weaker_outcome(outcome: str) -> None:
    assert _outcome(outcome, *FLAGS) == outcome


@pytest.mark.parametrize("outcome", [RECOVER, RECORDS_REQUEST])
def test_house_terms_are_never_capped(outcome: str) -> None:
    assert _outcome(outcome, *FLAGS, policy_id=GENERAL) == outcome


@pytest.mark.parametrize("policy_id", [ANY_POLICY, GENERAL])
def test_without_a_price_nothing_is_asked_back_and_of_nothing_only_a_hint_is_left(
    policy_id: str,
) -> None:
    """The last cap is of every policy, and of `recover` alone."""
    assert _outcome(RECOVER, policy_id=policy_id, amount_cents=None) == REVIEW
    assert _outcome(RECOVER, policy_id=policy_id, amount_cents=0) == ADVISORY
    assert _outcome(RECOVER, policy_id=policy_id, amount_cents=1) == RECOVER
    for outcome, cents in product((o for o in EXCEPTIONS if o != RECOVER), (None, 0)):
        assert _outcome(outcome, policy_id=policy_id, amount_cents=cents) == outcome


def test_what_a_cap_has_made_a_review_stays_one_although_nothing_is_at_stake() -> None:
    assert _outcome(RECOVER, "text_is_missing", amount_cents=0) == REVIEW


def test_an_approval_beforehand_answers_these_rules_and_no_other() -> None:
    spared = {module.RULE.id for module in CATALOGUE if module.RULE.approved_care}
    assert spared == {
        *("DX01", "AGE01", "SPEC01", "THER01", "COMB01"),
        *("CYC01", "CYC02", "CYC03", "CYC05"),
        *("REG01", "REG02", "REG03", "REG04"),
    }


def test_only_a_denial_is_the_plans_own_act() -> None:
    own = {(m.RULE.id, reason) for m in CATALOGUE for reason in m.RULE.plans_own_acts}
    assert own == {("AUTH01", "authorization_denied")}

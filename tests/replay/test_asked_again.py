"""A question finds the same, whatever the warehouse remembers of its last run."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from flows.request import RunRequest
from tests.support.asked_again import check_questions
from tests.support.extracts import ANY_ERROR_RATE, Content, good, write
from tests.support.few_rules import asking_few
from tests.support.nights import night
from tests.support.running import AS_OF, request_for

pytestmark = pytest.mark.slow  # whole runs, and questions about them
_few_rules = asking_few("DX01")

EARLIER, LATER = AS_OF - timedelta(days=30), AS_OF + timedelta(days=30)
_FILL, _LINE, _SPAN, _DIAGNOSIS = "pharmacy_claim", "medical_claim", "eligibility", "diagnosis"


def _night(base: Path, as_of: date, files: dict[str, Content]) -> RunRequest:
    config = write(base, {"config.toml": ANY_ERROR_RATE}) / "config.toml"
    landing = write(base / as_of.isoformat(), files)
    request = request_for(landing, base / "out", base / "audit.duckdb", as_of, config)
    night(request)
    return request


def _first_night(base: Path) -> RunRequest:
    """A person of two members, one of whose claims dates a diagnosis; a crowd; reversals; a fill of
    a later day, of somebody without any other."""
    undated = [
        good(_DIAGNOSIS, claim_id=claim, member_id=member, diagnosis_date=None, person_id=person)
        for claim, member, person in (
            ("a", "n", "p"),
            ("a", "m", None),
            ("nothing", "x", "q"),
            ("d", "d", "e"),
        )
    ]
    fills = [
        good(_FILL, claim_id="a", member_id="m", person_id="p"),
        good(_FILL, claim_id="b", member_id="n"),
        good(_FILL, claim_id="x", member_id="x"),
        good(_FILL, claim_id="d", member_id="d"),
        good(_FILL, claim_id="later", member_id="y", person_id="w", dispensing_date="2026-07-10"),
        good(_FILL, claim_id="r", member_id="m", paid_amount="-5", original_claim_id="b"),
    ]
    crowd = [good(_SPAN, member_id=f"c{n}", person_id="crowd") for n in range(27)]
    lines = [good(_LINE, claim_id=str(n), member_id=f"c{n}", person_id="crowd") for n in (1, 1, 2)]
    return _night(
        base,
        AS_OF,
        {
            f"{_FILL}.csv": fills,
            f"{_LINE}.csv": lines,
            f"{_SPAN}.csv": [*crowd, good(_SPAN, member_id="n", person_id="p")],
            f"{_DIAGNOSIS}.csv": undated,
        },
    )


def test_questions_find_the_same_if_nothing_is_remembered(tmp_path: Path) -> None:
    check_questions(_first_night(tmp_path), (AS_OF, LATER))


def test_a_file_of_an_earlier_night_counts(tmp_path: Path) -> None:
    request = _first_night(tmp_path)
    _night(
        tmp_path,
        EARLIER,
        {
            f"{_FILL}.csv": [
                good(_FILL, claim_id="s", member_id="x", original_claim_id="x", paid_amount="-5"),
                good(_FILL, claim_id="z", member_id="z"),
            ],
            f"{_SPAN}.csv": [good(_SPAN, member_id="y", person_id="p")],
        },
    )
    check_questions(request, (AS_OF, LATER))

"""A person_id that goes with very many members is not a person: it links nobody."""

from datetime import date
from pathlib import Path

import pytest

from flows.settle.claims import SETTLED
from flows.warehouse.connection import opened
from tests.support.extracts import Ran, Row, good, run

MOST = 25

pytestmark = pytest.mark.slow


def fills(members: int, first: int = 0) -> list[Row]:
    """One fill of each of so many members, all of one person."""
    return [
        good("pharmacy_claim", claim_id=f"C{n}", member_id=f"M{n}", person_id="P")
        for n in range(first, first + members)
    ]


def persons(ran: Ran) -> dict[str, str]:
    """Member of each fill -> its person."""
    with opened(ran.plan.bench) as connection:
        rows = connection.execute(
            f"SELECT member_id, person FROM {SETTLED['pharmacy_claim']}"
        ).fetchall()
    return dict(rows)


def paid_dates(ran: Ran) -> list[date | None]:
    """Paid date of each fill, as far as the run knows it."""
    with opened(ran.plan.bench) as connection:
        rows = connection.execute(f"SELECT paid_date FROM {SETTLED['pharmacy_claim']}").fetchall()
    return [day for (day,) in rows]


@pytest.mark.parametrize(("members", "linked"), [(MOST, True), (MOST + 1, False)])
def test_a_person_of_more_than_25_members_links_nobody(
    tmp_path: Path, members: int, linked: bool
) -> None:
    ran = run(tmp_path, {"pharmacy_claim.csv": fills(members)})

    assert persons(ran) == {f"M{n}": "P" if linked else f"M{n}" for n in range(members)}
    assert ran.warned("pharmacy_claim") == (
        [] if linked else [("person_id", "person_of_many_members", members, 1)]
    )


def test_a_member_of_a_crowd_may_be_another_person(tmp_path: Path) -> None:
    rows = [*fills(MOST + 1), good("pharmacy_claim", claim_id="D", member_id="M3", person_id="Q")]
    found = persons(run(tmp_path, {"pharmacy_claim.csv": rows}))

    assert (found["M3"], found["M4"]) == ("Q", "M4")


def test_a_person_who_becomes_a_crowd_on_a_later_night_is_settled_again(tmp_path: Path) -> None:
    first = run(tmp_path, {"pharmacy_claim_1.csv": fills(MOST)}, landing="one")
    first.keep()
    second = run(tmp_path, {"pharmacy_claim_2.csv": fills(1, MOST)}, landing="two")
    found = persons(second)
    second.keep()
    third = run(tmp_path, {}, landing="three")

    assert found == persons(third) == {f"M{n}": f"M{n}" for n in range(MOST + 1)}
    assert sum(w.rows for w in second.warnings) == MOST + 1


def test_a_paid_date_after_the_as_of_date_is_unknown_until_then(tmp_path: Path) -> None:
    ran = run(
        tmp_path,
        {"pharmacy_claim.csv": [good("pharmacy_claim", paid_date="2026-06-15")]},
        as_of=date(2026, 5, 31),
    )
    early = paid_dates(ran)
    ran.keep()
    later = paid_dates(run(tmp_path, {}, as_of=date(2026, 6, 30), landing="later"))

    assert (early, later) == ([None], [date(2026, 6, 15)])

"""What persons decide shows in every output of the nights that follow, and in no earlier one."""

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from flows.cli.app import main
from flows.ledger.decisions import decide
from flows.ledger.read import read_ledger
from flows.ledger.written_decisions import Decision
from flows.letters.batch import Batch, write_batch
from flows.summary import Summary
from tests.support.extracts import IMATINIB, Row, good, write
from tests.support.few_rules import asking_few
from tests.support.ledger import night_of_fills
from tests.support.nights import night, published
from tests.support.running import ROOT, request_for
from tests.support.stories import Story, tell

pytestmark = pytest.mark.slow  # several nights
_few_rules = asking_few("AUTH01", "DUP01", "QTY01")

TEMPLATE = ROOT / "data" / "letter_template.toml"
DAYS = [date(2026, 6, n) for n in (27, 28, 29, 30)]


def _fill(claim: str, quantity: int, **changed: object) -> Row:
    return good(
        "pharmacy_claim",
        claim_id=claim,
        member_id=f"M-{claim}",
        quantity=quantity,
        paid_amount=f"{quantity * 10}.00",
        ndc_code=IMATINIB,
        dispensing_channel="retail",
        **changed,
    )


def _night(base: Path, number: int, *rows: Row) -> Summary:
    return night_of_fills(base, DAYS[number], *rows)


def _known(summary: Summary) -> dict[str, tuple[str, date, str | None]]:
    """Claim -> status, first_seen and decision of its quantity finding."""
    exceptions = pl.read_parquet(summary.folder / "exceptions.parquet").filter(rule_id="QTY01")
    columns = ("claim_id", "status", "first_seen", "decision")
    return {claim: rest for claim, *rest in map(tuple, exceptions.select(columns).iter_rows())}


_NIGHTS = {"each_night": (0, 1, 2, 3), "after_a_gap": (0, 2)}
"""Warehouse -> numbers of its nights.

No story tells of a finding that is overturned, which counts for the findings of all the others:
two demote the term.
"""
_STORIES: dict[str, dict[str, Callable[[Path], Story]]] = {name: {} for name in _NIGHTS}
"""Warehouse -> the stories that share it, by name; see tests/support/stories.py."""


def _story(
    warehouse: str, cases: Sequence[tuple[object, ...]] = ((),)
) -> Callable[[Callable[..., Story]], Callable[..., Story]]:
    """Tell a story on the warehouse that it shares with others, once for each case."""

    def told(begin: Callable[..., Story]) -> Callable[..., Story]:
        for number, case in enumerate(cases):
            name = begin.__name__ + (f"-{number}" if case else "")
            _STORIES[warehouse][name] = lambda base, case=case: begin(base, *case)
        return begin

    return told


def test_four_nights_of_findings_and_decisions(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    claims = ["A", "B", "C", "D"]
    first = _night(tmp_path, 0, *(_fill(claim, 181) for claim in claims))
    assert _known(first) == {c: ["new", DAYS[0], None] for c in claims}
    found = pl.read_parquet(first.folder / "exceptions.parquet").filter(rule_id="QTY01")
    ids = dict(found.select("claim_id", "exception_id").iter_rows())
    warehouse = tmp_path / "audit.duckdb"
    made = [
        Decision(ids["A"], "trial in the chart", "dismiss"),
        Decision(ids["B"], action="confirm"),
        Decision(ids["C"], "appeal 7", "overturned"),
    ]
    decide(warehouse, made, by="Ann")
    before = published(first.folder)
    assert _night(tmp_path, 0).was_there and published(first.folder) == before

    capsys.readouterr()
    words = ["explain", "A", "--warehouse", str(warehouse), "--as-of", str(DAYS[1])]
    assert main(words) == 0
    assert "trial in the chart. The next run shows it." in " ".join(capsys.readouterr().out.split())

    second = _night(tmp_path, 1, _fill("E", 181))
    assert _known(second) == {
        "A": ["dismissed", DAYS[0], "dismiss"],
        "B": ["open", DAYS[0], "confirm"],
        "C": ["dismissed", DAYS[0], "overturned"],
        "D": ["open", DAYS[0], None],
        "E": ["new", DAYS[1], None],
    }
    lines = pl.read_parquet(second.folder / "worklist.parquet").sort("claim_id")
    by_claim = {row["claim_id"]: row for row in lines.iter_rows(named=True)}
    for claim in ("A", "C"):
        assert by_claim[claim]["outcome"] is None and by_claim[claim]["status"] == "dismissed"
        assert by_claim[claim]["amount_at_risk"] == 0 < by_claim[claim]["dismissed_amount"]
    assert by_claim["B"]["decision"] == "confirm" and by_claim["B"]["amount_at_risk"] > 0
    packet = ["packet", ids["A"][:8], "--run", str(second.folder), "--no-pdf"]
    assert main(packet) == 2 and main([*packet, "--anyway"]) == 0

    made = [
        Decision(ids["A"], "the chart was another patient's", "reopen"),
        Decision(ids["B"], action="recovered", amount=Decimal("10.00")),
        Decision(ids["C"], action="upheld"),
    ]
    decide(warehouse, made, by="Ann")
    third = _night(tmp_path, 2, _fill("D", 190, paid_date="2026-06-20"))
    assert _known(third) == {
        "A": ["reopened", DAYS[0], None],
        "B": ["open", DAYS[0], "recovered"],
        "C": ["reopened", DAYS[0], "upheld"],
        "D": ["changed", DAYS[0], None],
        "E": ["open", DAYS[1], None],
    }
    fourth = _night(tmp_path, 3)
    assert {status for status, *_ in _known(fourth).values()} == {"open"}
    assert main(["verify", "--warehouse", str(warehouse)]) == 0


def _amounts(summary: Summary) -> dict[str, tuple[Decimal, Decimal]]:
    """Claim -> what is asked for, and what came back."""
    columns = ("claim_id", "recover_amount", "recovered_amount")
    worklist = pl.read_parquet(summary.folder / "worklist.parquet").select(columns)
    return {claim: (asked, back) for claim, asked, back in worklist.iter_rows()}


def _comes_back(base: Path, summary: Summary, claim: str, dollars: str) -> None:
    """Record that so much came back for the quantity finding on a claim."""
    paid = Decision(_by_claim(summary)[claim], action="recovered", amount=Decimal(dollars))
    decide(base / "audit.duckdb", [paid], by="Ann")


@_story("each_night")
def what_came_back_for_a_claim_is_not_asked_for_again_when_it_is_rebilled(base: Path) -> Story:
    first = yield [_fill("A", 241)]
    _comes_back(base, first, "A", "500.00")
    again = {"member_id": "M-A", "claim_frequency_code": "7", "paid_date": "2026-06-27"}
    second = yield [_fill("B", 241) | again | {"original_claim_id": "A"}]
    assert _amounts(second) == {"B": (Decimal("110.00"), Decimal("500.00"))}
    again |= {"paid_date": "2026-06-28"}
    third = yield [_fill("C", 241) | again | {"original_claim_id": "B"}]
    assert _amounts(third) == {"C": (Decimal("110.00"), Decimal("500.00"))}
    assert _amounts((yield [])) == _amounts(third)


def test_what_came_back_counts_if_its_night_is_run_again_and_the_claim_is_reversed_by_then(
    tmp_path: Path,
) -> None:
    first = _night(tmp_path, 0, _fill("A", 241))
    _comes_back(tmp_path, first, "A", "500.00")
    gone = _fill("A", 241, paid_date=DAYS[0], claim_status="reversed")
    for rows in ((gone,), (_fill("Q", 10, paid_date=DAYS[0]),)):
        again = _night(tmp_path, 0, *rows)
        assert any("decided about" in note and ": 1." in note for note in again.notes)
        changes = pl.read_parquet(again.folder / "changes.parquet")
        assert changes.is_empty()  # what was decided since does not show
        ledger = read_ledger(tmp_path / "audit.duckdb").select("claim_id", "status")
        assert ledger.rows() == [("A", "resolved")]
    again_billed = {"member_id": "M-A", "claim_frequency_code": "7", "paid_date": "2026-06-28"}
    second = _night(tmp_path, 1, _fill("B", 241) | again_billed | {"original_claim_id": "A"})
    assert _amounts(second) == {"B": (Decimal("110.00"), Decimal("500.00"))}
    assert main(["verify", "--warehouse", str(tmp_path / "audit.duckdb")]) == 0


@_story("each_night")
def what_came_back_for_a_line_is_not_asked_for_again_when_its_claim_gets_another_line(
    base: Path,
) -> Story:
    first = yield [_fill("A", 241)]
    _comes_back(base, first, "A", "500.00")
    reversed_ = _fill("A", 241, claim_status="reversed", paid_date="2026-06-27")
    posted = _fill("A", 241, claim_line_number="2", paid_date="2026-06-27")
    second = yield [reversed_, posted]
    assert _amounts(second) == {"A": (Decimal("110.00"), Decimal("500.00"))}


_AS_OTHER_LINES = {
    241: [_fill("B", 90, dispensing_date="2025-09-01"), _fill("B", 241, claim_line_number="2")],
    300: [_fill("B", 190, dispensing_date="2025-09-01"), _fill("B", 241, claim_line_number="2")],
}
"""Tablets of a fill -> what it is rebilled as; of 300, each line is too much."""


@_story("each_night", cases=[(tablets,) for tablets in _AS_OTHER_LINES])
def what_came_back_counts_for_whatever_lines_the_claim_is_rebilled_as(
    base: Path, tablets: int
) -> Story:
    first = yield [_fill("A", tablets)]
    asked = sum(amount for amount, _ in _amounts(first).values())
    whole = Decision(_by_claim(first)["A"], action="recovered", amount=Decimal(asked))
    decide(base / "audit.duckdb", [whole], by="Ann")
    rebilled = {"member_id": "M-A", "original_claim_id": "A", "claim_frequency_code": "7"}
    rebilled |= {"paid_date": "2026-06-27"}
    second = yield [row | rebilled for row in _AS_OTHER_LINES[tablets]]
    assert _amounts(second) and {amount for amount, _ in _amounts(second).values()} == {0}


@_story("each_night")
def what_came_back_for_a_duplicate_that_is_voided_is_of_no_other_fill(base: Path) -> Story:
    pair = [_fill("A", 241), _fill("A2", 241) | {"member_id": "M-A"}]
    first = yield pair
    found = pl.read_parquet(first.folder / "exceptions.parquet").filter(rule_id="DUP01")
    ((duplicate, exception_id),) = found.select("claim_id", "exception_id").iter_rows()
    whole = Decision(exception_id, action="recovered", amount=found["amount_at_risk"][0])
    decide(base / "audit.duckdb", [whole], by="Ann")
    void = {"original_claim_id": duplicate, "claim_frequency_code": "8", "member_id": "M-A"}
    second = yield [_fill("V", 241, paid_date="2026-06-27") | void]
    ((_, (asked, back)),) = _amounts(second).items()
    assert asked > 0 and back == 0


def _duplicate_comes_back(base: Path, summary: Summary, claim: str, dollars: str) -> None:
    """Record that so much came back for a claim as a duplicate."""
    exceptions = pl.read_parquet(summary.folder / "exceptions.parquet")
    ((found,),) = (
        exceptions.filter(rule_id="DUP01", claim_id=claim).select("exception_id").iter_rows()
    )
    decide(base / "audit.duckdb", [Decision(found, "", "recovered", Decimal(dollars))], by="Ann")


def _letters(base: Path, summary: Summary) -> Decimal:
    """What the letters of a run ask for."""
    batch = Batch(
        *(summary.folder, base / "audit.duckdb", base, TEMPLATE, "finding", "letter"),
        with_pdf=False,
    )
    write_batch(batch)
    letters = pl.read_parquet(base / f"finding-{summary.run_id}" / "letters.parquet")
    return Decimal(letters["amount"].sum() or 0)


_FIRST = {"dispensing_provider_npi": "1234567893", "paid_date": "2026-06-01", "member_id": "M-A"}
_SECOND = _FIRST | {"paid_date": "2026-06-02"}
_GONE = _fill("A", 90) | _FIRST | {"paid_date": "2026-06-27", "claim_status": "reversed"}
_REBILLED = {"original_claim_id": "B", "claim_frequency_code": "7", "paid_date": "2026-06-27"}
_LINE_2 = {"claim_line_number": "2"}
_B2 = _fill("B2", 90) | _SECOND | _REBILLED


_PAIR = [_fill("A", 90) | _FIRST, _fill("B", 90) | _SECOND]
"""Fills A and B, paid twice."""


def _pair_comes_back(base: Path, first: Summary) -> Decimal:
    """What came back for B of a pair, which is all that was paid for it."""
    exceptions = pl.read_parquet(first.folder / "exceptions.parquet")
    found = exceptions.filter(rule_id="DUP01", payer="Cigna")
    assert found.select("claim_id", "outcome").rows() == [("B", "recover")]
    paid: Decimal = found["paid_amount"][0]
    whole = Decision(found["exception_id"][0], action="recovered", amount=paid)
    decide(base / "audit.duckdb", [whole], by="Ann")
    return paid


@_story(
    "after_a_gap", cases=[([],), *(([_B2 | {"claim_line_number": number}],) for number in "12")]
)
def what_came_back_for_a_duplicate_counts_for_the_other_one_when_that_is_the_repeat(
    base: Path, rebilled: list[Row]
) -> Story:
    paid = _pair_comes_back(base, (yield _PAIR))
    again = _fill("A", 90) | _FIRST | {"paid_date": "2026-06-28"}
    assert _amounts((yield [_GONE, again, *rebilled])) == {"A": (Decimal(0), paid)}


@_story("after_a_gap")
def what_came_back_for_a_line_that_is_voided_is_of_no_other_line(base: Path) -> Story:
    other = {"dispensing_date": "2026-05-01"}
    paid = _pair_comes_back(base, (yield [*_PAIR, _fill("B", 90) | _SECOND | _LINE_2 | other]))
    void = _fill("B", 90) | _SECOND | {"paid_date": "2026-06-27", "claim_status": "reversed"}
    repeat = _fill("C", 90) | _SECOND | other | {"paid_date": "2026-06-28"}
    assert _amounts((yield [void, repeat])) == {"C": (paid, Decimal(0))}


@_story("each_night")
def what_came_back_for_two_lines_counts_for_both_if_they_are_rebilled_and_flip(
    base: Path,
) -> Story:
    """The sum that can count for one line alone must not find that taken by the other."""

    def billed(claim: str, number: int, paid: str, **more: str) -> Row:
        line = {"claim_line_number": str(number), "paid_date": paid, "member_id": "M-A"}
        return _fill(claim, 90) | _FIRST | line | more

    def rebilled(claim: str, paid: str, x: int, y: int) -> list[Row]:
        again = {"claim_frequency_code": "7", "original_claim_id": claim}
        return [billed(claim, x, paid, **again), billed(claim, y, paid, **again, **other)]

    other = {"dispensing_date": "2026-05-01"}
    first = [billed("P", 1, "2026-06-01"), billed("Q", 2, "2026-06-01", **other)]
    second = [billed("Q", 1, "2026-06-02"), billed("P", 2, "2026-06-02", **other)]
    _back_for(base, (yield [*first, *second]), "Q", 1)
    _back_for(base, (yield rebilled("P", "2026-06-28", 5, 4)), "P", 4)
    last = yield rebilled("Q", "2026-06-29", 3, 2)
    asked = pl.read_parquet(last.folder / "worklist.parquet").sort("claim_line_number")
    columns = ("claim_id", "claim_line_number", "recover_amount", "recovered_amount")
    nothing, all_of_it = Decimal("0.00"), Decimal("900.00")
    assert asked.select(columns).rows() == [("Q", number, nothing, all_of_it) for number in (2, 3)]


def _back_for(base: Path, summary: Summary, claim: str, number: int) -> None:
    """Record that all that was paid for a duplicate line came back."""
    found = pl.read_parquet(summary.folder / "exceptions.parquet").filter(
        rule_id="DUP01", claim_id=claim, claim_line_number=number
    )
    back = Decision(found["exception_id"][0], "", "recovered", Decimal("900.00"))
    decide(base / "audit.duckdb", [back], by="Ann")


@_story("each_night")
def what_came_back_for_a_duplicate_stays_with_it_if_it_is_rebilled_and_still_a_repeat(
    base: Path,
) -> Story:
    """Else it moves to another one of three, and is lost when that is the repeat of the first."""
    fills = [_fill(claim, 90) | _SECOND for claim in ("A", "C")]
    first = yield [_fill("B", 90) | _FIRST, *fills]
    found = pl.read_parquet(first.folder / "exceptions.parquet").filter(claim_id="C")
    paid = Decision(found["exception_id"][0], action="recovered", amount=Decimal("900.00"))
    decide(base / "audit.duckdb", [paid], by="Ann")
    moved = [_GONE, fills[0] | {"paid_date": "2026-06-28"}]
    rebilled = _fill("C2", 90) | _SECOND | _REBILLED | {"original_claim_id": "C"}
    second = yield [rebilled, *moved]
    all_of_it, nothing = Decimal("900.00"), Decimal("0.00")
    assert _amounts(second) == {"A": (all_of_it, nothing), "C2": (nothing, all_of_it)}


def test_no_letter_asks_for_what_came_back_for_the_other_duplicate_if_a_night_is_run_again(
    tmp_path: Path,
) -> None:
    paid = _pair_comes_back(tmp_path, _night(tmp_path, 0, *_PAIR))
    again = _night(tmp_path, 0, _GONE, _fill("A", 90) | _FIRST | {"paid_date": "2026-06-27"})
    assert _amounts(again) == {"A": (paid, Decimal(0))}
    assert _letters(tmp_path, again) == 0


def test_a_sum_that_moved_to_a_line_paid_since_keeps_its_duplicates_alone_out_of_letters(
    tmp_path: Path,
) -> None:
    other = {"member_id": "M-P", "dispensing_date": "2026-05-01"}
    others = [_fill("P", 241) | _FIRST | other, _fill("Q", 241) | _SECOND | other]
    three = [_fill("0", 90) | _FIRST | _LINE_2, *(_fill(claim, 90) | _SECOND for claim in "AC")]
    _duplicate_comes_back(tmp_path, _night(tmp_path, 0, *three, *others), "C", "600.00")
    second = _night(tmp_path, 1)
    _duplicate_comes_back(tmp_path, second, "A", "900.00")
    _comes_back(tmp_path, second, "P", "620.00")  # more than is asked, but by another rule
    rows = [_fill("A", 90) | _FIRST, three[0]]
    gone = [row | {"paid_date": "2026-06-27", "claim_status": "reversed"} for row in rows]
    again = _night(tmp_path, 1, *gone, *(row | {"paid_date": "2026-06-28"} for row in rows))
    asked = {claim: of_it for claim, (of_it, _) in _amounts(again).items()}
    assert (asked["A"], asked["0"], asked["Q"]) == (300, 900, 2410)  # 300 are owed for A and 0
    assert _letters(tmp_path, again) == asked["Q"]
    _duplicate_comes_back(tmp_path, again, "Q", "2410.00")
    mistyped = read_ledger(tmp_path / "audit.duckdb").filter(rule_id="DUP01", claim_id="Q")
    taken_back = Decision(mistyped["exception_id"][0], "mistyped", "reopen")
    decide(tmp_path / "audit.duckdb", [taken_back], by="Ann")
    assert _letters(tmp_path, again) == asked["Q"]


@_story("each_night")
def what_came_back_for_a_duplicate_is_of_no_claim_of_another_payer(base: Path) -> Story:
    elsewhere = {"payer": "Aetna", "dispensing_date": "2026-05-01"}
    others = [_fill("B", 90) | _FIRST, _fill("C", 90) | _SECOND]
    paid = _pair_comes_back(base, (yield [*_PAIR, *(row | elsewhere for row in others)]))
    assert _amounts((yield [_GONE])) == {"C": (paid, Decimal(0))}


@_story("each_night")
def what_came_back_for_lines_of_one_claim_depends_on_no_id(base: Path) -> Story:
    """The second line keeps its own, whichever exception comes first."""
    lines = [
        _fill("B", 241) | _FIRST,
        _fill("B", 90) | _SECOND | {"claim_line_number": "2", "dispensing_date": "2026-05-01"},
        _fill("B", 400) | _FIRST | {"claim_line_number": "3", "dispensing_date": "2026-03-01"},
    ]
    twin = _fill("A", 90) | _FIRST | {"dispensing_date": "2026-05-01"}
    first = yield [twin, *lines]
    found = pl.read_parquet(first.folder / "exceptions.parquet").filter(claim_id="B")
    ids = dict(found.select("claim_line_number", "exception_id").iter_rows())
    back = [
        Decision(ids[line], action="recovered", amount=Decimal(amount))
        for line, amount in ((1, "610.00"), (2, "900.00"))
    ]
    decide(base / "audit.duckdb", back, by="Ann")
    gone = {"paid_date": "2026-06-27", "claim_status": "reversed"}
    second = yield [lines[0] | gone, twin | gone]
    asked = pl.read_parquet(second.folder / "worklist.parquet")
    columns = ("claim_line_number", "recover_amount", "recovered_amount")
    assert asked.select(columns).rows() == [(3, Decimal("1590.00"), Decimal("610.00"))]


@_story("each_night")
def claims_that_name_an_original_that_is_not_there_are_not_one_claim(base: Path) -> Story:
    named = {"original_claim_id": "GONE", "member_id": "M-A"}
    first = yield [_fill("A", 241) | named]
    paid = Decision(_by_claim(first)["A"], action="recovered", amount=Decimal(610))
    decide(base / "audit.duckdb", [paid], by="Ann")
    away = _fill("A", 241, claim_status="reversed", paid_date="2026-06-27") | {"member_id": "M-A"}
    other = _fill("B", 300, paid_date="2026-06-27", dispensing_date="2025-09-01") | named
    assert _amounts((yield [away, other])) == {"B": (Decimal("1200.00"), Decimal(0))}


@_story("each_night")
def what_came_back_is_not_taken_up_by_a_line_of_which_nothing_is_asked(base: Path) -> Story:
    """A line that is set aside, or that has had its own back, leaves it to the others."""
    warehouse = base / "audit.duckdb"
    ids = _by_claim((yield [_fill("A", 241)]))
    rebilled = {"member_id": "M-A", "original_claim_id": "A", "claim_frequency_code": "7"}
    rebilled |= {"paid_date": "2026-06-27"}
    lines = [
        _fill("B", 300, claim_line_number="2"),
        _fill("B", 241, claim_line_number="3", dispensing_date="2025-09-01"),
    ]
    second = yield [row | rebilled for row in lines]
    found = pl.read_parquet(second.folder / "exceptions.parquet").filter(rule_id="QTY01")
    largest = found.filter(claim_line_number=2)["exception_id"][0]
    decide(warehouse, [Decision(largest, "in the chart")], "dismiss", "Ann")
    decide(warehouse, [Decision(ids["A"], action="recovered", amount=Decimal(610))], by="Ann")
    third = pl.read_parquet((yield []).folder / "worklist.parquet")
    assert third["recover_amount"].sum() == 0


def test_what_is_set_aside_while_it_is_not_found_stays_so_when_it_is(tmp_path: Path) -> None:
    first = _night(tmp_path, 0, _fill("A", 241))
    found = pl.read_parquet(first.folder / "exceptions.parquet").filter(rule_id="QTY01")
    _night(tmp_path, 1, _fill("A", 241, claim_status="reversed", paid_date="2026-06-27"))
    lost = Decision(found["exception_id"][0], "appeal 7", "overturned")
    decide(tmp_path / "audit.duckdb", [lost], by="Ann")
    third = _night(tmp_path, 2, _fill("A", 241, paid_date="2026-06-28"))
    assert _known(third) == {"A": ["dismissed", DAYS[0], "overturned"]}
    assert _amounts(third) == {"A": (0, 0)}


@pytest.mark.parametrize(("tablets", "status"), [(241, "dismissed"), (242, "reopened")])
def test_what_was_set_aside_stays_so_if_it_is_resolved_and_found_again_as_it_was(
    tablets: int, status: str, tmp_path: Path
) -> None:
    """A claim that is reversed and posted again asks for no money that an appeal has denied."""
    first = _night(tmp_path, 0, _fill("A", 241))
    found = pl.read_parquet(first.folder / "exceptions.parquet").filter(rule_id="QTY01")
    lost = Decision(found["exception_id"][0], "appeal 7", "overturned")
    decide(tmp_path / "audit.duckdb", [lost], by="Ann")
    assert _known(_night(tmp_path, 1)) == {"A": ["dismissed", DAYS[0], "overturned"]}
    _night(tmp_path, 2, _fill("A", 241, claim_status="reversed", paid_date="2026-06-28"))
    fourth = _night(tmp_path, 3, _fill("A", tablets, paid_date="2026-06-29"))
    assert _known(fourth) == {"A": [status, DAYS[0], "overturned"]}
    asked, _ = _amounts(fourth)["A"]
    assert (asked > 0) == (status == "reopened")


def _by_claim(summary: Summary) -> dict[str, str]:
    found = pl.read_parquet(summary.folder / "exceptions.parquet").filter(rule_id="QTY01")
    return dict(found.select("claim_id", "exception_id").iter_rows())


def _shown(base: Path) -> dict[str, str]:
    """Claim -> status, as the ledger shows it."""
    ledger = read_ledger(base / "audit.duckdb")
    return dict(ledger.select("claim_id", "status").iter_rows())


def test_a_dismissal_is_about_what_was_found_then_if_the_night_is_run_again(tmp_path: Path) -> None:
    warehouse, made = tmp_path / "audit.duckdb", "in the chart"
    ids = _by_claim(_night(tmp_path, 0, _fill("A", 190)))
    decide(warehouse, [Decision(ids["A"], made)], "dismiss", "Ann")
    assert _shown(tmp_path) == {"A": "dismissed"}
    more = write(tmp_path / "more", {"pharmacy_claim.csv": [_fill("A", 300, paid_date=DAYS[0])]})
    night(request_for(more, tmp_path / "out", warehouse, DAYS[0]))
    assert _shown(tmp_path) == {"A": "new"}
    assert _amounts(_night(tmp_path, 1)) == {"A": (Decimal("1200.00"), 0)}
    again = decide(warehouse, [Decision(ids["A"], made)], "dismiss", "Ann")
    assert again.decisions == 1
    assert _amounts(_night(tmp_path, 2)) == {"A": (0, 0)}


def test_the_same_dismissal_of_what_has_changed_is_another_one(tmp_path: Path) -> None:
    warehouse = tmp_path / "audit.duckdb"
    ids = _by_claim(_night(tmp_path, 0, _fill("A", 190)))
    for tablets, recorded in ((190, 1), (190, 0), (300, 1)):
        if tablets == 300:
            rows = [_fill("A", tablets, paid_date=DAYS[0])]
            more = write(tmp_path / "more", {"pharmacy_claim.csv": rows})
            night(request_for(more, tmp_path / "out", warehouse, DAYS[0]))
        made = decide(warehouse, [Decision(ids["A"], "in the chart")], "dismiss", "Ann")
        assert made.decisions == recorded
    assert _shown(tmp_path) == {"A": "dismissed"}


def test_a_dismissal_that_ended_before_the_next_night_sets_nothing_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.ledger.decisions.today", lambda: DAYS[0])
    ids = _by_claim(_night(tmp_path, 0, _fill("A", 241)))
    made = Decision(ids["A"], "a trial", until=DAYS[1])
    decide(tmp_path / "audit.duckdb", [made], "dismiss", "Ann")
    assert _shown(tmp_path) == {"A": "dismissed"}
    assert _known(_night(tmp_path, 3))["A"][0] == _shown(tmp_path)["A"] == "open"


def test_what_was_dismissed_while_its_term_was_demoted_stays_so_after_that(tmp_path: Path) -> None:
    claims = [f"C{n}" for n in range(9)]
    warehouse = tmp_path / "audit.duckdb"
    ids = _by_claim(_night(tmp_path, 0, *(_fill(claim, 241) for claim in claims)))
    contested = [Decision(ids[claim], "appeal") for claim in claims[:5]]
    decide(warehouse, [Decision(ids["C7"], "in the chart")], "dismiss", "Ann")
    _night(tmp_path, 1)
    decide(warehouse, contested, "overturned", "Ann")
    _night(tmp_path, 2)
    known = read_ledger(warehouse).filter(rule_id="QTY01")
    assert set(known["outcome"]) == {"review"}, "also of what is set aside"
    decide(warehouse, [Decision(ids["C8"], "in the chart")], "dismiss", "Ann")
    decide(warehouse, contested, "upheld", "Ann")
    fourth = _amounts(_night(tmp_path, 3))
    aside = {claim: (Decimal(0), Decimal(0)) for claim in ("C7", "C8")}
    assert fourth == {claim: (Decimal("610.00"), Decimal(0)) for claim in claims} | aside
    decide(warehouse, [Decision(ids["C8"], "not so")], "reopen", "Ann")
    assert _shown(tmp_path)["C8"] == "reopened"


@pytest.fixture(scope="module")
def _wrong(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Exception]:
    """Story -> what went wrong in it, of all that were told."""
    wrong: dict[str, Exception] = {}
    for name, stories in _STORIES.items():
        nights = [DAYS[number] for number in _NIGHTS[name]]
        wrong |= tell(tmp_path_factory.mktemp(name), nights, stories)
    return wrong


@pytest.mark.parametrize("name", [name for stories in _STORIES.values() for name in stories])
def test_story(name: str, _wrong: dict[str, Exception]) -> None:
    if name in _wrong:
        raise _wrong[name]

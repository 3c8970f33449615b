"""Warnings about claims that final action removes, so that no rule ever sees them."""

import json
from datetime import date
from pathlib import Path
from random import Random

import polars as pl
import pytest

from flows.settle.removed import never_final
from schemas.row_warnings import IN_A_CIRCLE, POSITIVE_VOID, UNMATCHED_REVERSAL
from tests.support.extracts import ANY_ERROR_RATE, Ran, Row, as_csv, good, run, write
from tests.support.nights import night
from tests.support.running import request_for

TABLE = "pharmacy_claim"
NAMED = ("claim_status", "claim_frequency_code", "original_claim_id", "paid_date")


def _row(claim: str, original: str | None = None, **changed: object) -> Row:
    """A fill; one that names an original is a replacement unless it says something else."""
    frequency = {"claim_frequency_code": "7"} if original else {}
    empty = dict.fromkeys(NAMED)
    return (
        good(TABLE, claim_id=claim) | empty | {"original_claim_id": original} | frequency | changed
    )


def _void(claim: str, original: str | None = None, **changed: object) -> Row:
    return _row(claim, original, claim_frequency_code="8") | changed


CIRCLES: dict[str, tuple[int, list[Row]]] = {
    "two claims": (2, [_row("A", "B"), _row("B", "A")]),
    "three claims": (3, [_row("A", "B"), _row("B", "C"), _row("C", "A")]),
    "two lines": (3, [_row("A", "B"), _row("B", "A"), _row("A", "B", claim_line_number="2")]),
    "and a claim that they replace": (
        4,
        [_row("A", "D"), _row("A", "B", claim_line_number="2"), _row("B", "A"), _row("D")],
    ),
    "a claim that lost": (
        4,
        [
            *(_row("A"), _row("C", "A", paid_date="2026-02-01")),
            *(_row("B", "A"), _row("B", "C", claim_line_number="2")),
        ],
    ),
    "a chain": (0, [_row("A"), _row("B", "A"), _row("C", "B"), _row("D", "C")]),
    "itself": (0, [_row("A"), _row("A", "A", paid_date="2026-02-01")]),
    "a later end": (0, [_row("A", "B"), _row("B", "A"), _row("C", "A", paid_date="2026-02-01")]),
    "other payers": (0, [_row("A", "B"), _row("B", "A", payer="Aetna")]),
    "one is denied": (0, [_row("A", "B"), _row("B", "A", claim_status="denied")]),
}
VOIDS: dict[str, tuple[int, list[Row]]] = {
    "frequency 8": (1, [_void("C", "A"), _row("A")]),
    "frequency 8 by itself": (1, [_void("C"), _row("A")]),
    "status reversed, whose figures count as absolute values": (
        0,
        [_void("A", claim_status="reversed"), _row("A")],
    ),
    "a reversed claim": (
        0,
        [_row("C", "A", claim_status="R", claim_frequency_code="1"), _row("A")],
    ),
    "a negative amount": (0, [_void("C", "A", paid_amount="-100.00"), _row("A")]),
    "no amount": (0, [_void("C", "A", paid_amount="0"), _row("A")]),
    "a denied void": (0, [_void("C", "A", claim_status="denied"), _row("A")]),
    "later than the as-of date": (0, [_void("C", "A", dispensing_date="2026-07-01"), _row("A")]),
    "an ordinary claim": (0, [_row("C", "A", claim_frequency_code="1"), _row("A")]),
    "behind a record that could not be split": (1, [_void("C", "A"), _row("A")]),
}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """All cases in one run, each in a file of its own and with claims of its own."""
    files = {}
    for number, (case, (_, rows)) in enumerate((CIRCLES | VOIDS).items()):
        own = [
            row
            | {key: f"{number}.{row[key]}" for key in ("claim_id", "original_claim_id") if row[key]}
            for row in rows
        ]
        header, text = as_csv(own).split("\n", maxsplit=1)
        broken = "only,three,values\n" if case.startswith("behind") else ""
        files[f"{TABLE}_{case}.csv"] = f"{header}\n{broken}{text}"
    return run(tmp_path_factory.mktemp("removed"), files, config=ANY_ERROR_RATE)


def _warned(ran: Ran, case: str) -> list[tuple[str, str, int, int]]:
    """Column, check, rows and first row number of the warnings about a case."""
    return [
        (w.column, w.check, w.rows, w.first_row_number)
        for w in ran.warnings
        if w.file == f"{TABLE}_{case}.csv" and w.check in (IN_A_CIRCLE, POSITIVE_VOID)
    ]


@pytest.mark.parametrize("case", CIRCLES)
def test_b6_claims_that_replace_each_other_are_warned_about(case: str, ran: Ran) -> None:
    """None of them is final, so paid claims were superseded and no rule or warning named them."""
    count, _ = CIRCLES[case]
    expected = [("original_claim_id", IN_A_CIRCLE, count, 1)] if count else []
    assert _warned(ran, case) == expected


@pytest.mark.parametrize("case", VOIDS)
def test_b6_a_void_with_an_amount_above_zero_is_warned_about(case: str, ran: Ran) -> None:
    """A void is taken for what it says, also if it looks like a payment: somebody should look."""
    count, _ = VOIDS[case]
    first = 2 if case.startswith("behind") else 1
    assert _warned(ran, case) == ([("paid_amount", POSITIVE_VOID, count, first)] if count else [])


def test_b6_the_balance_counts_the_rows_with_a_warning(ran: Ran) -> None:
    (counts,) = (table for table in ran.balance.tables if table.table == TABLE)
    circles, voids = (sum(count for count, _ in c.values()) for c in (CIRCLES, VOIDS))
    assert (counts.replacements_in_a_circle, counts.positive_voids) == (circles, voids)
    said = [note.split(" rows ")[0] for note in ran.notes if "no rule judges" in note]
    assert said == [f"{TABLE}.original_claim_id: {circles}", f"{TABLE}.paid_amount: {voids}"]


@pytest.mark.slow
def test_b6_long_chains_take_time_in_proportion() -> None:
    length = 200_000
    chain = {n: [n + 1] for n in range(length)}
    assert never_final(chain) == set()
    assert never_final(chain | {length: [length // 2]}) == {*range(length + 1)}


@pytest.mark.slow
def test_b6_no_claims_that_only_replace_vanish_without_a_warning(tmp_path: Path) -> None:
    """Worlds of replacements alone: if no row of them is final, all their rows have a warning."""
    files, dice = {}, Random(14)
    for world in range(400):
        rows = []
        for _ in range(dice.randint(2, 6)):
            claim, original = (f"{world}.{dice.choice('ABC')}" for _ in range(2))
            day, line = f"2026-02-0{dice.randint(1, 3)}", str(dice.randint(1, 9))
            rows.append(_row(claim, original, paid_date=day, claim_line_number=line))
        files[f"{TABLE}_{world}.csv"] = rows
    ran = run(tmp_path, files)
    fates: dict[str, set[str]] = {}
    for (file, _), row in ran.settled(TABLE).items():
        if row.fate != "duplicate":
            fates.setdefault(file, set()).add(row.fate)
    warned = {w.file for w in ran.warnings if w.check == IN_A_CIRCLE}
    vanished = {file for file, found in fates.items() if found == {"superseded"}}
    assert vanished and vanished <= warned
    assert len(warned) < len(files) / 2, "and most worlds have an end"


@pytest.mark.slow
def test_b6_the_warnings_are_in_every_result_of_every_night(tmp_path: Path) -> None:
    """A later night settles only what changed, and still knows what it removed before."""
    nights = {
        date(2026, 5, 1): [_row("A", "B"), _row("B", "A"), _void("V")],
        date(2026, 5, 2): [_void("W", "other")],
        date(2026, 5, 3): [_row("E", "A", paid_date="2026-02-01")],
    }
    counts = {}
    for day, rows in nights.items():
        landing = write(tmp_path / f"in {day}", {f"{TABLE}.csv": rows})
        warehouse = tmp_path / "audit.duckdb"
        request = request_for(landing, tmp_path / "out", warehouse, day, page=True)
        summary = night(request)
        manifest = json.loads((summary.folder / "manifest.json").read_text(encoding="utf-8"))
        page = (summary.folder / "summary.html").read_text(encoding="utf-8")
        assert manifest["notes"] == list(summary.notes) and summary.notes
        assert all(f"<li>{note}</li>" in page for note in summary.notes)
        warnings = pl.read_parquet(summary.folder / "warnings.parquet")
        by_check = warnings.group_by("check").agg(pl.col("rows").sum())
        counts[day.day] = dict(by_check.iter_rows())
        (table,) = (t for t in manifest["tables"] if t["table"] == TABLE)
        assert counts[day.day].get(IN_A_CIRCLE, 0) == table[IN_A_CIRCLE]
        assert counts[day.day].get(POSITIVE_VOID, 0) == table["positive_voids"]
    assert counts == {
        1: {IN_A_CIRCLE: 2, POSITIVE_VOID: 1},
        2: {IN_A_CIRCLE: 2, POSITIVE_VOID: 2, UNMATCHED_REVERSAL: 1},
        3: {POSITIVE_VOID: 2, UNMATCHED_REVERSAL: 1},
    }

"""Random claim histories for final action: few values, so that rows meet in every way."""

import random
from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from tests.support.extracts import Row, good
from tests.support.reference_final_action import ClaimRow, Loaded

NIGHTS = (date(2026, 4, 1), date(2026, 5, 1), date(2026, 6, 30))
PRODUCTS = {
    "medical_claim": {"one": "S0088", "other": "J9229", "none": None},
    "pharmacy_claim": {"one": "47335047281", "other": "47335047583", "none": None},
}
_DAYS = ["2026-01-10", "2026-02-10", "2026-03-10"]
_OF_ONE_CONTENT: dict[str, list[str | None]] = {
    "payer": ["Cigna"],
    "claim_id": ["1", "1", "2", "3"],
    "member_id": ["M"],
    "person_id": [None],
    "service": ["2026-01-05"],
    "product": ["one"],
    "claim_status": [None],
    "claim_frequency_code": [None],
    "original_claim_id": [None],
    "paid_amount": ["100.00", "100.00", "80.00", "-100.00"],
}
"""Rows of a few claims of which a reversal under a claim id of its own may mean any."""


@dataclass(frozen=True)
class RandomRow:
    """A row of a history, and the night and file in which it comes."""

    cells: Row
    night: date
    file: str


def random_history(rnd: random.Random, number: int) -> list[RandomRow]:
    """Rows of a few claims of one or two members; `number` keeps histories apart."""
    claims = [str(n + 1) for n in range(rnd.choice([1, 1, 2, 2, 3, 4]))]
    named = rnd.choice(
        [[None], [None, *claims], ["1", None], ["1"], [None, None, None, *claims], [None, "1", "9"]]
    )
    choices: dict[str, list[str | None]] = {
        "payer": rnd.choice([["Cigna"], ["Cigna"], ["Cigna", "Cigna Healthcare", "MMM"]]),
        "claim_id": [*claims],
        "claim_line_number": rnd.choice([["1"], ["1"], ["1", "2"]]),
        "member_id": rnd.choice([["M"], ["M"], ["M", "N"]]),
        "person_id": rnd.choice([[None], [None], [None, "P"], ["P"], [None, "P", "Q"]]),
        "service": rnd.choice(
            [
                ["2026-01-05"],
                ["2026-01-05"],
                ["2026-01-05", "2026-01-06"],
                ["2026-04-15", "2026-07-01"],
            ]
        ),
        "product": rnd.choice([["one"], ["one"], ["one", "other"], ["one", "none"]]),
        "claim_status": rnd.choice(
            [[None], [None], [None, "reversed"], [None, "paid", "denied", "reversed"]]
        ),
        "claim_frequency_code": rnd.choice(
            [[None], [None, None, "7"], [None, "7", "8"], ["7"], [None, "1", "7", "8"]]
        ),
        "original_claim_id": named,
        "paid_amount": rnd.choice(
            [
                ["100.00", "-100.00"],
                ["100.00", "80", "-40.00", "-100.00"],
                ["100", "80", "-80", "-100", "50"],
                ["100", None, "-100", "0", "80"],
            ]
        ),
        "quantity": rnd.choice(
            [["30"], ["30", "10", "29.999"], ["30", "10", "0", None], ["30", None, "-30", "0"]]
        ),
        "dispensing_fee": [None, None, "2.00", "-2.00"],
        "paid_date": rnd.choice(
            [[None], _DAYS[:2], [None, *_DAYS], [*_DAYS, "2026-05-10", "2026-07-10"]]
        ),
        "plan": rnd.choice([[None], [None, "HMO", "PPO"]]),
    }
    if rnd.random() < 0.2:
        choices |= _OF_ONE_CONTENT
    places = [(night, file) for night in NIGHTS for file in "ab"]
    at = rnd.choice([places[:1], places[:2], places, places])
    rows = [
        {name: rnd.choice(of) for name, of in choices.items()}
        for _ in range(rnd.choice([1, 2, 2, 3, 3, 4, 5, 6, 8]))
    ]
    rows += rnd.sample(rows, rnd.choice([0, 0, 0, 1]))
    ids = ("claim_id", "original_claim_id", "member_id", "person_id")
    return [
        RandomRow(
            row | {k: f"{number}.{row[k]}" for k in ids if row[k] is not None}, *rnd.choice(at)
        )
        for row in rows
    ]


def as_extract(table: str, cells: Row) -> Row:
    """The cells as a row of a claim table."""
    is_medical = table == "medical_claim"
    names = {
        "service": "claim_line_start_date" if is_medical else "dispensing_date",
        "product": "hcpcs_code" if is_medical else "ndc_code",
        "quantity": "service_unit_quantity" if is_medical else "quantity",
    }
    row = {names.get(k, k): v for k, v in cells.items()}
    row[names["product"]] = PRODUCTS[table][str(cells["product"])]
    if is_medical:
        row |= {"claim_start_date": cells["service"]}
        del row["dispensing_fee"]
    return good(table, **row)


def for_reference(table: str, rows: list[tuple[RandomRow, int]], as_of: date) -> list[Loaded]:
    """Rows of one history with their numbers in their files, as the reference takes them."""
    links: defaultdict[object, set[object]] = defaultdict(set)
    for drawn, _ in rows:
        if drawn.cells["person_id"] is not None and str(drawn.cells["service"]) <= str(as_of):
            links[drawn.cells["member_id"]].add(drawn.cells["person_id"])
    return [
        Loaded(
            _claim_row(table, drawn.cells, links[drawn.cells["member_id"]]),
            drawn.night,
            drawn.file,
            number,
        )
        for drawn, number in rows
    ]


def _claim_row(table: str, cells: Row, persons: set[object]) -> ClaimRow:
    def figure(name: str) -> Decimal | None:
        return None if cells[name] is None else Decimal(str(cells[name]))

    def day(name: str) -> date | None:
        return None if cells[name] is None else date.fromisoformat(str(cells[name]))

    sole = next(iter(persons)) if len(persons) == 1 else None
    payer = str(cells["payer"]).removesuffix(" Healthcare")
    return ClaimRow(
        payer,
        str(cells["person_id"] or sole or cells["member_id"]),
        str(cells["claim_id"]),
        int(str(cells["claim_line_number"])),
        day("service") or date.min,
        PRODUCTS[table][str(cells["product"])],
        None if cells["claim_status"] is None else str(cells["claim_status"]),
        None if cells["claim_frequency_code"] is None else str(cells["claim_frequency_code"]),
        None if cells["original_claim_id"] is None else str(cells["original_claim_id"]),
        figure("paid_amount"),
        figure("quantity"),
        figure("dispensing_fee") if table == "pharmacy_claim" else None,
        day("paid_date"),
        "|".join(str(cells[k]) for k in ("plan", "member_id", "person_id")),
    )

"""The worklist counts no dollar twice, over several exceptions and repeated amounts."""

import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit_rules.engine.worklist import worklists
from schemas.collecting import UNKNOWN
from schemas.decisions import DISMISSED, OPEN
from schemas.outcomes import ADVISORY, EXCEPTIONS
from schemas.results import EXCEPTION, REPEATED, WORKLIST
from tests.support.extracts import IMATINIB, Row, as_csv, good
from tests.support.ledger import as_new
from tests.support.nights import night
from tests.support.running import AS_OF, judged, planned, request_for

AMOUNTS = (
    "recover_amount",
    "records_request_amount",
    "review_amount",
    "amount_at_risk",
    "dismissed_amount",
)
PAID = 100
"""Cents that the line of the property below was paid."""


def _exception(claim: str, line: int, outcome: str, amount: str | None, **changed: object) -> Row:
    """An exception on a line that was paid 100.00."""
    return {
        "claim_source": "medical",
        "payer": "MMM",
        "person_id": "P",
        "member_id": "P",
        "claim_id": claim,
        "claim_line_number": line,
        "exception_id": f"{claim}-{line}-{outcome}-{amount}",
        "rule_id": "DX01",
        "outcome": outcome,
        "service_date": date(2026, 4, 1),
        "paid_amount": Decimal("100.00"),
        "amount_at_risk": None if amount is None else Decimal(amount),
        **changed,
    }


def _exceptions(rows: list[Row], dismissed: Sequence[str] = ()) -> pl.DataFrame:
    """Exceptions, those with some ids dismissed."""
    is_off = pl.col("exception_id").is_in(list(dismissed))
    status = pl.when(is_off).then(pl.lit(DISMISSED)).otherwise(pl.lit(OPEN))
    return pl.DataFrame(rows, schema=EXCEPTION).with_columns(
        status=status, collectable=pl.lit(UNKNOWN)
    )


def _repeated(*claims: str) -> pl.DataFrame:
    rows = [
        {
            "person": "P",
            "payer": "mmm",
            "member_id": "P",
            "claim_id": c,
            "lines": 3,
            "amount": Decimal(100),
        }
        for c in claims
    ]
    return pl.DataFrame(rows, schema=REPEATED)


FOUND = [
    _exception("1", 1, "review", "40.00"),
    _exception("1", 2, "recover", "100.00"),
    _exception("1", 3, "recover", "100.00"),
    _exception("2", 1, "recover", "30.00"),
    _exception("2", 1, "review", "100.00"),
    _exception("2", 1, "advisory", "0.00"),
    _exception("3", 1, "review", None),
]


@pytest.mark.parametrize(
    ("repeated", "at_risk"),
    [
        ((), ["40.00", "100.00", "100.00", "100.00", "0.00"]),
        (("1", "9"), ["0.00", "100.00", "0.00", "100.00", "0.00"]),
    ],
)
def test_one_line_of_a_repeating_claim_keeps_its_amounts(
    repeated: tuple[str, ...], at_risk: list[str]
) -> None:
    """The one with most at risk, the first of two: line 2 of claim 1. Rules and outcomes stay on
    every line."""
    lines = worklists(_exceptions(FOUND), _repeated(*repeated)).worklist
    assert lines["amount_at_risk"].cast(pl.String).to_list() == at_risk
    assert lines["outcome"].to_list() == ["review", "recover", "recover", "recover", "review"]
    assert _amounts(lines, 3) == ["30.00", "0.00", "70.00", "100.00", "0.00"]


# ---------------------------------------------------------------- the amounts of one line


def _amounts(lines: pl.DataFrame, row: int = 0) -> list[str]:
    """recover, records request, review, at risk and dismissed, as text."""
    return [str(amount) for amount in lines.select(AMOUNTS).row(row)]


def _line_of(*found: tuple[str, str | None], dismissed: tuple[int, ...] = ()) -> pl.DataFrame:
    """The worklist of one line with exceptions of these outcomes and amounts."""
    rows = [
        _exception("1", 1, outcome, amount, exception_id=str(number))
        for number, (outcome, amount) in enumerate(found)
    ]
    lines = worklists(_exceptions(rows, [str(n) for n in dismissed]), _repeated())
    return lines.every_line


def test_recover_amount_is_the_largest_recover_amount_on_the_line() -> None:
    assert _amounts(_line_of(("recover", "30.00"), ("recover", "20.00")))[0] == "30.00"


def test_records_request_amount_is_what_its_largest_exceeds_the_recover_amount_by() -> None:
    found = ("recover", "30.00"), ("records_request", "35.00"), ("records_request", "80.00")
    assert _amounts(_line_of(*found)) == ["30.00", "50.00", "0.00", "80.00", "0.00"]
    smaller = ("recover", "30.00"), ("records_request", "10.00")
    assert _amounts(_line_of(*smaller)) == ["30.00", "0.00", "0.00", "30.00", "0.00"]


def test_review_amount_is_what_its_largest_exceeds_both_others_by() -> None:
    found = ("recover", "30.00"), ("records_request", "80.00"), ("review", "100.00")
    assert _amounts(_line_of(*found)) == ["30.00", "50.00", "20.00", "100.00", "0.00"]
    smaller = ("records_request", "20.00"), ("recover", "60.00"), ("review", "50.00")
    assert _amounts(_line_of(*smaller)) == ["60.00", "0.00", "0.00", "60.00", "0.00"]


def test_amount_at_risk_is_the_three_together_and_at_most_what_was_paid() -> None:
    found = ("recover", "130.00"), ("records_request", "140.00"), ("review", "150.00")
    assert _amounts(_line_of(*found)) == ["100.00", "0.00", "0.00", "100.00", "0.00"]


def test_an_amount_without_a_price_adds_nothing() -> None:
    assert _amounts(_line_of(("review", None), ("records_request", "5.00")))[:3] == [
        "0.00",
        "5.00",
        "0.00",
    ]


def test_a_dismissed_exception_carries_no_amount_and_is_not_the_outcome() -> None:
    line = _line_of(("recover", "80.00"), ("review", "30.00"), dismissed=(0,))
    assert line["outcome"].to_list() == ["review"]
    assert _amounts(line) == ["0.00", "0.00", "30.00", "30.00", "50.00"]
    assert line["exception_ids"].to_list() == [["1", "0"]]


def test_a_dismissed_exception_that_would_add_nothing_leaves_no_amount() -> None:
    line = _line_of(("recover", "80.00"), ("review", "30.00"), dismissed=(1,))
    assert _amounts(line) == ["80.00", "0.00", "0.00", "80.00", "0.00"]


def test_a_line_whose_every_exception_is_dismissed_stays_without_an_outcome() -> None:
    line = _line_of(("recover", "80.00"), ("advisory", "0.00"), dismissed=(0, 1))
    assert line["outcome"].to_list() == [None]
    assert _amounts(line) == ["0.00", "0.00", "0.00", "0.00", "80.00"]


def test_a_line_with_advisories_alone_is_not_work_and_in_a_table_of_its_own() -> None:
    rows = [
        _exception("1", 1, "advisory", "0.00", exception_id="a"),
        _exception("1", 1, "advisory", "0.00", exception_id="b"),
        _exception("2", 1, "advisory", "0.00", exception_id="c"),
        _exception("2", 1, "review", "10.00", exception_id="d"),
    ]
    for dismissed in ([], ["d"], ["a", "b", "d"]):
        lines = worklists(_exceptions(rows, dismissed), _repeated())
        assert lines.worklist["claim_id"].to_list() == ["2"]
        assert lines.advisories["claim_id"].to_list() == ["1"]
        assert lines.worklist.schema == lines.advisories.schema == pl.Schema(WORKLIST)


def test_the_first_exception_of_a_line_is_the_strongest_then_the_largest() -> None:
    line = _line_of(("advisory", "0.00"), ("review", "10.00"), ("recover", None), ("review", "20"))
    assert line["exception_ids"].to_list() == [["2", "3", "1", "0"]]


def test_a_dismissed_line_of_a_repeating_claim_adds_to_the_line_that_keeps_the_amount() -> None:
    rows = [
        _exception("1", 1, "recover", "100.00", exception_id="a"),
        _exception("1", 2, "review", "40.00", exception_id="b"),
        _exception("1", 3, "advisory", "0.00", exception_id="c"),
    ]
    lines = worklists(_exceptions(rows, ["a"]), _repeated("1"))
    assert _amounts(lines.worklist, 0) == ["0.00"] * 5
    assert _amounts(lines.worklist, 1) == ["0.00", "0.00", "40.00", "40.00", "60.00"]
    whole = worklists(_exceptions(rows, ["a", "b", "c"]), _repeated("1"))
    assert _amounts(whole.worklist, 0) == ["0.00", "0.00", "0.00", "0.00", "100.00"]
    assert _amounts(whole.advisories) == ["0.00"] * 5


# ---------------------------------------------------------------- against another evaluation

Finding = tuple[str, int | None, bool]
"""Outcome, cents, and whether it is dismissed."""


def _by_dollars(found: Sequence[Finding]) -> list[int]:
    """The amounts of a line, cent by cent: each goes to the strongest outcome that asks for it."""
    counts = dict.fromkeys(("recover", "records_request", "review", "dismissed"), 0)
    for cent in range(PAID):
        asks = [(o, is_off) for o, most, is_off in found if most is not None and cent < most]
        live = [o for o in ("recover", "records_request", "review") if (o, False) in asks]
        if live:
            counts[live[0]] += 1
        elif asks:
            counts["dismissed"] += 1
    *live_counts, dismissed = counts.values()
    return [*live_counts, sum(live_counts), dismissed]


@given(
    found=st.lists(
        st.tuples(
            st.sampled_from(EXCEPTIONS), st.none() | st.integers(0, PAID + 20), st.booleans()
        ),
        min_size=1,
        max_size=6,
    ),
)
@settings(max_examples=60, deadline=None, derandomize=True, database=None)
def test_every_cent_of_a_line_goes_to_the_strongest_outcome_that_asks_for_it(
    found: list[Finding],
) -> None:
    found = [(o, 0 if o == ADVISORY else cents, is_off) for o, cents, is_off in found]
    texts = [(o, None if c is None else f"{Decimal(c) / 100:.2f}") for o, c, _ in found]
    dismissed = tuple(n for n, (_, _, is_off) in enumerate(found) if is_off)
    rows = [
        _exception("1", 1, outcome, amount, exception_id=str(n), paid_amount=Decimal(PAID) / 100)
        for n, (outcome, amount) in enumerate(texts)
    ]
    lines = worklists(_exceptions(rows, [str(n) for n in dismissed]), _repeated())
    line = lines.every_line
    assert [int(Decimal(a) * 100) for a in _amounts(line)] == _by_dollars(found)
    live = [o for o, _, is_off in found if not is_off]
    assert line["outcome"][0] == min(live, key=EXCEPTIONS.index, default=None)
    assert lines.worklist.height == any(o != ADVISORY for o, _, _ in found)
    assert sorted(line["exception_ids"][0]) == sorted(str(n) for n in range(len(found)))


@given(
    found=st.lists(
        st.tuples(
            st.sampled_from("123"),
            st.integers(1, 3),
            st.sampled_from(EXCEPTIONS),
            st.none() | st.integers(0, 10_000),
            st.booleans(),
        ),
        min_size=1,
        max_size=20,
    ),
    repeated=st.sets(st.sampled_from("123")),
)
@settings(max_examples=50, deadline=None, derandomize=True, database=None)
def test_no_amount_exceeds_what_was_paid(
    found: list[tuple[str, int, str, int | None, bool]], repeated: set[str]
) -> None:
    rows, dismissed = [], []
    for n, (claim, line, outcome, cents, is_off) in enumerate(sorted(found, key=lambda f: f[:2])):
        known = (
            None if cents is None else f"{Decimal(0 if outcome == ADVISORY else cents) / 100:.2f}"
        )
        rows.append(_exception(claim, line, outcome, known, exception_id=str(n)))
        dismissed += [str(n)] if is_off else []
    lines = worklists(_exceptions(rows, dismissed), _repeated(*repeated)).every_line
    assert lines.height == len({f[:2] for f in found})
    of_claim: dict[str, list[tuple[Decimal, Decimal]]] = defaultdict(list)
    for row in lines.iter_rows(named=True):
        assert sum(row[a] for a in AMOUNTS[:3]) == row["amount_at_risk"]
        assert row["amount_at_risk"] + row["dismissed_amount"] <= row["paid_amount"]
        of_claim[row["claim_id"]].append((row["amount_at_risk"], row["dismissed_amount"]))
    apart = worklists(_exceptions(rows, dismissed), _repeated()).every_line
    for claim in repeated & set(of_claim):
        alone = apart.filter(pl.col("claim_id") == claim)
        at_risk, off = (sum(amounts) for amounts in zip(*of_claim[claim], strict=True))
        assert at_risk == alone["amount_at_risk"].max()
        whole = alone["amount_at_risk"] + alone["dismissed_amount"]
        assert at_risk + off == whole.max()


# ---------------------------------------------------------------- which claims repeat their amount


def _line(
    claim: str,
    number: int,
    hcpcs: str | None,
    units: int | None,
    paid: object = "900.00",
    **changed: object,
) -> Row:
    billed = {
        "claim_id": claim,
        "claim_line_number": number,
        "hcpcs_code": hcpcs,
        "service_unit_quantity": units,
    }
    return good("medical_claim", **({"payer": "MMM", "paid_amount": paid} | billed | changed))


CLAIMS: dict[str, tuple[list[Row], bool]] = {
    "the drug, its infusion and the room, each with the total": (
        [_line("a", 1, "J9229", 9), _line("a", 2, "96413", 1), _line("a", 3, None, 1)],
        True,
    ),
    "two lines of one code with other units": (
        [_line("b", 1, "J9229", 9), _line("b", 2, "J9229", 8)],
        True,
    ),
    "the same billed twice costs the same": (
        [_line("c", 1, "J9229", 9), _line("c", 2, "J9229", 9)],
        False,
    ),
    "one line paid otherwise": (
        [_line("d", 1, "J9229", 9), _line("d", 2, "96413", 1), _line("d", 3, "85025", 1, "12.00")],
        False,
    ),
    "one amount unknown": ([_line("e", 1, "J9229", 9), _line("e", 2, "96413", 1, None)], False),
    "nothing paid": ([_line("f", 1, "J9229", 9, "0"), _line("f", 2, "96413", 1, "0")], False),
    "two payers": ([_line("g", 1, "J9229", 9), _line("g", 2, "96413", 1, payer="Cigna")], False),
    "a payer in two cases": (
        [_line("h", 1, "J9229", 9), _line("h", 2, "96413", 1, payer="mmm")],
        True,
    ),
    "two members": ([_line("i", 1, "J9229", 9), _line("i", 2, "96413", 1, member_id="N")], False),
    "one line": ([_line("j", 1, "J9229", 9)], False),
    "a denied line does not count": (
        [_line("k", 1, "J9229", 9), _line("k", 2, "96413", 1, claim_status="denied")],
        False,
    ),
}


@pytest.mark.slow
def test_claims_that_repeat_their_amount_are_recognised_by_their_lines(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    rows = [row for lines, _ in CLAIMS.values() for row in lines] + [
        _line("other", 1, "J9229", 9, "1.00", member_id="N")
    ]
    (tmp_path / "in" / "medical_claim.csv").write_text(as_csv(rows), encoding="utf-8")
    repeated = judged(planned(tmp_path / "in", tmp_path / "out")).repeated
    expected = {
        str(lines[0]["claim_id"]): len(lines) for lines, repeats in CLAIMS.values() if repeats
    }
    assert dict(repeated.select("claim_id", "lines").iter_rows()) == expected
    assert set(repeated["amount"]) == {Decimal("900.00")}


@pytest.mark.slow
def test_a_run_counts_a_repeating_claim_once_and_names_it(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    rows = [
        _line("a", 1, "J9229", 8),
        _line("a", 2, "J9229", 9),
        _line("a", 3, "96413", 1),
        _line("b", 1, "J9229", 9),
    ]
    (tmp_path / "in" / "medical_claim.csv").write_text(as_csv(rows), encoding="utf-8")
    (tmp_path / "in" / "diagnosis.csv").write_text(
        as_csv([good("diagnosis", member_id="N")]), encoding="utf-8"
    )
    summary = night(
        request_for(tmp_path / "in", tmp_path / "out", tmp_path / "audit.duckdb", AS_OF)
    )
    manifest = json.loads((summary.folder / "manifest.json").read_text())
    assert manifest["repeated_amounts"] == [
        {"claim_source": "medical", "payer": "MMM", "claim_id": "a", "lines": 3, "amount": "900.00"}
    ]
    assert summary.repeated_amounts == 1 and summary.totals["amount_at_risk"] == "1800.00"
    exceptions = pl.read_parquet(summary.folder / "exceptions.parquet")
    assert exceptions.filter(pl.col("claim_line_number") == 2)["amount_at_risk"].max() == Decimal(
        "900.00"
    )


@pytest.mark.slow
def test_persons_who_share_a_claim_and_a_member_id_have_exceptions_and_a_row_each(
    tmp_path: Path,
) -> None:
    fills = [
        good("pharmacy_claim", ndc_code=IMATINIB, quantity=300, member_id="M", person_id=person)
        for person in ("P", "Q")
    ]
    ids: dict[str, set[str]] = {}
    for name, rows in {"P": fills[:1], "Q": fills[1:], "both": fills}.items():
        folder = tmp_path / name
        folder.mkdir()
        (folder / "pharmacy_claim.csv").write_text(as_csv(rows), encoding="utf-8")
        found = judged(planned(folder, tmp_path / f"out-{name}"))
        ids[name] = set(found.exceptions["exception_id"])
        lines = worklists(as_new(found.exceptions), found.repeated).every_line
        assert lines["person_id"].to_list() == sorted({str(row["person_id"]) for row in rows})
    assert ids["P"] == ids["Q"] and len(ids["both"]) == 2 * len(ids["P"])
    assert not ids["both"] & ids["P"]

"""Disclosure attacks on the tables of an aggregate run, by somebody who knows every line."""

import io
import json
from contextlib import redirect_stdout
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import chain, combinations
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows import nightly
from flows.cli.terminal import as_json, show
from flows.privacy import AGGREGATE, FULL, Level
from flows.request import RunRequest
from flows.results.disclosure import isolated_cell
from flows.results.small_cells import LEAST, OTHER, TABLES, aggregated
from flows.summary import Summary
from schemas.results import AGGREGATE as AGGREGATE_TABLE
from schemas.results import MONEY
from tests.support.extracts import good, write
from tests.support.nights import in_clear, night
from tests.support.running import AS_OF, request_for

Line = tuple[str, tuple[str, str, str, str], str]
"""Member; rule, outcome, payer and month; amount."""
SECRET = "8123.45"


def _publish(lines: list[Line]) -> pl.DataFrame:
    rows = [
        {
            **{"claim_source": "pharmacy", "claim_id": str(n), "claim_line_number": 1},
            **{"member_id": member, "person_id": member, "rule_id": rule, "outcome": outcome},
            **{"payer": payer, "service_date": date.fromisoformat(f"{month}-03")},
            "amount_at_risk": Decimal(amount),
        }
        for n, (member, (rule, outcome, payer, month), amount) in enumerate(lines)
    ]
    frame = pl.DataFrame(rows, schema_overrides={"amount_at_risk": MONEY})
    frame = frame.with_columns(exception_id="claim_id", exception_ids=pl.concat_list("claim_id"))
    return aggregated(frame, frame.drop("rule_id"), {})


def _rank(vectors: list[list[int]]) -> int:
    """The rank of a matrix, exactly."""
    rows, rank = [[Fraction(x) for x in v] for v in vectors], 0
    for column in range(len(rows[0]) if rows else 0):
        found = next((r for r in rows[rank:] if r[column]), None)
        if found is None:
            continue
        rows.remove(found)
        rows.insert(rank, found)
        for other in rows[rank + 1 :]:
            factor = other[column] / found[column]
            other[:] = [a - factor * b for a, b in zip(other, found, strict=True)]
        rank += 1
    return rank


def _isolated(lines: list[Line], table: pl.DataFrame, *, dollars: bool) -> set[str] | None:
    """Few members whom some combination of published sums isolates; None: there are none.

    Tries every set of cells: whoever can make all other cells vanish has found one. A cell is the
    labels under which lines are published.
    """
    published = {by: set(table.filter(pl.col("by") == by)["value"]) for by in TABLES}
    cells: dict[tuple[str, ...], set[str]] = {}
    for member, values, amount in lines:
        names = zip(TABLES, values, strict=True)
        cell = tuple(v if v in published[by] else OTHER for by, v in names)
        if not dollars or values[1] != "advisory":
            cells.setdefault(cell, set()).update([member] if not dollars or float(amount) else [])
    places = sorted({place for cell in cells for place in enumerate(cell)})
    vectors = {c: [int(place in set(enumerate(c))) for place in places] for c in cells}
    whole = _rank([*vectors.values()])
    for some in chain.from_iterable(combinations(cells, n) for n in range(1, len(cells) + 1)):
        members = set().union(*(cells[cell] for cell in some))
        rest = [vector for cell, vector in vectors.items() if cell not in some]
        if len(members) < LEAST and _rank(rest) < whole:
            return members
    return None


def _check(lines: list[Line]) -> pl.DataFrame:
    """Publish lines, attack what is published, and return it."""
    table = _publish(lines)
    if table.height:
        assert _isolated(lines, table, dollars=False) is None
        assert _isolated(lines, table, dollars=True) is None
        sums = table.group_by("by").agg(pl.col("lines", "amount_at_risk").sum())
        assert set(sums["by"]) == set(TABLES) and sums["lines"].unique().to_list() == [len(lines)]
        assert sums["amount_at_risk"].to_list() == [sum(Decimal(a) for *_, a in lines)] * 4
    return table


def _many(count: int, name: str, values: tuple[str, str, str, str], amount: str) -> list[Line]:
    return [(f"{name}{n}", values, amount) for n in range(count)]


_RULES = {"QTY01": "review", "QTY02": "advisory", "DUP01": "review", "GEN01": "recover"}
_cells = st.tuples(
    st.sampled_from(sorted(_RULES)),
    st.sampled_from(["a", "b", "c"]),
    st.sampled_from(["2026-01", "2026-02"]),
).map(lambda c: (c[0], _RULES[c[0]], c[1], c[2]))


@st.composite
def _worlds(draw: st.DrawFn) -> list[Line]:
    """Lines in up to seven cells, each of a few or many members, some of them in several cells."""
    lines: list[Line] = []
    for values in draw(st.lists(_cells, min_size=1, max_size=7, unique=True)):
        count, first = draw(st.integers(1, 14)), draw(st.integers(0, 30))
        amounts = st.sampled_from(["0", "1.00", "1.07", "250.10", "99999.99"])
        for n in range(count):
            amount = "0" if values[1] == "advisory" else draw(amounts)
            lines.append((f"m{first + n}", values, amount))
    return lines


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(_worlds())
def test_c5_no_combination_of_published_sums_isolates_few_members(lines: list[Line]) -> None:
    """Each table was safe by itself, yet a cell of one less a cell of another left one member."""
    _check(lines)


@pytest.mark.slow
@settings(max_examples=1500, deadline=None)
@given(_worlds())
def test_c5_no_combination_isolates_few_members_in_many_worlds(lines: list[Line]) -> None:
    _check(lines)


@pytest.mark.parametrize("others", [0, 12])
def test_c5_an_outcome_less_a_rule_is_not_one_amount(others: int) -> None:
    """Nor is it nearly one, because the others have a cent each."""
    here = ("Cigna", "2026-02")
    lines = [
        *_many(30, "q", ("QTY01", "review", *here), "1200.00"),
        *_many(11, "s", ("QTY02", "advisory", *here), "0"),
        ("one", ("DUP01", "review", *here), SECRET),
        *_many(others, "d", ("DUP01", "review", *here), "0.01"),
    ]
    amounts = _check(lines)["amount_at_risk"].to_list()
    differences = {abs(a - b) for a in (*amounts, 0) for b in amounts}
    assert not [d for d in differences if abs(d - Decimal(SECRET)) < 1]


def test_c5_three_tables_together_isolate_nobody() -> None:
    """No two of these tables leave few members, but all three together would."""
    months = [("2026-01", "2026-02"), ("2026-02", "2026-01")]
    lines = [
        line
        for rule in ("GEN01", "DX01")
        for payer, (same, other) in zip("ab", months, strict=True)
        for line in (
            *_many(20, f"{rule}{payer}", (rule, "recover", payer, same), "10.00"),
            *_many(3, f"{rule}{payer}x", (rule, "recover", payer, other), "10.00"),
        )
    ]
    assert _check(lines).filter(pl.col("by") == "rule").height == 2


@pytest.mark.parametrize("others", ["0.00", "0.01"])
def test_c5_a_sum_is_not_the_amount_of_one_member(others: str) -> None:
    """A sum over enough members was shown although one of them had all or nearly all of it."""
    lines = _many(40, "a", ("GEN01", "recover", "a", "2026-01"), "500.00")
    lines += _many(11, "b", ("DX01", "recover", "b", "2026-01"), others)
    lines += [("one", ("DX01", "recover", "b", "2026-01"), SECRET)]
    table = _check(lines)
    assert table["amount_at_risk"].n_unique() == 1, "all of it, in every table"


def test_c5_members_spread_over_cells_are_enough_if_they_are_in_one_table() -> None:
    """Protection goes no further than it must: eleven members of a rule in as many months."""
    lines = [
        line
        for month in range(1, 12)
        for line in (
            *_many(20, f"{month}a", ("GEN01", "recover", "a", f"2025-{month:02}"), "10.00"),
            (f"{month}b", ("DX01", "recover", "a", f"2025-{month:02}"), "10.00"),
        )
    ]
    assert _check_values(lines) == {"rule": 2, "outcome": 1, "payer": 1, "month": 11}


def _check_values(lines: list[Line]) -> dict[str, int]:
    """How many values each table shows."""
    table = _publish(lines)
    return {by: table.filter(pl.col("by") == by).height for by in TABLES}


@pytest.mark.parametrize("count", [10, 11])
def test_c5_the_proof_needs_as_many_members_as_the_least(count: int) -> None:
    many = range(100, 200)
    cells: dict[tuple[str, ...], Any] = {("x", "r"): many, ("y", "s"): many, ("y", "r"): many}
    cells |= {("z", "r"): range(count - 5), ("z", "s"): range(count - 5, count)}
    assert (isolated_cell(cells, LEAST) is None) == (count == LEAST)


# ---------------------------------------------------------------- what a run says of itself


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Summary:
    """An aggregate run with one member of two rules, one bad row and one duplicate."""
    folder = tmp_path_factory.mktemp("aggregate")
    fills = [
        good("pharmacy_claim", member_id=f"q{n}", claim_id=f"q{n}", quantity=300, paid_amount=1200)
        for n in range(30)
    ]
    fills += [
        good("pharmacy_claim", member_id="one", claim_id=f"one{n}", paid_amount=SECRET)
        for n in range(2)
    ]
    fills += [fills[0], good("pharmacy_claim", claim_id="bad", paid_amount="x")]
    landing = write(folder / "in", {"pharmacy_claim.csv": fills})
    output = folder / "out"
    options: dict[str, Any] = {"privacy": AGGREGATE, "page": True}
    return night(request_for(landing, output, output / "audit.duckdb", AS_OF, **options))


def _numbers(value: object) -> set[str]:
    """Every number in an object, and every text in it that is one."""
    if isinstance(value, dict):
        return set().union(*map(_numbers, value.values())) if value else set()
    if isinstance(value, list):
        return set().union(*map(_numbers, value)) if value else set()
    is_number = not isinstance(value, bool) and str(value).replace(".", "").isdigit()
    return {str(value)} if is_number else set()


@pytest.mark.slow
def test_c5_an_aggregate_run_reports_no_count_that_its_tables_do_not_show(
    run: Summary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The screen, the JSON object and the event of an aggregate run gave small counts by rule."""
    table = pl.read_csv(run.folder / "aggregate.csv", schema=AGGREGATE_TABLE)
    shown = {str(n) for column in ("lines", "amount_at_risk") for n in table[column]}
    reported = json.loads(as_json(run))
    assert _numbers(reported["found"]) and _numbers(reported["found"]) <= shown
    assert reported["found"]["by_rule"] == {} and reported["found"]["exceptions"] is None
    assert reported["set_aside"] == {"quarantined": None, "duplicates": None}
    assert reported["moved"]["counts"] is None and reported["loaded"]["rows"] is None
    assert reported["state"] == "Completed with quarantine"
    with redirect_stdout(io.StringIO()) as screen:
        show(run)
    assert "32 lines" in screen.getvalue() and "some rows quarantined" in screen.getvalue()
    assert not any(
        word in screen.getvalue()
        for word in ("DUP01", "PAY01", "persons", "exceptions", "duplicates")
    )
    events: list[dict[str, Any]] = []
    monkeypatch.setattr(nightly, "emit_event", lambda *_, payload, **__: events.append(payload))
    nightly._announce(run)
    assert events == [{"run_id": run.run_id, "as_of": run.as_of}]


class _Counts:
    """A stage that counted rows of each kind."""

    def counts(self) -> dict[str, int]:
        return {"files": 1, "rows": 45, "accepted": 44, "history": 40, "persons": 3, "lines": 2}


@pytest.mark.parametrize("level", [AGGREGATE, FULL])
def test_c5_prefect_stores_of_an_aggregate_run_only_how_many_files_there_were(
    level: Level, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored: list[dict[str, Any]] = []
    monkeypatch.setattr(nightly, "create_table_artifact", lambda rows, **_: stored.extend(rows))
    request = RunRequest(output=Path("out"), privacy=level)
    nightly._store_counts(request, Mock(run_id="0"), {"load": _Counts()})
    assert {row["count"] for row in stored} == (
        {"files"} if level == AGGREGATE else {*_Counts().counts()}
    )


@pytest.mark.slow
def test_c5_no_file_of_an_aggregate_run_holds_a_small_count_or_one_amount(run: Summary) -> None:
    manifest = json.loads((run.folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["tables"] == manifest["repeated_amounts"] == []
    assert all(file.keys() == {"table", "file", "sha256"} for file in manifest["files"])
    text = in_clear(Path(run.folder))
    assert SECRET not in text and f"{Decimal(SECRET):,}" not in text

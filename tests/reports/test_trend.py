"""The trend on the page: what the nights before showed, which the run id covers."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from flows.ledger.nights import MOST_NIGHTS, NightTotals, read_trend
from flows.reports.page import write
from flows.reports.page.chart_style import drawn
from flows.reports.page.trend import trend_chart
from flows.request import RunRequest
from flows.stages import Summary
from flows.warehouse.forget import forget_night
from flows.warehouse.purge import purge
from tests.support.hostile import CSV, csv, fill
from tests.support.nights import night
from tests.support.running import AS_OF, request_for

FIRST, SECOND = AS_OF - timedelta(days=2), AS_OF - timedelta(days=1)
_OLD = {"dispensing_date": "2024-01-05", "member_id": "gone"}


def _loaded(base: Path, as_of: date, *fills: str) -> Summary:
    return night(_request(base, as_of, *fills))


def _request(base: Path, as_of: date, *fills: str) -> RunRequest:
    landing = base / f"in-{as_of}"
    landing.mkdir()
    name = CSV.replace(".csv", f"_{as_of}.csv")
    (landing / name).write_bytes(csv(*fills))
    return request_for(landing, base / "out", base / "audit.duckdb", as_of, page=True)


def _page(run: Summary) -> str:
    return (run.folder / write.PAGE).read_text(encoding="utf-8")


def _nights(run: Summary) -> list[str]:
    """The rows of the table of nights, as text."""
    _, _, after = _page(run).partition('aria-label="The last nights"')
    body = after.partition("<tbody>")[2].partition("</tbody>")[0]
    rows = (re.sub(r"<[^>]+>", " ", row) for row in body.split("</tr>"))
    return [" ".join(row.split()) for row in rows if row.strip()]


def _at_its_top(run: Summary) -> str:
    """The row of a night, made from what its own page says at its top."""
    page = _page(run)

    def figure(name: str) -> str:
        found = re.search(rf"<dt>{name}</dt><dd>([^ <]+)", page)
        assert found
        return found[1]

    amounts = ("recover_amount", "records_request_amount", "review_amount")
    return " ".join([run.as_of, *map(figure, amounts), figure("lines with findings")])


@pytest.mark.slow
def test_each_night_is_shown_as_its_own_page_showed_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write, "drawn", lambda charts: ["<svg/>"] * len(charts))
    runs = [
        _loaded(tmp_path, FIRST, fill(1, quantity="999"), fill(2, quantity="999", **_OLD)),
        _loaded(tmp_path, SECOND, fill(3, quantity="999")),
    ]
    last = _request(tmp_path, AS_OF, fill(4, quantity="999"))
    runs.append(night(last))
    tops = [_at_its_top(run) for run in runs]
    assert len({top.partition(" ")[2] for top in tops}) == 3
    assert [_nights(run) for run in runs] == [[], tops[:2], tops]
    assert "<h2 id=" in _page(runs[0]) and "The last nights" not in _page(runs[0])

    again = night(replace(last, output=tmp_path / "again"))
    assert (again.run_id, _page(again)) == (runs[2].run_id, _page(runs[2]))
    _an_earlier_night_knows_no_later_one(tmp_path, runs)

    forget_night(tmp_path / "audit.duckdb", SECOND + timedelta(days=1), dry_run=False)
    forget_night(tmp_path / "audit.duckdb", SECOND, dry_run=False)
    without = night(replace(last, output=tmp_path / "without"))
    assert without.run_id != runs[2].run_id
    assert _nights(without) == [tops[0], _at_its_top(without)]

    purge(tmp_path / "audit.duckdb", date(2025, 1, 1))
    purged = night(replace(last, output=tmp_path / "purged"))
    assert _nights(purged) == [] and "gone" not in _page(purged)


def _an_earlier_night_knows_no_later_one(base: Path, runs: list[Summary]) -> None:
    request = request_for(None, base / "early", base / "audit.duckdb", SECOND, page=True)
    early = night(request)
    assert (early.run_id, _page(early)) == (runs[1].run_id, _page(runs[1]))
    with _warehouse(base) as connection:
        assert connection.execute("SELECT count(*) FROM night_total").fetchall() == [(3,)]


@contextmanager
def _warehouse(base: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(base / "audit.duckdb")) as connection:
        yield connection


@pytest.mark.slow
def test_what_an_earlier_night_showed_is_in_the_run_id(tmp_path: Path) -> None:
    night(replace(_request(tmp_path, SECOND, fill(1, quantity="999")), page=False))
    request = replace(_request(tmp_path, AS_OF, fill(2, quantity="999")), page=False)
    before = night(request)
    with _warehouse(tmp_path) as connection:
        connection.execute("UPDATE night_total SET lines = lines + 1 WHERE as_of = ?", [SECOND])
    after = night(replace(request, output=tmp_path / "other"))
    assert before.run_id != after.run_id


@pytest.mark.parametrize("number", [2, 3, 30])
def test_a_chart_of_some_nights_names_the_first_and_the_last_day(number: int) -> None:
    nights = [_night(day) for day in range(number)]
    (drawing,) = drawn([trend_chart(nights)])
    assert all(f">{night.as_of}</text>" in drawing for night in (nights[0], nights[-1]))
    assert drawing.count("recover: $5 on") == 1 and "lines with findings: 7<" in drawing


def test_a_page_shows_the_last_nights_alone() -> None:
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE every_night_total (as_of DATE, lines BIGINT)")
        for name in NightTotals._fields[2:]:
            connection.execute(f"ALTER TABLE every_night_total ADD COLUMN {name} DECIMAL(38, 2)")
        for day in range(MOST_NIGHTS + 5):
            connection.execute("INSERT INTO every_night_total VALUES (?, ?, ?, ?, ?)", _night(day))
        tonight = _night(MOST_NIGHTS + 3)
        shown = read_trend(connection, tonight)
    assert len(shown) == MOST_NIGHTS and shown[-1] == tonight
    assert [n.as_of for n in shown] == [_night(day).as_of for day in range(4, MOST_NIGHTS + 4)]


def _night(day: int) -> NightTotals:
    return NightTotals(FIRST + timedelta(days=day), 7, Decimal(5), Decimal(6), Decimal(8))

"""The runs before a run, and the work-paper of the nearest that has one."""

import json
from datetime import date
from pathlib import Path

import duckdb
import pytest

from flows.privacy import FULL, PSEUDONYMISED
from flows.reports.workpaper.carried import LastPaper
from flows.reports.workpaper.last import last_paper
from flows.results.manifest import MANIFEST, WORKPAPER
from flows.results.run_record import runs_before

EARLY, FIRST, SECOND, THIRD = (date(2026, 6, day) for day in (1, 2, 3, 4))
RECORDED = (
    ("first", FIRST),
    ("third", THIRD),
    ("second", SECOND),
    ("second, other options", SECOND),
    ("first", FIRST),
    ("second", SECOND),
    ("early", EARLY),
)
"""Id and as-of date of each record, in the order in which they were made."""


@pytest.mark.parametrize(
    ("as_of", "run_id", "before"),
    [
        (FIRST, "first", ["early"]),
        (FIRST, "first, other options", ["first", "early"]),
        (SECOND, "second", ["first", "early"]),
        (SECOND, "second, other options", ["second", "first", "early"]),
        (SECOND, "a new one", ["second, other options", "second", "first", "early"]),
        (THIRD, "third", ["second, other options", "second", "first", "early"]),
        (EARLY, "early", []),
    ],
)
def test_they_are_in_the_order_of_their_dates_and_first_records(
    as_of: date, run_id: str, before: list[str]
) -> None:
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE every_run_record (record_no INTEGER, run_id VARCHAR, as_of DATE)"
        )
        for number, record in enumerate(RECORDED, 1):
            connection.execute("INSERT INTO every_run_record VALUES (?, ?, ?)", [number, *record])
        found = runs_before(connection, as_of, run_id)
    assert [name for name, _ in found] == before
    assert all(day == dict(RECORDED)[name] for name, day in found)


def _published(output: Path, run_id: str, privacy: str, paper: bool = True) -> None:
    folder = output / f"run={run_id}"
    folder.mkdir()
    lists: dict[str, object] = {key: [] for key in ("files", "tables", "repeated_amounts")}
    objects: dict[str, object] = {
        key: {} for key in ("unknown_columns", "policies", "reference", "results")
    }
    texts = dict.fromkeys(("run_id", "version", "as_of"), "x")
    manifest = lists | objects | texts | {"result_schema_version": 1, "privacy": privacy}
    (folder / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    if paper:
        (folder / WORKPAPER).touch()


def test_the_work_paper_is_that_of_the_nearest_run_of_level_full_that_has_one(
    tmp_path: Path,
) -> None:
    runs = [("none", THIRD), ("without", SECOND), ("pseudonyms", SECOND), ("it", FIRST)]
    _published(tmp_path, "without", FULL, paper=False)
    _published(tmp_path, "pseudonyms", PSEUDONYMISED)
    assert last_paper(tmp_path, runs) is None
    _published(tmp_path, "it", FULL)
    _published(tmp_path, "earlier", FULL)
    found = last_paper(tmp_path, [*runs, ("earlier", FIRST)])
    assert found == LastPaper(tmp_path / "run=it" / WORKPAPER, "it", FIRST)

"""A published folder belongs to its readers: no later run deletes or changes anything in it."""

import json
from pathlib import Path

import pytest

from flows.request import RunRequest
from flows.results.manifest import MANIFEST, WORKPAPER, is_complete
from tests.support.hostile import csv, fill
from tests.support.nights import night, notes_but_of_collecting, published, rerun_equals_standing
from tests.support.running import AS_OF, request_for

pytestmark = pytest.mark.slow  # whole runs over hostile input

EDITED = b"the analyst's decisions"


@pytest.fixture
def request_with_paper(tmp_path: Path) -> RunRequest:
    """A request for a work-paper."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "pharmacy_claim.csv").write_bytes(csv(fill(1), fill(2)))
    return request_for(
        tmp_path / "in", tmp_path / "out", tmp_path / "audit.duckdb", AS_OF, xlsx=True
    )


def test_a2_an_edited_work_paper_is_left_alone_and_that_is_reported(
    request_with_paper: RunRequest,
) -> None:
    first = night(request_with_paper)
    (first.folder / WORKPAPER).write_bytes(EDITED)
    (first.folder / "my notes.txt").write_text("mine")
    before = published(request_with_paper.output)
    again = night(request_with_paper)
    assert again.was_there and published(request_with_paper.output) == before
    assert notes_but_of_collecting(again) == (
        f"{WORKPAPER} was edited after it was written, and is left alone.",
    )
    rerun_equals_standing(request_with_paper)
    assert is_complete(first.folder)


def test_a2_a_work_paper_that_nobody_edited_is_not_mentioned(
    request_with_paper: RunRequest,
) -> None:
    night(request_with_paper)
    before = published(request_with_paper.output)
    assert notes_but_of_collecting(night(request_with_paper)) == ()
    assert published(request_with_paper.output) == before


def test_a2_a_work_paper_that_is_missing_is_written_again(request_with_paper: RunRequest) -> None:
    first = night(request_with_paper)
    before = published(request_with_paper.output)
    (first.folder / WORKPAPER).unlink()
    assert is_complete(first.folder)
    assert night(request_with_paper).was_there
    assert published(request_with_paper.output) == before


def test_a2_the_manifest_lists_every_result_but_the_work_paper(
    request_with_paper: RunRequest,
) -> None:
    folder = night(request_with_paper).folder
    results = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["results"]
    assert {p.name for p in folder.iterdir()} - results.keys() == {
        MANIFEST,
        WORKPAPER,
        "timings.json",
    }


@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_a2_a_damaged_folder_is_moved_aside_with_everything_in_it(
    request_with_paper: RunRequest, tmp_path: Path, kind: str
) -> None:
    first = night(request_with_paper)
    good = {name: data for name, data in published(first.folder).items() if name != WORKPAPER}
    if kind == "link":
        first.folder.rename(tmp_path / "elsewhere")
        first.folder.symlink_to(tmp_path / "elsewhere")
    (first.folder / WORKPAPER).write_bytes(EDITED)
    (first.folder / "exceptions.csv").write_text("damaged")
    if kind == "folder":
        (first.folder / MANIFEST).unlink()
    for number in (1, 2):
        again = night(request_with_paper)
        aside = request_with_paper.output / f"set-aside-{number}-{first.folder.name}"
        assert any(aside.name in note for note in again.notes) and not again.was_there
        assert (aside / "exceptions.csv").read_text() == "damaged"
        assert number == 2 or (aside / WORKPAPER).read_bytes() == EDITED
        assert good.items() <= published(first.folder).items()
        (first.folder / "exceptions.csv").write_text("damaged")

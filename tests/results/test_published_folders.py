"""A published folder belongs to its readers: no later run deletes or changes anything in it."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from flows.request import RunRequest
from flows.results.manifest import MANIFEST, WORKPAPER, is_complete
from flows.summary import Summary
from tests.support.hostile import csv, fill
from tests.support.nights import night, notes_but_of_collecting, published, rerun_equals_standing
from tests.support.running import AS_OF, request_for

pytestmark = pytest.mark.slow  # whole runs over hostile input

EDITED = b"the analyst's decisions"


def _request(base: Path) -> RunRequest:
    """A request for a work-paper."""
    return request_for(base / "in", base / "out", base / "audit.duckdb", AS_OF, xlsx=True)


@pytest.fixture(scope="module")
def one_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Summary]:
    """The folder and summary of a run that wrote a work-paper."""
    base = tmp_path_factory.mktemp("one run")
    (base / "in").mkdir()
    (base / "in" / "pharmacy_claim.csv").write_bytes(csv(fill(1), fill(2)))
    return base, night(_request(base))


@pytest.fixture
def first(one_run: tuple[Path, Summary], tmp_path: Path) -> Summary:
    """The summary of that run, in a copy of its folder."""
    base, summary = one_run
    shutil.copytree(base, tmp_path, dirs_exist_ok=True)
    return replace(summary, folder=tmp_path / summary.folder.relative_to(base))


@pytest.fixture
def request_with_paper(first: Summary, tmp_path: Path) -> RunRequest:
    """The request of that run, to make it again."""
    return _request(tmp_path)


def test_a2_an_edited_work_paper_is_left_alone_and_that_is_reported(
    first: Summary, request_with_paper: RunRequest
) -> None:
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
    before = published(request_with_paper.output)
    assert notes_but_of_collecting(night(request_with_paper)) == ()
    assert published(request_with_paper.output) == before


def test_a2_a_work_paper_that_is_missing_is_written_again(
    first: Summary, request_with_paper: RunRequest
) -> None:
    before = published(request_with_paper.output)
    (first.folder / WORKPAPER).unlink()
    assert is_complete(first.folder)
    assert night(request_with_paper).was_there
    assert published(request_with_paper.output) == before


def test_a2_the_manifest_lists_every_result_but_the_work_paper(first: Summary) -> None:
    folder = first.folder
    results = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["results"]
    assert {p.name for p in folder.iterdir()} - results.keys() == {
        MANIFEST,
        WORKPAPER,
        "timings.json",
    }


@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_a2_a_damaged_folder_is_moved_aside_with_everything_in_it(
    first: Summary, request_with_paper: RunRequest, tmp_path: Path, kind: str
) -> None:
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

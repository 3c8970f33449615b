"""A rerun compares what it finds with what is published under its run id: they must agree."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from flows.errors import DoesNotBalance
from flows.provenance import sha256_of
from flows.request import RunRequest
from flows.results.agreement import refuse_disagreement
from flows.results.manifest import MANIFEST, is_complete
from tests.support.extracts import IMATINIB, good, write
from tests.support.nights import content, night, notes_but_of_collecting, published
from tests.support.running import request_for

Forge = Callable[[Path], object]


def _manifest(folder: Path, **entries: object) -> None:
    """Change entries of a manifest."""
    path = folder / MANIFEST
    changed = json.loads(path.read_text(encoding="utf-8")) | entries
    path.write_text(json.dumps(changed, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _restate(folder: Path, *names: str) -> None:
    """Put the hashes of results into the manifest, as somebody would who has changed them."""
    stated = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["results"]
    _manifest(folder, results=stated | {name: sha256_of(folder / name) for name in names})


def _raise_amounts(folder: Path) -> None:
    path = folder / "exceptions.parquet"
    table = pl.read_parquet(path)
    table.with_columns(amount_at_risk=pl.col("amount_at_risk") + 1).write_parquet(path)
    _restate(folder, path.name)


def _reword_csv(folder: Path) -> None:
    path = folder / "exceptions.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("QTY01", "QTY99"), encoding="utf-8")
    _restate(folder, path.name)


def _add_a_table(folder: Path) -> None:
    shutil.copy(folder / "worklist.parquet", folder / "other.parquet")
    _restate(folder, "other.parquet")


def _leave_one_out(folder: Path) -> None:
    stated = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["results"]
    (folder / "warnings.parquet").unlink()
    del stated["warnings.parquet"]
    _manifest(folder, results=stated)


def _count_otherwise(folder: Path) -> None:
    files = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
    _manifest(folder, files=[files[0] | {"rows_read": 7}, *files[1:]])


FORGERIES: dict[str, tuple[Forge, str]] = {
    "a table": (_raise_amounts, "exceptions.parquet differs in the column amount_at_risk"),
    "a text": (_reword_csv, "exceptions.csv differs in the column rule_id"),
    "a result too many": (_add_a_table, "other.parquet is a file too many"),
    "a result too few": (_leave_one_out, "warnings.parquet is missing"),
    "counts": (_count_otherwise, "manifest.json differs in the entry files"),
    "the date": (lambda f: _manifest(f, as_of="2026-01-01"), "in the entry as_of"),
    "a policy": (lambda f: _manifest(f, policies={}), "in the entry policies"),
    "the reference": (lambda f: _manifest(f, reference={}), "in the entry reference"),
    "the version": (lambda f: _manifest(f, version="9"), "in the entry version"),
    "an entry more": (lambda f: _manifest(f, signed=True), "manifest.json differs:"),
    "spaces": (lambda f: (f / MANIFEST).write_bytes((f / MANIFEST).read_bytes() + b" "), MANIFEST),
    "a readable result": (
        lambda f: (f / "changes.parquet").chmod(0o644),
        "changes.parquet can be used by more",
    ),
    "a readable manifest": (
        lambda f: (f / MANIFEST).chmod(0o640),
        "manifest.json can be used by more",
    ),
    "an open folder": (lambda f: f.chmod(0o755), "can be used by more users"),
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunRequest, Path]:
    """The request of a run with an exception, and its folder. Tests must not change it."""
    base = tmp_path_factory.mktemp("agreement")
    row = good("pharmacy_claim", quantity=500, ndc_code=IMATINIB, paid_amount="5000.00")
    landing = write(base / "in", {"pharmacy_claim.csv": [row]})
    request = request_for(landing, base / "out", base / "audit.duckdb")
    return request, night(request).folder


@pytest.mark.parametrize("kind", FORGERIES)
def test_b5_a_published_folder_with_other_results_is_refused(
    run: tuple[RunRequest, Path], tmp_path: Path, kind: str
) -> None:
    forge, difference = FORGERIES[kind]
    copy = Path(shutil.copytree(run[1], tmp_path / run[1].name))
    refuse_disagreement(run[1], copy)
    forge(copy)
    assert is_complete(copy)
    with pytest.raises(DoesNotBalance, match="Nothing was kept or published") as refused:
        refuse_disagreement(run[1], copy)
    assert difference.rstrip(":") in str(refused.value)


def test_b5_what_people_do_next_to_the_results_is_not_a_disagreement(
    run: tuple[RunRequest, Path], tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(run[1], tmp_path / run[1].name))
    for name in ("exceptions.xlsx", "notes.txt"):
        (copy / name).write_text("mine")
        (copy / name).chmod(0o644)
    (copy / "changes.parquet").chmod(0o400)
    (copy / "timings.json").write_text("{}")
    assert is_complete(copy)
    refuse_disagreement(run[1], copy)


@pytest.mark.slow
def test_b5_a_rerun_that_disagrees_keeps_and_publishes_nothing(
    run: tuple[RunRequest, Path], tmp_path: Path
) -> None:
    shutil.copytree(run[0].output.parent, tmp_path, dirs_exist_ok=True)
    request = request_for(tmp_path / "in", tmp_path / "out", tmp_path / "audit.duckdb")
    folder = request.output / run[1].name
    _raise_amounts(folder)
    before = published(request.output), content(request.warehouse_file)
    with pytest.raises(DoesNotBalance, match="column amount_at_risk"):
        night(request)
    assert (published(request.output), content(request.warehouse_file)) == before
    assert [p.name for p in request.output.iterdir()] == [folder.name]


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["no results", "a table of nobody"])
def test_b5_a_folder_that_its_own_manifest_refutes_is_moved_aside_and_named(
    run: tuple[RunRequest, Path], tmp_path: Path, damage: str
) -> None:
    shutil.copytree(run[0].output.parent, tmp_path, dirs_exist_ok=True)
    request = request_for(tmp_path / "in", tmp_path / "out", tmp_path / "audit.duckdb")
    folder = request.output / run[1].name
    good_bytes = published(folder)
    if damage == "no results":
        _manifest(folder, results={})
    else:
        shutil.copy(folder / "worklist.parquet", folder / "other.parquet")
    again = night(request)
    assert f"set-aside-1-{folder.name}" in notes_but_of_collecting(again)[0] and not again.was_there
    assert published(folder) == good_bytes

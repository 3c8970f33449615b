"""Folders that a run cannot write into are refused before Prefect is started."""

from pathlib import Path

import pytest

from flows.cli import server
from flows.cli.app import main
from flows.errors import DiskTrouble
from flows.warehouse.files import refuse_unwritable
from tests.support.extracts import good, write
from tests.support.permissions import permissions_apply

NOBODY_WRITES_HERE = "/proc/audits"
NIGHTS = ["--nights", "in", "--first", "2026-06-30", "--last", "2026-06-30"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with extracts, in which Prefect may not be started."""

    def reached() -> None:
        raise AssertionError("Prefect was about to start")

    monkeypatch.setattr(server, "prepare", reached)
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "in", {"pharmacy_claim.csv": [good("pharmacy_claim")]})
    write(tmp_path / "in" / "2026-06-30", {"pharmacy_claim.csv": [good("pharmacy_claim")]})
    (tmp_path / "file").touch()
    return tmp_path


@pytest.mark.parametrize(
    "command",
    [
        ["run", "--input", "in/2026-06-30"],
        ["backfill", *NIGHTS],
        ["validate", "--input", "in/2026-06-30"],
    ],
)
def test_an_output_that_cannot_be_written_is_refused_before_anything_else(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "--output", NOBODY_WRITES_HERE]) == 8
    assert "--output 'audits' cannot be written (" in capsys.readouterr().err
    assert main([*command, "--output", "file/audits"]) == 2
    assert "--output 'audits' is below a file. Name a folder." in capsys.readouterr().err


@pytest.mark.parametrize("warehouse", [f"{NOBODY_WRITES_HERE}/w.duckdb", "missing/w.duckdb"])
def test_a_warehouse_that_cannot_be_made_is_refused_before_prefect_starts(
    warehouse: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = ["run", "--input", "in/2026-06-30", "--output", "out", "--as-of", "2026-06-30"]
    assert main([*run, "--warehouse", warehouse]) == 8
    assert "its folder does not exist" in capsys.readouterr().err
    assert not (folder / "out").exists() and not (folder / "missing").exists()


def test_a_folder_that_this_user_may_not_write_is_refused(folder: Path) -> None:
    (folder / "closed").mkdir(mode=0o500)
    with permissions_apply():
        for name in ("closed", "closed/out"):
            with pytest.raises(DiskTrouble, match=r"cannot be written \(Permission denied\)"):
                refuse_unwritable(folder / name, "--output")


def test_to_find_out_leaves_nothing_behind(folder: Path) -> None:
    before = sorted(folder.rglob("*"))
    for name in ("out", "out/below", "in", "."):
        refuse_unwritable(folder / name, "--output")
    assert sorted(folder.rglob("*")) == before

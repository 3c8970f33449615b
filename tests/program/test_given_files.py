"""Files that a person names: none of them can keep a command waiting."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from audit_rules.given_files import is_irregular, open_file, read_file
from flows.errors import DiskTrouble
from flows.request import RunRequest
from flows.warehouse.connection import opened_for_writing
from tests.support.extracts import good, write
from tests.support.running import ROOT

LONGEST = 60  # seconds for a command that takes one
RUN = "run --input in --output out --as-of 2026-06-30"
WAITED = {
    "a config": (f"{RUN} --config pipe", 2),
    "a config of validate": ("validate --input in --config pipe", 2),
    "a private key": (f"{RUN} --sign-key pipe", 2),
    "a public key": ("verify --warehouse audit.duckdb --public-key pipe", 2),
    "a packet": ("verify pipe --run run", 3),
    "a list of decisions": ("dismiss --warehouse audit.duckdb --by me --reason r --file pipe", 2),
    "a work-paper": ("dismiss --warehouse audit.duckdb --by me --file pipe.xlsx", 2),
    "a warehouse to add to": (f"{RUN} --warehouse pipe", 8),
    "a warehouse with decisions": ("dismiss 0 --warehouse pipe --by me --reason r", 8),
    "a warehouse to explain": ("explain 1 --warehouse pipe", 2),
    "a policy": (f"{RUN} --policies pipes", 6),
    "an NDC directory": (f"{RUN} --ndc-directory pipes", 6),
    "an extract": ("validate --input pipes", 3),
    "a manifest": ("packet 0123456789 --run pipes", 3),
}


@pytest.fixture
def folder(tmp_path: Path, sample_request: RunRequest, sample_results: Path) -> Path:
    """A folder with a pipe of every name, and with a run and its warehouse."""
    write(tmp_path / "in", {"pharmacy_claim.csv": [good("pharmacy_claim")]})
    (tmp_path / "pipes").mkdir()
    for name in (
        *("pipe", "pipe.xlsx", "pipes/a.toml", "pipes/product.txt", "pipes/package.txt"),
        *("pipes/pharmacy_claim.csv", "pipes/manifest.json"),
    ):
        os.mkfifo(tmp_path / name, mode=0o600)
    (tmp_path / "run").symlink_to(sample_results)
    (tmp_path / "audit.duckdb").symlink_to(sample_request.warehouse_file)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("what", WAITED)
def test_no_command_waits_for_whoever_writes_into_a_pipe(what: str, folder: Path) -> None:
    arguments, code = WAITED[what]
    done = subprocess.run(
        [sys.executable, "-m", "flows", *arguments.split()],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PREFECT_API_URL": "http://127.0.0.1:9/api"},
        capture_output=True,
        text=True,
        check=False,
        timeout=LONGEST,
    )
    assert done.returncode == code, done.stderr
    assert len(done.stderr.splitlines()) == 1 and "A bug" not in done.stderr


def test_a_pipe_is_refused_whether_somebody_writes_into_it_or_not(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    for name in ("pipe", "link"):
        assert is_irregular(tmp_path / name)
        with pytest.raises(OSError, match="not a regular file"):
            open_file(tmp_path / name)
    reading = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    with (tmp_path / "pipe").open("wb") as writing, pytest.raises(OSError, match="not a regular"):
        writing.write(b"text")
        open_file(tmp_path / "pipe")
    os.close(reading)


@pytest.mark.parametrize("name", [os.devnull, "/dev/zero", "."])
def test_a_device_and_a_folder_are_refused(name: str) -> None:
    with pytest.raises(OSError, match=r"not a regular file|directory"):
        read_file(Path(name))


def test_a_regular_file_is_read_also_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"text")
    (tmp_path / "link").symlink_to("file")
    assert read_file(tmp_path / "file") == read_file(tmp_path / "link") == b"text"
    assert not any(is_irregular(tmp_path / name) for name in ("file", "link", ".", "nothing"))


def test_a_pipe_in_place_of_a_warehouse_or_of_its_log_is_refused(tmp_path: Path) -> None:
    for name in ("a.duckdb", "b.duckdb.wal"):
        os.mkfifo(tmp_path / name)
        warehouse = tmp_path / name.removesuffix(".wal")
        with pytest.raises(DiskTrouble, match=f"^{name} is a pipe"), opened_for_writing(warehouse):
            pass

"""A warehouse of its own for each test, with the results of the run on the sample next to it."""

import shutil
from pathlib import Path

import pytest

from flows.request import RunRequest


@pytest.fixture
def warehouse(sample_request: RunRequest, sample_results: Path, tmp_path: Path) -> Path:
    return _copied(sample_request, sample_results, tmp_path)


@pytest.fixture(scope="module")
def untouched(
    sample_request: RunRequest, sample_results: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A warehouse for tests that record nothing."""
    return _copied(sample_request, sample_results, tmp_path_factory.mktemp("untouched"))


def _copied(request: RunRequest, results: Path, folder: Path) -> Path:
    copied = folder / request.warehouse_file.name
    shutil.copy(request.warehouse_file, copied)
    (folder / results.name).symlink_to(results)
    return copied

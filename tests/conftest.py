"""One audit of the sample for every test of a worker that looks at its results."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.plan import Request
from tests.nights import night
from tests.running import AS_OF, ROOT


@pytest.fixture(scope="session")
def sample_results(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a run on the sample, with a folder of exceptions per payer."""
    base = tmp_path_factory.mktemp("sample")
    request = Request(ROOT / "data" / "sample", base / "out", base / "audit.duckdb", AS_OF, partition_by="payer", xlsx=True)
    yield night(request).folder

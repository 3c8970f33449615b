"""One audit of the sample for every test of a worker that looks at its results; and the files that take longest first."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.plan import Request
from tests.support.nights import night
from tests.support.running import AS_OF, ROOT

TAKE_LONGEST = (
    "test_kills.py",
    "test_faults.py",
    "test_schedule.py",
    "test_phi.py",
    "test_touched.py",
    "test_nightly_loads.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest: the last to begin would keep one worker busy while the other waits."""
    items.sort(key=lambda item: item.path.name not in TAKE_LONGEST)


@pytest.fixture(scope="session")
def sample_results(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a run on the sample, with a folder of exceptions per payer."""
    base = tmp_path_factory.mktemp("sample")
    request = Request(
        ROOT / "data" / "sample",
        base / "out",
        base / "audit.duckdb",
        AS_OF,
        partition_by="payer",
        xlsx=True,
    )
    yield night(request).folder

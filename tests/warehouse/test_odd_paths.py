"""Names that the engine or the file system cannot take are refused at once, with the right code."""

from pathlib import Path

import pytest

from flows.cli.app import main
from flows.errors import AuditError, InputRefused, UsageError
from flows.plan import plan
from tests.support.extracts import IMATINIB, as_csv, good, write
from tests.support.few_rules import asking_few
from tests.support.nights import night
from tests.support.running import request_for

pytestmark = pytest.mark.slow  # whole runs over hostile input
_few_rules = asking_few("AUTH01", "DUP01", "QTY01")

ROWS = as_csv([good("pharmacy_claim", quantity="500", ndc_code=IMATINIB)])


def _extracts(tmp_path: Path, name: str = "pharmacy_claim.csv") -> Path:
    return write(tmp_path / "in", {name: ROWS})


@pytest.mark.parametrize("name", ["a?", "?x=1", "a\\b"])
@pytest.mark.parametrize("place", ["output", "warehouse", "above"])
def test_e8_a_path_that_the_engine_reads_otherwise_is_refused(
    name: str, place: str, tmp_path: Path
) -> None:
    """Such a run ended as an error of the program, or of the disk."""
    base = tmp_path / name if place == "above" else tmp_path
    output = base / (name if place == "output" else "out")
    warehouse = base / name if place == "warehouse" else output / "audit.duckdb"
    with pytest.raises(UsageError, match="Choose another folder or name"):
        night(request_for(_extracts(tmp_path), output, warehouse))
    assert main(["explain", "C", "--warehouse", str(warehouse)]) == 2


@pytest.mark.parametrize("name", ["[a]", "a*", "{a,b}", "a'b", "a%b", "a#b", "é", "md:x"])
def test_e8_any_other_path_works(name: str, tmp_path: Path) -> None:
    output = tmp_path / name
    summary = night(request_for(_extracts(tmp_path), output, output / "w.duckdb", page=True))
    assert summary.lines == 1


def test_e8_a_warehouse_without_room_for_the_names_next_to_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Choose a shorter one"):
        night(request_for(_extracts(tmp_path), tmp_path / "out", tmp_path / ("w" * 244)))
    summary = night(request_for(_extracts(tmp_path), tmp_path / "out", tmp_path / ("w" * 243)))
    assert summary.lines == 1


@pytest.mark.parametrize(
    ("length", "error"), [(250, None), (251, InputRefused), (255, InputRefused)]
)
def test_e8_an_extract_without_room_for_its_control_file_is_refused(
    length: int, error: type[AuditError] | None, tmp_path: Path
) -> None:
    """Looking for its control file failed as if the disk had."""
    name = f"pharmacy_claim_{'x' * (length - len('pharmacy_claim_.csv'))}.csv"
    request = request_for(_extracts(tmp_path, name), tmp_path / "out", tmp_path / "w.duckdb")
    if error is None:
        assert len(plan(request).extracts) == 1
        return
    with pytest.raises(error, match="Shorten it"):
        plan(request)

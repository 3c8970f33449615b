"""A file with too many unusable rows: the run says what failed most, and shows the rows."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from flows.cli.app import main
from flows.errors import TooManyBadRows
from flows.intake.bad_files import BadFile, refusal
from flows.plan import plan
from flows.results.refused_rows import leaving_quarantine
from flows.run_folders import begin
from flows.stages import load_stage, settle_stage, validate_stage
from tests.support.extracts import AS_OF, Content, Row, good, write
from tests.support.nights import night
from tests.support.running import request_for

QUARANTINE = "quarantine.parquet"
UNDATED = [good("diagnosis", claim_id="77", diagnosis_date=None, member_id=f"M{n}") for n in "12"]
BAD: list[Row] = [
    *(good("pharmacy_claim", claim_id=str(n), dispensing_date="soon") for n in range(3)),
    *(good("pharmacy_claim", claim_id=str(n), member_id=None) for n in range(3, 5)),
    good("pharmacy_claim", claim_id="9", dispensing_date="late", quantity="many"),
    good("pharmacy_claim", claim_id="10", claim_status="?"),
    good("pharmacy_claim", claim_id="11"),
]
FILES: dict[str, Content] = {"pharmacy_claim.csv": BAD, "diagnosis.csv": [good("diagnosis")]}
FAILED = (
    "pharmacy_claim.csv: 7 of 8 rows cannot be used, more than the 5.0% allowed; most often "
    "failed: dispensing_date date_does_not_parse (4 rows), member_id value_missing (2 rows), "
    "claim_status value_unknown (1 row)."
)


def test_exit_4_names_the_checks_and_columns_that_failed_most_and_leaves_the_quarantine(
    tmp_path: Path,
) -> None:
    request = request_for(write(tmp_path / "in", FILES), tmp_path / "out", tmp_path / "w")
    with pytest.raises(TooManyBadRows) as refused:
        night(request)
    assert refused.value.exit_code == 4
    assert str(refused.value).startswith(FAILED.removesuffix("."))
    assert str(refused.value).endswith("; the rows are in quarantine.parquet in the output folder.")
    left = pl.read_parquet(request.output / QUARANTINE)
    assert left["row_number"].to_list() == [1, 2, 3, 4, 5, 6, 6, 7]
    assert (request.output / QUARANTINE).stat().st_mode & 0o777 == 0o600
    assert not request.warehouse_file.exists() and not list(request.output.glob("run=*"))


def test_undated_diagnoses_without_their_claim_are_named_and_left_too(tmp_path: Path) -> None:
    files = {"pharmacy_claim.csv": [good("pharmacy_claim")], "diagnosis.csv": UNDATED}
    request = request_for(write(tmp_path / "in", files), tmp_path / "out", tmp_path / "w")
    with pytest.raises(TooManyBadRows, match=r"claim_id claim_date_unknown \(2 rows\)"):
        night(request)
    assert pl.read_parquet(request.output / QUARANTINE)["check"].to_list() == [
        "claim_date_unknown",
        "claim_date_unknown",
    ]


@pytest.mark.parametrize("has_output", [True, False])
def test_validate_leaves_the_quarantine_where_output_is_given(
    has_output: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["validate", "--input", str(write(tmp_path / "in", FILES))]
    words += ["--output", str(tmp_path / "out")] if has_output else []
    assert main(words) == 4
    said = capsys.readouterr().err
    assert "dispensing_date date_does_not_parse (4 rows)" in said
    assert ("the rows are in quarantine.parquet" in said) == has_output
    assert (tmp_path / "out" / QUARANTINE).exists() == has_output


@pytest.mark.parametrize(("level", "left"), [("pseudonymised", True), ("aggregate", False)])
def test_the_quarantine_left_shows_no_more_than_the_privacy_level_allows(
    level: str, left: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAIMS_AUDIT_PSEUDONYM_KEY", "a secret of this test, long enough to be one")
    landing = write(tmp_path / "in", FILES)
    made = plan(request_for(landing, tmp_path, tmp_path / "w", AS_OF, privacy=level))
    begin(made)
    load_stage(made, lambda _name: None)
    stages: tuple[Callable[..., object], ...] = (validate_stage, settle_stage)
    with pytest.raises(TooManyBadRows), leaving_quarantine(made, tmp_path / "out"):
        for stage in stages:
            stage(made)
    assert (tmp_path / "out" / QUARANTINE).exists() == left
    if left:
        frame = pl.read_parquet(tmp_path / "out" / QUARANTINE)
        assert frame["raw_record"].null_count() == frame.height == 8


OF_SENDERS = {
    "claim_status value_unknown": "Translate the sender's words by an expression for claim_status "
    "in [tables.pharmacy_claim.columns] of the config.",
    "dispensing_date date_does_not_parse": "List the sender's format of dates in date_formats of "
    "the config.",
    "paid_amount amount_does_not_parse": "Make plain amounts of them by an expression for "
    "paid_amount in [tables.pharmacy_claim.columns] of the config.",
    "claim_id digits_lost": "Have the sender export identifiers and codes as text.",
}


@pytest.mark.parametrize("failed", OF_SENDERS)
def test_exit_4_says_what_helps_against_what_failed_most(failed: str) -> None:
    """To allow more bad rows would lose rows that the config can make good."""
    file = BadFile("pharmacy_claim", "pharmacy_claim.csv", "0", 10, 6)
    said = refusal(file, {"member_id value_missing": 1, failed: 5}, 0.05)
    assert said.endswith(OF_SENDERS[failed]) and "max_error_rate" not in said


@pytest.mark.parametrize("failed", ["member_id value_missing", "missing_columns"])
def test_exit_4_says_how_to_allow_rows_that_nobody_can_make_good(failed: str) -> None:
    file = BadFile("pharmacy_claim", "pharmacy_claim.csv", "0", 10, 6)
    said = refusal(file, {"claim_status value_unknown": 1, failed: 5}, 0.05)
    assert said.endswith("Fix the extract, or raise max_error_rate in the config.")

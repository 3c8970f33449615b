"""The sample says every warning and note that a run can say, with its second night."""

import json
import re
import shutil
from datetime import date
from pathlib import Path

import pytest

from flows.request import RunRequest
from schemas.notes import NOTE_KINDS
from tests.support.nights import night
from tests.support.running import ROOT, request_for

SECOND = ROOT / "data" / "second_night"
CONFIG = ROOT / "data" / "second_night.toml"
DAY = date(2026, 7, 31)
CODES = {kind.code for kind in NOTE_KINDS}
OF_SECOND_NIGHT = {
    "two_digit_year": "a config lists the format",
    "payers_without_policy": "ten payers are named before any is counted",
    "many_malformed_elsewhere": "three files are named before any is counted",
    "column_no_longer_sent": "an earlier night had the column",
    "config_files_unmatched": "it is about a config",
    "config_column_unmatched": "it is about a config",
    "config_expression_unmatched": "it is about a config",
    "config_alias_unmatched": "it is about a config",
    "config_payer_unmatched": "it is about a config",
}
"""What the sample cannot say by itself, and why its second night can."""
ALONE = {"no_member_in_common": "in the warehouse of the sample every table has members of claims"}
IMPOSSIBLE = {
    "nothing_audited": "the sample has lines of audited drugs, as has its second night",
    "term_demoted": "nobody has decided anything about it (tests/ledger/test_precision.py)",
}


def _codes(notes: list[str]) -> set[str]:
    found = {match[1] for note in notes if (match := re.search(r" \((\w+)\)\.$", note))}
    assert found <= CODES
    return found


def _second_night(output: Path) -> set[str]:
    summary = night(request_for(SECOND, output, output / "audit.duckdb", DAY, CONFIG))
    return _codes(list(summary.notes))


def _sample(results: Path) -> set[str]:
    return _codes(json.loads((results / "manifest.json").read_text(encoding="utf-8"))["notes"])


def test_the_sample_says_every_warning_but_those_of_its_second_night(sample_results: Path) -> None:
    wanted = CODES - OF_SECOND_NIGHT.keys() - ALONE.keys() - IMPOSSIBLE.keys()
    assert _sample(sample_results) == wanted


@pytest.mark.slow
def test_with_its_second_night_the_sample_says_every_warning_and_note(
    sample_request: RunRequest, sample_results: Path, tmp_path: Path
) -> None:
    shutil.copy(sample_request.warehouse_file, tmp_path / "audit.duckdb")
    said = _second_night(tmp_path)
    assert said >= OF_SECOND_NIGHT.keys()
    alone = _second_night(tmp_path / "alone")
    assert alone >= ALONE.keys()
    assert CODES - _sample(sample_results) - said - alone == IMPOSSIBLE.keys()

"""Growth: reading costs as much as the file is long, whatever is wrong with it."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from flows.errors import InputRefused, TooManyBadRows
from flows.intake import csv_records, validate
from flows.intake.csv_records import RecordCounter
from schemas import rows
from tests.support.extracts import ANY_ERROR_RATE, Row, good, run

_CHUNK = 1000


class _Counted(RecordCounter):
    """A counter that notes how many characters it looks through for line ends."""

    seen = 0

    def _note_line_ends(self, text: str) -> str:
        self.seen += len(text)
        return super()._note_line_ends(text)


def test_d5_a_line_without_an_end_is_looked_through_once() -> None:
    """Each chunk was joined to the whole line before it, and all of it looked through again."""
    counter = _Counted("pharmacy_claim.csv")
    for _ in range(200):
        counter.add("x" * _CHUNK)
    counter.finish()

    assert counter.records == 1
    assert counter.seen == 200 * _CHUNK


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_d5_records_are_counted_however_the_text_is_cut(end: str, size: int) -> None:
    text = end.join(["a,b", "1,2", "", '"x' + end + 'y",3', "4,5"]) + end
    counter = RecordCounter("a.csv")
    for start in range(0, len(text), size):
        counter.add(text[start : start + size])
    counter.finish()

    assert counter.records == 4
    assert counter.has_blank_lines
    assert not counter.has_mixed_line_ends


@pytest.mark.parametrize("line", ["x", '"x'], ids=["without_line_ends", "with_an_open_quote"])
def test_d5_a_line_longer_than_the_limit_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    monkeypatch.setattr(csv_records, "ENDLESS_LINE", 10 * _CHUNK)
    header = "claim_id,member_id,payer,dispensing_date,ndc_code,quantity,paid_amount\n"
    files = {"pharmacy_claim.csv": header + line + "x" * 20 * _CHUNK}

    with pytest.raises(InputRefused, match=r"pharmacy_claim\.csv: a .* within 10000 characters"):
        run(tmp_path, files)


def test_d5_a_quoted_value_longer_than_the_limit_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_records, "ENDLESS_LINE", 10 * _CHUNK)
    header = "claim_id,member_id,payer,dispensing_date,ndc_code,quantity,paid_amount\n"
    files = {"pharmacy_claim.csv": header + '"' + ("x" * _CHUNK + "\n") * 200}

    with pytest.raises(InputRefused, match=r"a quote is not closed within 10000 characters"):
        run(tmp_path, files)


def _failing(count: int) -> list[Row]:
    return [good("eligibility", member_id=f"m{n}", birth_date="soon") for n in range(count)]


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[int]]:
    """How many frames of each height the models check."""
    heights: Counter[int] = Counter()
    known = rows.failures

    def failures(model: object, frame: pl.DataFrame) -> pl.DataFrame:
        if "raw_record" in frame.columns:
            heights[frame.height] += 1
        return known(model, frame)  # type: ignore[arg-type]

    monkeypatch.setattr(validate, "failures", failures)
    yield heights


def test_d2_of_a_file_of_failing_rows_only_so_many_are_checked_to_say_what_fails(
    tmp_path: Path, checked: Counter[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every failing row took over 11 KB of memory before the file was refused."""
    monkeypatch.setattr(validate, "BATCH_ROWS", 7)
    monkeypatch.setattr(validate, "MOST_REFUSED_ROWS", 10)
    files = {"pharmacy_claim.csv": [good("pharmacy_claim")], "eligibility.csv": _failing(300)}

    failed = r"most often failed: birth_date date_does_not_parse \(10 rows\)"
    with pytest.raises(TooManyBadRows, match=rf"eligibility\.csv: 300 of 300 rows.*{failed}"):
        run(tmp_path, files)
    assert checked == {7: 1, 3: 1}


def test_d2_failing_rows_are_checked_in_batches(
    tmp_path: Path, checked: Counter[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(validate, "BATCH_ROWS", 7)
    files = {"pharmacy_claim.csv": [good("pharmacy_claim")], "eligibility.csv": _failing(20)}

    ran = run(tmp_path, files, config=ANY_ERROR_RATE)

    assert checked == {7: 2, 6: 1}
    assert ran.failed("eligibility") == [
        (number, "birth_date", "date_does_not_parse") for number in range(1, 21)
    ]

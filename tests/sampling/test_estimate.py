"""Estimates: every unit reviewed, nothing swapped, and no law against it."""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from audit_rules.errors import AuditError
from flows.cli.app import main
from flows.sampling.estimate import estimate_sample
from flows.sampling.receipt import _id_of, as_json
from flows.sampling.request import SampleRequest
from flows.sampling.write import DrawnSample, draw_sample
from tests.support.sampled import ALABAMA, publish_run, worklist_row


@pytest.fixture
def drawn(tmp_path: Path) -> DrawnSample:
    """Three units of each of two payers, drawn from 20 lines of $100."""
    rows = [worklist_row(n, payer="Cigna" if n % 2 else "MMM") for n in range(20)]
    run = publish_run(tmp_path / "run=1", rows)
    request = SampleRequest(
        run, tmp_path / "samples", seed=3, size=6, design="stratified", by=("payer",)
    )
    return draw_sample(request)


def _review(drawn: DrawnSample, *amounts: str, change: Callable[[str], str] = str) -> Path:
    """Fill in the review, one amount after the other, and change its text."""
    review = pl.read_csv(drawn.folder / "review.csv", infer_schema=False)
    texts = (amounts * review.height)[: review.height]
    filled = review.with_columns(pl.Series("overpayment", texts, pl.String))
    path = drawn.folder / "review.csv"
    path.write_text(change(filled.write_csv()), encoding="utf-8")
    return path


def test_a_reviewed_sample_is_projected_on_its_frame(drawn: DrawnSample) -> None:
    _review(drawn, "0", "$50.00", "100")
    found = estimate_sample(drawn.folder)
    assert (found.whole.units, found.whole.sampled, found.whole.nonzero) == (20, 6, 4)
    assert found.whole.point_estimate == Decimal("1000.00")
    strata = {name: one.point_estimate for name, one in found.strata.items()}
    assert strata == {"payer=cigna": Decimal("500.00"), "payer=mmm": Decimal("500.00")}
    assert found.unknown == 20


def test_rows_in_any_order_and_an_underpayment_are_read(drawn: DrawnSample) -> None:
    _review(drawn, "-20.00", "0", "0")
    found = estimate_sample(drawn.folder)

    def backwards(text: str) -> str:
        header, *rows = text.splitlines()
        return "\n".join([header.upper(), *reversed(rows), ""])

    _review(drawn, "-20.00", "0", "0", change=backwards)
    again = estimate_sample(drawn.folder)
    assert (again.whole, again.strata) == (found.whole, found.strata)
    assert found.whole.point_estimate == Decimal("-133.33")


@pytest.mark.parametrize(
    ("amounts", "says"),
    [
        (("0", "", "5"), "rows 3, 6: no overpayment, so the sample is not evaluable"),
        (("0", "none"), "row 3: overpayment is not a sum of dollars"),
        (("0", "100.01"), "row 3: overpayment is more than was paid"),
        (("1.005",), "row 2: overpayment is not a sum of dollars"),
    ],
)
def test_what_was_not_reviewed_is_never_taken_for_nothing(
    drawn: DrawnSample, amounts: tuple[str, ...], says: str
) -> None:
    _review(drawn, *amounts)
    with pytest.raises(AuditError) as refusal:
        estimate_sample(drawn.folder)
    assert says in str(refusal.value) and refusal.value.exit_code == 2


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: "\n".join(t.splitlines()[:-1]), "lacks 1 unit of the sample, so it is not"),
        (lambda t: t + t.splitlines()[-1], "row 8: this unit is listed twice"),
        (lambda t: t.replace("\n2,", "\n2,f"), "row 3: this unit is not in the sample"),
        (lambda t: t.replace("overpayment", "amount"), "no column overpayment"),
        (lambda t: t.replace("amount_at_risk", "overpayment"), "2 columns are overpayment"),
        (lambda _: "", "lacks 6 units of the sample"),
    ],
)
def test_a_review_of_other_units_is_refused(
    drawn: DrawnSample, change: Callable[[str], str], says: str
) -> None:
    _review(drawn, "0", change=change)
    with pytest.raises(AuditError, match=says):
        estimate_sample(drawn.folder)


def test_a_changed_receipt_frame_or_sample_is_refused(drawn: DrawnSample) -> None:
    _review(drawn, "0")
    receipt, frame = drawn.folder / "receipt.json", drawn.folder / "frame.parquet"
    was, table = receipt.read_text(encoding="utf-8"), pl.read_parquet(frame)
    receipt.write_text(was.replace('"seed": 3', '"seed": 4'), encoding="utf-8")
    with pytest.raises(AuditError, match=r"no receipt\.json as `sample` wrote it"):
        estimate_sample(drawn.folder)
    receipt.write_text(was, encoding="utf-8")
    table.head(-1).write_parquet(frame)
    with pytest.raises(AuditError, match=r"frame\.parquet is not the frame of the receipt"):
        estimate_sample(drawn.folder)
    frame.unlink()
    with pytest.raises(AuditError, match=r"frame\.parquet is not the frame of the receipt"):
        estimate_sample(drawn.folder)
    table.sample(fraction=1, shuffle=True, seed=1).write_parquet(frame)
    assert estimate_sample(drawn.folder).whole.point_estimate == 0


def test_a_receipt_of_another_sample_than_its_seed_gives_is_refused(drawn: DrawnSample) -> None:
    body = {name: value for name, value in drawn.receipt.items() if name != "sample_id"}
    forged = body | {"sample": {**body["sample"], "sha256": "0" * 64}}
    (drawn.folder / "receipt.json").write_bytes(as_json({"sample_id": _id_of(forged), **forged}))
    _review(drawn, "0")
    with pytest.raises(AuditError, match="of another sample than its frame and seed give"):
        estimate_sample(drawn.folder)


def test_a_law_against_extrapolation_is_obeyed_when_it_is_known_and_remembered(
    drawn: DrawnSample, tmp_path: Path
) -> None:
    _review(drawn, "0")
    config = tmp_path / "config.toml"
    config.write_text(ALABAMA, encoding="utf-8")
    with pytest.raises(AuditError, match=r"Ala\. Code 34-23-186: no extrapolation\. That binds 10"):
        estimate_sample(drawn.folder, config=config)
    request = SampleRequest(
        tmp_path / "run=1", tmp_path / "samples", seed=3, size=4, review_only=True
    )
    bound = draw_sample(request, config=config)
    _review(bound, "0")
    with pytest.raises(AuditError, match="no extrapolation, as the receipt says"):
        estimate_sample(bound.folder)


def test_the_command_prints_the_appraisal_and_exports_every_figure(
    drawn: DrawnSample, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _review(drawn, "0", "10.00", "100")
    words = ["estimate", "--sample", str(drawn.folder), "--export", str(tmp_path / "e.json")]
    assert main([*words, "--confidence", "99%", "--confidence", "90"]) == 0
    printed = capsys.readouterr().out
    assert "point estimate of the total" in printed and "$733.33" in printed
    assert "is not known for 20 units" in printed
    exported = json.loads((tmp_path / "e.json").read_text(encoding="utf-8"))
    assert exported["overall"]["point_estimate"] == "733.33"
    assert [limit["level"] for limit in exported["overall"]["limits"]] == ["90", "99"]
    assert exported["sample_id"] == drawn.receipt["sample_id"]
    ids = pl.read_parquet(drawn.folder / "frame.parquet")["claim_id"]
    assert not any(f"{value}\n" in printed or f"{value} " in printed for value in ids)
    for wrong in ("ninety", "nan", "49", "100", "1e999"):
        assert main([*words, "--confidence", wrong]) == 2
        assert "--confidence is a percentage from 50 to 99.99" in capsys.readouterr().err


def test_a_sample_without_variation_says_that_its_limits_say_nothing(
    drawn: DrawnSample, capsys: pytest.CaptureFixture[str]
) -> None:
    _review(drawn, "25")
    assert main(["estimate", "--sample", str(drawn.folder)]) == 0
    assert "do not differ, so the limits say nothing of the rest" in capsys.readouterr().out

"""Samples of all judged lines, which are found again in the warehouse of the run."""

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from audit_rules.errors import AuditError
from flows.replay.as_of import settled_as_of
from flows.request import RunRequest
from flows.sampling.judged import _judged, _refuse_missing
from flows.sampling.request import SampleRequest
from flows.sampling.write import draw_sample
from schemas.results import LINE_KEY, WORKLIST
from tests.support.redraw import redraw
from tests.support.running import ROOT
from tests.support.sampled import publish_run, worklist_row

_KEY = {name: WORKLIST[name] for name in LINE_KEY}


def _request(results: Path, request: RunRequest, output: Path) -> SampleRequest:
    warehouse = request.warehouse_file
    return SampleRequest(
        results, output, 5, 40, "lines", "stratified", ("payer",), warehouse=warehouse
    )


@pytest.mark.slow
def test_the_frame_holds_every_line_that_rules_judged(
    sample_results: Path, sample_request: RunRequest, tmp_path: Path
) -> None:
    drawn = draw_sample(_request(sample_results, sample_request, tmp_path))
    frame = pl.read_parquet(drawn.folder / "frame.parquet")
    coverage = pl.read_parquet(sample_results / "rule_coverage.parquet")
    audited = coverage.filter(policy_id="general", rule_id="DUP01")["lines"].sum()
    assert frame.height == audited
    worklist = pl.read_parquet(sample_results / "worklist.parquet")
    advisories = pl.read_parquet(sample_results / "advisories.parquet")
    found = pl.concat([worklist, advisories])
    assert found.join(frame, on=list(LINE_KEY), how="anti", nulls_equal=True).is_empty()
    assert frame.height > found.height
    of_frame, units, _ = redraw(drawn.folder / "receipt.json", sample_results)
    assert of_frame == drawn.receipt["frame"]["sha256"]
    assert units == pl.read_parquet(drawn.folder / "sample.parquet")["unit_id"].to_list()


@pytest.mark.slow
def test_a_line_of_no_audited_code_is_in_the_frame_if_a_rule_found_something_on_it(
    sample_request: RunRequest,
) -> None:
    planning = {"claim_source": "medical", "payer": "MMM", "claim_id": "CYC-NO-DOSE-3"}
    with settled_as_of(sample_request) as (made, connection):
        without = _judged(made, connection, pl.DataFrame(schema=_KEY))
        (own,) = without.filter(payer="MMM", claim_id="CYC-NO-DOSE-1").to_dicts()
        found = pl.DataFrame([own | planning], schema=_KEY)
        judged = _judged(made, connection, found)
    assert judged.height == without.height + 1
    assert judged.filter(**planning)["product_code"].to_list() == ["S0353"]


@pytest.mark.slow
def test_lines_that_no_longer_may_be_asked_for_are_left_out_of_judged_lines_too(
    sample_results: Path, sample_request: RunRequest, tmp_path: Path
) -> None:
    config = tmp_path / "config.toml"
    place = '[payers.MMM]\njurisdiction = "US-AL"\nline_of_business = "commercial_insured"\n'
    config.write_text(place, encoding="utf-8")
    request = _request(sample_results, sample_request, tmp_path / "samples")
    left_out = draw_sample(request, config=config).receipt["population"]["left_out"]
    assert set(left_out) == {"not_collectable"} and left_out["not_collectable"] > 0


@pytest.mark.slow
def test_other_policies_and_another_warehouse_are_refused(
    sample_results: Path, sample_request: RunRequest, tmp_path: Path
) -> None:
    request = _request(sample_results, sample_request, tmp_path / "samples")
    with pytest.raises(AuditError, match="The policies or code sets are not those of the run"):
        draw_sample(request, policies=ROOT / "tests" / "policy" / "older_kinds")
    run = publish_run(tmp_path / "run=1", [worklist_row(n) for n in range(3)])
    with pytest.raises(AuditError, match="has no record of this run as it is in --run"):
        draw_sample(replace(request, run=run))
    assert not (tmp_path / "samples").exists()


def test_a_line_with_exceptions_that_was_not_judged_is_noticed(tmp_path: Path) -> None:
    run = publish_run(tmp_path / "run=1", [worklist_row(n) for n in range(3)])
    every = pl.read_parquet(run / "worklist.parquet")
    _refuse_missing(every.select(LINE_KEY), every)
    with pytest.raises(AuditError, match="1 line with exceptions is not among the judged lines"):
        _refuse_missing(every.select(LINE_KEY), every.head(2))


def test_a_run_that_hides_persons_has_no_judged_lines(tmp_path: Path) -> None:
    run = publish_run(tmp_path / "run=1", [worklist_row(1)], privacy="pseudonymised")
    request = SampleRequest(run, tmp_path / "s", 1, 2, "lines", warehouse=tmp_path / "audit.duckdb")
    with pytest.raises(AuditError, match="--run hides who its lines are about"):
        draw_sample(request)

"""Draw a sample of a run, and write it with its receipt into a folder of its own."""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from audit_rules.law.library import load_law
from audit_rules.policy.library import load_policies
from flows.collecting import refuse_other_law
from flows.errors import UsageError
from flows.intake.config import read_config
from flows.plan import payer_names, places_of
from flows.reports.ledger import export_table
from flows.sampling.allocation import read_sizes, shared_out
from flows.sampling.draw import draw
from flows.sampling.judged import judged_lines
from flows.sampling.population import LEFT_OUT_IS, read_sampled_run, worklist_lines
from flows.sampling.projection import as_receipt, projection_of
from flows.sampling.receipt import RECEIPT, as_json, make_receipt, sizes_of
from flows.sampling.request import SampleRequest
from flows.sampling.reviewed import OVERPAYMENT
from flows.sampling.strata import STRATUM, with_strata
from flows.sampling.units import FRAME, with_unit_ids
from flows.warehouse.files import make_folder, refuse_unwritable, write_whole
from schemas.results import conform

FRAME_FILE, SAMPLE_FILE = "frame.parquet", "sample.parquet"
REVIEW, SIZES = "review.csv", "sizes.csv"
_REVIEWED = (
    *("sample_number", "unit_id", "stratum", "claim_source", "payer", "member_id", "claim_id"),
    *("claim_line_number", "service_date", "billing_npi", "product_code", "rule_id"),
    *("paid_amount", "amount_at_risk"),
)


@dataclass(frozen=True)
class DrawnSample:
    """What was written: the folder, the receipt, and whether a review was left as it is."""

    folder: Path
    receipt: dict[str, Any]
    kept_review: bool


def draw_sample(
    request: SampleRequest,
    config: Path | None = None,
    policies: Path | None = None,
    law: Path | None = None,
    ndc_directory: Path | None = None,
) -> DrawnSample:
    """Draw and write a sample. Raises AuditError."""
    bands = request.checked_bands()
    refuse_unwritable(request.output, "--output")
    run, laws, settings = read_sampled_run(request.run), load_law(law), read_config(config)
    refuse_other_law(run.manifest, laws)
    places = places_of(settings, payer_names(load_policies(policies), settings))
    if request.warehouse:
        texts = {"config": config, "policies": policies, "law": law}
        lines = judged_lines(run, request.warehouse, **texts, ndc_directory=ndc_directory)
    else:
        lines = worklist_lines(run)
    narrowed = request.population_filter.of(lines.table, places)
    payers = {name: places.payer_id(name) for name in sorted(narrowed["payer"].unique())}
    frame = conform(with_unit_ids(with_strata(narrowed, request.by, bands, payers)), FRAME)
    _refuse_double(frame)
    projection = projection_of(frame, laws, places, run.privacy)
    if not request.review_only:
        projection.refuse_forbidden(
            "Leave these lines out with --payer, or draw with --review-only what nobody projects."
        )
    if request.sizes:
        sizes = read_sizes(request.sizes, frame)
    else:
        sizes = shared_out(frame, request.size or 0, request.allocation, request.measure)
    sample = draw(frame, request.seed, sizes)
    stated = _stated(request, bands, lines.left_out) | {
        "payer_strata": payers if "payer" in request.by else {},
        "law": as_receipt(projection, laws),
    }
    receipt = make_receipt(run, frame, sample, sizes, stated)
    return _write_sample(request.output, receipt, frame, sample)


def _refuse_double(frame: pl.DataFrame) -> None:
    twice = frame.height - frame["unit_id"].n_unique()
    if twice:
        raise UsageError(
            f"{twice} lines of the population have the key of another line, so a sample would not "
            "say which is meant. Run again with a newer version, then draw."
        )


def _stated(
    request: SampleRequest, bands: tuple[Decimal, ...], left_out: dict[str, int]
) -> dict[str, object]:
    narrowed = request.population_filter
    how = "given" if request.sizes else request.allocation if request.by else "none"
    return {
        "population": {
            "name": request.population,
            "table": FRAME_FILE if request.warehouse else f"{request.population}.parquet",
            "payers": list(narrowed.payers),
            "payee": narrowed.payee,
            "rule": narrowed.rule,
            "left_out": left_out,
            "left_out_is": LEFT_OUT_IS,
        },
        "design": request.design,
        "strata_by": list(request.by),
        "bands": [f"{edge:.2f}" for edge in bands],
        "stratum_is": STRATUM,
        "allocation": how,
        "measure": request.measure if how == "neyman" else None,
        "seed": request.seed,
    }


def _write_sample(
    output: Path, receipt: dict[str, Any], frame: pl.DataFrame, sample: pl.DataFrame
) -> DrawnSample:
    folder = output / f"sample={receipt['sample_id']}"
    make_folder(folder)
    sizes = pl.DataFrame(list(sizes_of(receipt).items()), schema=["stratum", "size"], orient="row")
    review = sample.select(*_REVIEWED, pl.lit(None, pl.Decimal(18, 2)).alias(OVERPAYMENT))
    kept_review = (folder / REVIEW).is_file()
    tables = {FRAME_FILE: frame, SAMPLE_FILE: sample, SIZES: sizes}
    if not kept_review:
        tables[REVIEW] = review
    for name, table in tables.items():
        export_table(table, folder / name)
    write_whole(folder / RECEIPT, as_json(receipt))
    return DrawnSample(folder, receipt, kept_review)

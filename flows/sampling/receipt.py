"""The receipt of a sample: all that somebody needs to draw it again without this program."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from audit_rules.given_files import read_file
from flows.errors import InputRefused
from flows.provenance import program_digest, program_version
from flows.sampling.allocation import units_by_stratum
from flows.sampling.draw import DRAW, FRAME_HASH, SAMPLE_HASH, frame_sha256, sample_sha256
from flows.sampling.population import SampledRun
from flows.sampling.units import UNIT_ID
from schemas.results import LINE_KEY

RECEIPT = "receipt.json"
_FORMAT = "claims-audit sample 1"
_DIGITS = 16


def make_receipt(
    run: SampledRun,
    frame: pl.DataFrame,
    sample: pl.DataFrame,
    sizes: Mapping[str, int],
    stated: Mapping[str, object],
) -> dict[str, Any]:
    """The receipt of a drawn sample.

    stated   what was asked for: population, design, seed and so on, and what law says.
    """
    strata = [
        {
            "stratum": stratum,
            "units": units,
            "sampled": sizes[stratum],
            "selection_probability": f"{sizes[stratum]}/{units}",
        }
        for stratum, units in units_by_stratum(frame).items()
    ]
    body = {
        "format": _FORMAT,
        "program": {"version": program_version(), "sha256": program_digest()},
        "run": {
            "run_id": run.manifest["run_id"],
            "as_of": run.manifest["as_of"],
            "privacy": run.privacy,
            "manifest_sha256": run.manifest_sha256,
        },
        **stated,
        "unit": {"key": list(LINE_KEY), "unit_id": UNIT_ID},
        "frame": {
            "units": frame.height,
            "order": "unit_id, ascending",
            "sha256": frame_sha256(frame),
            "sha256_is": FRAME_HASH,
        },
        "draw": DRAW,
        "strata": strata,
        "sample": {
            "units": sample.height,
            "sha256": sample_sha256(sample),
            "sha256_is": SAMPLE_HASH,
        },
    }
    return {"sample_id": _id_of(body), **body}


def as_json(value: object) -> bytes:
    """A JSON file."""
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()


def read_receipt(folder: Path) -> dict[str, Any]:
    """The receipt in the folder of a sample. Raises InputRefused if it is not as it was written."""
    try:
        receipt = json.loads(read_file(folder / RECEIPT))
        body = {name: value for name, value in receipt.items() if name != "sample_id"}
        is_whole = body["format"] == _FORMAT and receipt["sample_id"] == _id_of(body)
    except (OSError, ValueError, RecursionError, AttributeError, KeyError, TypeError):
        is_whole = False
    if not is_whole:
        raise InputRefused(
            f"--sample has no {RECEIPT} as `sample` wrote it. Give the folder of a sample, or draw "
            "it again."
        )
    return dict(receipt)


def sizes_of(receipt: Mapping[str, Any]) -> dict[str, int]:
    """Stratum -> how many of its units were drawn."""
    return {row["stratum"]: row["sampled"] for row in receipt["strata"]}


def _id_of(body: Mapping[str, object]) -> str:
    text = json.dumps(body, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]

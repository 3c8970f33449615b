"""Estimate from a reviewed sample what all lines of its frame were overpaid."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any

import polars as pl

from audit_rules.law.library import load_law
from audit_rules.policy.library import load_policies
from flows.errors import InputRefused, UsageError
from flows.intake.config import read_config
from flows.plan import payer_names, places_of
from flows.provenance import program_version, sha256_of
from flows.sampling.appraisal import Appraisal, appraise
from flows.sampling.draw import draw, frame_sha256, sample_sha256
from flows.sampling.projection import projection_of
from flows.sampling.receipt import read_receipt, sizes_of
from flows.sampling.reviewed import read_reviewed
from flows.sampling.write import FRAME_FILE, REVIEW

LEVELS = (Decimal(80), Decimal(90), Decimal(95))
"""The levels of confidence of RAT-STATS, in percent."""
_LOWEST, _HIGHEST = Decimal(50), Decimal("99.99")


@dataclass(frozen=True)
class Estimate:
    """What a reviewed sample says of its frame.

    strata     stratum -> its appraisal; one stratum only: that of the whole.
    unknown    units of which a law may forbid to project them, if the config said more.
    """

    receipt: Mapping[str, Any]
    reviewed_sha256: str
    whole: Appraisal
    strata: Mapping[str, Appraisal]
    unknown: int

    def as_dict(self) -> dict[str, object]:
        """For a JSON file: amounts as text."""
        return {
            "sample_id": self.receipt["sample_id"],
            "run_id": self.receipt["run"]["run_id"],
            "program_version": program_version(),
            "libraries": {name: version(name) for name in ("svy", "scipy")},
            "reviewed_sha256": self.reviewed_sha256,
            "law_unknown_units": self.unknown,
            "overall": _plain(asdict(self.whole)),
            "strata": {name: _plain(asdict(one)) for name, one in self.strata.items()},
        }


def estimate_sample(
    folder: Path,
    reviewed: Path | None = None,
    levels: tuple[Decimal, ...] = LEVELS,
    config: Path | None = None,
    policies: Path | None = None,
    law: Path | None = None,
) -> Estimate:
    """Estimate from the sample in a folder. Raises AuditError.

    reviewed   a CSV with the overpayment of every unit; None: review.csv of the folder.
    """
    if not levels or not all(_LOWEST <= level <= _HIGHEST for level in levels):
        raise UsageError(
            f"--confidence is a percentage from {_LOWEST} to {_HIGHEST}, such as 90. Correct it."
        )
    receipt, settings = read_receipt(folder), read_config(config)
    frame = _read_frame(folder, receipt)
    sample = _drawn_again(frame, receipt)
    places = places_of(settings, payer_names(load_policies(policies), settings))
    projection = projection_of(frame, load_law(law), places, receipt["run"]["privacy"])
    projection.refuse_forbidden("Draw a sample without these lines.")
    if receipt["law"]["may_be_projected"] == "no":
        raise UsageError(
            f"{'; '.join(receipt['law']['clauses'])}: no extrapolation, as the receipt says. The "
            "sample was drawn to be reviewed only. Draw one without these lines."
        )
    path = reviewed or folder / REVIEW
    found = read_reviewed(path, sample)
    units = {row["stratum"]: row["units"] for row in receipt["strata"]}
    return Estimate(
        receipt=receipt,
        reviewed_sha256=sha256_of(path),
        whole=appraise(found, units, levels),
        strata={
            name: appraise(found.filter(stratum=name), {name: count}, levels)
            for name, count in units.items()
            if len(units) > 1
        },
        unknown=projection.unknown,
    )


def _read_frame(folder: Path, receipt: Mapping[str, Any]) -> pl.DataFrame:
    try:
        frame = pl.read_parquet(folder / FRAME_FILE, glob=False)
        is_whole = frame_sha256(frame) == receipt["frame"]["sha256"]
    except (OSError, pl.exceptions.PolarsError):
        is_whole = False
    if not is_whole:
        raise InputRefused(
            f"--sample: {FRAME_FILE} is not the frame of the receipt. Draw the sample again into "
            "another folder, and keep what was reviewed."
        )
    return frame


def _drawn_again(frame: pl.DataFrame, receipt: Mapping[str, Any]) -> pl.DataFrame:
    """The sample, drawn again from the frame. Raises InputRefused if it is not the receipt's."""
    sample = draw(frame, receipt["seed"], sizes_of(receipt))
    if sample_sha256(sample) != receipt["sample"]["sha256"]:
        raise InputRefused(
            "--sample: the receipt is of another sample than its frame and seed give. Draw it "
            "again into another folder."
        )
    return sample


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return str(value) if isinstance(value, Decimal) else value

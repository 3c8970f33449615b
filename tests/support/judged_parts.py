"""Persons judged in parts, and all that is found of them."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import polars as pl

from audit_rules.engine.dossier import WarehouseFrames
from audit_rules.engine.rule import Described
from audit_rules.rules import CATALOGUE
from flows.judging.judge_part import Job
from flows.judging.parts import Part
from flows.judging.standing import merge_answers, scan_merged


class Found(NamedTuple):
    """The frames of a judgement that depend on no part."""

    exceptions: pl.DataFrame
    rule_coverage: pl.DataFrame
    repeated: pl.DataFrame

    def same(self, other: "Found") -> bool:
        """Whether another one has the same rows in the same order."""
        return all(one.equals(two) for one, two in zip(self, other, strict=True))


def judged_in_parts(
    parts: Iterable[WarehouseFrames],
    job: Job,
    folder: Path,
    rules: Sequence[Described] = CATALOGUE,
) -> list[Path]:
    """The folders, below one that is made, with what is found of each part."""
    folders = []
    for number, frames in enumerate(parts):
        own = folder / f"{number}"
        own.mkdir(parents=True)
        job.judge_part(Part(frames, 0, own, waits=False), rules)
        folders.append(own)
    return folders


def found_in(folders: Sequence[Path], merged: Path) -> Found:
    """All that is found in folders; `merged` is made."""
    answers = merge_answers(folders, (), merged)
    return Found(scan_merged(merged).collect(), answers.rule_coverage, answers.repeated)

"""One part judged, in whichever process: what goes in, what comes out, and its files."""

import gc
import os
import pickle
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from tempfile import mkstemp
from typing import Any

import polars as pl

from audit_rules.engine.dossier import WarehouseFrames, compile_dossier
from audit_rules.engine.judge import Judgement
from audit_rules.engine.rule import Described, PolicyBook
from audit_rules.kinds.judge import judge_all, judge_prices
from audit_rules.rules import CATALOGUE
from flows.judging.parts import Part

FOUND = ("exceptions", "counted", "gaps", "repeated")
"""The frames of a judgement that are put together with those of other parts."""


@dataclass(frozen=True)
class Job:
    """What every part is judged under.

    everybody   the frames that have no rows of persons; the others are empty.
    """

    book: PolicyBook
    default_supply_days: int
    as_of: date
    everybody: WarehouseFrames

    def judge(self, part: Part, rules: Sequence[Described] = CATALOGUE) -> Judgement:
        """What rules and documents find of the persons of a part."""
        frames = part.read()
        dossier = compile_dossier(frames, self.book.reference, self.default_supply_days, self.as_of)
        found = (judge_prices if frames.only_prices else judge_all)(dossier, self.book, rules)
        return replace(found, answers=found.answers.clear(), governed=None)  # row ids are a part's

    def judge_folder(self, folder: Path, rules: Sequence[Described] = CATALOGUE) -> None:
        """Judge the part that waits in a folder, and leave there what is found."""
        found = self.judge(Part(self.everybody, 0, folder), rules)
        for name in FOUND:
            file = found_file(folder, name)
            descriptor, passing = mkstemp(dir=folder)  # a lost worker may be writing as well
            os.close(descriptor)
            getattr(found, name).write_parquet(passing)
            Path(passing).replace(file)
        gc.collect()  # a dossier and what is found in it refer to each other in a circle


def write_job(job: Job, file: Path) -> None:
    """Write a job for the processes that judge its parts."""
    file.write_bytes(pickle.dumps(job))


def read_job(file: Path) -> Job:
    """Read a job that this program wrote into a folder of its own."""
    job: Job = pickle.loads(file.read_bytes())
    return job


def read_found(folder: Path) -> Judgement:
    """What `judge_folder` left in a folder: without answers."""
    found: dict[str, Any] = {
        name: pl.read_parquet(found_file(folder, name), glob=False) for name in FOUND
    }
    return Judgement(answers=pl.DataFrame(), **found)


def found_file(folder: Path, name: str) -> Path:
    """The file of one frame of FOUND in the folder of a part."""
    return folder / f"found_{name}.parquet"

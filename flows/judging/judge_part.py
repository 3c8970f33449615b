"""One part judged, in whichever process: what goes in, what comes out, and its files."""

import gc
import os
import pickle
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from tempfile import mkstemp

import polars as pl

from audit_rules.engine.dossier import WarehouseFrames, compile_dossier
from audit_rules.engine.judge import Judgement
from audit_rules.engine.rule import Described, PolicyBook
from audit_rules.kinds.judge import judge_all, judge_prices
from audit_rules.rules import CATALOGUE
from flows.judging.parts import Part

FOUND = ("exceptions", "counted", "gaps", "repeated")
"""The frames of a judgement that are put together with those of other parts."""
ROW_GROUP = 2_048
"""Few rows: those of all parts are read a few at a time."""


@dataclass(frozen=True)
class Job:
    """What every part is judged under.

    everybody   the frames that have no rows of persons; the others are empty.
    """

    book: PolicyBook
    default_supply_days: int
    as_of: date
    everybody: WarehouseFrames

    def judge(self, frames: WarehouseFrames, rules: Sequence[Described] = CATALOGUE) -> Judgement:
        """What rules and documents find of the persons of a part."""
        dossier = compile_dossier(frames, self.book.reference, self.default_supply_days, self.as_of)
        found = (judge_prices if frames.only_prices else judge_all)(dossier, self.book, rules)
        return replace(found, answers=found.answers.clear(), governed=None)  # row ids are a part's

    def judge_part(self, part: Part, rules: Sequence[Described] = CATALOGUE) -> None:
        """Judge a part, and leave in its folder what is found."""
        write_all_found(part.folder, self.judge(part.read(), rules))
        if part.waits:
            gc.collect()  # a dossier and what is found in it refer to each other in a circle

    def judge_folder(self, folder: Path) -> None:
        """Judge the part that waits in a folder, and leave there what is found."""
        self.judge_part(Part(self.everybody, 0, folder))


def write_job(job: Job, file: Path) -> None:
    """Write a job for the processes that judge its parts."""
    file.write_bytes(pickle.dumps(job))


def read_job(file: Path) -> Job:
    """Read a job that this program wrote into a folder of its own."""
    job: Job = pickle.loads(file.read_bytes())
    return job


def write_all_found(folder: Path, found: Judgement) -> None:
    """Leave everything that is found in a folder."""
    for name in FOUND:
        write_found(folder, name, getattr(found, name))


def write_found(folder: Path, name: str, rows: pl.DataFrame) -> None:
    """Leave one frame of FOUND in a folder."""
    descriptor, passing = mkstemp(dir=folder)  # a lost worker may be writing as well
    os.close(descriptor)
    rows.write_parquet(passing, compression="lz4", row_group_size=ROW_GROUP)
    Path(passing).replace(found_file(folder, name))


def read_found(folders: Iterable[Path], name: str) -> pl.DataFrame:
    """One frame of FOUND, as left in folders; those in which it is not there have no rows of it."""
    return pl.concat(pl.read_parquet(file, glob=False) for file in found_files(folders, name))


def found_files(folders: Iterable[Path], name: str) -> list[Path]:
    """The files of one frame of FOUND that are in folders."""
    files = (found_file(folder, name) for folder in folders)
    return [file for file in files if file.exists()]


def found_file(folder: Path, name: str) -> Path:
    """The file of one frame of FOUND in the folder of a part."""
    return folder / f"found_{name}.parquet"

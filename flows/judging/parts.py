"""The persons to be judged in parts, each read into memory when its turn comes.

No answer looks at another person, but for what the warehouse hands over about everybody (prices,
providers, first days of payers). So persons can be judged one part after the other, in bounded
memory, and no answer depends on the parts. While the warehouse is open it keeps gigabytes in
memory; so several parts wait in files until it is closed.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

import polars as pl

from audit_rules.engine.dossier import WarehouseFrames

OF_PERSONS = (
    "medical",
    "pharmacy",
    "diagnosis",
    "eligibility",
    "authorization",
    "clinical_evidence",
)
"""The frames that have rows of persons."""
_ONLY_PRICES = "only_prices"
"""The file that is in the folder of a part if only rules that look at prices are asked."""
Judged = Callable[[], None]
"""What is to be done after each part that is judged."""


def nobody_waits() -> None:
    """Nothing: nobody looks at the progress."""


@dataclass(frozen=True)
class Part:
    """Everything known of some persons.

    frames   the frames; of a part that waits, those with rows of persons are empty.
    rows     claim rows.
    folder   where those wait, and where what is found of them is left.
    waits    whether they do, or are in memory.
    """

    frames: WarehouseFrames
    rows: int
    folder: Path
    waits: bool = True

    def read(self) -> WarehouseFrames:
        """The frames with all their rows."""
        if not self.waits:
            return self.frames
        own: dict[str, Any] = {
            name: pl.read_parquet(_file(self.folder, name), glob=False) for name in OF_PERSONS
        }
        return replace(self.frames, **own, only_prices=(self.folder / _ONLY_PRICES).exists())


def put_aside(
    parts: Iterable[WarehouseFrames], folder: Path, for_others: bool = False
) -> Iterator[Part]:
    """Every part, each with a folder below `folder`, which is made. Several wait there; one alone
    stays in memory.

    for_others   whether others judge them: then one alone waits as well.
    """
    folder.mkdir(mode=0o700)
    waiting = iter(parts)
    first = list(islice(waiting, 2))
    stays = len(first) == 1 and not for_others
    every = chain(iter(first), waiting)
    del first  # or both would be in memory until the last part is read, as without `iter`
    for number, part in enumerate(every):
        own = folder / f"{number}"
        own.mkdir(mode=0o700)
        yield Part(part, _rows(part), own, waits=False) if stays else _store(part, own)


def _store(part: WarehouseFrames, folder: Path) -> Part:
    if part.only_prices:
        (folder / _ONLY_PRICES).touch()
    for name in OF_PERSONS:
        getattr(part, name).write_parquet(_file(folder, name), compression="lz4")
    none: dict[str, Any] = {name: getattr(part, name).clear() for name in OF_PERSONS}
    return Part(replace(part, **none), _rows(part), folder)


def _rows(part: WarehouseFrames) -> int:
    return part.medical.height + part.pharmacy.height


def _file(folder: Path, name: str) -> Path:
    return folder / f"{name}.parquet"

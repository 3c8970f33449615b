"""Stories of several nights, each of its own members and claims, told together on one warehouse.

Persons are judged by themselves, so stories that do not mix their members need no nights of their
own. A story yields the rows of its next night and is sent that night, with its own rows alone.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl

from flows.summary import Summary
from tests.support.extracts import Row
from tests.support.ledger import night_of_fills

Story = Generator[list[Row], Summary, None]
_NAMED = ("member_id", "claim_id", "original_claim_id")
_TABLES = ("exceptions", "worklist")


def tell(
    base: Path, nights: Sequence[date], stories: dict[str, Callable[[Path], Story]]
) -> dict[str, Exception]:
    """Run the nights on the warehouse of a folder, and return what went wrong: story -> error.

    stories   name -> what begins it, given the folder. One may end before the last night.
    """
    wrong: dict[str, Exception] = {}
    going = {name: begin(base) for name, begin in stories.items()}
    marks = {name: f"{number:02}-" for number, name in enumerate(going)}
    rows: dict[str, list[Row]] = {}

    def go_on(name: str, of_night: Summary | None) -> None:
        try:
            own = None if of_night is None else _seen(of_night, marks[name], base / name)
            rows[name] = going[name].send(own)  # type: ignore[arg-type]
        except StopIteration:
            del going[name]
        except Exception as error:
            wrong[name] = error
            del going[name]

    for name in list(going):
        go_on(name, None)
    for night in nights:
        of_all = [_marked(row, marks[name]) for name in going for row in rows[name]]
        summary = night_of_fills(base, night, *of_all)
        for name in list(going):
            go_on(name, summary)
    unfinished = {
        name: AssertionError("the story has more nights than there are") for name in going
    }
    return wrong | unfinished


def _marked(row: Row, mark: str) -> Row:
    return row | {name: f"{mark}{row[name]}" for name in _NAMED if row.get(name) is not None}


def _seen(summary: Summary, mark: str, base: Path) -> Summary:
    """A night with a folder of its own that has the rows of one story, under their own names."""
    folder = base / summary.folder.name
    folder.mkdir(parents=True)
    for table in _TABLES:
        rows = pl.read_parquet(summary.folder / f"{table}.parquet")
        own = rows.filter(pl.col("member_id").str.starts_with(mark))
        named = pl.col("member_id", "claim_id").str.strip_prefix(mark)
        own.with_columns(named).write_parquet(folder / f"{table}.parquet")
    return replace(summary, folder=folder)

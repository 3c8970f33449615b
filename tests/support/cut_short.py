"""A small warehouse whose last write was cut short, put together from the engine's own bytes."""

from pathlib import Path
from typing import NamedTuple

import duckdb
import pytest

from flows.warehouse import rescue
from flows.warehouse.connection import opened_for_writing
from flows.warehouse.lock import hold
from flows.warehouse.rescue import copy_of

ROOTS = 3 * 4096
"""Bytes of the headers: the main one and two roots."""


class Cut(NamedTuple):
    """A file whose last write was cut short: where it is, and its bytes then.

    torn   of every block that was written in place the first page is the new one, the rest the old;
           so are the roots.
    """

    warehouse: Path
    old: bytes
    torn: bytes
    new: bytes
    copy: bytes


def cut_short(folder: Path) -> Cut:
    """Make a warehouse of 3 rows in a folder, and a write into it that adds 4,900."""
    warehouse, saved = folder / "audit.duckdb", []
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("CREATE TABLE seen AS FROM range(3) t (number)")
    old = warehouse.read_bytes()
    write = rescue._write
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rescue, "_write", lambda p, c: (saved.append(c), write(p, c)))
        add_rows(warehouse)
    new, torn = warehouse.read_bytes(), bytearray(warehouse.read_bytes())
    torn[:ROOTS] = old[:ROOTS]
    blocks = list(rescue._parts(saved[-1]))[3:]
    assert blocks
    for offset, block in blocks:
        page, end = offset + 4096, offset + len(block)
        assert old[offset:end] == block
        torn[page:end] = old[page:end]
        assert torn[offset:end] not in (old[offset:end], new[offset:end])
    return Cut(warehouse, old, bytes(torn), new, saved[-1])


def add_rows(warehouse: Path) -> None:
    """Add 4,900 rows, as a command does."""
    with opened_for_writing(warehouse) as connection:
        connection.execute("INSERT INTO seen FROM range(100, 5000)")


def leave(cut: Cut, file: bytes, copy: bytes) -> None:
    """Leave the warehouse and the copy beside it with these bytes."""
    cut.warehouse.write_bytes(file)
    copy_of(cut.warehouse).write_bytes(copy)


def rows_in(warehouse: Path) -> int:
    """How many rows the warehouse has."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        ((count,),) = connection.execute("SELECT count(*) FROM seen WHERE number >= 0").fetchall()
    return int(count)


def after_the_next_writer(warehouse: Path) -> bytes:
    """The bytes of the warehouse once a writer has held it, which has removed the copy."""
    with hold(warehouse):
        pass
    assert not copy_of(warehouse).exists()
    return warehouse.read_bytes()

"""What lies in place of the copy of a checkpoint, or lies elsewhere: said in a sentence, not used.

Also a disk that fails: nothing that it may lack is taken for written.
"""

import errno
import os
import socket
import struct
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from flows.errors import DiskTrouble, FileDamaged
from flows.warehouse import rescue
from flows.warehouse.connection import Workbench, read_only
from flows.warehouse.keep import become_warehouse
from flows.warehouse.lock import hold
from flows.warehouse.rescue import copy_of, put_back
from tests.support.cut_short import ROOTS, Cut, after_the_next_writer, cut_short, leave, rows_in
from tests.support.permissions import permissions_apply


@pytest.fixture
def cut(tmp_path: Path) -> Cut:
    return cut_short(tmp_path)


def test_what_a_sync_that_failed_has_left_in_memory_alone_is_written_again(
    cut: Cut, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system shows whole blocks, of which the disk has half, and holds them for written."""
    write = os.pwrite
    disk = bytearray()

    def written(descriptor: int, data: bytes, at: int) -> int:
        disk[at : at + len(data)] = data
        return write(descriptor, data, at)

    monkeypatch.setattr(os, "pwrite", written)
    for shown in (cut.old[:ROOTS] + cut.new[ROOTS:], cut.new):
        disk[:] = cut.torn.ljust(len(cut.new), b"\0")
        leave(cut, shown, cut.copy)
        assert after_the_next_writer(cut.warehouse) == shown
        for offset, saved in rescue._parts(cut.copy):
            assert disk[offset : offset + len(saved)] == shown[offset : offset + len(saved)]


def test_a_copy_stays_until_what_it_saves_is_on_disk(
    cut: Cut, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_descriptor: int) -> None:
        raise OSError(errno.EIO, "on purpose")

    leave(cut, cut.torn, cut.copy)
    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(OSError, match="on purpose"), hold(cut.warehouse):
        pass
    assert copy_of(cut.warehouse).read_bytes() == cut.copy
    monkeypatch.undo()
    leave(cut, cut.torn, cut.copy)
    after_the_next_writer(cut.warehouse)
    assert rows_in(cut.warehouse) == 3


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(os.path.relpath(path))


def _huge(path: Path) -> None:
    path.touch()
    os.truncate(path, 1 << 42)


ODD: dict[str, Callable[[Path], object]] = {
    "a folder": Path.mkdir,
    "a pipe": os.mkfifo,
    "a socket": _socket,
    "a link to nothing": lambda path: path.symlink_to("nothing"),
    "a link to a copy": lambda path: path.symlink_to("a copy"),
    "a huge file": _huge,
}


@pytest.mark.parametrize("odd", ODD)
def test_what_is_no_copy_is_named_and_neither_read_nor_removed(
    odd: str, cut: Cut, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(cut.warehouse.parent)
    Path("a copy").write_bytes(cut.copy)
    cut.warehouse.write_bytes(cut.torn)
    ODD[odd](copy_of(cut.warehouse))
    with pytest.raises(DiskTrouble, match=r"^.audit.duckdb.rescue .* Move it away, then run again"):
        after_the_next_writer(cut.warehouse)
    assert os.path.lexists(copy_of(cut.warehouse))
    assert cut.warehouse.read_bytes() == cut.torn


def _forged(cut: Cut) -> dict[str, bytes]:
    """Copies with the right digest."""
    headers = cut.copy[32 : 32 + 3 * (16 + 4096)]
    block = cut.copy[32 + len(headers) + 16 :][: 256 << 10]
    whole = struct.pack("<Q", rescue._FIRST)  # of no words
    small = headers[: 16 + 4096 + 16 + 40] + struct.pack("<Q", 8) + headers[16 + 4096 + 16 + 48 :]
    return {
        "no headers": struct.pack("<QQ", ROOTS, len(block)) + block,
        "a place cut short": headers + b"abc",
        "longer than it is": headers + struct.pack("<QQ", ROOTS, 1 << 63) + block,
        "a part of no bytes": headers + struct.pack("<QQ", ROOTS, 0),
        "inside a block": headers + struct.pack("<QQ", ROOTS + 8, len(block)) + block,
        "a small part": headers + struct.pack("<QQ", ROOTS + 80, 8) + whole,
        "a root of small blocks": small + struct.pack("<QQ", ROOTS + 80, 8) + whole,
        "beyond any file": headers + struct.pack("<QQ", ROOTS + (1 << 63), len(block)) + block,
        "nothing": b"",
        "a header alone": headers[: 16 + 4096],
    }


def test_nothing_of_a_forged_copy_is_written(cut: Cut) -> None:
    refused = set()
    for name, parts in _forged(cut).items():
        leave(cut, cut.old, sha256(parts).digest() + parts)
        try:
            after_the_next_writer(cut.warehouse)
        except DiskTrouble as refusal:
            assert "Move it away" in str(refusal), name
            refused.add(name)
        assert cut.warehouse.read_bytes() == cut.old, name
    assert _forged(cut).keys() - refused == {"a root of small blocks", "beyond any file"}


def test_a_block_that_was_saved_torn_is_not_put_back(cut: Cut) -> None:
    torn = bytearray(cut.copy)
    torn[-1] ^= 1
    torn[:32] = sha256(torn[32:]).digest()
    leave(cut, cut.torn, bytes(torn))
    assert after_the_next_writer(cut.warehouse) == cut.torn


@pytest.mark.parametrize("forbidden", ["copy", "warehouse", "folder"])
def test_a_user_who_may_not_put_it_right_is_told_who_may(forbidden: str, cut: Cut) -> None:
    leave(cut, cut.torn, cut.copy)
    path = {"copy": copy_of(cut.warehouse), "folder": cut.warehouse.parent}.get(
        forbidden, cut.warehouse
    )
    mode = path.stat().st_mode
    path.chmod(0o500 if path.is_dir() else 0)
    try:
        with (
            permissions_apply(),
            pytest.raises(DiskTrouble, match=r"from .audit.duckdb.rescue next to it. Run this as"),
        ):
            put_back(cut.warehouse)
    finally:
        path.chmod(mode)
    after_the_next_writer(cut.warehouse)
    assert rows_in(cut.warehouse) == 3


def test_the_copy_of_another_user_is_not_used(cut: Cut, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder that many may write, anybody could put one there."""
    leave(cut, cut.torn, cut.copy)
    read = Path.lstat

    def of_another(path: Path) -> os.stat_result:
        found = list(read(path))
        found[4] += (path == copy_of(cut.warehouse)) * 7  # the user
        return os.stat_result(found)

    monkeypatch.setattr(Path, "lstat", of_another)
    with pytest.raises(DiskTrouble, match="who may write both and their folder, or move it away"):
        put_back(cut.warehouse)
    assert cut.warehouse.read_bytes() == cut.torn


def test_what_was_saved_of_a_warehouse_that_is_gone_is_moved_aside(cut: Cut) -> None:
    leave(cut, cut.torn, cut.copy)
    new = cut.warehouse.with_name("bench.duckdb")
    new.write_bytes(cut.new)
    notes = become_warehouse(Workbench(new, cut.warehouse, cut.warehouse.parent))
    assert notes == (
        ".audit.duckdb.rescue was left of a warehouse that is gone; it is now "
        "set-aside-1-.audit.duckdb.rescue.",
    )
    aside = cut.warehouse.with_name("set-aside-1-.audit.duckdb.rescue")
    assert aside.read_bytes() == cut.copy


def test_a_copy_in_the_folder_of_another_name_is_asked_for(cut: Cut) -> None:
    leave(cut, cut.torn, cut.copy)
    other = cut.warehouse.parent / "other" / "audit.duckdb"
    other.parent.mkdir()
    os.link(cut.warehouse, other)
    with (
        pytest.raises(FileDamaged, match=r"move it back there, beside \.NAME\.rescue"),
        read_only(other),
    ):
        pass

"""A checkpoint that was cut short: the parts of the file that it wrote in place, saved before it.

The engine writes new rows into free blocks, then new metadata, and last one of two roots: until
that is on disk, the old root counts. But old and new metadata share blocks, which are written again
in place, each with one checksum over all of it. If half of such a write is on disk, because of a
kill or a power cut, neither state can be read. So these blocks and the roots are copied beside the
warehouse before each checkpoint; the next writer puts back what is torn.

Layout of the file and checksum: DuckDB, src/storage/single_file_block_manager.cpp and
src/common/checksum.cpp. Layout of the copy: the SHA-256 of the rest, then for each part its offset,
its length (64 bits each, little-endian) and its bytes.
"""

import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import duckdb

from audit_rules.given_files import read_file
from flows.errors import DiskTrouble
from flows.warehouse.files import PRIVATE, make_durable, names_of

_HEADER, _HEADERS = 4096, 3  # bytes of each, and their number: the main header and two roots
_WORD, _FIRST, _FACTOR = 1 << 64, 5381, 0xBF58476D1CE4E5B9  # of the engine's checksum
_PLACE, _DIGEST = struct.Struct("<QQ"), sha256().digest_size
Part = tuple[int, bytes]
"""Offset and bytes of a part of the file."""


def copy_of(warehouse: Path) -> Path:
    """Where the parts of a warehouse of that name lie while a checkpoint writes over them."""
    return warehouse.with_name(f".{warehouse.name}.rescue")


def was_cut_short(real: Path) -> bool:
    """Whether a checkpoint on a warehouse, under any name in its folder, has not ended."""
    return any(copy_of(name).exists() for name in names_of(real))


def checkpoint(connection: duckdb.DuckDBPyConnection, real: Path, descriptor: int) -> None:
    """Store what is committed in the current database, whose file is read through a descriptor.

    Whoever opened the descriptor closes it after the connection: closing any descriptor of a file
    drops the engine's lock on it. Raises OSError if the copy cannot be written; nothing is stored
    then. If this fails, `put_back` is to follow once the connection is closed.
    """
    copy = copy_of(real)
    parts = b"".join(
        _PLACE.pack(offset, len(found)) + found
        for offset, length in _places(connection)
        if len(found := os.pread(descriptor, length, offset)) == length  # else not written yet
    )
    _write(copy, sha256(parts).digest() + parts)
    connection.execute("CHECKPOINT")
    with suppress(OSError):  # one that stays is of an older root, and ignored
        copy.unlink()


def put_back(real: Path) -> None:
    """Undo a checkpoint that was cut short, unless its root is on disk, and remove the copy.

    Only for the writer, before the engine opens the file. If another program has it open, nothing
    is done: the engine will say so. Raises DiskTrouble if this user may not do that.
    """
    for copy in map(copy_of, names_of(real)):
        if not os.path.lexists(copy) or not real.is_file():
            continue
        try:
            parts = list(_parts(read_file(copy)))
            descriptor = os.open(real, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        except PermissionError:
            raise DiskTrouble(
                f"A write into {real.name} was cut short, and this user may not put it right from "
                f"{copy.name}. Run this as its owner."
            ) from None
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for offset, data in _torn(descriptor, parts):
                _write_at(descriptor, data, offset)
            os.fsync(descriptor)
        except BlockingIOError:
            return
        finally:
            os.close(descriptor)
        copy.unlink(missing_ok=True)


def _places(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[int, int]]:
    """Offset and length of what a checkpoint may write in place."""
    yield from ((number * _HEADER, _HEADER) for number in range(_HEADERS))
    blocks = connection.execute(
        """SELECT block_id, block_size
           FROM system.main.pragma_metadata_info(), system.main.pragma_database_size()
           WHERE database_name = current_database() ORDER BY block_id"""
    )
    for block, size in blocks.fetchall():
        yield _HEADERS * _HEADER + block * size, size


def _write(path: Path, content: bytes) -> None:
    """Write a private file. Half of it has another SHA-256, so it needs no other name first."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    with suppress(PermissionError):  # a folder that this user may write but not read
        make_durable(path.parent)


def _parts(content: bytes) -> Iterator[Part]:
    """The parts in a copy; none if it is not whole: then no checkpoint had begun."""
    said, at = content[:_DIGEST], _DIGEST
    is_whole = said == sha256(content[_DIGEST:]).digest()
    while is_whole and at < len(content):
        offset, length = _PLACE.unpack_from(content, at)
        at += _PLACE.size + length
        yield offset, content[at - length : at]


def _torn(descriptor: int, parts: list[Part]) -> Iterator[Part]:
    """The saved parts to put back.

    There are none if the file is another one, or has another root by now: a checkpoint leaves the
    main header and one of the two roots as they were.
    """
    size = os.fstat(descriptor).st_size
    if [offset for offset, _ in parts[:_HEADERS]] != [n * _HEADER for n in range(_HEADERS)]:
        return
    if any(offset + len(saved) > size for offset, saved in parts):
        return
    now = [os.pread(descriptor, len(saved), offset) for offset, saved in parts]
    pairs = list(zip(parts, now, strict=True))
    as_saved = [found == saved for (_, saved), found in pairs[:_HEADERS]]
    has_other = any(found != saved and _is_whole(found) for (_, saved), found in pairs[:_HEADERS])
    if not as_saved[0] or not any(as_saved[1:]) or has_other:
        return
    for part, found in pairs:
        if not _is_whole(found):
            yield part


def _write_at(descriptor: int, data: bytes, offset: int) -> None:
    """Write all of it, or raise OSError: a full disk may take a part first."""
    while data:
        written = os.pwrite(descriptor, data, offset)
        data, offset = data[written:], offset + written


def _is_whole(part: bytes) -> bool:
    """Whether a header or block has the checksum that it begins with."""
    if not part or len(part) % 8:  # the end of a file that is too short
        return False
    said, *words = struct.unpack(f"<{len(part) // 8}Q", part)
    found = _FIRST
    for word in words:
        found ^= word * _FACTOR % _WORD
    return bool(found == said)

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
import stat
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
_BLOCK_SIZE = slice(40, 48)  # of a root: the size of the file's blocks
_MORE_THAN_FILE = 1 << 20  # bytes of a copy beyond its file's: digest and places
_ROOT = 0  # the user who may write any file
Part = tuple[int, bytes]
"""Offset and bytes of a part of the file."""


def copy_of(warehouse: Path) -> Path:
    """Where the parts of a warehouse of that name lie while a checkpoint writes over them."""
    return warehouse.with_name(f".{warehouse.name}.rescue")


def was_cut_short(real: Path) -> bool:
    """Whether a checkpoint on a warehouse, under any name in its folder, has not ended."""
    return any(os.path.lexists(copy_of(name)) for name in names_of(real))


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
    is done: the engine will say so. Raises DiskTrouble if this user may not do that or if something
    else has the name of the copy, and OSError if the disk fails: the copy stays then.
    """
    for copy in map(copy_of, names_of(real)):
        if not os.path.lexists(copy) or not real.is_file():
            continue
        try:
            _put_back_from(copy, real)
        except BlockingIOError:
            return
        except PermissionError:
            raise DiskTrouble(
                f"A write into {real.name} was cut short, and this user may not put it right from "
                f"{copy.name} next to it. Run this as the owner of that file, who may write both "
                "and their folder, or move it away if it is not of this program."
            ) from None
        except ValueError:
            raise DiskTrouble(
                f"{copy.name} next to the warehouse {real.name} is not what a write that was cut "
                "short leaves there. Move it away, then run again."
            ) from None


def _put_back_from(copy: Path, real: Path) -> None:
    """Do that from one copy. Raises BlockingIOError if another program has the file open."""
    parts = _parts(_read(copy, real.stat()))
    descriptor = os.open(real, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for offset, data in _made_good(descriptor, parts):
            _write_at(descriptor, data, offset)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    copy.unlink(missing_ok=True)


def _read(copy: Path, file: os.stat_result) -> bytes:
    """The bytes of a copy. Raises ValueError if it cannot be one, PermissionError if not of us."""
    found = copy.lstat()
    if not stat.S_ISREG(found.st_mode) or found.st_size > file.st_size + _MORE_THAN_FILE:
        raise ValueError
    if found.st_uid not in (os.geteuid(), file.st_uid, _ROOT):
        raise PermissionError
    return read_file(copy)


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


def _parts(content: bytes) -> list[Part]:
    """The parts in a copy; none if it is not whole: then no checkpoint had begun.

    Raises ValueError if they are not the headers and then blocks.
    """
    said, at = content[:_DIGEST], _DIGEST
    parts: list[Part] = []
    if said != sha256(content[_DIGEST:]).digest():
        return parts
    while at < len(content):
        offset, length = _PLACE.unpack(content[at : (at := at + _PLACE.size)].ljust(_PLACE.size))
        parts.append((offset, content[at : (at := at + length)]))
    headers, blocks = parts[:_HEADERS], parts[_HEADERS:]
    places = [(offset, len(header)) for offset, header in headers]
    sizes = {int.from_bytes(root[_BLOCK_SIZE], "little") for _, root in headers[1:]} - {0}
    if (
        at != len(content)
        or places != [(number * _HEADER, _HEADER) for number in range(_HEADERS)]
        or any(len(block) not in sizes for _, block in blocks)
        or any((offset - _HEADERS * _HEADER) % len(block) for offset, block in blocks)
    ):
        raise ValueError
    return parts


def _made_good(descriptor: int, parts: list[Part]) -> Iterator[Part]:
    """The parts as they are to be on disk: as saved if they are torn, otherwise as they are.

    Those are written too, as the disk may lack what a sync that failed has left in memory. There
    are none if the file is another one. Nothing is torn that counts if it has another root by now:
    a checkpoint leaves the main header and one of the two roots as they were.
    """
    size = os.fstat(descriptor).st_size
    if any(offset + len(saved) > size for offset, saved in parts):
        return
    now = [os.pread(descriptor, len(saved), offset) for offset, saved in parts]
    pairs = list(zip(parts, now, strict=True))
    as_saved = [found == saved for (_, saved), found in pairs[:_HEADERS]]
    has_other = any(found != saved and _is_whole(found) for (_, saved), found in pairs[:_HEADERS])
    if not any(as_saved[:1]):
        return
    counts = any(as_saved[1:]) and not has_other
    for (offset, saved), found in pairs:
        is_torn = counts and _is_whole(saved) and not _is_whole(found)
        yield offset, saved if is_torn else found


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

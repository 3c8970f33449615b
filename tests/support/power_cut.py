"""What a disk holds after a power cut: recorded file operations, replayed without what was lost.

A file's data is safe once the file was synced, a name (made, changed or removed) once its folder
was. What was not synced may be lost; here it is, in three ways (`LOST`). Operations that the record
does not name, such as modes and owners, are left out.
"""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

LOST = ("names and data", "data", "some writes")
"""Everything that was not synced; only data; a random part of the pages written to
each file."""
_PAGE = 4096
_LINE = re.compile(rb"(\w+) ([^\n]*)\n")
Change = tuple[int, bytes | None]
"""Offset and data of a write; the length and None for a truncation."""


@dataclass
class _File:
    """A file: what is safe, and the changes since. `data` is what a reader sees."""

    safe: bytes = b""
    data: bytearray = field(default_factory=bytearray)
    changes: list[Change] = field(default_factory=list)

    def change(self, change: Change) -> None:
        self.changes.append(change)
        _apply(self.data, change)

    def sync(self) -> None:
        self.safe, self.changes = bytes(self.data), []

    def left(self, lost: str, chance: random.Random) -> bytes:
        """What is on disk after a power cut."""
        data = bytearray(self.safe)
        if lost == "some writes":
            for change in self.changes:
                for part in _pages(change):
                    if chance.random() < 0.5:
                        _apply(data, part)
        return bytes(data)


@dataclass
class _Folder:
    """A folder: the names that a reader sees, and those that are safe."""

    names: dict[str, "_File | _Folder"] = field(default_factory=dict)
    safe: dict[str, "_File | _Folder"] = field(default_factory=dict)

    def sync(self) -> None:
        self.safe = dict(self.names)


class Disk:
    """A folder of a disk, as it is now and as a power cut would leave it."""

    def __init__(self, base: Path, recorded_in: Path) -> None:
        """Begin with what a folder holds, all of it safe; operations name it `recorded_in`."""
        self._root, self._prefix = _read(base), f"{recorded_in}/"
        self._open: dict[int, _File | _Folder] = {}
        self._names: dict[int, str] = {}

    def follow(self, record: bytes) -> Iterator[tuple[str, str]]:
        """Do the recorded operations one by one.

        Yields the name of each when it is done, and of a sync also that of the file.
        """
        at = 0
        while at < len(record):
            match = _LINE.match(record, at)
            assert match
            name, given = match[1].decode(), match[2].decode()
            at = match.end()
            if name == "write":
                descriptor, offset, length = map(int, given.split())
                self._file(descriptor).change((offset, record[at : at + length]))
                at += length
            else:
                self._do(name, given)
            yield name, self._names.get(int(given), "") if name == "fsync" else ""

    def write_to(self, target: Path, lost: str | None, seed: int = 0) -> None:
        """Write what a power cut leaves; without one (None) what a reader sees."""
        _write(self._root, target, lost, random.Random(seed))

    def _do(self, name: str, given: str) -> None:
        match name:
            case "open":
                descriptor, is_emptied, path = given.split(" ", 2)
                folder, last = self._place(path)
                found = folder.names.setdefault(last, _File()) if last else folder
                self._open[int(descriptor)] = found
                self._names[int(descriptor)] = last
                if is_emptied == "1" and isinstance(found, _File) and found.data:
                    found.change((0, None))
            case "truncate":
                descriptor, length = given.split()
                self._file(int(descriptor)).change((int(length), None))
            case "fsync":
                self._open[int(given)].sync()
            case "rename":
                old, new = (self._place(path) for path in given.split("\t"))
                new[0].names[new[1]] = old[0].names.pop(old[1])
            case "unlink":
                folder, last = self._place(given)
                del folder.names[last]
            case "mkdir":
                folder, last = self._place(given)
                folder.names[last] = _Folder()
            case _:
                raise AssertionError(name)

    def _file(self, descriptor: int) -> _File:
        found = self._open[descriptor]
        assert isinstance(found, _File)
        return found

    def _place(self, path: str) -> tuple[_Folder, str]:
        """The folder of a path, and its last name there."""
        *parents, last = f"{path}/".removeprefix(self._prefix).rstrip("/").split("/")
        folder = self._root
        for name in parents:
            found = folder.names[name]
            assert isinstance(found, _Folder)
            folder = found
        return folder, last


def _pages(change: Change) -> list[Change]:
    """What a disk writes at once: a page of a write, or a truncation."""
    offset, written = change
    if written is None:
        return [change]
    return [(offset + n, written[n : n + _PAGE]) for n in range(0, len(written), _PAGE)]


def _apply(data: bytearray, change: Change) -> None:
    offset, written = change
    if written is None:
        del data[offset:]
        data.extend(bytes(offset - len(data)))
    else:
        data.extend(bytes(max(0, offset - len(data))))
        data[offset : offset + len(written)] = written


def _read(base: Path) -> _Folder:
    folder = _Folder()
    for path in base.iterdir():
        if path.is_dir():
            folder.names[path.name] = _read(path)
        else:
            data = path.read_bytes()
            folder.names[path.name] = _File(data, bytearray(data))
    folder.sync()
    return folder


def _write(folder: _Folder, target: Path, lost: str | None, chance: random.Random) -> None:
    target.mkdir(mode=0o700)
    names = folder.safe if lost == LOST[0] else folder.names
    for name, found in names.items():
        if isinstance(found, _Folder):
            _write(found, target / name, lost, chance)
        else:
            data = bytes(found.data) if lost is None else found.left(lost, chance)
            (target / name).write_bytes(data)
            (target / name).chmod(0o600)

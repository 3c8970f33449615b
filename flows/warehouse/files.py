"""Files by their real names: replaced as a whole, on disk, with their owner and mode."""

import errno
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from flows import ending
from flows.errors import DiskTrouble, UsageError
from flows.provenance import digest

PRIVATE = 0o600
_NOT_IN_PATHS = "?\\"
_LONGEST_NAME = 243  # bytes: `.NAME.work` and `NAME.wal` must fit into the 255 of a file system


def real_path(path: Path) -> Path:
    """The absolute path of a file or folder, with every link followed; it may not exist yet."""
    return Path(os.path.realpath(path))


def path_digest(path: Path) -> str:
    """What tells a path from others, as 16 hexadecimal digits."""
    return digest(os.fsencode(path).hex())[:16]


def scratch_of(warehouse: Path) -> Path:
    """The folder next to a warehouse in which its only writer works."""
    real = real_path(warehouse)
    return real.with_name(f".{real.name}.work")


def log_of(warehouse: Path) -> Path:
    """Where the engine keeps the log of a database of that name."""
    return warehouse.with_name(f"{warehouse.name}.wal")


def names_of(real: Path) -> list[Path]:
    """A file's names in its folder: the given one, then the others (hard links) in order."""
    if not real.is_file() or real.stat().st_nlink == 1 or not os.access(real.parent, os.R_OK):
        return [real]
    others = (
        other
        for other in sorted(real.parent.iterdir())
        if other != real and os.path.lexists(other) and os.path.samestat(other.lstat(), real.stat())
    )
    return [real, *others]


def refuse_unusable(warehouse: Path) -> None:
    """Raise UsageError if the engine cannot open a file of that path."""
    found = [character for character in _NOT_IN_PATHS if character in str(real_path(warehouse))]
    if found:
        raise UsageError(
            f"The path of the warehouse {warehouse.name!r} has a {found[0]} in it, which the "
            "database engine reads as something else. Choose another folder or name."
        )
    if os.fsencode(real_path(warehouse)).decode(errors="replace") != str(real_path(warehouse)):
        raise UsageError(
            "The path of the warehouse is not UTF-8, which the database engine cannot open. "
            "Choose another folder or name."
        )
    if len(os.fsencode(warehouse.name)) > _LONGEST_NAME:
        raise UsageError(
            f"The name of the warehouse has more than {_LONGEST_NAME} bytes, which leaves no room "
            "for the names of the files next to it. Choose a shorter one."
        )


def refuse_unwritable(folder: Path, option: str) -> None:
    """Raise DiskTrouble or UsageError unless a folder can be written, or made if it is not there.

    Permissions alone do not show it: the file system may be read-only or full, or not a real one.
    """
    real = real_path(folder)
    nearest = next(path for path in (real, *real.parents) if os.path.lexists(path))
    if not nearest.is_dir():
        where = "a file" if nearest == real else "below a file"
        raise UsageError(f"{option} {folder.name!r} is {where}. Name a folder.")
    try:
        Path(tempfile.mkdtemp(prefix=".writable-", dir=nearest)).rmdir()
    except OSError as error:
        raise DiskTrouble(
            f"{option} {folder.name!r} cannot be written ({error.strerror}). "
            "Name another folder, or give this user write access and room there."
        ) from None


def make_folder(folder: Path) -> None:
    """Make a folder for its owner alone, with its parents, and wait until they are on disk.

    Otherwise a power cut could lose the folder with everything that is put into it.
    """
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for made in missing or [folder]:  # a killed run may have made it without waiting
        with suppress(PermissionError):  # a folder that this user may write but not read
            make_durable(made.parent)


def empty_folder(folder: Path) -> None:
    """Make a folder for its owner alone, without anything in it. A link is not followed.

    The folder itself stays if it is there: it may be locked.
    """
    if folder.is_symlink():
        raise NotADirectoryError(errno.ENOTDIR, "a link")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def replace_file(new: Path, target: Path) -> None:
    """Give a complete file the name of another. A link is followed: the file behind it changes.

    The file keeps the owner and mode of the one that it replaces. Both are on disk afterwards, or
    the old file is as it was. Raises DiskTrouble if the owner cannot be kept, or the old file is a
    mount.
    """
    real = real_path(target)
    if real.exists():
        keep_owner_and_mode(real, new)
    make_durable(new)
    try:
        new.replace(real)
    except OSError as error:
        if error.errno == errno.EBUSY:
            raise DiskTrouble(
                f"{real.name} is mounted as a single file, which cannot be replaced. Mount its "
                "folder instead, or run the command where the file lies."
            ) from None
        if error.errno != errno.EXDEV:
            raise
        _replace_across(new, real)
    make_durable(real.parent)


def write_whole(path: Path, content: bytes) -> None:
    """Write a private file, which gets its name when all of it is on disk."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".unfinished-")
    unfinished = Path(name)
    ending.leaves(unfinished)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
        make_durable(unfinished)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    make_durable(path.parent)


def move_aside(path: Path) -> Path:
    """Rename a file, folder or link that is in the way; returns its new name in the same folder."""
    number = 1
    while os.path.lexists(aside := path.with_name(f"set-aside-{number}-{path.name}")):
        number += 1
    path.rename(aside)
    make_durable(path.parent)
    return aside


def keep_owner_and_mode(old: Path, new: Path) -> None:
    """Give a new file the owner, group and mode of an old one. Raises DiskTrouble."""
    was, now = old.stat(), new.stat()
    try:
        if (was.st_uid, was.st_gid) != (now.st_uid, now.st_gid):
            os.chown(new, was.st_uid, was.st_gid)
    except PermissionError:
        raise DiskTrouble(
            f"{old.name} belongs to another user or group, and this user cannot give them a new "
            "file. Run the command as the owner."
        ) from None
    new.chmod(was.st_mode & 0o7777)


def _replace_across(new: Path, real: Path) -> None:
    """Replace a file by one of another file system: copied first, so that no reader sees half."""
    near = real.with_name(f".{real.name}.new")
    near.unlink(missing_ok=True)
    near.touch(mode=PRIVATE)
    shutil.copyfile(new, near)
    keep_owner_and_mode(new, near)
    make_durable(near)
    near.replace(real)
    new.unlink()


def make_durable(path: Path) -> None:
    """Wait until a file or folder is on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

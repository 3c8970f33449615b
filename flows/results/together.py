"""Publish several files of one folder at once.

POSIX renames one name at a time, so each file is a link through one link to the folder that holds
them all:

    quarantine.parquet -> .failed-checks/quarantine.parquet
    warnings.parquet   -> .failed-checks/warnings.parquet
    .failed-checks     -> .failed-checks-a1b2c3

Replacing the last link replaces all of them. Whoever reads or copies a file follows the links.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from flows import ending
from flows.errors import WarehouseBusy
from flows.warehouse.files import make_durable, make_folder

CURRENT = ".failed-checks"


@contextmanager
def published_together(output: Path) -> Iterator[Path]:
    """Yield an empty folder; its files get their names in the output folder together at the end.

    If the block fails, or its process is killed, the output folder shows the files of before.
    Raises WarehouseBusy if another process is publishing here.
    """
    make_folder(output)
    with _locked(output):
        _sweep(output)
        fresh = _new_folder(output)
        ending.leaves(fresh)
        try:
            yield fresh
            ending.commits()
            ending.keeps(fresh)
            _link_names(output, sorted(path.name for path in fresh.iterdir()))
            _point(output / CURRENT, fresh.name)
            make_durable(output)
        finally:
            _sweep(output)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise WarehouseBusy(
            "Another `validate` is writing into the output folder. "
            "Wait for it to end, or name another with --output."
        ) from None
    finally:
        os.close(descriptor)


def _new_folder(output: Path) -> Path:
    return Path(mkdtemp(prefix=f"{CURRENT}-", dir=output))


def _sweep(output: Path) -> None:
    """Remove what is not published: the files of before, and what a killed process left."""
    current = output / CURRENT
    published = current.readlink().name if current.is_symlink() else None
    for path in output.glob(f"{CURRENT}-*"):
        if path.is_symlink():
            path.unlink()
        elif path.name != published:
            shutil.rmtree(path, ignore_errors=True)


def _link_names(output: Path, names: list[str]) -> None:
    """Make each name a link; what it shows changes only when CURRENT does.

    Plain files of before go into a folder first, so that they too are replaced at once.
    """
    if not (output / CURRENT).is_symlink():
        before = _new_folder(output)
        plain = [output / name for name in names if (output / name).is_file()]
        for path in plain:
            shutil.copy2(path, before)
        if plain:
            _point(output / CURRENT, before.name)
    for name in names:
        _point(output / name, f"{CURRENT}/{name}")


def _point(link: Path, target: str) -> None:
    """Make a link, or replace one, or a file, in one step."""
    if link.is_symlink() and str(link.readlink()) == target:
        return
    fresh = link.with_name(f"{CURRENT}-link")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.replace(link)

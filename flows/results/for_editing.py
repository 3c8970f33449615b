"""What a run writes for people to edit, next to results that are published already."""

import os
import re
import zipfile
import zlib
from pathlib import Path

from flows.provenance import sha256_of
from flows.warehouse.files import make_durable

MADE_FROM = "carried_from"
"""The property of a work-paper that identifies the one from which something was carried."""
_PROPERTIES = "docProps/custom.xml"
_VALUE = re.compile(rf'name="{MADE_FROM}"[^>]*>\s*<vt:lpwstr>([^<]*)<'.encode())


def add_for_editing(fresh: Path, kept: Path) -> str | None:
    """Add a file that people edit if it is missing; report one that is another by now."""
    if not fresh.exists():
        return None
    if not os.path.lexists(kept):
        fresh.rename(kept)
        make_durable(kept.parent)
        return None
    if kept.is_file() and sha256_of(kept) == sha256_of(fresh):
        return None
    if _made_from(kept) in (None, _made_from(fresh)):
        return f"{kept.name} was edited after it was written, and is left alone."
    return (
        f"{kept.name} is left alone, and the work-paper before it is another one by now. To carry "
        "what that says, move this one away and run again."
    )


def _made_from(file: Path) -> str | None:
    """The property MADE_FROM of a work-paper, empty if it has none; None if it cannot be read."""
    try:
        with zipfile.ZipFile(file) as parts:
            if _PROPERTIES not in parts.namelist():
                return ""
            found = _VALUE.search(parts.read(_PROPERTIES))
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, zlib.error):
        return None
    return found[1].decode(errors="replace") if found else ""

"""Turn the engine's errors about a warehouse into errors that a user can act on."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from audit_rules.errors import AuditError
from audit_rules.given_files import is_irregular
from flows.errors import DiskTrouble, FileDamaged, WarehouseBusy, is_damage
from flows.warehouse.files import real_path

RESTORE = "Restore it from a backup, or name another warehouse with --warehouse."
_SAID: tuple[tuple[str, type[AuditError], str], ...] = (
    (
        "lock on file",
        WarehouseBusy,
        "The warehouse {name} cannot be opened: another program has it open. "
        "Close that program, or name another warehouse with --warehouse.",
    ),
    (
        "permission denied",
        DiskTrouble,
        "This user may not open the warehouse {name}. Run the command as its owner.",
    ),
    (
        "is a directory",
        DiskTrouble,
        "{name} is a folder. Name another warehouse with --warehouse.",
    ),
    (
        "not a valid duckdb database file",
        DiskTrouble,
        "{name} is not a DuckDB file, or no longer one. " + RESTORE,
    ),
    *(
        (
            said,
            FileDamaged,
            "The warehouse {name} cannot be opened: its log {name}.wal is of another file, or of "
            "another state of this one, as after a restore. Move the log away; what only it "
            "holds is not in the warehouse.",
        )
        for said in ("this wal ", "wal does not match")
    ),
    (
        "with version number",
        DiskTrouble,
        "{name} was written by a version of DuckDB that this program cannot read. " + RESTORE,
    ),
)
"""What DuckDB says in lower case, the kind of error, and what to report."""


@contextmanager
def opening(warehouse: Path) -> Iterator[None]:
    """Report why a warehouse cannot be opened or read.

    Raises WarehouseBusy if another program has it open, and DiskTrouble if this user may not open
    it, if it is not a DuckDB file, or if it is damaged.
    """
    real = real_path(warehouse)
    for file in (real, real.with_name(f"{real.name}.wal")):
        if is_irregular(file):  # the engine would wait for whoever writes into a pipe
            raise DiskTrouble(
                f"{file.name} is a pipe or device, not a file. Remove it, or name another "
                "warehouse with --warehouse."
            )
    try:
        yield
        return
    except duckdb.Error as error:
        failure = _meaning(error, warehouse.name)
        if failure is None:
            raise
    raise failure


def _meaning(error: duckdb.Error, name: str) -> AuditError | None:
    text = str(error).lower()
    for said, kind, sentences in _SAID:
        if said in text:
            return kind(sentences.format(name=name))
    if is_damage(error):
        return FileDamaged(f"The warehouse {name} is damaged: bytes are lost or changed. {RESTORE}")
    return None

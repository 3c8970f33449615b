"""Turn the engine's errors about a warehouse into errors that a user can act on."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from audit_rules.errors import AuditError
from audit_rules.given_files import is_irregular
from flows.errors import DiskTrouble, FileDamaged, WarehouseBusy, WriteCutShort, is_damage
from flows.warehouse.files import log_of, names_of, real_path
from flows.warehouse.rescue import was_cut_short

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
    for file in (real, log_of(real)):
        if is_irregular(file):  # the engine would wait for whoever writes into a pipe
            raise DiskTrouble(
                f"{file.name} is a pipe or device, not a file. Remove it, or name another "
                "warehouse with --warehouse."
            )
    _refuse_other_log(real)
    try:
        yield
        return
    except duckdb.Error as error:
        failure = _meaning(error, warehouse)
        if failure is None:
            raise
    raise failure


def _refuse_other_log(real: Path) -> None:
    """Raise DiskTrouble if a log of the file lies beside another name of it in the same folder."""
    for other in names_of(real)[1:]:
        if log_of(other).exists():
            raise DiskTrouble(
                f"The warehouse {real.name} is also called {other.name}, and the log "
                f"{log_of(other).name} may hold what this name does not show: a program was "
                f"killed there. Run or decide once with --warehouse {other.name}."
            )


def _meaning(error: duckdb.Error, warehouse: Path) -> AuditError | None:
    text, name = str(error).lower(), warehouse.name
    for said, kind, sentences in _SAID:
        if said in text:
            return kind(sentences.format(name=name))
    if is_damage(error) and was_cut_short(real_path(warehouse)):
        return WriteCutShort(
            f"A write into the warehouse {name} was cut short, by a kill or a power cut. "
            "The next run or decide puts it right."
        )
    if is_damage(error):
        return FileDamaged(
            f"The warehouse {name} is damaged: bytes are lost or changed. If a command was killed "
            "while it had another name or folder, move it back there, beside .NAME.rescue, and "
            f"run or decide once. {RESTORE}"
        )
    return None

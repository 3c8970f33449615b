"""Control files: `EXTRACT.done` next to an extract states what the sender wrote.

A control file is TOML with any of `rows` (records without the header) and `sha256` (of the file's
bytes, in hex). Both are checked against what is read.
"""

import tomllib

from pydantic import BaseModel, ConfigDict, Field

from audit_rules.given_files import read_file
from flows.errors import InputRefused
from flows.intake.landing import CONTROL_SUFFIX, ExtractFile


class ControlFile(BaseModel):
    """What a control file may state."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rows: int | None = Field(default=None, ge=0, strict=True)
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-fA-F]{64}$")


def check_hash(extract: ExtractFile, sha256: str) -> None:
    """Compare the file's hash with the one in its control file. Raises InputRefused."""
    stated = _read_control_file(extract)
    if stated.sha256 is not None and stated.sha256.lower() != sha256:
        raise InputRefused(
            f"{extract.name}: its SHA-256 differs from the one in its control file. "
            "Transfer it again."
        )


def check_rows(extract: ExtractFile, rows: int) -> None:
    """Compare the number of records read with the control file's. Raises InputRefused."""
    stated = _read_control_file(extract)
    if stated.rows is not None and stated.rows != rows:
        raise InputRefused(
            f"{extract.name}: {rows} records read, but its control file states {stated.rows}. "
            "Transfer it again."
        )


def _read_control_file(extract: ExtractFile) -> ControlFile:
    path = extract.control
    if path is None:
        return ControlFile()
    try:
        return ControlFile.model_validate(tomllib.loads(read_file(path).decode("utf-8")))
    except (OSError, ValueError, RecursionError):  # not text, not TOML, or other keys
        raise InputRefused(
            f"{extract.name}{CONTROL_SUFFIX}: not a valid control file "
            '(TOML with rows = N and sha256 = "..."). Fix or remove it.'
        ) from None

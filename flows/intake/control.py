"""Control files: `EXTRACT.done` beside an extract states what the sender wrote, and is held against what is read.

A control file is TOML with any of `rows` (records without the header) and `sha256` (of the file's bytes, hex).
"""

import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from flows.errors import InputRefused
from flows.intake.landing import CONTROL, Extract


class Control(BaseModel):
    """What a control file may state."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rows: int | None = Field(default=None, ge=0, strict=True)
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-fA-F]{64}$")


def check_control(extract: Extract, sha256: str) -> None:
    """Hold the file's hash against its control file. Raises InputRefused."""
    stated = _control(extract)
    if stated.sha256 is not None and stated.sha256.lower() != sha256:
        raise InputRefused(
            f"{extract.name}: its bytes are not those its control file states. Transfer it again."
        )


def check_rows(extract: Extract, rows: int) -> None:
    """Hold the number of records read against the control file. Raises InputRefused."""
    stated = _control(extract)
    if stated.rows is not None and stated.rows != rows:
        raise InputRefused(
            f"{extract.name}: {rows} records read, but its control file states {stated.rows}. Transfer it again."
        )


def _control(extract: Extract) -> Control:
    path = Path(f"{extract.path}{CONTROL}")
    if not path.exists():
        return Control()
    try:
        return Control.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, RecursionError):  # what is no text, no TOML or no control file
        raise InputRefused(
            f'{extract.name}{CONTROL}: no control file: it is TOML with rows = N and sha256 = "...". Mend or remove it.'
        ) from None

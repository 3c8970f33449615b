"""Where results come from: the version of the program, digests of what it read, and the run id."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from audit_rules.given_files import open_file

_RUN_ID_DIGITS = 16
_PROGRAM = ("audit_rules", "flows", "schemas")
_PROGRAM_FILES = (".py", ".sql", ".csv", ".toml")
_ENGINES = ("duckdb", "polars", "vl-convert-python")
"""Libraries that decide how results are written."""


def digest(*lines: str) -> str:
    """SHA-256 of lines of text, in hexadecimal."""
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with open_file(path) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def program_version() -> str:
    """The version of this program, as installed."""
    return version("claims-audit")


def sql_folder() -> Path:
    """The folder of the SQL statements, in a checkout or installed."""
    packaged = Path(str(files("flows") / "sql"))
    return packaged if packaged.is_dir() else Path(__file__).resolve().parent.parent / "sql"


@cache
def program_digest() -> str:
    """A digest of the program's own files: no run builds on the answers of another program."""
    folders = [sql_folder(), *(Path(str(files(package))) for package in _PROGRAM)]
    paths = {p for folder in folders for p in folder.rglob("*") if p.suffix in _PROGRAM_FILES}
    return digest(*sorted(hashlib.sha256(p.read_bytes()).hexdigest() for p in paths))


def program_and_engines() -> list[str]:
    """What decides results besides rows and texts: version and digest of the program, engines."""
    return [program_version(), program_digest(), *(f"{e} {version(e)}" for e in _ENGINES)]


@dataclass(frozen=True)
class Texts:
    """What answers depend on besides the rows and the date.

    policies    document id -> SHA-256, in the library's order.
    reference   file -> SHA-256.
    config      the settings as JSON, without those on which no answer depends.
    law         law file or setting -> what decides, after rules have answered, what may be
                collected.
    """

    policies: Mapping[str, str]
    reference: Mapping[str, str]
    config: str
    law: Mapping[str, str] = field(default_factory=dict)

    def judgement_digest(self) -> str:
        """One digest of everything but the law, the program included."""
        return digest(*self._lines(), program_digest())

    def by_document(self) -> dict[str, str]:
        """Document id -> its digest; "" -> a digest of version, config and reference."""
        return {**self.policies, "": digest(program_version(), self.config, *self._reference())}

    def run_id(
        self, as_of: date, options: Iterable[str], lineage: Mapping[str, object] | None = None
    ) -> str:
        """16 hexadecimal digits of everything that results depend on.

        lineage   what the warehouse adds to these texts and options, as JSON can hold it.
        """
        parts = {
            "as_of": as_of.isoformat(),
            "program": program_and_engines(),
            "options": list(options),
            "policies": list(self.policies.items()),
            "reference": self._reference(),
            "config": self.config,
            "law": list(self.law.items()),
            "lineage": lineage or {},
        }
        return digest(json.dumps(parts, sort_keys=True))[:_RUN_ID_DIGITS]

    def _reference(self) -> list[str]:
        return [f"{name} {sha256}" for name, sha256 in sorted(self.reference.items())]

    def _lines(self) -> list[str]:
        return [*self.policies.values(), *self._reference(), self.config]

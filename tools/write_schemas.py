"""schemas/json/TABLE.schema.json, the published schema of each result table, versions.json, what
each version held, policy.schema.json, the schema of a policy file, and law.schema.json.

`make schemas` writes them; a test fails when they are stale. A changed column is refused until
RESULT_SCHEMA_VERSION is raised.
"""

import json
import sys
from pathlib import Path

from audit_rules.law.file_schema import law_file_schema
from audit_rules.policy.file_schema import policy_file_schema
from schemas import json_schema
from schemas.results import RESULT_SCHEMA_VERSION, TABLES
from tests.support.running import ROOT

FOLDER = ROOT / "schemas" / "json"
VERSIONS = "versions.json"


class VersionNotRaised(Exception):
    """A published version means other columns now."""


def published(versions: dict[str, dict[str, str]]) -> dict[str, str]:
    """Every file of the folder, name -> text, given what the versions held so far. Raises
    VersionNotRaised."""
    held = {table: json_schema.fingerprint(table) for table in TABLES}
    known = versions.get(str(RESULT_SCHEMA_VERSION), held)
    moved = sorted({*held.items()} ^ {*known.items()})
    if moved:
        tables = ", ".join(sorted({table for table, _ in moved}))
        raise VersionNotRaised(
            f"Columns of {tables} changed: raise RESULT_SCHEMA_VERSION in schemas/results.py, then"
            " make schemas."
        )
    files = {f"{table}.schema.json": json_schema.json_schema(table) for table in TABLES}
    files["policy.schema.json"] = policy_file_schema()
    files["law.schema.json"] = law_file_schema()
    return {
        name: _text(content)
        for name, content in (
            files | {VERSIONS: versions | {str(RESULT_SCHEMA_VERSION): held}}
        ).items()
    }


def known_versions() -> dict[str, dict[str, str]]:
    """What each version held, as written down."""
    path = FOLDER / VERSIONS
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def _text(content: object) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    try:
        files = published(known_versions())
    except VersionNotRaised as error:
        sys.exit(str(error))
    FOLDER.mkdir(exist_ok=True)
    for name, text in files.items():
        Path(FOLDER / name).write_text(text, encoding="utf-8")

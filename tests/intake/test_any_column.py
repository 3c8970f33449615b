"""Extreme texts in every column of every table: a run ends, and every row is somewhere."""

import json
from pathlib import Path

import polars as pl
import pytest

from schemas.tables import TABLES
from tests.support.extracts import ANY_ERROR_RATE, IMATINIB, Content, Row, as_csv, good, write
from tests.support.nights import night
from tests.support.running import request_for

pytestmark = pytest.mark.slow  # whole runs over hostile input

TEXTS = (
    "\x01\x08\x0b\x0c\x1b\x1c\x1d\x1e\x1f\x7f",
    "a\u0085b\u2028c\u2029d\u202ee\ufffef\uffffg",
    '"\r\n,;|\t""\\\'`',
    "=cmd|' /C calc'!A0",
    "'); DROP TABLE medical_claim; --",
    "<script>alert(1)</script>]]>{{ 7 * 7 }}[red]{payer}%s$1",
    "9" * 400,
    "1e99",
    "-99999999999999999999.99",
    "\u0661\u0662\u0663\u2212\u00bd\u2168\uff11",
    "\u0130\u1e9e\u03a3\u01c5\U0001f4a9\u0301",
    "x" * 40_000,
    "9999-12-31T23:59:60.999999999+99:99",
    "..",
)
PRIVACY = {
    "csv-full": ("full", True),
    "parquet-full": ("full", True),
    "csv-pseudonymised": ("pseudonymised", False),
}


def _rows(table: str) -> list[Row]:
    """A row per column and text, which differ in nothing else that could make them one line."""
    own = {"medical_claim": {"hcpcs_code": "J9229", "ndc_code": IMATINIB}}.get(table, {})
    columns = [column.name for column in TABLES[table].columns]
    sound = dict.fromkeys(columns) | good(table, **own)
    return [
        sound
        | {name: f"{name} {number}" for name in columns if name in ("claim_id", "source")}
        | {column: text}
        for column in columns
        for number, text in enumerate(TEXTS)
    ]


@pytest.mark.parametrize("kind", PRIVACY)
def test_no_text_in_any_column_ends_a_run_or_loses_a_row(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAIMS_AUDIT_PSEUDONYM_KEY", "k" * 32)
    privacy, page = PRIVACY[kind]
    given = {table: _rows(table) for table in TABLES}
    files: dict[str, Content] = {
        f"{table}.parquet": pl.DataFrame(rows, infer_schema_length=None)
        for table, rows in given.items()
    }
    if kind.startswith("csv"):
        files = {f"{table}.csv": as_csv(rows) for table, rows in given.items()}
    (tmp_path / "config.toml").write_text(ANY_ERROR_RATE, encoding="utf-8")
    folder = write(tmp_path / "in", files)
    output, config = tmp_path / "out", tmp_path / "config.toml"
    options = {"privacy": privacy, "page": page, "xlsx": page}
    summary = night(request_for(folder, output, output / "w.duckdb", config=config, **options))
    manifest = json.loads((summary.folder / "manifest.json").read_text(encoding="utf-8"))
    for file in manifest["files"]:
        rows = len(given[file["file"].split(".")[0]])
        counted = ("accepted", "quarantined", "duplicates")
        assert file["rows_read"] == rows == sum(file[name] for name in counted), file
    for counts in manifest["tables"]:
        fates = ("history", "superseded", "reversed", "denied", "after_as_of")
        assert counts["accepted"] == sum(counts[fate] for fate in fates)

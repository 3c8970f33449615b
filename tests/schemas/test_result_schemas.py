"""The published schemas are current, complete, versioned, and true of what a run writes."""

import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import polars as pl
import pytest

from flows.results.tables import write_table
from schemas import describe, json_schema, results
from schemas.describe import GRAINS, described, meaning
from schemas.results import MONEY, TABLES
from tools import write_schemas
from tools.write_schemas import FOLDER, VersionNotRaised, known_versions, published


def test_the_published_schemas_are_current() -> None:
    files = published(known_versions())
    assert {p.name: p.read_text(encoding="utf-8") for p in FOLDER.iterdir()} == files, (
        "run: make schemas"
    )


def _other_place(columns: dict[str, pl.DataType]) -> None:
    columns["outcome"] = columns.pop("outcome")


CHANGES: dict[str, Callable[[dict[str, pl.DataType]], object]] = {
    "gone": lambda columns: columns.pop("plan"),
    "new": lambda columns: columns.update(rationale=pl.String()),
    "other type": lambda columns: columns.update(claim_line_number=pl.String()),
    "fewer cents": lambda columns: columns.update(paid_amount=pl.Decimal(18, 4)),
    "other list": lambda columns: columns.update(rule_ids=pl.List(pl.Int64)),
    "other place": _other_place,
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_column_is_refused_until_the_version_is_raised(
    change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = dict(TABLES["worklist"])
    CHANGES[change](columns)
    monkeypatch.setitem(results.TABLES, "worklist", columns)
    with pytest.raises(VersionNotRaised, match="worklist changed: raise RESULT_SCHEMA_VERSION"):
        published(known_versions())
    monkeypatch.setattr(write_schemas, "RESULT_SCHEMA_VERSION", results.RESULT_SCHEMA_VERSION + 1)
    assert published(known_versions())["versions.json"] != (FOLDER / "versions.json").read_text(
        encoding="utf-8"
    )


def test_a_column_that_may_be_null_at_last_is_a_changed_column(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    nullable = meaning("worklist", "paid_amount")._replace(nullable=True)
    monkeypatch.setitem(describe._IN_ONE_TABLE, ("worklist", "paid_amount"), nullable)
    with pytest.raises(VersionNotRaised, match="worklist"):
        published(known_versions())


def test_other_words_about_a_column_are_not_a_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        describe._IN_ONE_TABLE,
        ("worklist", "plan"),
        meaning("worklist", "plan")._replace(description="A plan"),
    )
    assert "A plan" in published(known_versions())["worklist.schema.json"]


def test_a_new_table_needs_a_new_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(results.TABLES, "another", {"plan": pl.String})
    monkeypatch.setitem(GRAINS, "another", "One row.")
    with pytest.raises(VersionNotRaised, match="another"):
        published(known_versions())


def test_every_column_is_described_and_every_text_is_about_a_column() -> None:
    piece = results.EVIDENCE.inner
    assert isinstance(piece, pl.Struct)
    fields = {f"evidence.{field.name}" for field in piece.fields}
    named = {name for columns in TABLES.values() for name in columns} | fields
    assert described() == named
    assert GRAINS.keys() == TABLES.keys()
    for table, columns in TABLES.items():
        for name, dtype in columns.items():
            assert (meaning(table, name).unit == "US dollars") == (dtype == MONEY), (table, name)


def test_every_row_of_the_sample_is_as_its_schema_says(sample_results: Path) -> None:
    for table in TABLES:
        schema = json.loads((FOLDER / f"{table}.schema.json").read_text(encoding="utf-8"))
        jsonschema.Draft202012Validator.check_schema(schema)
        checker = jsonschema.Draft202012Validator(schema)
        for row in pl.read_parquet(sample_results / f"{table}.parquet").to_dicts():
            checker.validate(json.loads(json.dumps(row, default=str)))


def test_a_row_that_is_not_fails() -> None:
    checker = jsonschema.Draft202012Validator(json_schema.json_schema("rule_coverage"))
    row = {
        "policy_id": "none",
        "rule_id": None,
        "term_id": None,
        "outcome": "pass",
        "reason": None,
        "lines": 3,
    }
    checker.validate(row)
    for wrong in ({"outcome": "maybe"}, {"lines": None}, {"lines": "3"}, {"extra": 1}):
        with pytest.raises(jsonschema.ValidationError):
            checker.validate(row | wrong)


def test_the_same_rows_are_the_same_bytes(tmp_path: Path, sample_results: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for table in TABLES:
            write_table(
                tmp_path / name / table, table, pl.read_parquet(sample_results / f"{table}.parquet")
            )
    assert [(tmp_path / "a" / t).read_bytes() for t in TABLES] == [
        (tmp_path / "b" / t).read_bytes() for t in TABLES
    ]

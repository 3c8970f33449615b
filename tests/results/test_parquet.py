"""Result tables as pandas, DuckDB, Polars and Arrow read them, and as Spark would by type."""

import json
import shutil
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flows.errors import UsageError
from flows.results.manifest import is_complete
from flows.results.partitions import encoded, write_partitions
from flows.results.tables import COLUMNS, TABLE, VERSION, write_table
from schemas.describe import meaning
from schemas.results import EXCEPTION, RESULT_SCHEMA_VERSION, TABLES

Rows = list[dict[str, Any]]
FACT = pl.Schema(EXCEPTION["evidence"].inner.to_schema())  # type: ignore[union-attr]
SECOND_PAYER = "Bl\u00e4u 100% / #1: a=b?*"


def _by_pandas(file: Path) -> Rows:
    return _plain(pd.read_parquet(file, dtype_backend="pyarrow").to_dict("records"))


def _by_duckdb(file: Path) -> Rows:
    reader = duckdb.execute("SELECT * FROM read_parquet(?, hive_partitioning = false)", [str(file)])
    names = [column[0] for column in reader.description]
    return [dict(zip(names, row, strict=True)) for row in reader.fetchall()]


def _by_polars(file: Path) -> Rows:
    return pl.read_parquet(file).to_dicts()


def _by_arrow(file: Path) -> Rows:
    return pq.ParquetFile(file).read().to_pylist()


READERS: dict[str, Callable[[Path], Rows]] = {
    "pandas": _by_pandas,
    "duckdb": _by_duckdb,
    "polars": _by_polars,
    "arrow": _by_arrow,
}


def _plain(rows: Rows) -> Rows:
    """Rows of pandas with None for its kinds of null."""
    return [
        {n: None if not isinstance(v, list | dict) and pd.isna(v) else v for n, v in row.items()}
        for row in rows
    ]


def _exception(**values: object) -> dict[str, object]:
    """An exception with values that readers get wrong: leading zeros, cents, old dates, nulls."""
    by_type = {pl.String: "007", pl.Int64: 2**40, pl.Float64: 0.1, pl.Date: date(1899, 12, 31)}
    row: dict[str, object] = {
        n: by_type.get(t, Decimal("1234567890123456.78")) for n, t in EXCEPTION.items()
    }  # type: ignore[call-overload]
    fact = {n: by_type[type(t)] for n, t in FACT.items()}
    nothing = dict.fromkeys(fact)
    return (
        row
        | {
            "quantity": Decimal("-0.125"),
            "evidence": [fact, nothing, {**fact, "date": None}],
            "documents_needed": ["a, b", 'c "d"', ""],
        }
        | values
    )


HARD = pl.DataFrame(
    [
        _exception(),
        dict.fromkeys(EXCEPTION) | {"evidence": [], "documents_needed": []},
        _exception(
            payer=SECOND_PAYER,
            amount_at_risk=Decimal("0.00"),
            rationale="=1+1\n\u00e9\u4e2d",
            quantity=Decimal(0),
        ),
    ],
    schema=EXCEPTION,
)


@pytest.mark.parametrize("reader", READERS)
def test_every_reader_sees_the_same_values(reader: str, tmp_path: Path) -> None:
    write_table(tmp_path / "exceptions.parquet", "exceptions", HARD)
    read = READERS[reader](tmp_path / "exceptions.parquet")
    assert read == HARD.to_dicts()
    assert [type(v) for v in read[0].values()] == [type(v) for v in HARD.to_dicts()[0].values()]
    assert read[0]["paid_amount"].as_tuple().exponent == -2


@pytest.mark.parametrize("table", TABLES)
def test_every_reader_sees_every_table_of_a_run(table: str, sample_results: Path) -> None:
    expected = pl.read_parquet(sample_results / f"{table}.parquet").to_dicts()
    assert expected
    for name, read in READERS.items():
        assert read(sample_results / f"{table}.parquet") == expected, name


@pytest.mark.parametrize("table", TABLES)
def test_every_reader_sees_an_empty_table(table: str, tmp_path: Path) -> None:
    empty = pl.DataFrame(schema=TABLES[table])
    write_table(tmp_path / f"{table}.parquet", table, empty)
    for name, read in READERS.items():
        assert read(tmp_path / f"{table}.parquet") == [], name
    assert pl.read_parquet(tmp_path / f"{table}.parquet").schema == empty.schema


# ---------------------------------------------------------------- what the schema says


def _leaves(group: Any) -> Iterator[Any]:
    yield from (group.column(i) for i in range(len(group)))


SPARK_READS = {
    ("BYTE_ARRAY", "String"),
    ("INT32", "Date"),
    ("INT64", "None"),
    ("DOUBLE", "None"),
    ("INT64", "Decimal(precision=18, scale=2)"),
    ("INT64", "Decimal(precision=18, scale=3)"),
}
"""Physical and logical types that Spark 3 and 4 read as string, date, bigint, double or decimal."""


@pytest.mark.parametrize("table", TABLES)
def test_spark_can_read_every_type(table: str, sample_results: Path) -> None:
    file = pq.ParquetFile(sample_results / f"{table}.parquet")
    leaves = list(_leaves(file.schema))
    assert {(leaf.physical_type, str(leaf.logical_type)) for leaf in leaves} <= SPARK_READS
    assert all(
        leaf.path.split(".")[1:3] == ["list", "element"]
        for leaf in leaves
        if leaf.max_repetition_level
    )
    chunks = [file.metadata.row_group(0).column(i) for i in range(file.metadata.num_columns)]
    assert {encoding for chunk in chunks for encoding in chunk.encodings} <= {
        "PLAIN",
        "RLE",
        "RLE_DICTIONARY",
    }
    assert {chunk.compression for chunk in chunks} == {"ZSTD"}
    assert not any(set(name) & set(" ,;{}()\n\t=") for name in file.schema_arrow.names)


@pytest.mark.parametrize("table", TABLES)
def test_every_field_states_its_meaning_and_unit(table: str, sample_results: Path) -> None:
    file = pq.ParquetFile(sample_results / f"{table}.parquet")
    assert file.schema_arrow.names == list(TABLES[table])
    for field in file.schema_arrow:
        _says_what_it_means(table, field.name, field)
    about = file.metadata.metadata
    assert (about[TABLE.encode()].decode(), about[VERSION.encode()].decode()) == (
        table,
        str(RESULT_SCHEMA_VERSION),
    )
    columns = json.loads(about[COLUMNS.encode()])
    assert list(columns) == list(TABLES[table])
    assert all(columns[c]["description"] == meaning(table, c).description for c in columns)
    reader = duckdb.execute(
        "SELECT decode(value) FROM parquet_kv_metadata(?) WHERE decode(key) = ?",
        [str(sample_results / f"{table}.parquet"), COLUMNS],
    )
    assert json.loads(reader.fetchall()[0][0]) == columns


def _says_what_it_means(table: str, name: str, field: pa.Field) -> None:
    means = meaning(table, name)
    said = {key.decode(): value.decode() for key, value in field.metadata.items()}
    unit = {"unit": means.unit} if means.unit else {}
    assert {k: v for k, v in said.items() if not k.startswith("PARQUET:")} == {
        "description": means.description
    } | unit
    if pa.types.is_large_list(field.type) and pa.types.is_struct(field.type.value_type):
        for inner in field.type.value_type:
            _says_what_it_means(table, f"{name}.{inner.name}", inner)


# ---------------------------------------------------------------- by payer


def test_readers_find_the_payer_in_the_name_of_the_folder(tmp_path: Path) -> None:
    some = HARD.filter(pl.col("payer").is_not_null()).with_columns(
        payer=pl.Series(["Cigna 1", SECOND_PAYER])
    )
    write_partitions(tmp_path, "exceptions", some, "payer")
    folder = tmp_path / "exceptions"
    payers = {"Cigna 1", SECOND_PAYER}
    assert set(pl.read_parquet(folder)["payer"]) == payers
    assert set(pq.read_table(folder)["payer"].to_pylist()) == payers
    assert set(pd.read_parquet(folder)["payer"]) == payers
    found = duckdb.execute(
        "SELECT payer FROM read_parquet(?, hive_partitioning = true)", [f"{folder}/*/*.parquet"]
    )
    assert {payer for (payer,) in found.fetchall()} == payers
    by_rule = pl.read_parquet(folder).select(some.columns).sort("payer")
    assert by_rule.equals(some.sort("payer"))


def test_a_folders_name_is_percent_encoded() -> None:
    assert encoded("Blue Cross & Co./NC=1") == "Blue%20Cross%20%26%20Co.%2FNC%3D1"
    assert (
        encoded("..") == ".."
        and encoded("a\n%") == "a%0A%25"
        and encoded("B\u00e4u_x-1") == "B\u00e4u_x-1"
    )


def test_a_payer_too_long_for_the_name_of_a_folder_is_refused(tmp_path: Path) -> None:
    some = HARD.head(1).with_columns(payer=pl.lit("P" * 250))
    with pytest.raises(UsageError, match="too long to name a folder"):
        write_partitions(tmp_path, "exceptions", some, "payer")


def test_a_run_by_payer_is_complete_hashed_and_private(sample_results: Path) -> None:
    parts = sorted(sample_results.glob("exceptions/*/*"))
    manifest = json.loads((sample_results / "manifest.json").read_text(encoding="utf-8"))
    assert {"payer=bcbsnc", "payer=cigna", "payer=mmm", "payer=nanthealth"} <= {
        p.parent.name for p in parts
    }
    assert {p.relative_to(sample_results).as_posix() for p in parts} <= manifest["results"].keys()
    whole = pl.read_parquet(sample_results / "exceptions.parquet")
    split = pl.concat([pl.read_parquet(p, hive_partitioning=False) for p in parts])
    key = ["exception_id"]
    assert split.sort(key).equals(whole.drop("payer").sort(key))
    assert manifest["result_schema_version"] == RESULT_SCHEMA_VERSION
    for path in sample_results.rglob("*"):
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path.name
    assert is_complete(sample_results)


def test_a_run_with_a_damaged_part_is_not_complete(sample_results: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(sample_results, copy)
    assert is_complete(copy)
    part = next(copy.glob("exceptions/*/*"))
    part.write_bytes(part.read_bytes() + b"x")
    assert not is_complete(copy)


def test_a_run_with_a_link_for_a_result_is_not_complete(
    sample_results: Path, tmp_path: Path
) -> None:
    """`verify` names such a link; a rerun left the folder as it was, so that it stayed there."""
    copy = tmp_path / "copy"
    shutil.copytree(sample_results, copy)
    part = next(copy.glob("exceptions/*/*"))
    part.rename(tmp_path / "elsewhere")
    part.symlink_to(tmp_path / "elsewhere")
    assert not is_complete(copy)

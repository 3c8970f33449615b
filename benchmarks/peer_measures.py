"""The measurements of the peers, in their own environment: nothing of the product is imported.

Usage: python benchmarks/peer_measures.py dlt|pandera EXTRACTS WORK CONTRACT

EXTRACTS is a landing folder with CSV files, WORK an empty folder. CONTRACT is a JSON file that
peers.py writes: what the tables' columns are.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from rounds import Measurement

CHUNK = 100_000  # rows; dlt's default of 5,000 is slower

Contract = dict[str, dict[str, Any]]


def measure_dlt(extracts: Path, work: Path, contract: Contract) -> Measurement:
    """dlt's fast path into DuckDB: CSV read as Arrow with the contract's types, no row checked."""
    os.environ |= {"RUNTIME__DLTHUB_TELEMETRY": "false", "DLT_DATA_DIR": str(work.resolve())}
    import dlt
    import duckdb
    from dlt.sources.filesystem import filesystem, read_csv_duckdb

    measured = Measurement()
    database = work / "peer.duckdb"
    with measured.timed("dlt"):
        resources = []
        for path in sorted(extracts.glob("*.csv")):
            types = {name: column["sql"] for name, column in _columns(path, contract).items()}
            reader = read_csv_duckdb(chunk_size=CHUNK, use_pyarrow=True, dtype=types)
            files = filesystem(bucket_url=extracts.resolve().as_uri(), file_glob=path.name)
            resources.append((files | reader).with_name(path.stem))
        pipeline = dlt.pipeline(
            "peer", destination=dlt.destinations.duckdb(str(database)), dataset_name="extracts"
        )
        pipeline.run(resources, loader_file_format="parquet").raise_on_failed_jobs()
    with duckdb.connect(str(database), read_only=True) as connection:
        counts = [
            connection.execute(f"SELECT count(*) FROM extracts.{path.stem}").fetchall()[0][0]
            for path in extracts.glob("*.csv")
        ]
    measured.counts = {"rows by dlt": sum(counts)}
    return measured


def measure_pandera(extracts: Path, work: Path, contract: Contract) -> Measurement:
    """Every file read by pandas, and every row checked by Pandera's models for pandas."""
    import pandas as pd
    import pandera.pandas as pa

    dtypes = {"amount": "float64", "quantity": "float64", "integer": "Int64"}
    measured = Measurement(counts={"rows by pandas": 0})

    def has_cents(amounts: "pd.Series[float]") -> "pd.Series[bool]":
        cents = amounts * 100
        return (cents - cents.round()).abs() < 1e-6

    def checks(column: dict[str, Any]) -> list[pa.Check]:
        found = [pa.Check.str_matches(column["pattern"])] if column["pattern"] else []
        return [*found, pa.Check(has_cents)] if column["kind"] == "amount" else found

    def model(path: Path) -> pa.DataFrameSchema:
        table = contract[path.stem]
        columns = {
            name: pa.Column(
                "datetime64[ns]" if column["kind"] == "date" else dtypes.get(column["kind"], "str"),
                checks(column),
                nullable=column["nullable"],
                coerce=True,
            )
            for name, column in _columns(path, contract).items()
        }
        given = [
            pa.Check(lambda frame, group=group: frame[group].notna().any(axis=1))
            for group in table["one_of"]
        ]
        in_order = [
            pa.Check(lambda frame, first=first, last=last: ~(frame[first] > frame[last]))
            for first, last in table["spans"]
        ]
        return pa.DataFrameSchema(columns, checks=[*given, *in_order], strict=True)

    with measured.timed("pandera"):
        for path in sorted(extracts.glob("*.csv")):
            columns = _columns(path, contract)
            frame = pd.read_csv(
                path,
                dtype={
                    name: dtypes.get(column["kind"], "str")
                    for name, column in columns.items()
                    if column["kind"] != "date"
                },
                parse_dates=[name for name, column in columns.items() if column["kind"] == "date"],
                date_format="%Y-%m-%d",
            )
            model(path).validate(frame, lazy=True)
            measured.counts["rows by pandas"] += len(frame)
    return measured


def _columns(path: Path, contract: Contract) -> dict[str, dict[str, Any]]:
    """What the columns of a file are, in its order."""
    with path.open(encoding="utf-8") as file:
        header = file.readline().strip().split(",")
    return {name: contract[path.stem]["columns"][name] for name in header}


MEASURES = {"dlt": measure_dlt, "pandera": measure_pandera}


def main() -> None:
    """Measure once and print the result."""
    name, extracts, work, contract = sys.argv[1:]
    columns = json.loads(Path(contract).read_text(encoding="utf-8"))
    print(MEASURES[name](Path(extracts), Path(work), columns).printed())


if __name__ == "__main__":
    main()

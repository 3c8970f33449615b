"""Write the extracts of the benchmark: a fixed shape, larger with N, the same rows for the same N.

Usage: python benchmarks/make_extracts.py [--n N] [--folder FOLDER] [--parquet-only]
       (defaults: 1, out/bench)

Three landing folders are written under FOLDER/N=...: csv and parquet with the same clean rows, and
csv_bad, with 1 % of the rows of the three large tables damaged. Complete folders are reused.
"""

import argparse
import hashlib
import os
import shutil
from pathlib import Path

import duckdb

FOLDER = Path("out/bench")
CLEAN_CSV, CLEAN_PARQUET, BAD_CSV = "csv", "parquet", "csv_bad"
TABLES = (
    "medical_claim",
    "pharmacy_claim",
    "diagnosis",
    "eligibility",
    "authorization",
    "clinical_evidence",
    "provider",
)

# What quarantines a row: a column and the text put into it, or None for a missing or extra value.
# One row in a thousand gets the first kind of damage, another one the second, and so on.
_DATES = ("2025-02-30", "infinity", "02/31/2025")
DAMAGE: dict[str, tuple[tuple[str, str] | None, ...]] = {
    "medical_claim": (
        *(("claim_line_start_date", text) for text in _DATES),
        ("paid_amount", "100.125"),
        ("paid_amount", "12,5"),
        ("claim_status", "adjusted"),
        ("member_id", ""),
        ("service_unit_quantity", "two"),
        None,
        None,
    ),
    "pharmacy_claim": (
        *(("dispensing_date", text) for text in _DATES),
        ("paid_amount", "100.125"),
        ("paid_amount", "$9"),
        ("claim_status", "adjusted"),
        ("member_id", ""),
        ("quantity", "thirty"),
        None,
        None,
    ),
    "diagnosis": (
        *(("diagnosis_date", text) for text in _DATES),
        ("diagnosis_code", ""),
        ("member_id", ""),
        *(5 * (None,)),
    ),
}


def shape(n: float) -> dict[str, int]:
    """The size of everything at this N; patients are the members with audited drug lines."""
    claims, fills = round(1_000_000 * n), round(1_000_000 * n)
    return {
        "medical_lines": 2 * claims,
        "fills": fills,
        "diagnoses": 4 * claims,
        "members": max(2_000, round(100_000 * n)),
        "providers": max(100, round(5_000 * n)),
        "imatinib_patients": max(1, fills // 1_200),  # a dozen fills each, 1 % of the fills
        "inotuzumab_patients": max(1, claims // 2_400),  # a dozen doses each, 1 line in 400
    }


def make_extracts(n: float, folder: Path = FOLDER, parquet_only: bool = False) -> Path:
    """The folder with the extracts for this N; they are made if they do not exist yet.

    parquet_only   make no CSV, which takes five times the room.
    """
    home = folder / f"N={n:g}"
    made_by = hashlib.sha256(_script().encode() + Path(__file__).read_bytes()).hexdigest()
    stamp = home / "made_by.txt"
    forms = (CLEAN_PARQUET,) if parquet_only else (CLEAN_PARQUET, CLEAN_CSV, BAD_CSV)
    is_ours = stamp.exists() and stamp.read_text(encoding="utf-8") == made_by
    if is_ours and all((home / form).is_dir() for form in forms):
        return home
    shutil.rmtree(home, ignore_errors=True)
    unfinished = folder / f".unfinished-{os.getpid()}"
    for form in forms:
        (unfinished / form).mkdir(parents=True)
    with duckdb.connect() as connection:
        for name, number in shape(n).items():
            connection.execute(f"SET VARIABLE {name} = {number}")
        connection.execute(_script())
        for table in TABLES:
            parquet = unfinished / CLEAN_PARQUET / f"{table}.parquet"
            connection.execute(f"COPY (FROM \"{table}\") TO '{parquet}' (FORMAT parquet)")
            if not parquet_only:
                _write_csv(connection, table, parquet, unfinished)
    (unfinished / stamp.name).write_text(made_by, encoding="utf-8")
    unfinished.rename(home)
    return home


def _script() -> str:
    return Path(__file__).with_name("extracts.sql").read_text(encoding="utf-8")


def _write_csv(
    connection: duckdb.DuckDBPyConnection, table: str, parquet: Path, home: Path
) -> None:
    """Write one table as CSV, clean and damaged."""
    csv, bad = home / CLEAN_CSV / f"{table}.csv", home / BAD_CSV / f"{table}.csv"
    connection.execute(
        f"COPY (FROM read_parquet('{parquet}')) TO '{csv}' (FORMAT csv, HEADER true)"
    )
    if table not in DAMAGE:
        shutil.copyfile(csv, bad)
        return
    described = connection.execute(f"DESCRIBE FROM read_parquet('{parquet}')").fetchall()
    names = [str(row[0]) for row in described]
    values = ", ".join(_damaged(table, name) for name in names)
    header = ",".join(names)
    ragged = ", ".join(str(i) for i, d in enumerate(DAMAGE[table]) if d is None)
    # Each line of the file is one column, written unchanged: COPY's delimiter does not occur in it.
    connection.execute(
        f"""COPY (SELECT CASE WHEN damage NOT IN ({ragged}) THEN line
                              WHEN damage % 2 = 0 THEN regexp_replace(line, ',[^,]*$', '')
                              ELSE line || ',more' END AS "{header}"
                  FROM (SELECT concat_ws(',', {values}) AS line, damage
                        FROM (SELECT *, pick(file_row_number, 'damage', 1000) AS damage
                              FROM read_parquet('{parquet}', file_row_number = true))))
            TO '{bad}' (FORMAT csv, HEADER true, QUOTE '', ESCAPE '', DELIMITER '\x01')"""
    )


def _damaged(table: str, column: str) -> str:
    """SQL for a column's text, or for the text that damages the row."""
    places = [(i, d[1]) for i, d in enumerate(DAMAGE[table]) if d and d[0] == column]
    cases = "".join(f" WHEN {i} THEN '{_quoted(text)}'" for i, text in places)
    text = f"coalesce(CAST(\"{column}\" AS VARCHAR), '')"
    return f"CASE damage{cases} ELSE {text} END" if places else text


def _quoted(text: str) -> str:
    """The text as a CSV field."""
    return f'"{text}"' if "," in text else text


def main() -> None:
    """Make the extracts and print where they are."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--n", type=float, default=1.0, help="scale: 1 is two million medical lines"
    )
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the extracts are kept")
    parser.add_argument("--parquet-only", action="store_true", help="make no CSV")
    arguments = parser.parse_args()
    print(make_extracts(arguments.n, arguments.folder, arguments.parquet_only))


if __name__ == "__main__":
    main()

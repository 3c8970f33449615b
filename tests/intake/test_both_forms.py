"""The same rows as CSV and as Parquet, as they are and mapped by the config, give the same results.

Rows are random, of every table, with values as senders really write them.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from random import Random

import polars as pl
import pytest

from schemas.table import Column, Kind, Table
from schemas.tables import TABLES
from tests.support.any_values import OF_COLUMN, TEXTS
from tests.support.extracts import GOOD, Content, Row, run

pytestmark = pytest.mark.slow  # one run per form and mapping

ROWS = 250  # per table
NUMBERED = 2  # columns of a numbered series, such as diagnosis_code_1, that a file has
SPOILED = 0.2  # share of values that are not the good row's
SETTINGS = 'max_error_rate = 1.0\ndate_formats = ["%m/%d/%Y", "%m/%d/%y"]\n'

_FLOATS = (1003.0, 12.0, 0.0, 12.5, 2.0**53, 1e17, 202603000000.0, None)
TYPED: dict[Kind, tuple[tuple[object, ...], ...]] = {
    Kind.TEXT: ((5.0, 7.25, None), (5, 7, None)),
    Kind.IDENTIFIER: (_FLOATS, (1003, 0, None), (Decimal("1003.00"), None)),
    Kind.CODE: ((7.0, 8.0, 1.0, None), (7, 8, 1, None)),
    Kind.PAYER: ((1.0, 2.0),),
    Kind.DATE: (
        (date(2026, 1, 5), date(1900, 1, 1), date(9999, 12, 31), date(1, 1, 1), None),
        (datetime(2026, 1, 5, 23, 30), datetime(1753, 1, 1), None),
        (20260105.0, 99991231.0, 20260230.0, None),
        (20260105, 19000101, None),
    ),
    Kind.AMOUNT: (
        (100.0, 1018.0999999999999, 10.005, -3.0, 0.0, None),
        (Decimal("100.00"), Decimal("10.50"), None),
        (100, 0, None),
    ),
    Kind.QUANTITY: ((30.0, 7.5, 29.999999999999996, -30.0, None), (30, 0, None)),
    Kind.INTEGER: ((1.0, 2.0, 1.5, None), (1, 2, None)),
    Kind.WORD: (("paid", None),),
    Kind.NDC: ((47335047281.0, 78043815.0, None), (47335047281, None)),
    Kind.ICD10CM: ((250.0, 4019.0, None),),
    Kind.HCPCS: ((99213.0, None),),
    Kind.MODIFIER: ((59.0, None),),
    Kind.TAXONOMY: ((207.0, 208.0),),
    Kind.NPI: ((1234567893.0, 1234567890.0, None), (1234567893, None)),
}
"""Values of each kind of column in one typed column; a text file has what Python prints of them."""

MAPPINGS: dict[str, Callable[[str], str]] = {
    "as it is": lambda _name: "",
    "null words": lambda _name: "",
    "a column": lambda name: f'{name} = "{name}"\n',
    "an expression": lambda name: f"{name} = \"{name} || ''\"\n",
}


def columns_of(table: Table) -> list[Column]:
    """The columns of a file; of a numbered series only the first few."""
    numbers = [(c, c.name.rpartition("_")[2]) for c in table.columns]
    return [c for c, number in numbers if not number.isdigit() or int(number) <= NUMBERED]


def texts(rnd: Random, table: Table) -> list[Row]:
    """Rows of texts: good ones, with some values that are not."""

    def value(column: Column) -> object:
        if rnd.random() > SPOILED:
            return GOOD[table.name].get(column.name)
        return rnd.choice(OF_COLUMN.get(column.name, TEXTS[column.kind]))

    return [{c.name: value(c) for c in columns_of(table)} for _ in range(ROWS)]


def typed(rnd: Random, table: Table) -> list[Row]:
    """Rows of typed values; some columns stay texts, of the good row."""
    good = GOOD[table.name]
    values = {
        c.name: (good.get(c.name),)
        if c.name in OF_COLUMN or c.kind == Kind.WORD or rnd.random() > 2 / 3
        else rnd.choice(TYPED[c.kind])
        for c in columns_of(table)
    }
    return [{name: rnd.choice(of) for name, of in values.items()} for _ in range(ROWS)]


TableRows = tuple[list[Row], list[tuple[int, str | None, str]], list[tuple[str, str, int, int]]]
Results = dict[str, TableRows]


def results(base: Path, form: str, mapped: str, tables: Mapping[str, list[Row]]) -> Results:
    """Table -> its rows, failed checks and warnings, loaded in one form under one config."""
    files: dict[str, Content] = {
        f"{name}.{form}": pl.DataFrame(rows, infer_schema_length=None)
        if form == "parquet"
        else rows
        for name, rows in tables.items()
    }
    config = SETTINGS
    for name in tables:
        words = 'null_words = ["no such word"]\n' if mapped == "null words" else ""
        columns = "".join(MAPPINGS[mapped](c.name) for c in columns_of(TABLES[name]))
        config += f"[tables.{name}]\n{words}[tables.{name}.columns]\n{columns}"
    ran = run(base / f"{form} {mapped}", files, config=config)
    return {
        name: (
            [{k: v for k, v in row.items() if k != "file"} for row in ran.rows(name)],
            ran.failed(name),
            ran.warned(name),
        )
        for name in tables
    }


def assert_all_the_same(
    base: Path, tables: Mapping[str, list[Row]], *others: tuple[str, str]
) -> Results:
    """Compare other forms and mappings with the CSV as it is, whose results are returned."""
    first = results(base, "csv", "as it is", tables)
    for form, mapped in others:
        again = results(base, form, mapped, tables)
        for name in tables:
            for before, after in zip(first[name], again[name], strict=True):
                assert before == after, f"{name} as {form}, {mapped}"
    return first


def test_the_same_texts_give_the_same_results_as_csv_and_as_parquet_mapped_or_not(
    tmp_path: Path,
) -> None:
    rnd = Random(15)
    found = assert_all_the_same(
        tmp_path,
        {n: texts(rnd, t) for n, t in TABLES.items()},
        ("parquet", "as it is"),
        ("csv", "an expression"),
        ("parquet", "an expression"),
    )

    assert set(TEXTS) == set(TYPED) == set(Kind)
    checks = {w[1] for _, _, warned in found.values() for w in warned}
    assert checks >= {
        *("made_a_number", "digits_lost", "placeholder", "sentinel_date", "two_digit_year"),
        *("modifiers_joined", "modifier_malformed", "ndc_malformed", "hcpcs_malformed"),
        *("npi_malformed", "icd10cm_malformed", "taxonomy_malformed", "float_dust_rounded"),
    }
    assert all(rows and failed for rows, failed, _ in found.values())


def test_a_typed_column_gives_the_results_of_the_text_that_is_written_of_it(
    tmp_path: Path,
) -> None:
    rnd = Random(1)
    assert_all_the_same(
        tmp_path,
        {n: typed(rnd, t) for n, t in TABLES.items()},
        ("parquet", "as it is"),
        ("parquet", "null words"),
        ("parquet", "a column"),
        ("parquet", "an expression"),
    )

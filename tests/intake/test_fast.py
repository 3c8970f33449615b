"""The fast path: over random files it gives the rows that the way of the text gives."""

import csv
import io
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import duckdb
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.errors import InputRefused
from flows.intake import load_file as loading
from flows.intake.config import Config
from flows.intake.csv_tidy import TidyLook
from flows.intake.landing import ExtractFile
from flows.intake.load_file import FileEntry, load_file
from flows.intake.parsing import insert_statement
from flows.intake.preparing import Macros
from flows.intake.scan_ahead import scan_file
from flows.warehouse.columns import create_table
from flows.warehouse.connection import Workbench
from flows.warehouse.layout import lay_out
from schemas.table import Column, Kind, Table
from schemas.tables import TABLES
from tests.support.any_values import OF_COLUMN, TEXTS
from tests.support.examples import examples
from tests.support.extracts import GOOD, Row

EXAMPLES = examples(200, 5_000, "FAST_PATH_EXAMPLES")
FORMATS = ((), ("%m/%d/%Y", "%m/%d/%y"))
DIGITS = ((18, 2), (17, 1), (18, 3), (18, 4), (38, 2))
"""Digits of a decimal type, and how many of them are decimals."""
NUMBERED = tuple("3456789") + tuple(f"{n}" for n in range(10, 26))
LENIENT = (
    *("2026-3-1", "2026/03/01", "2026-03-01 ", "2026-01-1\f", "12026-01-01", "0044-03-15 (BC)"),
    *("infinity", "-infinity", "epoch", "nan", "today", "+026-01-01", "2026-01-01T10:00:00Z"),
    *("1e5", "1E2", "1.00e3", "1.e2", "+5", "-0", "-0.00", "00.00", "05.00", ".5", "5.", "1_000"),
    *("1_0.00", "0x10", "1.005", "1.0049", "1,000.00", "12.3400", "1.000", "-1.50", "12.345"),
    *("999999999999999999", "1000000000000000000", "-9223372036854775808", "9223372036854775807"),
    *("9999999999999999.99", "99999999999999999.99", "C921", "C9210", "c921", "C92.1", "C9", ""),
    *("un\u212anown", "UNKNOWN", "000", "0.0", "\xa0x", "x\xa0", "\tx", "x\t", "a\nb", "\n", "\r"),
    *("nuLl", "nulL", "C9212345"),
    *("NuLL", "nullify", "x+y", "1E+05", "1.5E+3", "M", "\u00e9", "\U0001f4a9", "'", '"', '" x"'),
)


class Outcome(NamedTuple):
    """What a file became: rows, quarantined records and its entry; or why it was refused."""

    rows: list[Any]
    quarantine: list[Any]
    file: list[Any]
    refusal: str


class Loader:
    """An engine in memory that loads one file at a time."""

    def __init__(self, folder: Path, date_formats: tuple[str, ...]) -> None:
        self.folder, self.config = folder, Config(date_formats=date_formats)
        self.connection = duckdb.connect()
        self.connection.execute("ATTACH ':memory:' AS run; USE run")
        self.connection.execute("SET disabled_optimizers = 'type_pushdown'; SET threads = 1")
        lay_out(self.connection, has_kept=False, night=None)
        Macros(self.connection).use(self.config.of("provider"))

    def load(self, table: str, content: str | pl.DataFrame, is_fast: bool) -> Outcome:
        name = f"{table}.csv" if isinstance(content, str) else f"{table}.parquet"
        extract = ExtractFile(table, self.folder / name, name)
        if isinstance(content, str):
            extract.path.write_bytes(content.encode())
        else:
            content.write_parquet(extract.path)
        given, connection = self.config.of(table), self.connection
        connection.execute("DELETE FROM main.quarantine; DELETE FROM main.file")
        connection.execute(f"DROP TABLE main.{table}")
        create_table(connection, TABLES[table], [])
        scan = scan_file(extract, frozenset(), self.config, self.folder)
        bench = Workbench(self.folder / "b", self.folder / "w", self.folder)
        entry = FileEntry(1, extract.name, None, 1, None)
        read = insert_statement if is_fast else partial(_as_text, insert_statement)
        refusal = ""
        with patch.object(loading, "insert_statement", read):
            try:
                load_file(connection, bench, extract, scan, entry, given)
            except InputRefused as error:
                refusal = str(error)
                for name in ("reject_errors", "reject_scans"):
                    connection.execute(f"DROP TABLE IF EXISTS {name}")
        rows, quarantine, file = (
            connection.execute(f"SELECT * FROM main.{name} ORDER BY ALL").fetchall()
            for name in (table, "quarantine", "file")
        )
        return Outcome(rows, quarantine, file, refusal)


def _as_text(statement: Any, *arguments: Any, **named: Any) -> str:
    """The statement of the way of the text."""
    *others, _is_tidy = arguments
    return str(statement(*others, is_fast=False, **named))


@pytest.fixture(scope="module")
def loaders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Loader]]:
    made = [Loader(tmp_path_factory.mktemp("fast"), formats) for formats in FORMATS]
    yield made
    for loader in made:
        loader.connection.close()


def _tidied(text: Any) -> str | None:
    """A text of a tidy file."""
    kept = "".join(c for c in str(text or "") if c not in '+\t\n\r\xa0"')
    return kept.strip().lower().replace("null", "") if "null" in kept.lower() else kept.strip()


@st.composite
def columns_of_a_table(draw: st.DrawFn) -> tuple[Table, list[Column]]:
    """A table, and what a file of it needs with a few other columns."""
    table = TABLES[draw(st.sampled_from(sorted(TABLES)))]
    optional = [c for c in table.columns if not c.required]
    chosen = draw(st.lists(st.sampled_from(optional), max_size=4)) if optional else []
    one_of = [name for group in table.one_of for name in group[:1]]
    return table, [c for c in table.columns if c.required or c in chosen or c.name in one_of]


@st.composite
def files(draw: st.DrawFn) -> tuple[str, str]:
    """A table, and a CSV file of it with a few of its columns."""
    table, columns = draw(columns_of_a_table())
    letters = st.text(alphabet="0123456789.-+eE_/: \t\xa0nul", max_size=11)
    is_tidy = draw(st.booleans())
    rows = []
    for _ in range(draw(st.integers(1, 5))):
        row = [GOOD[table.name].get(c.name) for c in columns]
        for i in draw(st.lists(st.integers(0, len(columns) - 1), max_size=4)):
            known = OF_COLUMN.get(columns[i].name, TEXTS[columns[i].kind])
            text = draw(st.sampled_from(known) | st.sampled_from(LENIENT) | letters)
            row[i] = _tidied(text) if is_tidy else text
        rows.append(row)
    out = io.StringIO()
    quoting = draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONE]))
    end = draw(st.sampled_from(["\n", "\r\n"]))
    as_quoted = csv.QUOTE_MINIMAL if quoting == csv.QUOTE_NONE else quoting
    writer = csv.writer(out, quoting=as_quoted, lineterminator=end)
    writer.writerow([c.name for c in columns])
    if quoting == csv.QUOTE_NONE:  # as senders write who do not know of quotes
        out.write("".join(",".join("" if v is None else str(v) for v in r) + end for r in rows))
    else:
        writer.writerows(rows)
    return table.name, out.getvalue()


def _every_text(table: str) -> list[Row]:
    """Good rows, each with one odd text in one column."""
    good = dict.fromkeys(c.name for c in TABLES[table].columns) | GOOD[table]
    return [
        good | {column.name: text}
        for column in TABLES[table].columns
        if not column.name.endswith(NUMBERED)
        for text in (*OF_COLUMN.get(column.name, TEXTS[column.kind]), *LENIENT)
    ]


@pytest.mark.parametrize("is_tidy", [True, False])
@pytest.mark.parametrize("table", TABLES)
def test_every_odd_text_is_read_as_the_way_of_the_text_reads_it(
    loaders: list[Loader], table: str, is_tidy: bool
) -> None:
    rows = _every_text(table)
    if is_tidy:
        rows = [{name: _tidied(text) for name, text in row.items()} for row in rows]
    out = io.StringIO()
    writer = csv.DictWriter(out, rows[0].keys(), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    fast, text = (loaders[1].load(table, out.getvalue(), is_fast=way) for way in (True, False))
    assert fast == text
    assert len(fast.rows) > len(rows) - 2 * len(TABLES[table].columns)


@pytest.mark.parametrize("table", TABLES)
def test_every_odd_text_in_parquet_is_read_as_the_way_of_the_text_reads_it(
    loaders: list[Loader], table: str
) -> None:
    rows = _every_text(table)
    frame = pl.DataFrame(rows, schema=dict.fromkeys(rows[0], pl.String))
    fast, text = (loaders[1].load(table, frame, is_fast=way) for way in (True, False))
    assert fast == text
    assert len(fast.rows) == len(rows)


@st.composite
def frames(draw: st.DrawFn) -> tuple[str, pl.DataFrame]:
    """A table, and a file of it with a few of its columns as text."""
    table, columns = draw(columns_of_a_table())
    letters = st.text(alphabet="0123456789.-+eE \t\xa0nulNUL\x1f", max_size=8)
    rows = []
    for _ in range(draw(st.integers(1, 5))):
        row = {c.name: GOOD[table.name].get(c.name) for c in columns}
        for column in draw(st.lists(st.sampled_from(columns), max_size=4)):
            known = OF_COLUMN.get(column.name, TEXTS[column.kind])
            row[column.name] = draw(st.sampled_from(known) | st.sampled_from(LENIENT) | letters)
        rows.append(row)
    return table.name, pl.DataFrame(rows, schema={c.name: pl.String for c in columns})


@pytest.mark.slow  # hundreds of files
@settings(max_examples=EXAMPLES // 10, deadline=None, suppress_health_check=list(HealthCheck))
@given(file=frames())
def test_the_fast_path_of_parquet_gives_the_rows_of_the_text(
    loaders: list[Loader], file: tuple[str, pl.DataFrame]
) -> None:
    assert loaders[1].load(*file, is_fast=True) == loaders[1].load(*file, is_fast=False)


@pytest.mark.parametrize("other", ["source", "File_Row_Number"])
def test_rows_of_a_parquet_file_are_numbered_in_its_order(
    loaders: list[Loader], other: str
) -> None:
    """Also if a column has the name under which the engine numbers them."""
    npis = [f"{1000000000 + i * 7919 % 5000}" for i in range(5000)]
    frame = pl.DataFrame({"npi": npis, "taxonomy_code": "207RH0003X", other: range(7, 5007)})
    loaders[0].load("provider", frame, is_fast=True)
    stored = "SELECT npi, row_number FROM main.provider ORDER BY row_number"
    assert loaders[0].connection.execute(stored).fetchall() == [
        *zip(npis, range(1, 5001), strict=True)
    ]


@pytest.mark.slow  # hundreds of files
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(file=files(), which=st.integers(0, len(FORMATS) - 1))
def test_the_fast_path_gives_the_rows_of_the_text(
    loaders: list[Loader], file: tuple[str, str], which: int
) -> None:
    """Warnings and quarantine are made from these rows, with their notes and raw records."""
    loader = loaders[which]
    assert loader.load(*file, is_fast=True) == loader.load(*file, is_fast=False)


DAYS = [date(2026, 1, 5), date(1900, 1, 1), date(1900, 1, 2), date(9999, 12, 31), date(1, 1, 1)]
WHOLE = [0, 1, -1, 100, 20260105, 10**12, 10**15, 10**18 - 1, 10**18, -(10**18), 2**63 - 1]
TYPED: dict[Kind, list[tuple[Any, list[Any]]]] = {
    Kind.DATE: [(pl.Date, DAYS), (pl.Int64, WHOLE), (pl.String, ["2026-01-05", "2026-1-5"])],
    Kind.INTEGER: [(pl.Int64, WHOLE), (pl.UInt8, [0, 1, 255]), (pl.Float64, [1.0, 1.5, 1e18])],
}
_FIGURES: list[tuple[Any, list[Any]]] = [
    *((pl.Decimal(p, s), [Decimal(v).scaleb(-s) for v in WHOLE[:7]]) for p, s in DIGITS),
    (pl.Decimal(38, 2), [Decimal(10**30), Decimal("1.25"), Decimal("-0.01")]),
    (pl.Int64, WHOLE),
    (pl.Float64, [0.0, 1018.0999999999999, 10.005, -3.0]),
]
TYPED |= {Kind.AMOUNT: _FIGURES, Kind.QUANTITY: _FIGURES}


@pytest.mark.parametrize("form", range(len(_FIGURES)))
@pytest.mark.parametrize("table", ["pharmacy_claim", "eligibility", "authorization"])
def test_values_of_a_type_are_read_as_their_texts(
    loaders: list[Loader], table: str, form: int
) -> None:
    """Each odd value in one column, beside good ones; and a row without any."""
    typed = {}
    for c in TABLES[table].columns:
        forms = TYPED.get(c.kind, [(pl.String, ["R", "paid"])])
        dtype, odd = forms[form % len(forms)]
        typed[c.name] = (dtype, [*odd, None])
    rows = max(len(values) for _, values in typed.values())
    columns = [
        pl.Series(name, [values[(i * (at + 1)) % len(values)] for i in range(rows * 3)], dtype)
        for at, (name, (dtype, values)) in enumerate(typed.items())
    ]
    frame = pl.DataFrame(columns)
    fast, text = (loaders[1].load(table, frame, is_fast=way) for way in (True, False))
    assert fast == text
    assert len(fast.rows) == frame.height


UNTIDY = ("a, b,c", "a,b ,c", 'a," b",c', 'a,"b ",c', " a,b", "a,b ", "a,\tb", "a,b\xa0,c")
UNTIDY += ("a,NuLL,b", "null", "a,x+y", "a\n b", "a \nb", "a\r\n b", "a \r\nb")
TIDY = ("a,b c,d", "a,nul l,b", 'a,"b","c d"', "a,,b\n\nc", "h\u00e9,\U0001f4a9 x")
FILLER = "x y,z\n" * 20_000  # more than is looked at without numpy


@pytest.mark.parametrize("large", ["", FILLER])
@pytest.mark.parametrize("cut", [None, 1, 2, 3, 4])
def test_what_may_need_cleaning_is_found_in_files_of_any_size(large: str, cut: int | None) -> None:
    def is_tidy(text: str) -> bool:
        look = TidyLook(",")
        at = None if cut is None else len(large) + cut
        for chunk in (text[:at], "" if at is None else text[at:]):
            look.add(chunk)
        look.finish()
        return look.is_tidy

    assert [text for text in UNTIDY if is_tidy(large + text)] == []
    assert [text for text in TIDY if not is_tidy(large + text)] == []


@pytest.mark.parametrize(
    ("delimiter", "text", "expected"),
    [
        ("|", "a| b", False),
        ("|", "a, b|c", True),
        ("\t", "a\tb c", True),
        ("\t", 'a\t"b"', False),
        (" ", "a b", False),
        ("\u00a7", "a\u00a7b", False),
    ],
)
def test_the_delimiter_decides_where_a_value_ends(
    delimiter: str, text: str, expected: bool
) -> None:
    look = TidyLook(delimiter)
    look.add(text)
    look.finish()
    assert look.is_tidy == expected


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
@pytest.mark.parametrize(
    "row",
    ['1234567893,"\nx",y', '1234567893,"x\n",y', 'a"b,"\nd",y', 'a"b,"\nd",a"b'],
    ids=["start", "end", "odd quotes join lines", "even quotes join lines"],
)
def test_a_line_break_at_the_end_of_a_value_is_found(
    loaders: list[Loader], row: str, end: str
) -> None:
    content = f"npi,taxonomy_code,source\n{row}\n1234567893,207RH0003X,y{end}"
    fast, text = (loaders[0].load("provider", content, is_fast=way) for way in (True, False))
    assert fast == text
    values = [value for row in fast.rows for value in row if isinstance(value, str)]
    assert [value for value in values if value != value.strip()] == []
    assert len(fast.rows) == 2

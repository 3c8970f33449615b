"""Hostile extracts, each with its fate: read, quarantined or refused; never guessed, never lost.

docs/input.md lists them (`python -m tools.write_docs`).
"""

import gzip
import hashlib
import io
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

TABLE = "pharmacy_claim"
CSV, GZ, PARQUET = "pharmacy_claim.csv", "pharmacy_claim.csv.gz", "pharmacy_claim.parquet"
DONE = ".done"
ANY_ERROR_RATE = "max_error_rate = 1\n"
NOT_SPLIT, TOO_MANY, BAD_QUOTE = "missing_columns", "too_many_columns", "unquoted_value"
BAD_DATE, BAD_AMOUNT, BAD_NUMBER, MISSING = (
    "date_does_not_parse",
    "amount_does_not_parse",
    "number_does_not_parse",
    "value_missing",
)

Failed = tuple[int, str | None, str]


@dataclass(frozen=True)
class Read:
    """The file is read.

    accepted      rows in the table, without exact duplicates.
    quarantined   every failed check: record number, column, check.
    duplicates    exact duplicate rows.
    cells         for some columns the values of the rows in the table, in order.
    warnings      column, check and number of rows of each warning.
    settled       what final action counts in the table, such as `history`, and how many rows.
    """

    accepted: int
    quarantined: tuple[Failed, ...] = ()
    duplicates: int = 0
    cells: Mapping[str, list[object]] = field(default_factory=dict)
    warnings: tuple[tuple[str, str, int], ...] = ()
    settled: Mapping[str, int] = field(default_factory=dict)

    @property
    def rows_quarantined(self) -> int:
        """Rows with a failed check."""
        return len({number for number, _, _ in self.quarantined})

    @property
    def rows_read(self) -> int:
        """Every record of the file."""
        return self.accepted + self.rows_quarantined + self.duplicates

    def __str__(self) -> str:
        accepted = f"{self.accepted:,} row{'' if self.accepted == 1 else 's'} accepted"
        text = f"**read**: {accepted}"
        if self.quarantined:
            where = "; ".join(
                f"row {n:,} {c + ' ' if c else ''}`{check}`" for n, c, check in self.quarantined
            )
            text = f"{accepted}, {self.rows_quarantined} **quarantined**: {where}"
        if self.duplicates:
            text += f", {self.duplicates} counted as an exact duplicate"
        text += "".join(
            f"; warning {column} `{check}` ({rows})" for column, check, rows in self.warnings
        )
        counts = ", ".join(f"{rows} {name}" for name, rows in self.settled.items())
        return f"{text}; final action: {counts}" if counts else text


@dataclass(frozen=True)
class Refused:
    """The run ends: the message contains these words, nothing is published, no row is stored."""

    words: tuple[str, ...]
    exit_code: int = 3

    def __str__(self) -> str:
        return f"**refused** (exit {self.exit_code}): {' ... '.join(self.words)}"


@dataclass(frozen=True)
class Hostile:
    """One hostile file (the first of `files`), and the other files in its folder.

    what         a phrase that says what is hostile.
    files        the landing folder: name -> bytes, or a function that makes them.
    also         what is done to the landing folder afterwards, such as making a link.
    while_read   what is done to the landing folder while the first file is read.
    is_first     whether it needs a first run: an existing warehouse would change the fate.
    table        the table that the file belongs to.
    """

    name: str
    what: str
    files: Mapping[str, bytes | Callable[[], bytes]]
    fate: Read | Refused
    config: str = ANY_ERROR_RATE
    folder: str = "in"
    also: Callable[[Path], None] | None = None
    while_read: Callable[[Path], None] | None = None
    is_slow: bool = False
    is_first: bool = False
    table: str = TABLE

    def write(self, base: Path) -> Path:
        """Write the landing folder into `base`."""
        landing = base / self.folder
        landing.mkdir(parents=True, exist_ok=True)
        for name, content in self.files.items():
            path = landing / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content())
        if self.also:
            self.also(landing)
        return landing


# ---------------------------------------------------------------- how files are made

COLUMNS = (
    "claim_id",
    "member_id",
    "payer",
    "dispensing_date",
    "ndc_code",
    "quantity",
    "paid_amount",
)
HEAD = ",".join(COLUMNS)


def fill(number: int, **changed: str) -> str:
    """One line of a pharmacy extract, as text; changed values are used as given, quotes and all."""
    plain = {
        "claim_id": f"C{number}",
        "member_id": f"M{number}",
        "payer": "Cigna",
        "dispensing_date": "2026-02-01",
        "ndc_code": "00078043815",
        "quantity": "30",
        "paid_amount": "100.00",
    }
    return ",".join((plain | changed).values())


def csv(*lines: str, head: str = HEAD, end: str = "\n") -> bytes:
    """A CSV file with a header and lines, each with its line end."""
    return "".join(line + end for line in (head, *lines)).encode()


def each(column: str, *values: str) -> bytes:
    """A CSV file with one line per value of a column."""
    return csv(*(fill(n, **{column: v}) for n, v in enumerate(values, 1)))


def each_added(column: str, *values: str) -> bytes:
    """The same with a column that the other files of this module do not have."""
    lines = (fill(n, **{column: v}) for n, v in enumerate(values, 1))
    return csv(*lines, head=f"{HEAD},{column}")


def each_bad(column: str, check: str, count: int) -> tuple[Failed, ...]:
    """One failed check for each of the first `count` rows."""
    return tuple((n, column, check) for n in range(1, count + 1))


def parquet(**changed: object) -> bytes:
    """A Parquet file of two fills; a changed column is a list or Arrow array of two values."""
    columns: dict[str, object] = dict(
        zip(COLUMNS, zip(fill(1).split(","), fill(2).split(","), strict=True), strict=True)
    )
    return parquet_of(
        pa.table(
            {
                name: pa.array(v) if isinstance(v, (list, tuple)) else v
                for name, v in (columns | changed).items()
            }
        )
    )


def parquet_of(table: pa.Table) -> bytes:
    """A Parquet file of an Arrow table."""
    out = io.BytesIO()
    pq.write_table(table, out)
    return out.getvalue()


def with_column_twice(name: str) -> bytes:
    """A Parquet file in which a second column has the name given."""
    table = pq.read_table(io.BytesIO(parquet()))
    return parquet_of(
        pa.Table.from_arrays([*table.columns, table.column(0)], names=[*table.column_names, name])
    )


def flipped(content: bytes, position: int) -> bytes:
    """The bytes with one bit of the byte at a position flipped."""
    return content[:position] + bytes([content[position] ^ 4]) + content[position + 1 :]


def control(content: bytes, **stated: object) -> bytes:
    """A control file with the hash of the content, and whatever else is given."""
    facts: dict[str, object] = {"sha256": hashlib.sha256(content).hexdigest()} | stated
    return "".join(
        f"{key} = {value if isinstance(value, int) else repr(str(value))}\n"
        for key, value in facts.items()
    ).encode()


def _utf8_as(encoding: str, *lines: str, mark: bytes = b"") -> bytes:
    return mark + csv(*lines).decode().encode(encoding)


def _zipped(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


def _grow(landing: Path) -> None:
    with (landing / CSV).open("ab") as stream:
        stream.write((fill(9) + "\n").encode())


def _exchange(landing: Path) -> None:
    new = landing / ".new"
    new.write_bytes(csv(fill(7), fill(8)))
    new.replace(landing / CSV)


THREE = csv(fill(1), fill(2), fill(3))
TWO_TYPED = parquet()
BIG = csv(*(fill(n) for n in range(1, 3001)))
WITHOUT_PAYER = csv(fill(1).replace(",Cigna", ""), head=HEAD.replace(",payer", ""))
IDS: dict[str, list[object]] = {"claim_id": ["C1", "C2", "C3"]}

# ---------------------------------------------------------------- records and line ends

SPLITTING = (
    Hostile(
        "short-row",
        "a row with too few columns in the middle",
        {CSV: csv(fill(1), "C2,M2", fill(3))},
        Read(2, ((2, None, NOT_SPLIT),), cells={"claim_id": ["C1", "C3"]}),
    ),
    Hostile(
        "short-last-row",
        "a last row with too few columns and no line end",
        {CSV: csv(fill(1), fill(2)) + b"C3,M3"},
        Read(2, ((3, None, NOT_SPLIT),)),
    ),
    Hostile(
        "long-row",
        "a row with two extra values",
        {CSV: csv(fill(1), fill(2) + ",x,y", fill(3))},
        Read(2, ((2, None, TOO_MANY),)),
    ),
    Hostile(
        "long-row-of-empties",
        "rows that end in extra delimiters with nothing after them",
        {CSV: csv(fill(1) + ",", fill(2) + ",,", fill(3))},
        Read(3, cells=IDS),
    ),
    Hostile(
        "row-of-delimiters",
        "a row of delimiters only",
        {CSV: csv(fill(1), ",,,,,,")},
        Read(
            1, tuple((2, c, MISSING) for c in ("claim_id", "dispensing_date", "member_id", "payer"))
        ),
    ),
    Hostile(
        "inner-quote",
        "a quote inside a quoted field, not doubled",
        {CSV: csv(fill(1), fill(2, payer='"a "b" c"'), fill(3))},
        Read(2, ((2, None, BAD_QUOTE),)),
    ),
    Hostile(
        "backslash-quote",
        "a quote inside a quoted field, escaped with a backslash",
        {CSV: csv(fill(1), fill(2, payer='"5\\" tube"'), fill(3))},
        Read(2, ((2, None, BAD_QUOTE),)),
    ),
    Hostile(
        "doubled-quote",
        "a quote inside a quoted field, doubled as it should be",
        {CSV: each("payer", '"5"" tube, big"')},
        Read(1, cells={"payer": ['5" tube, big']}),
    ),
    Hostile(
        "quote-in-plain-field",
        'a quote inside a field without quotes, such as 5" tube',
        {CSV: csv(fill(1), fill(2, payer='5" tube'), fill(3))},
        Read(3, cells={"payer": ["Cigna", '5" tube', "Cigna"]}),
    ),
    Hostile(
        "quotes-in-two-plain-fields",
        "the same in two rows, so that the quotes look like a pair",
        {CSV: csv(fill(1, payer='5" tube'), fill(2), fill(3, payer='6" tube'))},
        Read(3, cells={"payer": ['5" tube', "Cigna", '6" tube']}),
    ),
    Hostile(
        "unterminated-quote",
        "a quote that is opened and never closed",
        {CSV: csv(fill(1), fill(2, payer='"Cigna'), fill(3))},
        Refused(("a quote is opened and never closed",)),
    ),
    Hostile(
        "unterminated-last-quote",
        "the same in the last row",
        {CSV: csv(fill(1), fill(2, paid_amount='"100.00'))},
        Refused(("a quote is opened and never closed",)),
    ),
    Hostile(
        "two-unterminated-quotes",
        "two such rows: everything between them is one record, quarantined whole",
        {CSV: csv(fill(1), fill(2, payer='"Cigna'), fill(3), fill(4, payer='"Cigna'), fill(5))},
        Read(2, ((2, None, BAD_QUOTE),), cells={"claim_id": ["C1", "C5"]}),
    ),
    Hostile(
        "unterminated-header",
        "a header with an open quote",
        {CSV: csv(fill(1), head='"' + HEAD)},
        Refused(("a quote is opened and never closed",)),
    ),
    Hostile(
        "line-break-in-quotes",
        "line feeds inside quoted fields, and a bad row after them",
        {CSV: csv(fill(1, claim_id='"A\nB"'), fill(2, claim_id='"C\n\nD"'), "short", fill(4))},
        Read(3, ((3, None, NOT_SPLIT),), cells={"claim_id": ["A\nB", "C\n\nD", "C4"]}),
    ),
    Hostile(
        "crlf-in-quotes",
        "CR LF inside a quoted field of a file with CR LF",
        {CSV: csv(fill(1, claim_id='"A\r\nB"'), fill(2), end="\r\n")},
        Read(2, cells={"claim_id": ["A\r\nB", "C2"]}),
    ),
    Hostile(
        "other-break-in-quotes",
        "CR LF inside a quoted field of a file with LF (counts as one LF)",
        {CSV: csv(fill(1, claim_id='"A\r\nB"'), fill(2))},
        Read(2, cells={"claim_id": ["A\nB", "C2"]}),
    ),
    Hostile(
        "blank-lines",
        "blank lines between rows, in a quoted field and at the end; bad rows keep their numbers",
        {
            CSV: csv(
                fill(1),
                "",
                "",
                fill(2, claim_id='"A\n\nB"'),
                "",
                "short",
                fill(4),
                fill(5, dispensing_date="x"),
                "",
                "",
            )
        },
        Read(
            3,
            ((3, None, NOT_SPLIT), (5, "dispensing_date", BAD_DATE)),
            cells={"claim_id": ["C1", "A\n\nB", "C4"]},
        ),
    ),
    Hostile(
        "blank-lines-first",
        "blank lines before the header",
        {CSV: b"\n\r\n" + csv(fill(1), "short", fill(3), end="\r\n")},
        Read(2, ((2, None, NOT_SPLIT),), cells={"claim_id": ["C1", "C3"]}),
    ),
    Hostile(
        "trailing-blank-lines",
        "blank lines at the end",
        {CSV: THREE + b"\n\n\n\n"},
        Read(3, cells=IDS),
    ),
    Hostile(
        "line-of-spaces",
        "a line of spaces: not a blank line, but a row with too few columns",
        {CSV: csv(fill(1), "   ", fill(3))},
        Read(2, ((2, None, NOT_SPLIT),)),
    ),
    Hostile(
        "no-line-end",
        "no line end after the last row",
        {CSV: THREE.removesuffix(b"\n")},
        Read(3, cells=IDS),
    ),
    Hostile("crlf", "CR LF throughout", {CSV: THREE.replace(b"\n", b"\r\n")}, Read(3, cells=IDS)),
    Hostile(
        "quote-after-space",
        "a space before a quote in one row, a quote at the end of another",
        {CSV: csv(fill(1), ' "aa', fill(3), '\\"')},
        Refused(("its quotes or line breaks",)),
    ),
    Hostile(
        "cr-last",
        "LF throughout, CR after the last row",
        {CSV: THREE.removesuffix(b"\n") + b"\r"},
        Read(3, cells=IDS),
    ),
    Hostile(
        "cr-only", "CR alone throughout", {CSV: THREE.replace(b"\n", b"\r")}, Read(3, cells=IDS)
    ),
    Hostile(
        "lf-then-crlf",
        "a header with LF above rows with CR LF",
        {CSV: f"{HEAD}\n{fill(1)}\r\n{fill(2)}\r\n{fill(3)}\r\n".encode()},
        Read(3, cells=IDS),
    ),
    Hostile(
        "crlf-then-lf",
        "a header with CR LF above rows with LF",
        {CSV: f"{HEAD}\r\n{fill(1)}\n{fill(2)}\n{fill(3)}\n".encode()},
        Read(3, cells=IDS),
    ),
    Hostile(
        "every-line-end",
        "LF, CR LF and CR in one file",
        {CSV: f"{HEAD}\r\n{fill(1)}\n{fill(2)}\r{fill(3)}".encode()},
        Read(3, cells=IDS),
    ),
    Hostile(
        "comment-character",
        "a row that begins with #",
        {CSV: csv("#" + fill(1), fill(2))},
        Read(2, cells={"claim_id": ["#C1", "C2"]}),
    ),
    Hostile(
        "megabytes",
        "a field of five megabytes",
        {CSV: lambda: csv(fill(1), fill(2, claim_id="X" * 5_000_000), fill(3))},
        Read(3),
    ),
    Hostile(
        "megabytes-in-quotes",
        "a quoted field of two megabytes with a line break every four bytes",
        {CSV: lambda: csv(fill(1), fill(2, claim_id='"' + "XYZ\n" * 500_000 + '"'), fill(3))},
        Read(3),
    ),
    Hostile(
        "megabytes-with-a-quote",
        "a field of two megabytes with one quote in it",
        {CSV: lambda: csv(fill(1), fill(2, claim_id='X"' + "X" * 2_000_000), fill(3))},
        Read(3),
    ),
    Hostile(
        "line-over-the-limit",
        "a line of more than 64 MiB",
        is_slow=True,
        files={CSV: lambda: csv(fill(1), fill(2, claim_id="X" * 70_000_000), fill(3))},
        fate=Read(2, ((2, None, "line_size_over_maximum"),)),
    ),
    Hostile(
        "thousand-columns",
        "a thousand unknown columns",
        {
            CSV: csv(
                *(fill(n) + ",x" * 1000 for n in (1, 2, 3)),
                head=HEAD + "".join(f",u{n}" for n in range(1000)),
            )
        },
        Read(3, cells=IDS),
    ),
    Hostile(
        "one-in-200000",
        "200,000 rows with one bad row in the middle",
        is_slow=True,
        files={
            CSV: lambda: csv(
                *(fill(n, quantity="x" if n == 100_001 else "1") for n in range(1, 200_001))
            )
        },
        fate=Read(199_999, ((100_001, "quantity", BAD_NUMBER),)),
    ),
    Hostile(
        "one-short-in-20000",
        "20,000 rows with a line break in each; one row is too short",
        {
            CSV: lambda: csv(
                *(
                    "short" if n == 10_001 else fill(n, member_id=f'"a\n{n}"')
                    for n in range(1, 20_001)
                )
            )
        },
        Read(19_999, ((10_001, None, NOT_SPLIT),)),
    ),
)

# ---------------------------------------------------------------- bytes and encodings

_ACCENTS: dict[str, list[object]] = {"member_id": ["Müller", "Zoë €"]}
_ACCENTED = (fill(1, member_id="Müller"), fill(2, member_id="Zoë €"))

BYTES = (
    Hostile("nul", "a NUL byte", {CSV: THREE.replace(b"M2", b"M\0")}, Refused(("NUL bytes",))),
    Hostile("utf-8", "accents in UTF-8", {CSV: csv(*_ACCENTED)}, Read(2, cells=_ACCENTS)),
    Hostile(
        "utf-8-mark", "a UTF-8 byte order mark", {CSV: b"\xef\xbb\xbf" + THREE}, Read(3, cells=IDS)
    ),
    Hostile(
        "utf-8-mark-quoted",
        "the same before a quoted header",
        {CSV: b"\xef\xbb\xbf" + csv(fill(1), head='"claim_id"' + HEAD[8:])},
        Read(1),
    ),
    Hostile(
        "utf-16-le",
        "UTF-16, little-endian",
        {CSV: _utf8_as("utf-16-le", *_ACCENTED, mark=b"\xff\xfe")},
        Read(2, cells=_ACCENTS),
    ),
    Hostile(
        "utf-16-be",
        "UTF-16, big-endian",
        {CSV: _utf8_as("utf-16-be", *_ACCENTED, mark=b"\xfe\xff")},
        Read(2, cells=_ACCENTS),
    ),
    Hostile(
        "utf-16-gz",
        "UTF-16, gzipped",
        {GZ: _zipped(_utf8_as("utf-16", *_ACCENTED))},
        Read(2, cells=_ACCENTS),
    ),
    Hostile(
        "utf-16-without-mark",
        "UTF-16 without its mark",
        {CSV: _utf8_as("utf-16-le", fill(1))},
        Refused(("NUL bytes",)),
    ),
    Hostile(
        "utf-16-odd",
        "UTF-16 with a byte missing at the end",
        {CSV: _utf8_as("utf-16", fill(1))[:-1]},
        Refused(("not utf-16",)),
    ),
    Hostile(
        "windows-1252",
        "Windows-1252, not named in the config",
        {CSV: _utf8_as("cp1252", *_ACCENTED)},
        Refused(("not utf-8", 'encoding = "cp1252"')),
    ),
    Hostile(
        "windows-1252-named",
        "Windows-1252, named in the config",
        {CSV: _utf8_as("cp1252", *_ACCENTED)},
        Read(2, cells=_ACCENTS),
        config=ANY_ERROR_RATE + 'encoding = "cp1252"\n',
    ),
    Hostile(
        "windows-1252-undefined",
        "a byte that is undefined in Windows-1252",
        {CSV: THREE.replace(b"M2", b"M\x81")},
        Refused(("not cp1252",)),
        config=ANY_ERROR_RATE + 'encoding = "cp1252"\n',
    ),
    Hostile(
        "latin-1-named",
        "Latin-1, named in the config",
        {CSV: _utf8_as("latin-1", fill(1, member_id="Müller"))},
        Read(1, cells={"member_id": ["Müller"]}),
        config=ANY_ERROR_RATE + 'encoding = "latin-1"\n',
    ),
    Hostile(
        "mark-over-config",
        "a UTF-8 byte order mark although the config names Windows-1252: the mark wins",
        {CSV: b"\xef\xbb\xbf" + csv(*_ACCENTED)},
        Read(2, cells=_ACCENTS),
        config=ANY_ERROR_RATE + 'encoding = "cp1252"\n',
    ),
    Hostile(
        "utf-8-cut",
        "a two-byte letter cut off after its first byte",
        {CSV: csv(fill(1, paid_amount="1.00ü")).rstrip()[:-1]},
        Refused(("not utf-8",)),
    ),
    Hostile("empty", "no bytes at all", {CSV: b""}, Refused(("the file is empty",))),
    Hostile(
        "mark-only",
        "a byte order mark and nothing else",
        {CSV: b"\xef\xbb\xbf"},
        Refused(("no header",)),
    ),
    Hostile("line-ends-only", "line ends only", {CSV: b"\n\n\r\n"}, Refused(("no header",))),
    Hostile(
        "whitespace-only",
        "whitespace only",
        {CSV: b"   \n \t \n"},
        Refused(("no column claim_id",)),
    ),
    Hostile(
        "cut",
        "a CSV file cut off in the middle of a row",
        {CSV: THREE[:-18]},
        Read(2, ((3, None, NOT_SPLIT),)),
    ),
    Hostile(
        "cut-gz",
        "a gzip file cut off in the middle",
        {GZ: _zipped(BIG)[:2000]},
        Refused(("gzip data is damaged or cut off",)),
    ),
    Hostile(
        "cut-gz-head",
        "the first five bytes of a gzip file",
        {GZ: _zipped(BIG)[:5]},
        Refused(("gzip data is damaged",)),
    ),
    Hostile(
        "flipped-gz",
        "a gzip file with a flipped bit",
        {GZ: flipped(_zipped(BIG), 3000)},
        Refused(("gzip data is damaged",)),
    ),
    Hostile(
        "trailing-gz",
        "a gzip file with other bytes after it",
        {GZ: _zipped(THREE) + b"more"},
        Refused(("gzip data is damaged",)),
    ),
    Hostile("no-gz", "a plain file named .gz", {GZ: THREE}, Refused(("gzip data is damaged",))),
    Hostile(
        "gz-of-nothing",
        "a gzip file of no bytes",
        {GZ: _zipped(b"")},
        Refused(("the file is empty",)),
    ),
    Hostile(
        "two-gz",
        "two gzip files, one after the other",
        {GZ: _zipped(csv(fill(1))) + _zipped(f"{fill(2)}\n{fill(3)}\n".encode())},
        Read(3, cells=IDS),
    ),
    Hostile(
        "gz-with-open-quotes",
        "a gzipped file with quotes inside plain fields, its suffix in capitals",
        {"pharmacy_claim_x.CSV.GZ": _zipped(csv(fill(1, payer='5" tube'), fill(2)))},
        Read(2),
    ),
    Hostile(
        "gz-called-csv",
        "a gzip file named .csv",
        {CSV: _zipped(THREE)},
        Refused(("not utf-8",)),
    ),
)

# ---------------------------------------------------------------- headers

HEADERS = (
    Hostile(
        "no-header",
        "no header: the first row is taken for it, and is not repeated in the message",
        {CSV: THREE.split(b"\n", 1)[1]},
        Refused(("no column claim_id", "[columns.pharmacy_claim]")),
    ),
    Hostile(
        "header-only", "a header without rows: the table counts as supplied", {CSV: csv()}, Read(0)
    ),
    Hostile("header-only-no-end", "the same without a line end", {CSV: HEAD.encode()}, Read(0)),
    Hostile(
        "header-twice",
        "one of our columns twice",
        {CSV: csv(fill(1) + ",x", head=HEAD + ",claim_id")},
        Refused(("column claim_id appears twice",)),
    ),
    Hostile(
        "header-twice-by-case",
        "one of our columns twice, in another case and with spaces",
        {CSV: csv(fill(1) + ",x", head=HEAD + ", Claim_ID ")},
        Refused(("column claim_id appears twice",)),
    ),
    Hostile(
        "unknown-twice",
        "an unknown column twice",
        {CSV: csv(fill(1) + ",x,y", head=HEAD + ",note,note")},
        Read(1),
    ),
    Hostile(
        "misspelt-header",
        "a required column misspelt",
        {CSV: csv(fill(1), head=HEAD.replace("dispensing", "dispensed"))},
        Refused(("no column dispensing_date",)),
    ),
    Hostile(
        "header-in-another-form",
        "a header in capitals, with spaces, quoted and in another order",
        {
            CSV: csv(
                "1.50,C1,M1,Cigna,2026-02-01,00078043815,30",
                head='"PAID_AMOUNT", Claim_Id ,MEMBER_ID,payer,"Dispensing_Date",NDC_CODE,quantity',
            )
        },
        Read(1, cells={"claim_id": ["C1"], "paid_amount": [Decimal("1.50")]}),
    ),
    Hostile(
        "mapped-header",
        "a header with the sender's own names, which the config maps to ours",
        {CSV: csv(fill(1), head=HEAD.replace("claim_id", "Rx Number").replace("quantity", "QTY"))},
        Read(1, cells={"claim_id": ["C1"]}),
        config=ANY_ERROR_RATE + f'[columns.{TABLE}]\n"rx number" = "claim_id"\nqty = "quantity"\n',
    ),
    Hostile(
        "mapped-twice",
        "the sender's name and ours for the same column",
        {CSV: csv(fill(1) + ",x", head=HEAD + ",rx")},
        Refused(("column claim_id appears twice",)),
        config=ANY_ERROR_RATE + f'[columns.{TABLE}]\nrx = "claim_id"\n',
    ),
    Hostile(
        "sep-line",
        "a first line `sep=,`, as a spreadsheet writes it",
        {CSV: b"sep=,\n" + THREE},
        Refused(("no column claim_id",)),
    ),
    Hostile(
        "sql-header",
        "SQL, quotes and globs as names of unknown columns",
        {
            CSV: csv(
                fill(1) + ",x,y,z",
                head=HEAD + ""","a""; DROP TABLE main.file; --",'); DELETE FROM file; --,*?[ab]""",
            )
        },
        Read(1),
    ),
    Hostile(
        "pipes",
        "| between the columns, named in the config",
        {CSV: THREE.replace(b",", b"|")},
        Read(3, cells=IDS),
        config=ANY_ERROR_RATE + 'delimiter = "|"\n',
    ),
    Hostile(
        "tabs",
        "tabs between the columns, named in the config",
        {CSV: THREE.replace(b",", b"\t")},
        Read(3, cells=IDS),
        config=ANY_ERROR_RATE + 'delimiter = "\\t"\n',
    ),
    Hostile(
        "other-delimiter",
        "semicolons between the columns, not named in the config",
        {CSV: THREE.replace(b",", b";")},
        Refused(("no column claim_id",)),
    ),
)

# ---------------------------------------------------------------- values

VALUES = (
    Hostile(
        "no-dates",
        "infinity, words, 30 February, year 0000, an impossible time of day and spaces in dates",
        {
            CSV: each(
                "dispensing_date",
                "infinity",
                "-infinity",
                "epoch",
                "today",
                "2026-02-30",
                "20260230",
                "0000-01-01",
                "00000101",
                "2026-2-1",
                "2026- 1-01",
                "2026-02-01 25:00:00",
                "2026-02-01",
            )
        },
        Read(1, each_bad("dispensing_date", BAD_DATE, 11)),
    ),
    Hostile(
        "times-of-day",
        "dates with a time of day, in a zone or none: the day that they show",
        {
            CSV: each(
                "dispensing_date",
                "2026-02-01 00:00:00",
                "2026-02-01T23:30:00-05:00",
                "2026-02-01T00:30:00.000+09:00",
                "2026-02-01 10:00 UTC",
            )
        },
        Read(4, cells={"dispensing_date": [date(2026, 2, 1)] * 4}),
    ),
    Hostile(
        "listed-format",
        "30 February and year 0000 in a format listed in the config",
        {CSV: each("dispensing_date", "2/30/2026", "01/01/0000", "2/3/2026")},
        Read(
            1,
            each_bad("dispensing_date", BAD_DATE, 2),
            cells={"dispensing_date": [date(2026, 2, 3)]},
        ),
        config=ANY_ERROR_RATE + 'date_formats = ["%m/%d/%Y"]\n',
    ),
    Hostile(
        "no-amounts",
        "amounts with third decimals, thousands separators, currency, decimal commas, NaN",
        {
            CSV: each(
                "paid_amount",
                "100.005",
                '"1,000.00"',
                "$5",
                '"5,00"',
                "nan",
                "inf",
                "(5.00)",
                "1_000",
                "0x10",
                "9" * 20,
                "\uff11\uff10",
                "5.00-",
                "5.00",
            )
        },
        Read(1, each_bad("paid_amount", BAD_AMOUNT, 12)),
    ),
    Hostile(
        "float-dust",
        "amounts with float dust, which is rounded and counted",
        {CSV: each("paid_amount", "1018.0999999999999", "0.30000000000000004", "5", "-5.", ".5")},
        Read(
            5,
            cells={
                "paid_amount": [Decimal(x) for x in ("1018.10", "0.30", "5.00", "-5.00", "0.50")]
            },
            warnings=(("paid_amount", "float_dust_rounded", 2),),
        ),
    ),
    Hostile(
        "no-quantity",
        "words and NaN as quantities",
        {CSV: each("quantity", "many", "nan", "3O", "30.5")},
        Read(1, each_bad("quantity", BAD_NUMBER, 3)),
    ),
    Hostile(
        "formula",
        "text that a spreadsheet would execute, or SQL: it stays text",
        {
            CSV: each(
                "member_id", "=1+1", "@SUM(A1)", "'; DROP TABLE main.file; --", "$word", "${table}"
            )
        },
        Read(
            5,
            cells={
                "member_id": [
                    "=1+1",
                    "@SUM(A1)",
                    "'; DROP TABLE main.file; --",
                    "$word",
                    "${table}",
                ]
            },
        ),
    ),
    Hostile(
        "twice", "the same row twice", {CSV: csv(fill(1), fill(2), fill(1))}, Read(2, duplicates=1)
    ),
    Hostile(
        "twice-in-other-spellings",
        "the same row twice in other spellings",
        {
            CSV: csv(
                fill(1),
                fill(
                    1,
                    dispensing_date="20260201",
                    ndc_code="0078-0438-15",
                    quantity=" 30.0 ",
                    paid_amount="100",
                ),
            )
        },
        Read(1, duplicates=1),
    ),
    Hostile(
        "null-words",
        "NULL and spaces as keys",
        {CSV: csv(fill(1, claim_id="NULL"), fill(2, member_id="  "), fill(3))},
        Read(1, ((1, "claim_id", MISSING), (2, "member_id", MISSING))),
    ),
    Hostile(
        "too-many-bad-rows",
        "three bad rows out of ten when a twentieth is allowed",
        {
            CSV: csv(
                *(fill(n, dispensing_date="x" if n < 4 else "2026-02-01") for n in range(1, 11))
            )
        },
        Refused(("3 of 10 rows", "5.0% allowed"), exit_code=4),
        config="",
    ),
)

# ---------------------------------------------------------------- values as senders write them

_TWO_DIGITS = ANY_ERROR_RATE + 'date_formats = ["%m/%d/%Y", "%m/%d/%y"]\n'
_INFUSIONS = (
    "claim_id,claim_line_number,member_id,payer,claim_start_date,hcpcs_code,hcpcs_modifier_1,"
    "service_unit_quantity,paid_amount"
)
_SPANS = "member_id,payer,birth_date,enrollment_start_date,enrollment_end_date"

SENT = (
    Hostile(
        "ids-made-numbers",
        "claim ids that a table program made numbers of: 1003.0, and one that lost digits",
        {CSV: each("claim_id", "1003.0", "1004.00", "7E10", "2.02603E+11")},
        Read(
            3,
            ((4, "claim_id", "digits_lost"),),
            cells={"claim_id": ["1003", "1004", "7E10"]},
            warnings=(("claim_id", "made_a_number", 2),),
        ),
    ),
    Hostile(
        "one-id-in-two-forms",
        "a claim id that is 1003 in one row and 1003.0 in another: versions of one line",
        {CSV: csv(fill(1, claim_id="1003"), fill(1, claim_id="1003.0", quantity="60"))},
        Read(
            2,
            cells={"claim_id": ["1003", "1003"]},
            warnings=(("claim_id", "made_a_number", 1),),
            settled={"history": 1, "superseded": 1},
        ),
    ),
    Hostile(
        "parquet-ids-through-expressions",
        "ids that are floats, one of them too large for its digits, mapped by expressions",
        {
            PARQUET: parquet(
                claim_id=[1003.0, 9.2e17], member_id=[7.0, 8.0], person_id=[9.0, float("nan")]
            )
        },
        Read(
            1,
            ((2, "claim_id", "digits_lost"),),
            cells={"claim_id": ["1003"], "member_id": ["7"], "person_id": ["9"]},
            warnings=(
                ("claim_id", "made_a_number", 1),
                ("member_id", "made_a_number", 1),
                ("person_id", "made_a_number", 1),
            ),
        ),
        config=ANY_ERROR_RATE
        + f'[tables.{TABLE}.columns]\nclaim_id = "claim_id"\nmember_id = "trim(member_id)"\n',
    ),
    Hostile(
        "codes-made-numbers",
        "NDCs and NPIs as 47335047281.0 and 1.23E+09",
        {
            CSV: csv(
                fill(1, ndc_code="47335047281.0", dispensing_provider_npi="1234567893.0"),
                fill(2, ndc_code="4.7335E+10", dispensing_provider_npi="1.23E+09"),
                head=f"{HEAD},dispensing_provider_npi",
            )
        },
        Read(
            2,
            cells={
                "ndc_code": ["47335047281", None],
                "dispensing_provider_npi": ["1234567893", None],
            },
            warnings=(
                ("dispensing_provider_npi", "digits_lost", 1),
                ("dispensing_provider_npi", "made_a_number", 1),
                ("ndc_code", "digits_lost", 1),
                ("ndc_code", "made_a_number", 1),
            ),
        ),
    ),
    Hostile(
        "ndcs-without-zeros",
        "NDCs that all lost their leading zeros: they are not guessed, they match nothing",
        {CSV: each("ndc_code", "78043815", "78064930", "8001001")},
        Read(
            3,
            cells={"ndc_code": ["78043815", "78064930", "8001001"]},
            warnings=(("ndc_code", "ndc_malformed", 3),),
        ),
    ),
    Hostile(
        "frequencies-made-numbers",
        "claim frequency codes 7.0, 07 and 2E+05",
        {CSV: each_added("claim_frequency_code", "7.0", "07", "2E+05", "7")},
        Read(
            4,
            cells={"claim_frequency_code": ["7", "7", None, "7"]},
            warnings=(
                ("claim_frequency_code", "digits_lost", 1),
                ("claim_frequency_code", "made_a_number", 2),
            ),
        ),
    ),
    Hostile(
        "words-for-nothing",
        "words that stand for nothing as the original claim",
        {
            CSV: each_added(
                "original_claim_id", "nan", "None", "N/A", r"\N", ".", "-", "unknown", "000"
            )
        },
        Read(
            8,
            cells={"original_claim_id": [None] * 8},
            warnings=(("original_claim_id", "placeholder", 8),),
        ),
    ),
    Hostile(
        "original-claim-0",
        "a reversal of claim 0: it names none, so it takes back the line of its content",
        {
            CSV: csv(
                fill(1, original_claim_id=""),
                fill(2, member_id="M1", paid_amount="-100.00", original_claim_id="0"),
                fill(3, original_claim_id="0.0"),
                head=f"{HEAD},original_claim_id",
            )
        },
        Read(
            3,
            cells={"original_claim_id": [None] * 3},
            warnings=(("original_claim_id", "placeholder", 2),),
            settled={"history": 1, "reversed": 2, "matched_by_content": 1},
        ),
    ),
    Hostile(
        "persons-who-are-nobody",
        "nan, unknown and 0 as the person: they are not one person",
        {CSV: each_added("person_id", "nan", "NaN", "unknown", "0", "1003.0", "1003")},
        Read(
            6,
            cells={"person_id": [None, None, None, None, "1003", "1003"]},
            warnings=(("person_id", "made_a_number", 1), ("person_id", "placeholder", 4)),
        ),
    ),
    Hostile(
        "nobody",
        "words that stand for nothing as the member",
        {CSV: each("member_id", "M1", "NaN", "0", "n/a")},
        Read(1, tuple((n, "member_id", "placeholder") for n in (2, 3, 4))),
    ),
    Hostile(
        "prescription-number",
        "a prescription number as the claim id: its fills are versions of one line",
        {
            CSV: csv(
                fill(1),
                fill(1, dispensing_date="2026-03-03"),
                fill(1, dispensing_date="2026-04-02"),
            )
        },
        Read(3, settled={"history": 1, "superseded": 2, "key_of_several_dates": 3}),
    ),
    Hostile(
        "dates-that-mean-none",
        "the first and last day of a database's calendar in paid dates",
        {CSV: each_added("paid_date", "1900-01-01", "1753-01-01", "0001-01-01", "9999-12-31")},
        Read(
            4,
            cells={"paid_date": [None] * 4},
            warnings=(("paid_date", "sentinel_date", 4),),
        ),
    ),
    Hostile(
        "paid-on-the-last-day",
        "9999-12-31 as the paid date of a version: it is the earliest, not the latest",
        {
            CSV: csv(
                fill(1, quantity="60", paid_date="9999-12-31"),
                fill(1, paid_date="2026-02-10"),
                head=f"{HEAD},paid_date",
            )
        },
        Read(
            2,
            cells={"paid_date": [None, date(2026, 2, 10)]},
            warnings=(("paid_date", "sentinel_date", 1),),
            settled={"history": 1, "superseded": 1},
        ),
    ),
    Hostile(
        "services-on-no-date",
        "the same in service dates",
        {CSV: each("dispensing_date", "1900-01-01", "9999-12-31", "2026-02-01")},
        Read(1, each_bad("dispensing_date", "sentinel_date", 2)),
    ),
    Hostile(
        "open-spans",
        "the same in enrollment spans: open on their side, unknown on the other",
        {
            "eligibility.csv": csv(
                "M1,Cigna,1970-05-01,1900-01-01,9999-12-31",
                "M2,Cigna,1900-01-01,1753-01-01,1900-01-01",
                "M3,Cigna,1970-05-01,9999-12-31,",
                head=_SPANS,
            ),
            CSV: THREE,
        },
        Read(
            2,
            ((3, "enrollment_start_date", "sentinel_date"),),
            cells={
                "birth_date": [date(1970, 5, 1), None],
                "enrollment_start_date": [date(1900, 1, 1), date(1753, 1, 1)],
                "enrollment_end_date": [date(9999, 12, 31), None],
            },
            warnings=(
                ("birth_date", "sentinel_date", 1),
                ("enrollment_end_date", "sentinel_date", 1),
            ),
        ),
        table="eligibility",
    ),
    Hostile(
        "two-digit-years",
        "service dates with years of two digits, in a format listed in the config",
        {CSV: each("dispensing_date", "02/01/26", "2/1/26", "02/01/2026")},
        Read(3, cells={"dispensing_date": [date(2026, 2, 1)] * 3}),
        config=_TWO_DIGITS,
    ),
    Hostile(
        "two-digit-birth-years",
        "birth dates with years of two digits: their century is a guess, and never to come",
        {
            "eligibility.csv": csv(
                "M1,Cigna,05/01/58,2020-01-01,",
                "M2,Cigna,05/01/1958,2020-01-01,",
                head=_SPANS,
            ),
            CSV: THREE,
        },
        Read(2, warnings=(("birth_date", "two_digit_year", 1),)),
        config=_TWO_DIGITS,
        table="eligibility",
    ),
    Hostile(
        "modifiers-joined",
        "two modifiers in one column, one with a character too many, one made a number",
        {
            "medical_claim.csv": csv(
                "C1,1,M1,MMM,2026-02-01,J9229,JWRT,9,100.00",
                "C2,1,M2,MMM,2026-02-01,J9229,JW1,9,100.00",
                "C3,1,M3,MMM,2026-02-01,J9229,59.0,9,100.00",
                head=_INFUSIONS,
            )
        },
        Read(
            3,
            cells={"hcpcs_modifier_1": ["JWRT", "JW1", "59"]},
            warnings=(
                ("hcpcs_modifier_1", "made_a_number", 1),
                ("hcpcs_modifier_1", "modifier_malformed", 1),
                ("hcpcs_modifier_1", "modifiers_joined", 1),
            ),
        ),
        table="medical_claim",
    ),
    Hostile(
        "rejected",
        "claim_status R: denied if nothing was paid",
        {
            CSV: csv(
                fill(1, claim_status="R", paid_amount=""),
                fill(2, claim_status="r", paid_amount="0.00"),
                fill(3, claim_status="R"),
                head=f"{HEAD},claim_status",
            )
        },
        Read(3, cells={"claim_status": ["denied", "denied", "reversed"]}),
    ),
)

# ---------------------------------------------------------------- Parquet

_DAYS: dict[str, list[object]] = {"dispensing_date": [date(2026, 2, 1), date(2026, 2, 2)]}
_TIMES = [datetime(2026, 2, 1, 14, 30), datetime(2026, 2, 2)]
_NESTED = Refused(("contains lists, structures or bytes",))
_DAMAGED = Refused(("damaged",))
_UNREADABLE = Refused(("not a readable Parquet file",))

TYPED = (
    Hostile(
        "parquet-text",
        "every column as text",
        {PARQUET: TWO_TYPED},
        Read(2, cells={"ndc_code": ["00078043815"] * 2}),
    ),
    Hostile(
        "parquet-ndc-integer",
        "an NDC as a number without its leading zeros: they are not guessed, it matches nothing",
        {PARQUET: parquet(ndc_code=[78043815, 47335047281])},
        Read(
            2,
            cells={"ndc_code": ["78043815", "47335047281"]},
            warnings=(("ndc_code", "ndc_malformed", 1),),
        ),
    ),
    Hostile(
        "parquet-date",
        "dates",
        {PARQUET: parquet(dispensing_date=[date(2026, 2, 1), date(2026, 2, 2)])},
        Read(2, cells=_DAYS),
    ),
    Hostile(
        "parquet-timestamp",
        "timestamps in microseconds",
        {PARQUET: parquet(dispensing_date=pa.array(_TIMES, pa.timestamp("us")))},
        Read(2, cells=_DAYS),
    ),
    Hostile(
        "parquet-timestamp-ns",
        "timestamps in nanoseconds",
        {PARQUET: parquet(dispensing_date=pa.array(_TIMES, pa.timestamp("ns")))},
        Read(2, cells=_DAYS),
    ),
    Hostile(
        "parquet-timestamp-zone",
        "timestamps with a time zone: the day that they show in it",
        {
            PARQUET: parquet(
                dispensing_date=pa.array(_TIMES, pa.timestamp("us", tz="America/New_York"))
            )
        },
        Read(2, cells={"dispensing_date": [date(2026, 2, 1), date(2026, 2, 1)]}),
    ),
    Hostile(
        "parquet-date-number",
        "dates as numbers such as 20260201, also as floats because some are missing",
        {PARQUET: parquet(dispensing_date=[20260201, 20260202], paid_date=[20260203.0, None])},
        Read(2, cells=_DAYS | {"paid_date": [date(2026, 2, 3), None]}),
    ),
    Hostile(
        "parquet-impossible-dates",
        "dates BC and after the year 9999",
        {
            PARQUET: parquet(
                dispensing_date=pa.array(
                    [-63549273600000000, 4102444800000000 * 80], pa.timestamp("us")
                )
            )
        },
        Read(0, each_bad("dispensing_date", BAD_DATE, 2)),
    ),
    Hostile(
        "parquet-double",
        "amounts and quantities as floats",
        {PARQUET: parquet(paid_amount=[1018.0999999999999, 5.0], quantity=[30.0, 0.5])},
        Read(
            2,
            cells={
                "paid_amount": [Decimal("1018.10"), Decimal("5.00")],
                "quantity": [Decimal("30.000"), Decimal("0.500")],
            },
            warnings=(("paid_amount", "float_dust_rounded", 1),),
        ),
    ),
    Hostile(
        "parquet-float",
        "amounts as 32-bit floats",
        {PARQUET: parquet(paid_amount=pa.array([19.99, 123456.78], pa.float32()))},
        Read(2, cells={"paid_amount": [Decimal("19.99"), Decimal("123456.78")]}),
    ),
    Hostile(
        "parquet-no-number",
        "NaN and infinity",
        {PARQUET: parquet(paid_amount=[float("nan"), float("inf")])},
        Read(0, each_bad("paid_amount", BAD_AMOUNT, 2)),
    ),
    Hostile(
        "parquet-hidden-nan",
        "NaN, which the file's own statistics do not show",
        {PARQUET: parquet(paid_amount=[1.0, float("nan")])},
        Read(1, ((2, "paid_amount", BAD_AMOUNT),)),
    ),
    Hostile(
        "parquet-decimal",
        "amounts with four decimals, one with a real third",
        {PARQUET: parquet(paid_amount=pa.array([Decimal("19.9900"), Decimal("1.0050")]))},
        Read(1, ((2, "paid_amount", BAD_AMOUNT),), cells={"paid_amount": [Decimal("19.99")]}),
    ),
    Hostile(
        "parquet-integer",
        "amounts as whole numbers",
        {PARQUET: parquet(paid_amount=[100, 5])},
        Read(2, cells={"paid_amount": [Decimal("100.00"), Decimal("5.00")]}),
    ),
    Hostile(
        "parquet-id-number",
        "ids and codes as whole numbers, also as floats because some are missing",
        {
            PARQUET: parquet(
                claim_id=[123, 124], member_id=[7.0, 8.0], claim_frequency_code=[1.0, None]
            )
        },
        Read(
            2,
            cells={
                "claim_id": ["123", "124"],
                "member_id": ["7", "8"],
                "claim_frequency_code": ["1", None],
            },
            warnings=(
                ("claim_frequency_code", "made_a_number", 1),
                ("member_id", "made_a_number", 2),
            ),
        ),
    ),
    Hostile(
        "parquet-dictionary",
        "a dictionary column",
        {PARQUET: parquet(payer=pa.array(["Cigna", "Cigna"]).dictionary_encode())},
        Read(2, cells={"payer": ["Cigna", "Cigna"]}),
    ),
    Hostile(
        "parquet-null-type",
        "a column of type null",
        {PARQUET: parquet(plan=pa.nulls(2))},
        Read(2, cells={"plan": [None, None]}),
    ),
    Hostile(
        "parquet-list",
        "one of our columns as lists",
        {PARQUET: parquet(plan=[["a"], ["b"]])},
        _NESTED,
    ),
    Hostile(
        "parquet-struct",
        "one of our columns as structures",
        {PARQUET: parquet(plan=[{"x": 1}, {"x": 2}])},
        _NESTED,
    ),
    Hostile(
        "parquet-bytes",
        "one of our columns as bytes",
        {PARQUET: parquet(member_id=[b"M1", b"M2"])},
        _NESTED,
    ),
    Hostile(
        "parquet-mapped-list",
        "lists in a column that the config maps to ours",
        {PARQUET: parquet(labels=[["a"], ["b"]])},
        _NESTED,
        config=ANY_ERROR_RATE + f'[columns.{TABLE}]\nlabels = "plan"\n',
    ),
    Hostile(
        "parquet-unknown-nested",
        "lists and structures in unknown columns",
        {PARQUET: parquet(tags=[["a"], ["b"]], more=[{"x": [1]}, None])},
        Read(2),
    ),
    Hostile(
        "parquet-column-twice",
        "one of our columns twice",
        {PARQUET: with_column_twice("claim_id")},
        Refused(("column claim_id appears twice",)),
    ),
    Hostile(
        "parquet-column-twice-by-case",
        "the same in another case",
        {PARQUET: with_column_twice("Claim_ID")},
        Refused(("column claim_id appears twice",)),
    ),
    Hostile(
        "parquet-sql-column",
        "SQL as the name of an unknown column",
        {PARQUET: with_column_twice('a"; DROP TABLE main.file; --')},
        Read(2),
    ),
    Hostile(
        "parquet-nameless-column",
        "a column without a name",
        {PARQUET: with_column_twice("")},
        Read(2),
    ),
    Hostile(
        "parquet-no-column",
        "no required column",
        {PARQUET: parquet_of(pa.table({"claim_id": ["C1"]}))},
        Refused(("no column member_id",)),
    ),
    Hostile(
        "parquet-no-rows",
        "no rows: the table counts as supplied",
        {PARQUET: parquet_of(pq.read_table(io.BytesIO(TWO_TYPED)).slice(0, 0))},
        Read(0),
    ),
    Hostile(
        "parquet-bad-text",
        "text that is not UTF-8",
        {PARQUET: parquet(plan=pa.array([b"\xff\xfe", b"ok"]).view(pa.string()))},
        _DAMAGED,
    ),
    Hostile(
        "parquet-truncated", "a file cut off at its end", {PARQUET: TWO_TYPED[:-20]}, _UNREADABLE
    ),
    Hostile("parquet-empty", "no bytes at all", {PARQUET: b""}, _UNREADABLE),
    Hostile("parquet-csv", "a CSV file named .parquet", {PARQUET: THREE}, _UNREADABLE),
    Hostile(
        "parquet-damaged-page",
        "the first page damaged",
        {PARQUET: TWO_TYPED[:4] + b"\xff" * 8 + TWO_TYPED[12:]},
        _DAMAGED,
    ),
    Hostile(
        "parquet-flipped-bit",
        "one bit of the data flipped, with a control file that states the hash",
        {
            PARQUET: flipped(TWO_TYPED, TWO_TYPED.index(b"C1")),
            PARQUET + DONE: control(TWO_TYPED, rows=2),
        },
        Refused(("differs from the one in its control file",)),
    ),
    Hostile(
        "parquet-hive-folder",
        "an input folder whose name looks like a partition: it does not become a column",
        {PARQUET: TWO_TYPED},
        Read(2, cells={"payer": ["Cigna", "Cigna"]}),
        folder="payer=Other",
    ),
)

# ---------------------------------------------------------------- control files, names and folders

_BRACKETS = {
    f"{TABLE}_[ab].csv": csv(fill(1)),
    f"{TABLE}_a.csv": csv(fill(2)),
    f"{TABLE}_b.csv": csv(fill(3)),
}
_LINK = Refused(("is a link or not a regular file",))
_NO_TABLE = "does not belong to a table"

FOLDERS = (
    Hostile(
        "control-right",
        "a control file with the right rows and hash",
        {CSV: THREE, CSV + DONE: control(THREE, rows=3)},
        Read(3),
    ),
    Hostile(
        "control-empty",
        "a control file that states nothing",
        {CSV: THREE, CSV + DONE: b""},
        Read(3),
    ),
    Hostile(
        "control-wrong-rows",
        "a control file with the wrong number of rows",
        {CSV: THREE, CSV + DONE: b"rows = 4\n"},
        Refused(("3 records read, but its control file states 4",)),
    ),
    Hostile(
        "control-wrong-hash",
        "a control file with the wrong hash",
        {CSV: THREE, CSV + DONE: control(b"other")},
        Refused(("differs from the one in its control file",)),
    ),
    Hostile(
        "control-cut",
        "a file cut off between two rows, with a control file",
        {CSV: csv(fill(1), fill(2)), CSV + DONE: b"rows = 3\n"},
        Refused(("2 records read, but its control file states 3",)),
    ),
    Hostile(
        "control-unknown-key",
        "a control file with an unknown key",
        {CSV: THREE, CSV + DONE: b"lines = 3\n"},
        Refused(("not a valid control file",)),
    ),
    Hostile(
        "control-not-toml",
        "a control file that is not TOML",
        {CSV: THREE, CSV + DONE: b"3 rows\n"},
        Refused(("not a valid control file",)),
    ),
    Hostile(
        "control-alone",
        "a control file without its extract",
        {CSV: THREE, "pharmacy_claim_2.csv" + DONE: b"rows = 3\n"},
        Refused(("has no extract",)),
    ),
    Hostile(
        "name-brackets",
        "a file name that is a glob for two others",
        _BRACKETS,
        Read(1, cells={"claim_id": ["C1"]}),
    ),
    *(
        Hostile(
            f"name-{slug}",
            f"a file name with {what}",
            {f"{TABLE}_{name}.csv": csv(fill(1, claim_id=slug))},
            Read(1, cells={"claim_id": [slug]}),
        )
        for slug, what, name in (
            ("star", "a star", "*"),
            ("question-mark", "a question mark", "?"),
            ("quote", "a quote", "o'brien"),
            ("space", "a space", "a b"),
            ("sql", "SQL", "'; DROP TABLE file; --"),
            ("braces", "braces and symbols", "{a,b}$x%"),
            ("bracket", "an opening bracket", "["),
        )
    ),
    Hostile(
        "name-star-parquet",
        "a Parquet file name that is a glob for another",
        {f"{TABLE}_*.parquet": TWO_TYPED, f"{TABLE}_other.parquet": parquet(claim_id=["D1", "D2"])},
        Read(2, cells={"claim_id": ["C1", "C2"]}),
    ),
    Hostile(
        "name-line-break",
        "a file name with a line break",
        {f"{TABLE}_a\nb.csv": THREE},
        Refused(("unprintable characters",)),
    ),
    Hostile(
        "name-bytes",
        "a file name that is not UTF-8",
        {os.fsdecode(f"{TABLE}_".encode() + b"\xff.csv"): THREE},
        Refused(("unprintable characters",)),
    ),
    Hostile(
        "folder-glob",
        "an input folder whose name is a glob",
        {CSV: THREE},
        Read(3, cells=IDS),
        folder="in[ab]*",
    ),
    Hostile(
        "folder-of-table",
        "files in a folder named after the table, one of them hidden",
        {f"{TABLE}/part-1.csv": THREE, f"{TABLE}/.part-1.crc": b"x"},
        Read(3, cells=IDS),
    ),
    Hostile(
        "folder-of-another-name",
        "a file in a folder that is not named after a table",
        {CSV: THREE, "backup/pharmacy_claim.csv": THREE},
        Refused(("'backup/pharmacy_claim.csv'", _NO_TABLE)),
    ),
    Hostile(
        "folder-deep",
        "a file deep in a folder named after the table, in capitals",
        {f"{TABLE.upper()}/2026/01/PART.CSV": THREE},
        Read(3, cells=IDS),
    ),
    Hostile(
        "folder-of-parts",
        "a folder of parts, with the marks that its writer leaves",
        {
            f"{PARQUET}/part-00000.snappy.parquet": TWO_TYPED,
            f"{PARQUET}/_SUCCESS": b"",
            f"{PARQUET}/.part-00000.snappy.parquet.crc": b"crc",
            f"{PARQUET}/_metadata": b"PAR1",
        },
        Read(2, cells={"claim_id": ["C1", "C2"]}),
    ),
    Hostile(
        "folder-of-a-column",
        "a folder that gives the payer's column, which the file lacks",
        {f"{TABLE}/payer=Blue%20Cross/year=2026/a.csv": WITHOUT_PAYER},
        Read(1, cells={"payer": ["Blue Cross"], "claim_id": ["C1"]}),
    ),
    Hostile(
        "folder-of-a-known-column",
        "a folder that gives a column which the file has: the file's counts",
        {f"{TABLE}/payer=Aetna/a.csv": THREE},
        Read(3, cells={"payer": ["Cigna"] * 3}),
    ),
    Hostile(
        "folder-unfinished",
        "the folder of an export that has not finished",
        {CSV: THREE, f"{PARQUET}/_temporary/0/part-00000.parquet": TWO_TYPED},
        Refused(("part-00000.parquet'", "export that has not finished")),
    ),
    Hostile(
        "marks-of-other-tools",
        "empty files without the name of data, checksums and desktop files",
        {
            CSV: THREE,
            "_SUCCESS": b"",
            "READY": b"",
            "transfer.ok": b"",
            ".DS_Store": b"x",
            "._pharmacy_claim.csv": b"x",
            "pharmacy_claim.csv.crc": b"crc",
            "Thumbs.db": b"x",
            "__MACOSX/pharmacy_claim.csv": b"x",
        },
        Read(3, cells=IDS),
    ),
    Hostile(
        "empty-misspelt-table",
        "an empty file whose name is nearly that of a table",
        {CSV: THREE, "eligibilty.csv": b""},
        Refused(("'eligibilty.csv'", _NO_TABLE)),
    ),
    Hostile(
        "misspelt-table",
        "a misspelt table name",
        {CSV: THREE, "eligibilty.csv": THREE},
        Refused(("'eligibilty.csv'", _NO_TABLE, "'eligibility.csv'")),
    ),
    Hostile(
        "another-format",
        "a workbook",
        {CSV: THREE, "eligibility.xlsx": b"PK"},
        Refused(("'eligibility.xlsx'", _NO_TABLE)),
    ),
    Hostile(
        "no-claims",
        "no claim table, and no warehouse",
        {"eligibility.csv": b"member_id,payer,enrollment_start_date\n"},
        Refused(("No claim table",)),
        is_first=True,
    ),
    Hostile(
        "hidden",
        "hidden files and folders next to the extract",
        {CSV: THREE, ".DS_Store": b"x", ".old/pharmacy_claim.csv": b"x"},
        Read(3, cells=IDS),
    ),
    Hostile(
        "link",
        "a link to a file",
        {CSV: THREE},
        _LINK,
        also=lambda f: (f / "eligibility.csv").symlink_to(f / CSV),
    ),
    Hostile(
        "link-to-folder",
        "a link to a folder",
        {CSV: THREE},
        _LINK,
        also=lambda f: (f / "eligibility").symlink_to(f.parent),
    ),
    Hostile(
        "link-to-nothing",
        "a link to a missing file",
        {CSV: THREE},
        _LINK,
        also=lambda f: (f / "eligibility.csv").symlink_to(f / "gone"),
    ),
    Hostile(
        "pipe", "a named pipe", {CSV: THREE}, _LINK, also=lambda f: os.mkfifo(f / "eligibility.csv")
    ),
    Hostile(
        "equal-content",
        "two files with the same bytes: the second is passed over",
        {f"{TABLE}_1.csv": THREE, f"{TABLE}_2.csv": THREE},
        Read(3, cells=IDS),
    ),
    Hostile(
        "grows-while-read",
        "a file that grows while it is read, with nothing else to judge",
        {CSV: THREE},
        Refused(("changed while it was read",)),
        while_read=_grow,
        is_first=True,
    ),
    Hostile(
        "exchanged-while-read",
        "a file that is replaced while it is read",
        {CSV: THREE},
        Refused(("changed while it was read",)),
        while_read=_exchange,
    ),
    Hostile(
        "gone-while-read",
        "a file that disappears before it is read",
        {CSV: THREE},
        Refused(("the file is missing or cannot be read",)),
        while_read=lambda f: (f / CSV).unlink(),
    ),
)

SECTIONS: Mapping[str, tuple[Hostile, ...]] = {
    "Records and line ends": SPLITTING,
    "Bytes and encodings": BYTES,
    "Headers and delimiters": HEADERS,
    "Values": VALUES,
    "Values as senders really write them": SENT,
    "Parquet": TYPED,
    "Control files, names and folders": FOLDERS,
}
CORPUS = tuple(hostile for section in SECTIONS.values() for hostile in section)


# ---------------------------------------------------------------- a sender's own layout

SENDERS_EXTRACT = """\
RX_NUMBER|CARDHOLDER ID|Carrier|Fill Date|Product ID|Qty|Days|Plan Paid|Pharmacy
RX7001|A100|CIGNA HEALTHCARE|02/01/2026|00078-0438-15|30|30|9300.00|Main Street
RX7002|A101|CIGNA HEALTHCARE|02/14/2026|00078-0438-15|60|30|18600.00|Main Street
"""
SENDERS_CONFIG = """\
delimiter = "|"
date_formats = ["%m/%d/%Y"]

[columns.pharmacy_claim]
rx_number = "claim_id"
"cardholder id" = "member_id"
carrier = "payer"
"fill date" = "dispensing_date"
"product id" = "ndc_code"
qty = "quantity"
days = "days_supply"
"plan paid" = "paid_amount"

[payer_aliases]
"cigna healthcare east" = "cigna"
"""

"""docs/input.md, from the tables of the contract and the hostile files that the tests load."""

from collections.abc import Iterable

from flows.cli.columns import series_folded
from flows.intake.expression_parts import FUNCTIONS
from schemas.table import Table
from schemas.tables import TABLES
from tests.support.hostile import SECTIONS, SENDERS_CONFIG, SENDERS_EXTRACT, Hostile
from tests.support.recipes import recipes


def _functions() -> str:
    """The functions of expressions, without operators, as a list in words."""
    names = sorted(f"`{name}`" for name in FUNCTIONS if name[0].isalpha())
    return ", ".join(names)


_OPENING = """\
# Input

Generated from the tables of the contract and the files that the tests load.

The landing folder holds files `TABLE.csv`, `TABLE.csv.gz` or `TABLE.parquet`, or several of them:
`TABLE_*.csv` (`.csv.gz`, `.parquet`), or files anywhere in a folder `TABLE`, or a folder
`TABLE.parquet` of parts; all in any case. Files of other names are found by patterns that
[the config](configuration.md#keys-of-a-table) lists. At least one claim table must be there. Marks
that other tools leave are passed over: what is hidden, `.crc` files, and empty files without the
name of data, such as `_SUCCESS`. Any other file that belongs to no table is refused, with the
nearest name that would do.

A folder named `column=value` gives that column to the files in it that lack it, as Hive and Spark
write them.

Every file is read correctly, or some of its rows are quarantined, or it is refused as a whole with
a sentence that says why. For every file, rows read = rows accepted + rows quarantined + exact
duplicates; the manifest lists them.

## From a file to the first exception

```
claims-audit validate --input landing --config config.toml
claims-audit run --input landing --output out --config config.toml
claims-audit explain --warehouse out/audit.duckdb CLAIM_ID
```

`validate` loads and checks the files, prints where each column came from, and keeps nothing: use it
until the config fits. `run` audits, and prints the folder of its results, in which
`exceptions.csv` has a row per exception. `explain` says why a claim was found, or was not. A config
is not needed for files that have our names and formats.

## Tables and columns

Columns have the names of the Tuva input layer, in any order and case. A file must have the columns
in **bold**; the others may be missing. A column that is not listed is ignored, and named in the
manifest.

| table | one row per | columns |
| --- | --- | --- |
"""
_CONTROL_AND_LAYOUT = f"""
## Values

- **Everywhere**: whitespace around a value does not count; blank and `NULL` are null.
- **Dates** are `YYYY-MM-DD`, `YYYYMMDD`, a date type, or of a format that `date_formats` of the
  config lists, with the time of day if the file has one (`%m/%d/%Y %H:%M`). The time of day is
  passed over: a timestamp counts with the day that it shows in its own zone. 1900-01-01, 1753-01-01
  and 0001-01-01 mean no date (`sentinel_date`), or an open start; 9999-12-31 means no date, or an
  open end. A birth date after the as-of date whose year has two digits is a century earlier.
- **Amounts** have at most two decimals and are negative on reversals. Float dust, such as
  1018.0999999999999, is rounded and counted. **Quantities** may have decimals.
- **NDCs** have 11 digits, or 4-4-2, 5-3-2, 5-4-1 or 5-4-2 with hyphens; **ICD-10-CM codes** have a
  dot or none, in any case.
- **claim_status** is paid or P, denied or D, reversed, R or X; R for which nothing was paid is
  denied. **dispensing_channel** is retail or home_delivery. **Payers** are named in any case.
- **Identifiers and codes** that a table program made numbers are corrected (`made_a_number`):
  1003.0 is 1003, and 07 as a frequency is 7. One that lost digits, such as 2.02603E+11, is null,
  and an error in a bold identifier (`digits_lost`).
- **nan, none, n/a, na, \\N, ., -, unknown and zeros** mean no value in person_id, member_id,
  original_claim_id and authorization_id (`placeholder`).
- **Modifiers** of four characters are two (`modifiers_joined`).

A row without a key, payer or service date, or with a value that does not parse, is quarantined. A
malformed code is accepted with a warning, and matches nothing. A row whose service date is after
the as-of date is kept for later runs.

## What a row counts for

- **A line** is table, payer, claim_id and claim_line_number; rows of one line are versions of it.
  The claim_line_number of a fill is 1 if it is blank or the file has no such column.
- **A person** is the person_id of the row; else the one person_id that goes with its member_id
  anywhere in the extracts; else the member_id. So eligibility alone may have the column.
- **A line whose paid_amount is null** is history that no rule judges; the manifest counts such
  lines as `unpriced`. Nor is a line judged that was paid 0. Both still serve as evidence.
- **dispensing_channel matters**: limits of tablets per fill differ between retail and home
  delivery. Without the column, or with another word in it, a fill that only home delivery allows is
  a review (`channel_unknown`).
- **NPIs in results**: `provider_npi` is prescribing_provider_npi or rendering_npi, `billing_npi` is
  dispensing_provider_npi or billing_npi.

## The control file

A file `EXTRACT.done` next to an extract (`pharmacy_claim.csv.done`) states what the sender wrote,
as TOML with any of these:

```toml
rows = 48213
sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
```

`rows` counts the records without the header, `sha256` is the hash of the file's bytes as they are.
Both are checked before anything in the file counts. Without a control file, nothing shows that a
CSV file was cut off between two rows, or that a flipped bit in a Parquet file made another valid
value: ask senders to write one.

## A sender's own layout

`pharmacy_claim.csv` as a sender writes it:

```
{SENDERS_EXTRACT}```

The [config](configuration.md) that reads it, given with `--config`:

```toml
{SENDERS_CONFIG}```

`Pharmacy` is not one of our columns: it is ignored, and named in the manifest. Two claim lines are
accepted, RX7001 of 2026-02-01 and RX7002 of 2026-02-14, both with NDC 00078043815.

## Mapping by expression

What a new name alone cannot do, an expression can: `[tables.TABLE.columns]` of
[the config](configuration.md#keys-of-a-table) sets our column to an expression over the sender's,
in DuckDB's SQL. The [recipes](#recipes) below show some.

- Every value of the sender's is text, without whitespace around it; blank, `NULL` and the table's
  `null_words` are null. Names of columns are in any case; one with a space needs quotes.
- What an expression gives is then parsed and checked as if the file had held it. A quarantined row
  shows the sender's own values, and our ids that an expression made of them.
- An identifier that a table program made a number reaches an expression as it is, such as `1003.0`.
  What the expression gives is corrected like any value, but `1003.0-1` is no longer a number: cut
  the decimals off beforehand, with `split_part(rx_number, '.', 1)`.
- An expression takes precedence over a column that has our name.
- It is one scalar over the columns of the file. These are available: `CASE`, comparisons, `AND`,
  `OR`, `NOT`, `IN`, `BETWEEN`, `LIKE`, `COALESCE`, slices such as `code[1:5]`, `TRY_CAST`, and
  {_functions()}.
- Whatever else is refused (exit 2) before the engine runs it, with the table, our column and the
  engine's reason: queries, aggregates, functions that read files, settings or the clock, lambdas,
  parameters, comments, and names that the file lacks. `CAST` and `::` are refused too, except to
  text, because one bad value would stop the run: `TRY_CAST` gives null for it. A pattern or format
  must be a constant.
- A null is not an error: `coalesce(CAST(TRY_CAST(cents AS DECIMAL(15, 0)) * 0.01 AS VARCHAR),
  cents)` quarantines a row whose amount is not a number; `TRY_CAST` alone would leave the line
  without a price.

`claims-audit validate` prints where each column of each table came from, and how many values are
null or did not parse.
{recipes()}
## Hostile files
"""


def extracts() -> str:
    """The whole page."""
    hostile = "".join(_section(title, files) for title, files in SECTIONS.items())
    return _OPENING + "".join(map(_table, TABLES.values())) + _CONTROL_AND_LAYOUT + hostile


def _table(table: Table) -> str:
    """A row of the tables: bold are the required columns, and those that may replace each other."""
    needs_one = {name for group in table.one_of for name in group}
    names = [
        f"**{c.name}**" if c.required else c.name for c in table.columns if c.name not in needs_one
    ]
    groups = ["one of " + ", ".join(f"**{n}**" for n in group) for group in table.one_of]
    columns = "; ".join([", ".join(series_folded(names)), *groups])
    return f"| `{table.name}` | {_cell(table.grain.removeprefix('one row per '))} | {columns} |\n"


def _section(title: str, files: Iterable[Hostile]) -> str:
    rows = "".join(f"| {h.name} | {_cell(h.what)} | {_cell(str(h.fate))} |\n" for h in files)
    return f"\n### {title}\n\n| file | what is hostile | fate |\n| --- | --- | --- |\n{rows}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")

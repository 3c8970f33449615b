"""docs/input.md, from the tables of the contract and the hostile files that the tests load."""

import re
from collections.abc import Iterable, Iterator
from itertools import groupby

from schemas.tables import TABLES, Table
from tests.support.hostile import SECTIONS, SENDERS_CONFIG, SENDERS_EXTRACT, Hostile

_OPENING = """\
# Input

Generated from the tables of the contract and the files that the tests load.

The landing folder holds files `TABLE.csv`, `TABLE.csv.gz` or `TABLE.parquet`, or several of them:
`TABLE_*.csv` (`.csv.gz`, `.parquet`), or files in a folder `TABLE`. At least one claim table must
be there. A file that belongs to no table is refused by name.

Every file is read correctly, or some of its rows are quarantined, or it is refused as a whole with
a sentence that says why. For every file, rows read = rows accepted + rows quarantined + exact
duplicates; the manifest lists them.

## Tables and columns

Columns have the names of the Tuva input layer, in any order and case. A file must have the columns
in **bold**; the others may be missing. A column that is not listed is ignored, and named in the
manifest.

| table | one row per | columns |
| --- | --- | --- |
"""
_CONTROL_AND_LAYOUT = f"""
`schemas/tables.py` says what kind of value each column holds.

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

## Hostile files
"""


def extracts() -> str:
    """The whole page."""
    hostile = "".join(_section(title, files) for title, files in SECTIONS.items())
    return _OPENING + "".join(map(_table, TABLES.values())) + _CONTROL_AND_LAYOUT + hostile


def _table(table: Table) -> str:
    """A row of the tables: bold are the required columns, and those of which one must be there."""
    needs_one = {name for group in table.one_of for name in group}
    names = [
        f"**{c.name}**" if c.required else c.name for c in table.columns if c.name not in needs_one
    ]
    groups = ["one of " + ", ".join(f"**{n}**" for n in group) for group in table.one_of]
    columns = "; ".join([", ".join(_without_numbered(names)), *groups])
    return f"| `{table.name}` | {_cell(table.grain.removeprefix('one row per '))} | {columns} |\n"


def _without_numbered(names: Iterable[str]) -> Iterator[str]:
    """The names; of a numbered series (diagnosis_code_1, _2, ...) only the first and the last."""
    series = groupby(names, key=lambda name: re.sub(r"_\d+$", "_", name))
    for _, members in series:
        first, *rest = members
        yield f"{first} to {rest[-1]}" if rest else first


def _section(title: str, files: Iterable[Hostile]) -> str:
    rows = "".join(f"| {h.name} | {_cell(h.what)} | {_cell(str(h.fate))} |\n" for h in files)
    return f"\n### {title}\n\n| file | what is hostile | fate |\n| --- | --- | --- |\n{rows}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")

"""docs/notes.md, from the kinds of note."""

import re
from collections.abc import Iterable

from schemas.notes import NOTE_KINDS, OF_WARNINGS, NoteKind

_OPENING = """\
# Notes

Generated from the kinds of note.

Some things do not stop a run, and yet change what it can find: a column that was no longer sent,
NDCs that lost their leading zeros, a config entry with a typing error. A run says so in notes: on
the screen, in `--json` (`notes`), in `manifest.json` and on the page. `validate` prints those that
do not need the rules. A note holds counts, and names of columns, tables, files and payers, never
the content of a row; its code, at its end, is what this page lists.

Counts are of all files that the run sees, those of earlier nights too. A payer name that looks like
an identifier is not shown; a [pseudonymised](privacy.md) run shows no payer that neither a policy
nor the config names, and an aggregate run no note that counts rows or persons.

"""
_OF_ROWS = """
## Warnings about rows

Such a row is accepted. `warnings.parquet` has the counts of each file, and the first row.

"""


def notes() -> str:
    """The whole page."""
    others = [kind for kind in NOTE_KINDS if kind.code not in OF_WARNINGS]
    return _OPENING + _table(others) + _OF_ROWS + _table(OF_WARNINGS.values())


def _table(kinds: Iterable[NoteKind]) -> str:
    heading = "| code | what a run says | what to do |\n| --- | --- | --- |\n"
    return heading + "".join(
        f"| `{kind.code}` | {_with_fields(kind.sentence)} | {kind.remedy} |\n" for kind in kinds
    )


def _with_fields(sentence: str) -> str:
    """A sentence with its fields in italics."""
    return re.sub(r"\{(\w+)\}", r"*\1*", sentence)

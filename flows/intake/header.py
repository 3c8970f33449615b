"""Find our columns in the header of a file, and name the likely cause if it cannot be right.

No message repeats a header: a file without one has a member's row in its place.
"""

import csv
import io
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from flows.errors import InputRefused
from schemas.table import Table

_DELIMITERS = {"|": "|", "\t": "a tab", ";": ";", ",": ",", "^": "^", "~": "~", "\x1f": "\\u001f"}
_MARKS = "\ufeff\u200b\"'`[]\u201c\u201d\u2018\u2019 \t"
_MANGLED_MARKS = ("ï»¿", "þÿ", "ÿþ")  # byte order marks, read in another encoding
_LINES_LOOKED_AT = 20


@dataclass(frozen=True)
class HeaderDoubt:
    """What shows why a header is wrong: the start of the file, and the delimiter it was read by."""

    head: str = ""
    delimiter: str = ","

    def cause(self, header: tuple[str, ...], known: Collection[str]) -> str:
        """A sentence on the likely cause, with a space before it; empty if there is none to name.

        `known` are the names that a column may have, in lower case.
        """
        if len(header) == 1 and (found := self._other_delimiter(known)):
            cause = (
                f"The header is one column and seems to be separated by {found}: set delimiter in "
                "the config."
            )
        elif _any_known(header, known):
            return ""
        elif _any_known(map(_unmarked, header), known):
            cause = (
                "The names in the header carry marks (a byte order mark in another encoding, or "
                "quotes): set encoding in the config, or export the file again without them."
            )
        elif line := self._line_of_header(known):
            cause = (
                f"The header seems to be on line {line}: set skip_lines = {line - 1} in "
                "[tables.*] of the config."
            )
        elif _looks_like_values(header):
            cause = (
                "The first line looks like values, so the file seems to have no header line: set "
                "header in [tables.*] of the config."
            )
        elif len(header) == 1 and _any_known(header[0].split(self.delimiter), known):
            cause = (
                "Each line seems to be in quotes as a whole: export the file again with quotes "
                "around values only."
            )
        elif len(header) == 1 and _any_known(header[0].split(), known):
            cause = "The columns seem to have fixed widths: export the file again with a delimiter."
        elif len(header) == 1:
            cause = "The header is one column: the delimiter is probably another."
        else:
            cause = "No column has a name that is known here."
        return f" {cause}"

    def _other_delimiter(self, known: Collection[str]) -> str | None:
        """The delimiter that separates the first line best, in words."""
        first = next((line for line in self.head.splitlines() if line.strip()), "")
        counts = {}
        for delimiter in _DELIMITERS.keys() - {self.delimiter}:
            names = first.split(delimiter)
            hits = sum(_unmarked(name) in known for name in names)
            counts[delimiter] = (hits, len(names))
        best = max(counts, key=lambda d: (counts[d], d))
        return _DELIMITERS[best] if counts[best][1] > 1 else None

    def _line_of_header(self, known: Collection[str]) -> int | None:
        """The number of a later line that holds more than one known name."""
        for number, line in enumerate(self.head.splitlines()[:_LINES_LOOKED_AT], 1):
            names = {_unmarked(name) for name in line.split(self.delimiter)}
            if number > 1 and len(names & set(known)) > 1:
                return number
        return None


def match_header(
    table: Table,
    header: tuple[str, ...],
    mapping: dict[str, str],
    file_name: str,
    *,
    elsewhere: Collection[str] = (),
    used: Collection[str] = (),
    doubt: HeaderDoubt | None = None,
) -> tuple[dict[str, int], list[str]]:
    """The position of each of our columns in a header, in any order and case; the unknown columns.

    mapping     their name -> ours.
    elsewhere   our columns that come from somewhere else.
    used        their columns that serve for those, in lower case: they are not unknown.

    Raises InputRefused if a required column is missing or one of our columns occurs twice.
    """
    theirs_to_ours = {k.strip().lower(): v for k, v in mapping.items()}
    theirs = [h.strip().lower() for h in header]
    names = [theirs_to_ours.get(name, name) for name in theirs]
    ours = {c.name for c in table.columns}
    found = ours - set(elsewhere)
    repeated = sorted({n for n in names if n in found and names.count(n) > 1})
    if repeated:
        raise InputRefused(
            f"{file_name}: column {repeated[0]} appears twice in the header. Remove or rename one."
        )
    positions = {n: i for i, n in enumerate(names) if n in found}
    needed = [(c.name,) for c in table.columns if c.required] + list(table.one_of)
    present = positions.keys() | set(elsewhere)
    missing = [" or ".join(group) for group in needed if not set(group) & present]
    if missing:
        known = ours | theirs_to_ours.keys() | set(used)
        cause = (doubt or HeaderDoubt()).cause(header, known)
        raise InputRefused(
            f"{file_name}: no column {missing[0]}, which {table.name} needs.{cause} Add it, or map "
            f"its name in the config ([columns.{table.name}])."
        )
    unknown = [
        h.strip()
        for h, name, n in zip(header, theirs, names, strict=True)
        if n not in ours and name not in used and h.strip()
    ]
    return positions, unknown


def is_header(line: str, delimiter: str, known: Collection[str]) -> bool:
    """Whether most values of a line are known names of columns."""
    try:
        values = next(csv.reader(io.StringIO(line), delimiter=delimiter), [])
    except csv.Error:
        return False
    names = [value.strip().lower() for value in values if value.strip()]
    return bool(names) and 2 * sum(name in known for name in names) > len(names)


def _any_known(names: Iterable[str], known: Collection[str]) -> bool:
    return any(name.strip().lower() in known for name in names)


def _unmarked(name: str) -> str:
    """A name without quotes, brackets and byte order marks, in lower case."""
    for mark in _MANGLED_MARKS:
        name = name.removeprefix(mark)
    return name.strip(_MARKS).lower()


def _looks_like_values(header: tuple[str, ...]) -> bool:
    """Whether a header holds values, not names: dates, amounts or numbers in a quarter of it."""
    texts = [text.strip() for text in header]
    numbers = sum(bool(text) and text[0] in "+-.0123456789$(" for text in texts)
    return numbers > 0 and 4 * numbers >= len(texts)

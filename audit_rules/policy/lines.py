"""The lines of a policy file on which its tables and fields are written, for messages.

A message about a policy file begins with the file, the table and the field: `acme.toml: quantity
acme.c1: most: ...`. The TOML reader keeps no lines, so they are found in the text.
"""

import re
from dataclasses import dataclass

_HEADER = re.compile(r"\s*\[\[?\s*([\w-]+)\s*\]\]?\s*(?:#.*)?")
_FIELD = re.compile(r"\s*([\w-]+)\s*=")
_NAME = re.compile(r"""\s*(?:term_id|name|code|id)\s*=\s*["']([^"']*)["']""")
_QUOTES = re.compile(r'"""|\'\'\'')
_MESSAGE = re.compile(r"(?P<table>\w+)(?: (?:number )?(?P<which>[^:]+?))?(?: \([^()]*\))?: ")


@dataclass
class _Table:
    """A table with its header: the lines of its fields, counted in the file from 1."""

    array: str
    line: int
    name: str | None
    rows: dict[int, str]

    def is_meant(self, which: str | None, number: int) -> bool:
        """Whether a message means this table: by its name, a row's of its CSV, or its number."""
        if which is None or which in (self.name, str(number)):
            return True
        return self.name is not None and which.startswith(f"{self.name}.")

    def line_of(self, fields: list[str]) -> int:
        """The line of the innermost of nested fields that is written; else that of the header."""
        found = self.line
        for field in fields:
            is_written = re.compile(rf"(?<![\w-]){re.escape(field)}\s*=")
            later = (n for n, text in self.rows.items() if n >= found and is_written.search(text))
            found = next(later, found)
        return found


def with_line(message: str, name: str, text: str) -> str:
    """A message about a policy file with the line of the table or field that it is about.

    It stays as it is if that is not to be found.
    """
    start = f"{name}: "
    found = _MESSAGE.match(message.removeprefix(start))
    if not message.startswith(start) or found is None:
        return message
    rest = message.removeprefix(start)
    tables = [t for t in _tables(text) if t.array == found["table"]]
    meant = [t for n, t in enumerate(tables, 1) if t.is_meant(found["which"], n)]
    if not meant:
        return message
    field = re.match(r"([\w.-]+)[: ]", rest[found.end() :])
    inner = [part for part in field[1].split(".") if not part.isdigit()] if field else []
    return f"{start}line {meant[0].line_of(inner)}: {rest}"


def _tables(text: str) -> list[_Table]:
    """The tables of a file in order; what is inside a text of several lines is not a table."""
    tables: list[_Table] = []
    is_inside = False
    for number, line in enumerate(text.splitlines(), 1):
        was_inside = is_inside
        is_inside ^= len(_QUOTES.findall(line)) % 2 == 1
        if was_inside:
            continue
        header = _HEADER.fullmatch(line)
        if header:
            tables.append(_Table(header[1], number, None, {}))
        elif tables:
            tables[-1].rows[number] = line
            named = _NAME.match(line)
            if named and tables[-1].name is None:
                tables[-1].name = named[1]
    return tables

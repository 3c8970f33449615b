"""CSV files next to a policy: the rows of a `table`, each a term, and lists of codes."""

import csv
import hashlib
from collections.abc import Callable
from typing import Any

from audit_rules.errors import PolicyRefused

ReadText = Callable[[str], bytes]
"""Gives the content of a file next to the policy; raises OSError."""
_LISTS = ("vials_mg", "of", "places", "not_places", "channels", "taxonomies", "unclassified")


class PolicyCsvFiles:
    """The CSV files that a policy file names, and their hashes.

    name   the policy file, for messages.
    """

    def __init__(self, name: str, read: ReadText) -> None:
        """Nothing is read yet."""
        self.name = name
        self._read = read
        self.hashes: dict[str, str] = {}
        self._rows: dict[tuple[str, str], list[dict[str, str]]] = {}
        self._chosen: dict[tuple[str, ...], dict[tuple[str | None, ...], list[dict[str, str]]]] = {}

    def rows(self, file: str, where: str, needs: str) -> list[dict[str, str]]:
        """The rows of a CSV file without empty cells. PolicyRefused with file and remedy."""
        key = (file, needs)
        if key not in self._rows:
            self._rows[key] = self._read_rows(file, where, needs)
        return [dict(row) for row in self._rows[key]]

    def chosen(self, file: str, where: str, needs: str, words: dict[str, str]) -> list[str]:
        """The values of column `needs` in the rows with these words: column -> word."""
        key = (file, needs, *words)
        if key not in self._chosen:
            by_words: dict[tuple[str | None, ...], list[dict[str, str]]] = {}
            for row in self.rows(file, where, needs):
                by_words.setdefault(tuple(row.get(w) for w in words), []).append(row)
            self._chosen[key] = by_words
        found = self._chosen[key].get(tuple(words.values()), [])
        return [row[needs] for row in found if needs in row]

    def _read_rows(self, file: str, where: str, needs: str) -> list[dict[str, str]]:
        try:
            content = self._read(file)
            text = content.decode("utf-8-sig")
        except (OSError, UnicodeDecodeError):
            raise PolicyRefused(
                f"{self.name}: {where}: no readable file {file!r} next to the policy. Put a CSV in"
                " UTF-8 there."
            ) from None
        self.hashes[file] = hashlib.sha256(content).hexdigest()
        reader = csv.DictReader(text.splitlines())
        if needs not in (reader.fieldnames or []):
            raise PolicyRefused(f"{file}: no column {needs}. Add it to the header.")
        return [{k: v.strip() for k, v in row.items() if k and v and v.strip()} for row in reader]


def terms_of_table(
    term: dict[str, Any], csv_files: PolicyCsvFiles, where: str
) -> list[dict[str, Any]]:
    """One term per row of the table that a term names: its fields, and the row's in their place."""
    file = term["table"]
    if not isinstance(file, str):
        raise PolicyRefused(f'{csv_files.name}: {where}: table: name a CSV file, such as "x.csv".')
    if not isinstance(term.get("term_id"), str):
        raise PolicyRefused(
            f"{csv_files.name}: {where}: term_id is missing. Add it; the id of a row follows it."
        )
    shared = {k: v for k, v in term.items() if k != "table"}
    seen: set[str] = set()
    found = []
    for number, row in enumerate(csv_files.rows(file, where, "id"), 2):
        row_id = row.pop("id", "")
        if not row_id or row_id in seen:
            what = f"id {row_id!r} comes twice" if row_id else "the id is empty"
            raise PolicyRefused(f"{file}: row {number}: {what}. Give each row its own id.")
        seen.add(row_id)
        made = dict(shared) | {"term_id": f"{term['term_id']}.{row_id}"}
        for column, cell in row.items():
            _put(made, column, cell)
        made["#row"] = f"{file}, row {number}"
        found.append(made)
    return found


def _put(term: dict[str, Any], column: str, cell: str) -> None:
    """Put a cell into a term: `forbid.service` is the field of the thing inside."""
    outer, _, inner = column.partition(".")
    value: object = cell.split() if outer in _LISTS and outer != "of" else cell
    if not inner:
        term[outer] = value
        return
    inside = term.get(outer)
    if isinstance(inside, list):
        term[outer] = [{**v, inner: cell} if isinstance(v, dict) else v for v in inside]
    else:
        term[outer] = {**(inside if isinstance(inside, dict) else {}), inner: cell}

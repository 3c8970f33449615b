"""Which table a file belongs to: by its name, its folder, or a pattern of the config."""

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from pathlib import PurePosixPath
from urllib.parse import unquote

from schemas.tables import TABLES

SUFFIXES = (".csv.gz", ".csv", ".parquet")
_NO_VALUE = "__hive_default_partition__"
_ASSIGNMENT = re.compile(r"([^=]+)=(.*)")
_SEPARATORS = re.compile(r"[^0-9a-z]+")
_ALIKE = 0.5

Patterns = Mapping[str, Sequence[str]]
"""Table -> patterns of the names of its files."""


def folder_values(name: str) -> tuple[tuple[str, str | None], ...]:
    """The columns that folders named `column=value` give, the innermost of each name."""
    values: dict[str, tuple[str, str | None]] = {}
    for part in PurePosixPath(name).parts[:-1]:
        if found := _ASSIGNMENT.fullmatch(part):
            column, value = unquote(found[1]).strip(), unquote(found[2])
            values[column.lower()] = (column, None if value.lower() == _NO_VALUE else value)
    return tuple(values.values())


def tables_of(name: str, patterns: Patterns) -> list[str]:
    """The tables that a file may belong to, by its path relative to the landing folder."""
    by_pattern = (t for t, globs in patterns.items() if any(is_like(name, glob) for glob in globs))
    return list(dict.fromkeys([*_by_name(name), *by_pattern]))


def is_like(name: str, pattern: str) -> bool:
    """Whether a path matches a pattern, in any case: `*`, `?`, `[...]` in a name, `**` for folders.

    Only `**` passes over folders, also over none.
    """
    return _expression(pattern).fullmatch(name.lower()) is not None


def exactly(name: str) -> str:
    """A pattern that only this path matches."""
    return re.sub(r"([*?\[])", r"[\1]", name)


def nearest_name(name: str, taken: Sequence[str]) -> str:
    """The name most like this one that a file of some table may have, and that is not taken."""
    file_name = PurePosixPath(name).name.lower()
    suffix = ".parquet" if "parquet" in file_name else ".csv"
    suffix = ".csv.gz" if file_name.endswith(".gz") and suffix == ".csv" else suffix
    words = _SEPARATORS.sub("_", re.sub(r"(\.[a-z]+)+$", "", file_name)).strip("_")
    table, rest = max(map(_likeness, TABLES, [words] * len(TABLES)))[1:]
    stem = f"{table}_{rest}" if rest else table
    names = {t.lower() for t in taken}
    candidates = (f"{stem}{f'_{n}' if n > 1 else ''}{suffix}" for n in range(1, len(names) + 2))
    return next(candidate for candidate in candidates if candidate not in names)


def _by_name(name: str) -> Iterator[str]:
    *folders, last = PurePosixPath(name.lower()).parts
    top = next((part for part in folders if not _ASSIGNMENT.fullmatch(part)), None)
    suffix = next((s for s in SUFFIXES if last.endswith(s)), None)
    if suffix is None:
        return
    for table in TABLES:
        if top is None:
            is_its = _is_name_of(last.removesuffix(suffix), table)
        else:
            stem = top.removesuffix(".parquet")
            is_its = top == table or (
                suffix == ".parquet" and stem != top and _is_name_of(stem, table)
            )
        if is_its:
            yield table


def _is_name_of(stem: str, table: str) -> bool:
    return stem == table or stem.startswith(f"{table}_")


def _likeness(table: str, words: str) -> tuple[float, str, str]:
    """How like a table's name some words are; its name; and what else the words say."""
    for spelling in (f"{table}s", table):
        if f"_{spelling}_" in f"_{words}_":
            rest = f"_{words}_".replace(f"_{spelling}_", "_", 1).strip("_")
            return 2.0 + len(table) / 100, table, rest
    return SequenceMatcher(None, table, words).ratio(), table, ""


def _expression(pattern: str) -> re.Pattern[str]:
    written, rest = "", pattern.lower()
    while rest:
        if rest.startswith("**/"):
            written, rest = written + "(?:.*/)?", rest[3:]
        elif rest.startswith("**"):
            written, rest = written + ".*", rest[2:]
        elif rest[0] in "*?":
            written, rest = written + ("[^/]*" if rest[0] == "*" else "[^/]"), rest[1:]
        elif found := re.match(r"\[(!?)([^\]/]+)\]", rest):
            negated, characters = found.groups()
            escaped = re.sub(r"([\\^&~|\[\]])", r"\\\1", characters)
            written, rest = written + f"[{'^/' if negated else ''}{escaped}]", rest[found.end() :]
        else:
            written, rest = written + re.escape(rest[0]), rest[1:]
    return re.compile(written)

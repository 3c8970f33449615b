"""Where each of our columns comes from in a file, and the SQL that reads it.

A column has the same name as ours, is renamed by the config, is an expression over the sender's
columns, or is given by a folder named `column=value`. Without expressions and null words the source
is read as it is.
"""

from dataclasses import dataclass

from flows.errors import InputRefused, UsageError
from flows.intake.csv_scan import CsvScan
from flows.intake.expressions import Expression, parsed_expression
from flows.intake.header import HeaderDoubt, match_header
from flows.intake.landing import ExtractFile
from flows.intake.parsing import THEIRS
from flows.intake.readers import ParquetSource
from flows.intake.table_config import TableSettings
from flows.intake.texts import as_text, column_text
from flows.intake.values import PARSED
from flows.warehouse.sql import identifier, literal, literals
from schemas.table import NAMES, Column, Table

SAME_NAME, RENAMED, EXPRESSION, FOLDER = "same name", "renamed", "expression", "folder"
_NESTED_TYPES = ("[", "STRUCT", "MAP", "UNION", "BLOB")
_FAILED = "out of range"
"""In place of a value that an expression cannot give, if no value of the column is like that."""


@dataclass(frozen=True)
class FileColumns:
    """How the columns of one file are read.

    sql         the source, with columns c0, c1, ...
    positions   our column -> its position in the source.
    types       DuckDB types of a typed source; None if all is text.
    has_theirs  whether the source has a column with the record as the sender wrote it.
    origins     our column -> where it comes from.
    unknown     columns of the file that are nobody's.
    """

    sql: str
    positions: dict[str, int]
    types: list[str] | None
    has_theirs: bool
    origins: dict[str, str]
    unknown: list[str]


def map_columns(
    table: Table,
    extract: ExtractFile,
    settings: TableSettings,
    source: CsvScan | ParquetSource,
    sql: str,
) -> FileColumns:
    """Find our columns in a file; `sql` reads it.

    Raises InputRefused if a column is missing or has nested values, UsageError if an expression
    names a column that is missing.
    """
    header, types = source.header, source.types
    expressions = {n: parsed_expression(text) for n, text in settings.expressions.items()}
    folders = _lacking(extract.folders, header, settings)
    if folders:
        given = ", ".join(
            f"{'NULL' if value is None else literal(value)}::VARCHAR AS c{len(header) + i}"
            for i, value in enumerate(folders.values())
        )
        sql = f"(SELECT *, {given} FROM {sql})"
    names = (*header, *folders)
    lowered = [name.strip().lower() for name in names]
    types = None if types is None else [*types, *["VARCHAR"] * len(folders)]
    used = {name.lower() for e in expressions.values() for name in e.columns}
    doubt = HeaderDoubt(source.head, settings.delimiter)
    known = used | {c.name for c in table.columns} | settings.renamed.keys()
    _refuse_absent(table, extract, expressions, lowered, doubt.cause(header, known))
    positions, unknown = match_header(
        table,
        names,
        settings.renamed,
        extract.name,
        elsewhere=expressions.keys(),
        used=used,
        doubt=doubt,
    )
    read = sorted({*positions.values(), *map(lowered.index, used)})
    if types is not None:
        _refuse_nested(extract, [types[i] for i in read])
    origins = {
        ours: FOLDER
        if position >= len(header)
        else SAME_NAME
        if lowered[position] == ours
        else RENAMED
        for ours, position in positions.items()
    }
    if not settings.is_mapped:
        return FileColumns(sql, positions, types, False, origins, unknown)
    sources = {ours: identifier(names[i].strip()) for ours, i in positions.items()}
    as_they_are = positions | {
        ours: lowered.index(next(iter(e.columns)).lower())
        for ours, e in expressions.items()
        if e.is_column
    }
    named = {i: table.column(n) for n, i in as_they_are.items() if table.column(n).kind in NAMES}
    sql = _read_theirs(sql, names, types, read, named, settings)
    sql = _computed(table, sql, sources, expressions, settings)
    origins |= dict.fromkeys(expressions, EXPRESSION)
    return FileColumns(
        sql,
        {ours: i for i, ours in enumerate([*sources, *expressions])},
        None,
        True,
        origins,
        unknown,
    )


def _lacking(
    folders: tuple[tuple[str, str | None], ...], header: tuple[str, ...], settings: TableSettings
) -> dict[str, str | None]:
    """The columns that folders give and the file lacks, under their own or under our name."""
    theirs = {name.strip().lower() for name in header}
    present = theirs | {settings.renamed[name] for name in theirs & settings.renamed.keys()}
    return {
        name: value
        for name, value in folders
        if not {name.lower(), settings.renamed.get(name.lower(), name.lower())} & present
    }


def _refuse_nested(extract: ExtractFile, types: list[str]) -> None:
    if any(nested in type_ for type_ in types for nested in _NESTED_TYPES):
        raise InputRefused(
            f"{extract.name}: a column of the table contains lists, structures or bytes. Export it "
            "as plain values."
        )


def _refuse_absent(
    table: Table,
    extract: ExtractFile,
    expressions: dict[str, Expression],
    lowered: list[str],
    cause: str,
) -> None:
    """Raise UsageError if an expression names a column that the file lacks, or has twice.

    lowered   names of the file's columns, trimmed and in lower case.
    """
    for ours, expression in expressions.items():
        for name in sorted(expression.columns):
            count = lowered.count(name.lower())
            if count != 1:
                problem = "not found in" if count == 0 else "found twice in"
                raise UsageError(
                    f"Config: tables.{table.name}.columns.{ours}: Binder Error: Referenced column "
                    f'"{name}" {problem} {extract.name}.{cause} Correct the expression, or the '
                    "file's header."
                )


def _read_theirs(
    sql: str,
    names: tuple[str, ...],
    types: list[str] | None,
    read: list[int],
    named: dict[int, Column],
    settings: TableSettings,
) -> str:
    """The sender's columns that are read, as text without whitespace around it, and the record.

    named   the position of each that is one of our identifiers or codes as it is.
    """
    selected, record = [], []
    for i in read:
        name = names[i].strip()
        text = column_text(i, types, named.get(i))
        text = _without_null_words(f"cleaned({text})", settings)
        selected.append(f"{text} AS {identifier(name)}")
        record.append(f"{literal(name)}: {identifier(name)}")
    shown = ", ".join(record) or "'-': NULL"
    cleaned = f"SELECT {', '.join(selected) or '1'} FROM {sql}"
    return f"(SELECT *, {{{shown}}} AS {_RECORD} FROM ({cleaned}))"


def _computed(
    table: Table,
    sql: str,
    sources: dict[str, str],
    expressions: dict[str, Expression],
    settings: TableSettings,
) -> str:
    """The source in which each of our columns is text; no expression stops the run at a value."""
    tried = [f"{_RECORD} AS {THEIRS}"]
    tried += [f"{column} AS {_intermediate(i)}" for i, column in enumerate(sources.values())]
    selected = [f"{_intermediate(i)} AS c{i}" for i in range(len(sources))]
    for i, (name, expression) in enumerate(expressions.items(), len(sources)):
        column = table.column(name)
        failed = literal(_FAILED) if column.kind in PARSED or column.strict else "NULL"
        tried.append(f"TRY([{expression.sql}]) AS {_intermediate(i)}")
        value = as_text(f"{_intermediate(i)}[1]", expression.type, column)
        text = f"CASE WHEN {_intermediate(i)} IS NULL THEN {failed} ELSE {value} END"
        selected.append(f"{_without_null_words(text, settings)} AS c{i}")
    values = f"SELECT {', '.join(tried)} FROM {sql}"
    return f"(SELECT {', '.join(selected)}, {THEIRS} FROM ({values}))"


def _intermediate(position: int) -> str:
    """A name that no column of a file has: theirs have no whitespace around them."""
    return identifier(f" {position}")


_RECORD = identifier(" record")


def _without_null_words(text: str, settings: TableSettings) -> str:
    if not settings.null_words:
        return text
    words = literals(sorted({word.strip().lower() for word in settings.null_words}))
    return f"CASE WHEN lower({text}) IN {words} THEN NULL ELSE {text} END"

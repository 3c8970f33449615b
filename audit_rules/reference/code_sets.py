"""Code-set files: CSV, shipped with the program or put next to the policies by the user."""

import hashlib
from importlib.resources import files
from pathlib import Path

import polars as pl

from audit_rules.errors import PolicyRefused
from audit_rules.given_files import read_file

SHIPPED_CODE_SETS = Path(str(files("audit_rules") / "code_sets"))


def stacked(
    folders: list[Path],
    pattern: str,
    columns: tuple[str, ...],
    hashes: dict[str, str],
    optional: tuple[str, ...] = (),
) -> pl.DataFrame:
    """The rows of every such file, folder by folder; the columns as text. Raises PolicyRefused.

    optional   columns that are null for the rows of files without them.
    """
    frames = [
        read_code_set(p, columns, hashes)
        for folder in folders
        for p in sorted(folder.glob(pattern))
    ]
    absent = pl.lit(None, dtype=pl.String)
    return pl.concat(
        [
            f.select(*columns, *(c if c in f.columns else absent.alias(c) for c in optional))
            for f in frames
        ]
    )


def refuse_contradictions(
    folders: list[Path], pattern: str, columns: tuple[str, ...], compared: dict[str, pl.Expr]
) -> None:
    """Raise PolicyRefused if the files of one folder say different things of one code.

    columns    the code first.
    compared   column -> how it is compared, for a column whose values have several spellings.
    """
    code, *facts = columns
    for folder in folders:
        rows = [
            read_code_set(path, columns, {})
            .select(columns)
            .with_row_index("line", 2)
            .with_columns(file=pl.lit(path.name))
            for path in sorted(folder.glob(pattern))
        ]
        if not rows:
            continue
        every = pl.concat(rows).with_columns(compared.get(c, pl.col(c)).alias(c) for c in facts)
        for fact in facts:
            differs = pl.col(fact).ne_missing(pl.col(fact).first().over(code))
            wrong = every.filter(pl.col(code).is_not_null() & differs)
            if wrong.height:
                file, line = wrong.select("file", "line").row(0)
                raise PolicyRefused(
                    f"{file}, line {line}: {fact}: the same {code} has another {fact} before. "
                    "Keep one of the rows."
                )


def refuse_unknown(
    folders: list[Path],
    pattern: str,
    columns: tuple[str, ...],
    column: str,
    holds: pl.Expr,
    remedy: str,
) -> None:
    """Raise PolicyRefused with file, line and column if a value of a column is not valid."""
    for folder in folders:
        for path in sorted(folder.glob(pattern)):
            rows = read_code_set(path, columns, {}).with_row_index("line", 2)
            wrong = rows.filter(~holds.fill_null(False))
            if wrong.height:
                line = wrong["line"][0]
                raise PolicyRefused(f"{path.name}, line {line}: {column}: {remedy}")


def read_code_set(path: Path, columns: tuple[str, ...], hashes: dict[str, str]) -> pl.DataFrame:
    """Read one file as text columns and add its SHA-256 to `hashes`. Raises PolicyRefused."""
    try:
        content = read_file(path)
        frame = pl.read_csv(content, infer_schema=False)
    except (OSError, pl.exceptions.PolarsError):
        raise PolicyRefused(
            f"{path.name}: not readable as CSV. Write UTF-8 with a header."
        ) from None
    missing = [c for c in columns if c not in frame.columns]
    if missing:
        raise PolicyRefused(f"{path.name}: no column {missing[0]}. It needs {', '.join(columns)}.")
    hashes[path.name] = hashlib.sha256(content).hexdigest()
    return frame

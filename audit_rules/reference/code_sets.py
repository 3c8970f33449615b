"""Code-set files: CSV, shipped with the program or put next to the policies by the user."""

import hashlib
from importlib.resources import files
from pathlib import Path

import polars as pl

from audit_rules.errors import PolicyRefused

SHIPPED_CODE_SETS = Path(str(files("audit_rules") / "code_sets"))


def stacked(
    folders: list[Path], pattern: str, columns: tuple[str, ...], hashes: dict[str, str]
) -> pl.DataFrame:
    """The rows of every such file, folder by folder; the columns as text. Raises PolicyRefused."""
    frames = [
        read_code_set(p, columns, hashes)
        for folder in folders
        for p in sorted(folder.glob(pattern))
    ]
    return pl.concat([f.select(columns) for f in frames])


def read_code_set(path: Path, columns: tuple[str, ...], hashes: dict[str, str]) -> pl.DataFrame:
    """Read one file as text columns and add its SHA-256 to `hashes`. Raises PolicyRefused."""
    try:
        content = path.read_bytes()
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

"""An imported document in its folder: written anew by each import, but for what is yours."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import polars as pl

from audit_rules.errors import PolicyRefused
from audit_rules.policy.document import load_policy
from audit_rules.public_tables.order import Order
from audit_rules.public_tables.tables import WRITERS
from audit_rules.reference.codes import hcpcs_roles
from flows.importing.read import read_sheets
from flows.warehouse.files import make_folder, write_whole
from schemas.notes import counted

_FIRST = "# Written by `claims-audit policy import`; {digest}\n"
_LAST = "\n# Yours from here on: the next import keeps what follows, and writes all above anew.\n"


def import_table(table: str, files: Iterable[Path], output: Path, order: Order) -> str:
    """Write the document of a public table, and say what was written.

    Raises PolicyRefused for files that are not such a table, and for a policy file that somebody
    has changed above its last line.
    """
    sheets = read_sheets(files)
    nameless = frozenset(c for c, role in hcpcs_roles(output).items() if role == "unclassified")
    order = replace(order, nameless=nameless)
    written = WRITERS[table](sheets, order, _Earlier(output))
    policy = output / f"{written.document_id}.toml"
    yours = _yours(policy)
    make_folder(output)
    for name, content in written.files.items():
        if content is None:
            (output / name).unlink(missing_ok=True)
        else:
            write_whole(output / name, content)
    digest = hashlib.sha256(written.text.encode()).hexdigest()
    text = _FIRST.format(digest=digest) + written.text + _LAST + yours
    write_whole(policy, text.encode())
    terms = len(load_policy(policy).terms)
    rows = counted(written.rows, "row")
    return f"{policy.name}: {rows} of release {order.day}, {counted(terms, 'term')} in all."


class _Earlier(Mapping[str, pl.DataFrame]):
    """The CSV files of a folder as text, each read when it is asked for."""

    def __init__(self, folder: Path) -> None:
        """Nothing is read yet."""
        self._paths = {path.name: path for path in sorted(folder.glob("*.csv"))}

    def __getitem__(self, name: str) -> pl.DataFrame:
        """Raises PolicyRefused for a file that is not a CSV file."""
        try:
            return pl.read_csv(self._paths[name], infer_schema=False)
        except pl.exceptions.PolarsError:
            raise PolicyRefused(
                f"{name}: not a readable CSV file. Restore it, or give another folder."
            ) from None

    def __iter__(self) -> Iterator[str]:
        """The names of the files."""
        return iter(self._paths)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._paths)


def _yours(policy: Path) -> str:
    """What follows the last line of an earlier import. Raises PolicyRefused."""
    if not policy.exists():
        return ""
    text = policy.read_bytes().decode("utf-8", errors="replace")
    first, _, rest = text.partition("\n")
    ours, found, yours = rest.partition(_LAST)
    digest = hashlib.sha256(ours.encode()).hexdigest()
    if not found or f"{first}\n" != _FIRST.format(digest=digest):
        raise PolicyRefused(
            f"{policy.name}: it is not as an import wrote it. Move your changes below the line"
            " `# Yours from here on`, or give another folder."
        )
    return yours

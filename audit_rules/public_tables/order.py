"""What an import is asked for, and what it gives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple, Protocol

import polars as pl

from audit_rules.public_tables.sheets import Sheet


@dataclass(frozen=True)
class Order:
    """An import.

    release       the first day of the release.
    payer         the id of the payer that follows the table; payer_names: as extracts spell it.
    only          codes of the lines to judge, or prefixes such as `J*`; if empty, all.
    articles      ids of articles, such as A59915; if empty, all.
    setting       the setting that a PTP table is for, because the table does not say so.
    nameless      HCPCS codes that name no drug, so that no set can hold them.
    """

    release: date
    payer: str
    payer_names: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    articles: tuple[str, ...] = ()
    setting: str = "practitioner"
    nameless: frozenset[str] = frozenset()

    @property
    def day(self) -> str:
        """The release as text."""
        return self.release.isoformat()

    def is_wanted(self, code: str) -> pl.Expr:
        """Whether the codes of a column name something, and are among `only`."""
        column = pl.col(code)
        is_named = ~column.is_in(sorted(self.nameless))
        if not self.only:
            return is_named
        words = [word.upper() for word in self.only]
        begins = [column.str.starts_with(w[:-1]) for w in words if w.endswith("*")]
        whole = column.is_in([w for w in words if not w.endswith("*")])
        return is_named & pl.any_horizontal(whole, *begins)


Earlier = Mapping[str, pl.DataFrame]
"""The CSV files of earlier imports as text, by name."""


class ImportedDocument(NamedTuple):
    """A document of an import.

    files   CSV files next to the policy file, by name; None: an earlier one that is over.
    """

    document_id: str
    text: str
    files: dict[str, bytes | None]
    rows: int


class Writer(Protocol):
    """Writes the document of one kind of table."""

    def __call__(self, sheets: Sequence[Sheet], order: Order, earlier: Earlier) -> ImportedDocument:
        """The document, with the rows of earlier releases. Raises PolicyRefused."""
        ...

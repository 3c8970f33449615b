"""What a table of the contract is: its grain and its columns, each of a kind of value."""

from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """What the text of a column means, and so how it is parsed."""

    TEXT = "text"
    IDENTIFIER = "identifier"
    CODE = "code"
    PAYER = "payer"
    DATE = "date"
    AMOUNT = "amount"
    QUANTITY = "quantity"
    INTEGER = "integer"
    WORD = "word"
    NDC = "ndc"
    ICD10CM = "icd10cm"
    HCPCS = "hcpcs"
    MODIFIER = "modifier"
    TAXONOMY = "taxonomy"
    NPI = "npi"


NAMES = (Kind.IDENTIFIER, Kind.CODE, Kind.NDC, Kind.HCPCS, Kind.MODIFIER, Kind.TAXONOMY, Kind.NPI)
"""Kinds that a table program may have made numbers."""


@dataclass(frozen=True)
class Column:
    """One column of an extract.

    required    a file without the column is refused.
    nullable    a row without a value is accepted.
    spellings   the accepted spellings (lower case) of an enumerated value and what each is stored
                as.
    strict      an unknown word quarantines the row; otherwise it is stored as null and warned
                about.
    is_open     an unknown word is stored as it is, and warned about.
    default     the value if there is none.
    nothing     words that mean no value, such as `unknown`, are null (see senders.py).
    opens       `start` or `end`: a date that means none leaves the span open there.
    """

    name: str
    kind: Kind = Kind.TEXT
    required: bool = False
    nullable: bool = True
    spellings: dict[str, str] = field(default_factory=dict)
    strict: bool = False
    is_open: bool = False
    ours: bool = False
    default: str | None = None
    nothing: bool = False
    opens: str = ""


@dataclass(frozen=True)
class Table:
    """One table: its grain, its columns, and the rules that need more than one column.

    one_of         of each group at least one column must be in the file and have a value in the
                   row.
    in_order       pairs of dates: the first should not be after the second (a warning).
    spans          pairs of dates: the first must not be after the second (an error).
    service_dates  of a claim table: the first of them with a value is the row's service date.
    quantity, fee  of a claim table: the column of the billed quantity, and that of the dispensing
                   fee.
    """

    name: str
    grain: str
    columns: tuple[Column, ...]
    one_of: tuple[tuple[str, ...], ...] = ()
    in_order: tuple[tuple[str, str], ...] = ()
    spans: tuple[tuple[str, str], ...] = ()
    service_dates: tuple[str, ...] = ()
    quantity: str | None = None
    fee: str | None = None

    @property
    def is_claim(self) -> bool:
        """Whether the rows are claim lines."""
        return bool(self.service_dates)

    def column(self, name: str) -> Column:
        """The column of that name; KeyError if the table has none."""
        return {c.name: c for c in self.columns}[name]

    def of_kind(self, *kinds: Kind) -> tuple[str, ...]:
        """Names of the columns of the given kinds, in table order."""
        return tuple(c.name for c in self.columns if c.kind in kinds)

"""The notes of a run: what its reader must know about extracts and config, each kind declared once.

A note holds counts, and names of columns, tables, files and payers; never the content of a row. It
ends with its code, so that a script can find it and a reader can look it up.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from schemas.row_warnings import ROW_WARNINGS

PAYER = "payer"
"""The field of a payer's name, which a privacy level may replace."""
_LONGEST_NAME = 80
_NO_NAME = "a payer whose name looks like an identifier"


@dataclass(frozen=True)
class NoteKind:
    """A kind of note.

    sentence      with named fields, without the code and the full stop.
    remedy        what its reader should do.
    counts_rows   whether it counts rows or persons: then an aggregate run leaves it out.
    """

    code: str
    sentence: str
    remedy: str
    counts_rows: bool = False


@dataclass(frozen=True)
class Note:
    """A note of one run, with the values of its kind's fields. As text it is a sentence."""

    kind: NoteKind
    fields: Mapping[str, str]

    def __str__(self) -> str:
        """Return the sentence, with the code at its end."""
        return self.sentence(shown_payer)

    def sentence(self, shown: Callable[[str], str]) -> str:
        """The sentence, with a payer's name as `shown` gives it."""
        fields = {name: shown(v) if name == PAYER else v for name, v in self.fields.items()}
        return f"{self.kind.sentence.format(**fields)} ({self.kind.code})."


NOTHING_AUDITED = NoteKind(
    "nothing_audited",
    "No paid line of an audited drug was found, so nothing was audited",
    "Check that NDCs and HCPCS codes are in the extracts, and have the columns that the tables "
    "name.",
)
PAYER_WITHOUT_POLICY = NoteKind(
    "payer_without_policy",
    "{payer}: {lines} of audited drugs, but no policy names this payer, so that at most the rules "
    "for every payer judged them",
    "If it is another spelling of a payer that a policy names, add it to payer_aliases in the "
    "config.",
    counts_rows=True,
)
OTHER_PAYERS = NoteKind(
    "payers_without_policy",
    "{payers} with audited drugs that no policy names: {lines}",
    "The same. If the names are many, check that the column payer holds payers.",
    counts_rows=True,
)
PAYERS_WITHOUT_PLACE = NoteKind(
    "payers_without_place",
    "The config does not give jurisdiction and line of business of {payers}, so whether the "
    "amounts of {exceptions} may still be collected is unknown",
    "Give both in [payers.PAYER] of the config; nothing is shipped for any payer.",
    counts_rows=True,
)
NO_MEMBER_IN_COMMON = NoteKind(
    "no_member_in_common",
    "{table}: none of its {members} is a member of the claims, so nothing in it was used",
    "Check that member_id and person_id have one form in all files (leading zeros, suffixes).",
    counts_rows=True,
)
MANY_MALFORMED = NoteKind(
    "many_malformed",
    "{file}: {share} % of the values in {column} ({malformed} of {values}) are malformed, and "
    "match nothing",
    "Have the sender export the codes as text, as they were issued: table programs drop leading "
    "zeros.",
    counts_rows=True,
)
MANY_MALFORMED_ELSEWHERE = NoteKind(
    "many_malformed_elsewhere",
    "{table}.{column}: so are more than {share} % in {files} loaded before these",
    "The same. The file warnings.parquet lists them.",
    counts_rows=True,
)
COLUMN_MISSING = NoteKind(
    "column_no_longer_sent",
    "{table}.{column}: not in {files} of this night, but in files of earlier nights",
    "Ask the sender why; rules that need the column answer not_evaluable for these rows.",
)
CONFIG_FILES = NoteKind(
    "config_files_unmatched",
    "Config: tables.{table}.files: {pattern} matches no file",
    "Correct the pattern, or remove it.",
)
CONFIG_COLUMN = NoteKind(
    "config_column_unmatched",
    "Config: columns.{table}: no file has the column that is mapped to {column}",
    "Correct the name, or remove the entry.",
)
CONFIG_EXPRESSION = NoteKind(
    "config_expression_unmatched",
    "Config: tables.{table}.columns.{column}: no file of {table} was read by it",
    "Correct the name of the table, add its files, or remove the entry.",
)
CONFIG_ALIAS = NoteKind(
    "config_alias_unmatched",
    "Config: payer_aliases: no row has the payer {payer}",
    "Correct the spelling, or remove the entry.",
)
TERM_DEMOTED = NoteKind(
    "term_demoted",
    "{term}: {overturned} of {findings} were overturned, so that the term asks for reviews alone",
    "See the decisions (`claims-audit ledger --precision`), and correct the term or its document.",
    counts_rows=True,
)
CONFIG_PAYER = NoteKind(
    "config_payer_unmatched",
    "Config: payers: no row has the payer {payer}",
    "Correct the spelling, or remove the entry.",
)
OF_WARNINGS = {
    check: NoteKind(
        check,
        f"{{table}}.{{column}}: {{rows}} {warning.meaning}",
        warning.remedy,
        counts_rows=True,
    )
    for check, warning in ROW_WARNINGS.items()
}
"""Warning about rows -> its kind of note."""

NOTE_KINDS = (
    NOTHING_AUDITED,
    PAYER_WITHOUT_POLICY,
    OTHER_PAYERS,
    PAYERS_WITHOUT_PLACE,
    NO_MEMBER_IN_COMMON,
    MANY_MALFORMED,
    MANY_MALFORMED_ELSEWHERE,
    COLUMN_MISSING,
    CONFIG_FILES,
    CONFIG_COLUMN,
    CONFIG_EXPRESSION,
    CONFIG_ALIAS,
    TERM_DEMOTED,
    CONFIG_PAYER,
    *OF_WARNINGS.values(),
)
"""Every kind, in the order in which a run prints them."""


def in_order(notes: Iterable[Note]) -> tuple[Note, ...]:
    """Notes in the order of their kinds; those of one kind stay in theirs."""
    return tuple(sorted(notes, key=lambda note: NOTE_KINDS.index(note.kind)))


def counted(number: int, noun: str) -> str:
    """A number of things, in words."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def shown_payer(name: str) -> str:
    """The name of a payer as a note may show it: if the column holds ids, none of them is shown."""
    letters = sum(letter.isalpha() for letter in name)
    digits = sum(letter.isdigit() for letter in name)
    if len(name) > _LONGEST_NAME or letters <= digits:
        return _NO_NAME
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in name)

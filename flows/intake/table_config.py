"""The part of the config that describes the files of one table: `[tables.TABLE]`."""

import codecs
import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

_DATE_SPECIFIER = re.compile(r"%(?:-?[dmyHMSIj]|[YbBaAfp%])")
_LONGEST_EXPRESSION = 4000  # characters; a deeper nest than that allows would exhaust a parser
_MOST_SKIPPED = 1000


def _whole_date(pattern: str) -> str:
    used = {s.replace("-", "") for s in _DATE_SPECIFIER.findall(pattern)}
    if "%" in _DATE_SPECIFIER.sub("", pattern):
        raise ValueError("a date format may use %Y %y %m %b %B %d and times, no other specifiers")
    if not ({"%m", "%b", "%B"} & used and "%d" in used and {"%Y", "%y"} & used):
        raise ValueError("a date format needs year, month and day, such as %m/%d/%Y")
    return pattern


def _one_character(text: str) -> str:
    if len(text) != 1 or text in '"\r\n\0':
        raise ValueError(
            "a delimiter is one character, such as | or a tab, but not a quote or line break"
        )
    return text


def _known_encoding(name: str) -> str:
    try:
        bytes(4).decode(name)
    except (LookupError, ValueError):
        raise ValueError("give a text encoding that Python supports, such as cp1252") from None
    return name


def _relative_pattern(pattern: str) -> str:
    parts = pattern.split("/")
    if not all(parts) or ".." in parts or "." in parts or "\\" in pattern or "\0" in pattern:
        raise ValueError(
            "a pattern is a path relative to the input folder with forward slashes, such as "
            "RX_*.txt or pbm/**/*.csv"
        )
    return pattern


def _some_text(text: str) -> str:
    if not text.strip() or any(c in text for c in "\r\n\0"):
        raise ValueError("give some text on one line")
    return text


def _different_names(names: tuple[str, ...]) -> tuple[str, ...]:
    if len({name.strip().lower() for name in names}) < len(names):
        raise ValueError("two columns of the header differ only in case or whitespace")
    return names


def _expression(text: str) -> str:
    if not text.strip():
        raise ValueError("an expression is empty; leave the column out")
    if len(text) > _LONGEST_EXPRESSION:
        raise ValueError(f"an expression is longer than {_LONGEST_EXPRESSION} characters")
    return text


DateFormat = Annotated[str, AfterValidator(_whole_date)]
Delimiter = Annotated[str, AfterValidator(_one_character)]
Encoding = Annotated[str, AfterValidator(_known_encoding)]
_OneLine = Annotated[str, AfterValidator(_some_text)]


class TableConfig(BaseModel):
    """Settings for the files of one table; each takes precedence over the general one."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    files: tuple[Annotated[str, AfterValidator(_relative_pattern)], ...] = ()
    """files of this table besides `TABLE.*`, such as `["RX_*.txt", "pbm/**/*.csv"]`: patterns
    relative to the input folder, in any case. A file named `.parquet` is read as Parquet, `.gz` as
    gzipped text, any other as text"""

    delimiter: Delimiter | None = None
    """the one character between the columns of these files"""

    encoding: Encoding | None = None
    """the encoding of these files"""

    date_formats: tuple[DateFormat, ...] | None = None
    """the date formats of these files, instead of the general ones"""

    null_words: tuple[_OneLine, ...] = ()
    r"""words that are read as null in every column, in any case, besides blank and `NULL`: such as
    `["NA", "\\N"]`"""

    skip_lines: Annotated[int, Field(ge=0, le=_MOST_SKIPPED, strict=True)] = 0
    """how many lines precede the header; blank lines count"""

    footer: _OneLine | None = None
    """a line that begins with this text is not a record; such lines are counted in the manifest"""

    header: Annotated[tuple[_OneLine, ...], AfterValidator(_different_names)] = ()
    """the names of the columns of files that have no header line; a file that has one is read by
    its own"""

    columns: dict[str, Annotated[str, AfterValidator(_expression)]] = {}
    """our column `=` an [expression](input.md#mapping-by-expression) over the sender's"""


@dataclass(frozen=True)
class TableSettings:
    """How the files of one table are read: its own settings, or else the general ones.

    renamed       their column's name, trimmed and in lower case -> ours.
    expressions   our column -> an expression over theirs.
    """

    delimiter: str
    encoding: str | None
    date_formats: tuple[str, ...]
    null_words: tuple[str, ...]
    skip_lines: int
    footer: str | None
    header: tuple[str, ...]
    renamed: dict[str, str]
    expressions: dict[str, str]

    @property
    def is_mapped(self) -> bool:
        """Whether values are changed between the file and the parsing."""
        return bool(self.expressions or self.null_words)

    @property
    def is_trimmed(self) -> bool:
        """Whether lines of a CSV file are left out, or a header added, before it is read."""
        return bool(self.skip_lines or self.footer or self.header)

    def of_rows(self, in_parquet: bool) -> dict[str, object]:
        """What decides the rows of a file, each in one spelling."""
        for_any: dict[str, object] = {
            "date_formats": list(self.date_formats),
            "null_words": sorted({word.strip().lower() for word in self.null_words}),
            "renamed": sorted(self.renamed.items()),
            "expressions": sorted(self.expressions.items()),
        }
        if in_parquet:
            return for_any
        return for_any | {
            "delimiter": self.delimiter,
            "encoding": codecs.lookup(self.encoding or "utf-8").name,
            "skip_lines": self.skip_lines,
            "footer": self.footer,
            "header": list(self.header),
        }

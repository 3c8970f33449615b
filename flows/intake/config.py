"""The user's config file (TOML). Unknown keys are refused; no message repeats its content."""

import grp
import re
import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from flows.errors import UsageError
from schemas.tables import TABLES

_DATE_SPECIFIER = re.compile(r"%(?:-?[dmyHMSIj]|[YbBaAfp%])")


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


def _known_columns(columns: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    for table, mapping in columns.items():
        if table not in TABLES:
            raise ValueError(f"unknown table name in [columns.*]; tables: {', '.join(TABLES)}")
        if set(mapping.values()) - {c.name for c in TABLES[table].columns}:
            raise ValueError(
                f"{table}: a column is mapped to one that {table} does not have; "
                "write theirs = ours"
            )
        if len(set(mapping.values())) < len(mapping):
            raise ValueError(f"{table}: two of their columns are mapped to one of ours")
        if len({theirs.strip().lower() for theirs in mapping}) < len(mapping):
            raise ValueError(f"{table}: two of their names differ only in case or whitespace")
    return columns


def _private_mode(mode: str) -> str:
    if not re.fullmatch(r"0[0-7]{3}", mode) or mode[3] != "0" or mode[1] not in "67":
        raise ValueError(
            "result_mode is an octal string such as 0600 or 0640, readable by the owner and never "
            "by everyone"
        )
    return mode


def _known_group(name: str) -> str:
    try:
        grp.getgrnam(name)
    except (KeyError, ValueError):
        raise ValueError("there is no group with that name on this machine") from None
    return name


class Config(BaseModel):
    """Settings of one run; docs/configuration.md is generated from the text under each of them."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    date_formats: tuple[Annotated[str, AfterValidator(_whole_date)], ...] = ()
    """date formats accepted besides `YYYY-MM-DD` and `YYYYMMDD`, such as `["%m/%d/%Y"]`; the first
    that fits is used"""

    delimiter: Annotated[str, AfterValidator(_one_character)] = ","
    """the one character between the columns of CSV files"""

    encoding: Annotated[str, AfterValidator(_known_encoding)] | None = None
    """encoding of CSV files without a byte order mark, such as `"cp1252"`; UTF-8 if left out. A
    byte order mark (UTF-8, UTF-16) always takes precedence"""

    columns: Annotated[dict[str, dict[str, str]], AfterValidator(_known_columns)] = {}
    """per table `[columns.TABLE]`: the sender's column name, in any case, `=` ours"""

    payer_aliases: dict[str, str] = {}
    """a payer's name in the extracts `=` a name or id of a payer in a policy document"""

    max_error_rate: Annotated[float, Field(ge=0, le=1, strict=True)] = 0.05
    """the share of a file's rows that may be quarantined before the run stops with exit code 4"""

    result_mode: Annotated[str, AfterValidator(_private_mode)] = "0600"
    """permissions of result files, such as `"0640"`; never readable by everyone"""

    result_group: Annotated[str, AfterValidator(_known_group)] | None = None
    """the group of result files"""


def read_config(path: Path | None) -> Config:
    """The config file, or the defaults if there is none.

    Raises UsageError with our key and what to do, never with the content of the file.
    """
    if path is None:
        return Config()
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):  # missing, not text, not TOML
        raise UsageError(
            f"Config {path.name} cannot be read as TOML. Give a readable TOML file with --config."
        ) from None
    try:
        return Config.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        key = str(first["loc"][0])
        if first["type"] == "extra_forbidden":
            similar = get_close_matches(key, Config.model_fields, n=1)
            hint = f" (did you mean {similar[0]}?)" if similar else ""
            known = ", ".join(Config.model_fields)
            raise UsageError(
                f"Config {path.name}: unknown key{hint}. Known keys: {known}."
            ) from None
        raise UsageError(
            f"Config {path.name}: {key}: {first['msg'].removeprefix('Value error, ')}. Correct it."
        ) from None

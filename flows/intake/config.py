"""The user's config file (TOML). Unknown keys are refused, and no message repeats what stands in the file."""

import grp
import re
import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from flows.errors import UsageError
from schemas.tables import TABLES

_SPECIFIER = re.compile(r"%(?:-?[dmyHMSIj]|[YbBaAfp%])")


def _whole_date(pattern: str) -> str:
    used = {s.replace("-", "") for s in _SPECIFIER.findall(pattern)}
    if "%" in _SPECIFIER.sub("", pattern):
        raise ValueError("a date format knows %Y %y %m %b %B %d, times, and no other specifiers")
    if not ({"%m", "%b", "%B"} & used and "%d" in used and {"%Y", "%y"} & used):
        raise ValueError("a date format needs year, month and day, such as %m/%d/%Y")
    return pattern


def _one_character(text: str) -> str:
    if len(text) != 1 or text in '"\r\n\0':
        raise ValueError(
            "a delimiter is one character, such as | or a tab, and no quote or line break"
        )
    return text


def _known_encoding(name: str) -> str:
    try:
        bytes(4).decode(name)
    except (LookupError, ValueError):
        raise ValueError("name a text encoding that Python knows, such as cp1252") from None
    return name


def _known_columns(columns: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    for table, mapping in columns.items():
        if table not in TABLES:
            raise ValueError(
                f"a section is named after no table of ours; tables are {', '.join(TABLES)}"
            )
        ours = {c.name for c in TABLES[table].columns}
        if set(mapping.values()) - ours:
            raise ValueError(
                f"{table}: a column is mapped to one that {table} does not have; write theirs = ours"
            )
        if len(set(mapping.values())) < len(mapping):
            raise ValueError(f"{table}: two of their columns go to one of ours")
        if len({theirs.strip().lower() for theirs in mapping}) < len(mapping):
            raise ValueError(f"{table}: two of their names differ in case or blanks only")
    return columns


def _never_world(mode: str) -> str:
    if not re.fullmatch(r"0[0-7]{3}", mode) or mode[3] != "0" or mode[1] not in "67":
        raise ValueError(
            "result_mode is an octal text such as 0600 or 0640, readable by the owner, never by the world"
        )
    return mode


def _known_group(name: str) -> str:
    try:
        grp.getgrnam(name)
    except (KeyError, ValueError):
        raise ValueError("no group of this machine has that name") from None
    return name


class Config(BaseModel):
    """Settings of one run; docs/configuration.md is generated from the text under each of them."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    date_formats: tuple[Annotated[str, AfterValidator(_whole_date)], ...] = ()
    """formats of dates besides `YYYY-MM-DD` and `YYYYMMDD`, such as `["%m/%d/%Y"]`; the first that
    fits counts"""

    delimiter: Annotated[str, AfterValidator(_one_character)] = ","
    """the one character between the columns of CSV files"""

    encoding: Annotated[str, AfterValidator(_known_encoding)] | None = None
    """of CSV files without a byte order mark, such as `"cp1252"`; UTF-8 if left out. A byte order
    mark (UTF-8, UTF-16) always counts"""

    columns: Annotated[dict[str, dict[str, str]], AfterValidator(_known_columns)] = {}
    """per table `[columns.TABLE]`: the sender's column name, in any case, `=` ours"""

    payer_aliases: dict[str, str] = {}
    """a payer's name in the extracts `=` a name or id of a payer in a policy document"""

    max_error_rate: Annotated[float, Field(ge=0, le=1, strict=True)] = 0.05
    """the share of a file's rows that may be quarantined before the run stops with exit code 4"""

    result_mode: Annotated[str, AfterValidator(_never_world)] = "0600"
    """permissions of result files, such as `"0640"`; never for everyone"""

    result_group: Annotated[str, AfterValidator(_known_group)] | None = None
    """the group of result files"""


def read_config(path: Path | None) -> Config:
    """The config file, or the defaults. Raises UsageError with our key and the remedy, never with what stands in the file."""
    if path is None:
        return Config()
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):  # gone, no text, no TOML
        raise UsageError(
            f"Config {path.name} cannot be read as TOML. Give a readable TOML file with --config."
        ) from None
    try:
        return Config.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        key = str(first["loc"][0])
        if first["type"] == "extra_forbidden":
            near = get_close_matches(key, Config.model_fields, n=1)
            meant = f" (did you mean {near[0]}?)" if near else ""
            raise UsageError(
                f"Config {path.name}: unknown key{meant}. Known keys: {', '.join(Config.model_fields)}."
            ) from None
        raise UsageError(
            f"Config {path.name}: {key}: {first['msg'].removeprefix('Value error, ')}. Correct it."
        ) from None

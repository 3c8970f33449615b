"""The user's config file (TOML). Unknown keys are refused; nothing here is row content."""

import re
import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from flows.errors import Usage
from schemas.tables import TABLES


def _whole_date(pattern: str) -> str:
    has_month = "%m" in pattern or "%b" in pattern or "%B" in pattern
    if not (has_month and "%d" in pattern and ("%Y" in pattern or "%y" in pattern)):
        raise ValueError("a date format needs year, month and day, such as %m/%d/%Y")
    return pattern


def _one_character(text: str) -> str:
    if len(text) != 1 or text in '"\r\n':
        raise ValueError("a delimiter is one character, such as | or a tab, and no quote or line break")
    return text


def _known_columns(columns: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    for table, mapping in columns.items():
        if table not in TABLES:
            raise ValueError(f"{table!r} is no table; known: {', '.join(TABLES)}")
        ours = {c.name for c in TABLES[table].columns}
        unknown = sorted(set(mapping.values()) - ours)
        if unknown:
            raise ValueError(f"{table}: {unknown[0]!r} is no column of ours")
        if len(set(mapping.values())) < len(mapping):
            raise ValueError(f"{table}: two of their columns go to one of ours")
    return columns


def _never_world(mode: str) -> str:
    if not re.fullmatch(r"0[0-7]{3}", mode) or mode[3] != "0" or mode[1] not in "67":
        raise ValueError("result_mode is an octal text such as 0600 or 0640, readable by the owner, never by the world")
    return mode


class Config(BaseModel):
    """Settings of one run.

    date_formats     strptime formats accepted beside YYYY-MM-DD and YYYYMMDD.
    delimiter        of CSV extracts.
    encoding         of CSV extracts; without it UTF-8 and UTF-16 (by their byte order mark) are recognised.
    columns          per table: their column name -> ours.
    payer_aliases    payer name as it stands in extracts -> a payer name or id of a policy document.
    max_error_rate   share of a file's rows that may be quarantined before the run stops (exit 4).
    result_mode      permissions of result files; result_group: their group.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    date_formats: tuple[Annotated[str, AfterValidator(_whole_date)], ...] = ()
    delimiter: Annotated[str, AfterValidator(_one_character)] = ","
    encoding: str | None = None
    columns: Annotated[dict[str, dict[str, str]], AfterValidator(_known_columns)] = {}
    payer_aliases: dict[str, str] = {}
    max_error_rate: Annotated[float, Field(ge=0, le=1)] = 0.05
    result_mode: Annotated[str, AfterValidator(_never_world)] = "0600"
    result_group: str | None = None


def read_config(path: Path | None) -> Config:
    """The config file, or the defaults. Raises Usage with the key and the remedy, never with its value."""
    if path is None:
        return Config()
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        raise Usage(f"Config {path.name} cannot be read as TOML. Give a readable TOML file with --config.") from None
    try:
        return Config.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        key = first["loc"][0] if first["loc"] else "?"
        if first["type"] == "extra_forbidden":
            allowed = ", ".join(Config.model_fields)
            raise Usage(f"Config {path.name}: unknown key {key!r}. Known keys: {allowed}.") from None
        raise Usage(f"Config {path.name}: {key}: {first['msg']}. Correct it.") from None

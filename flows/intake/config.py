"""The user's config file (TOML). Unknown keys are refused; no message repeats its content."""

import grp
import re
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from flows.errors import UsageError
from flows.intake.expression_parts import ExpressionRefused
from flows.intake.expressions import parsed_expression
from flows.intake.payer_config import Dollars, PayerConfig, PlanConfig
from flows.intake.table_config import (
    DateFormat,
    Delimiter,
    Encoding,
    TableConfig,
    TableSettings,
)
from flows.user_toml import line_of, read_user_toml
from schemas.tables import TABLES


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


def _known_tables(tables: dict[str, TableConfig]) -> dict[str, TableConfig]:
    for name, table in tables.items():
        if name not in TABLES:
            raise ValueError(f"unknown table name in [tables.*]; tables: {', '.join(TABLES)}")
        if table.columns.keys() - {c.name for c in TABLES[name].columns}:
            raise ValueError(
                f"{name}: columns: a column is set that {name} does not have; "
                "write ours = an expression over theirs"
            )
    return tables


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


OF_COLLECTING = ("payers", "letter_minimum")
"""Settings of what is asked back, which matter only after rules have answered."""


class Config(BaseModel):
    """Settings of one run; docs/configuration.md is generated from the text under each of them."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    date_formats: tuple[DateFormat, ...] = ()
    """date formats accepted besides `YYYY-MM-DD` and `YYYYMMDD`, such as `["%m/%d/%Y"]`; the first
    that fits is used"""

    delimiter: Delimiter = ","
    """the one character between the columns of CSV files"""

    encoding: Encoding | None = None
    """encoding of CSV files without a byte order mark, such as `"cp1252"`; UTF-8 if left out. A
    byte order mark (UTF-8, UTF-16) always takes precedence"""

    columns: Annotated[dict[str, dict[str, str]], AfterValidator(_known_columns)] = {}
    """per table `[columns.TABLE]`: the sender's column name, in any case, `=` ours"""

    tables: Annotated[dict[str, TableConfig], AfterValidator(_known_tables)] = {}
    """per table `[tables.TABLE]`: the keys [below](#keys-of-a-table)"""

    payer_aliases: dict[str, str] = {}
    """a payer's name in the extracts `=` a name or id of a payer in a policy document"""

    payers: dict[str, PayerConfig] = {}
    """per payer, after aliases, `[payers.PAYER]`: the keys [below](#keys-of-a-payer)"""

    letter_minimum: Dollars = Decimal("0.00")
    """dollars at risk of a payee under which `claims-audit letters` writes none"""

    max_error_rate: Annotated[float, Field(ge=0, le=1, strict=True)] = 0.05
    """the share of a file's rows that may be quarantined before the run stops with exit code 4"""

    result_mode: Annotated[str, AfterValidator(_private_mode)] = "0600"
    """permissions of result files, such as `"0640"`; never readable by everyone"""

    result_group: Annotated[str, AfterValidator(_known_group)] | None = None
    """the group of result files"""

    @model_validator(mode="after")
    def _one_source_per_column(self) -> Self:
        for name, table in self.tables.items():
            if table.columns.keys() & set(self.columns.get(name, {}).values()):
                raise ValueError(
                    f"{name}: one of our columns is mapped in [columns.{name}] and in "
                    f"[tables.{name}.columns]; keep one of them"
                )
        return self

    def of(self, table: str) -> TableSettings:
        """The settings for the files of a table."""
        own = self.tables.get(table) or TableConfig()
        mapping = self.columns.get(table, {})
        return TableSettings(
            delimiter=own.delimiter or self.delimiter,
            encoding=own.encoding or self.encoding,
            date_formats=self.date_formats if own.date_formats is None else own.date_formats,
            null_words=own.null_words,
            skip_lines=own.skip_lines,
            footer=own.footer,
            header=own.header,
            renamed={theirs.strip().lower(): ours for theirs, ours in mapping.items()},
            expressions=dict(own.columns),
        )

    def patterns(self) -> dict[str, tuple[str, ...]]:
        """Table -> the patterns of its files."""
        return {name: table.files for name, table in self.tables.items() if table.files}


def read_config(path: Path | None) -> Config:
    """The config file, or the defaults if there is none.

    Raises UsageError with our key and what to do, never with the content of the file.
    """
    if path is None:
        return Config()
    remedy = "Give a readable TOML file with --config."
    data, text = read_user_toml(path, "Config", remedy)
    try:
        config = Config.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        names = [part for part in first["loc"] if isinstance(part, str)]
        line = next(filter(None, (line_of(text, name) for name in reversed(names))), None)
        place = f", line {line}" if line else ""
        raise UsageError(f"Config {path.name}{place}: {_problem(first)}.") from None
    for name, table in config.tables.items():
        for ours, expression in table.columns.items():
            try:
                parsed_expression(expression)
            except ExpressionRefused as refusal:
                raise UsageError(
                    f"Config {path.name}: tables.{name}.columns.{ours}: {refusal}. Correct it."
                ) from None
    return config


def _problem(first: ErrorDetails) -> str:
    """What is wrong, and where, in names that are ours."""
    location = [str(part) for part in first["loc"]]
    known = location if location[:1] in (["tables"], ["payers"]) else location[:1]
    place = ": ".join(part for part in known if part in _OUR_NAMES)
    if first["type"] != "extra_forbidden":
        message = first["msg"].removeprefix("Value error, ")
        return f"{place}: {message}. Correct it" if place else f"{message}. Correct it"
    model = _model_at(location)
    similar = get_close_matches(location[-1], model.model_fields, n=1)
    hint = f" (did you mean {similar[0]}?)" if similar else ""
    where = "".join(f" in [tables.{name}]" for name in location[1:-1] if name in TABLES)
    return f"unknown key{where}{hint}. Known keys: {', '.join(model.model_fields)}"


def _model_at(location: list[str]) -> type[BaseModel]:
    """The model of the innermost table of a location."""
    if len(location) == 1:
        return Config
    if location[0] != "payers":
        return TableConfig
    return PlanConfig if "plans" in location[2:-1] else PayerConfig


_OUR_NAMES = {
    *Config.model_fields,
    *TableConfig.model_fields,
    *PayerConfig.model_fields,
    *TABLES,
}

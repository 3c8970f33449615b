"""docs/configuration.md, from the model of the config file."""

import json

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from flows.intake.config import Config
from flows.intake.payer_config import PayerConfig
from flows.intake.table_config import TableConfig
from tests.support.hostile import SENDERS_CONFIG

BAR = "\\|"
_OPENING = """\
# Configuration

Generated from the model of the config file. A config is a TOML file, given with `--config`. Every
key is optional; an unknown key is refused. No message repeats what the file holds.

| key | what it sets | default |
| --- | --- | --- |
"""
_OF_A_TABLE = """
## Keys of a table

The keys of `[tables.TABLE]` describe the files of one table, and take precedence over general keys
of the same name. A file that was read under other keys is read again.

| key | what it sets | default |
| --- | --- | --- |
"""
_OF_A_PAYER = """
## Keys of a payer

The keys of `[payers.PAYER]`, and of `[payers.PAYER.plans.PLAN]` where a plan differs, say which law
on collecting overpayments binds a payer: see [Collecting](collecting.md). A payer is named as
extracts, policies or aliases name it, in any case. Nothing is shipped for any payer.

| key | what it sets | default |
| --- | --- | --- |
"""
_EXAMPLE = f"""
## An example

```toml
{SENDERS_CONFIG}```

[Input](input.md#a-senders-own-layout) shows the file that it reads.

## Environment variables

| variable | what it sets |
| --- | --- |
| `CLAIMS_AUDIT_PSEUDONYM_KEY` | the key of [pseudonyms](privacy.md), 32 characters or more |
| `PREFECT_API_URL` | the [server](scheduling.md) that records runs; by default a temporary one |
| `PREFECT_HOME` | the folder in which Prefect keeps its own files |
"""


def configuration() -> str:
    """The whole page."""
    return (
        _OPENING
        + _rows(Config)
        + _OF_A_TABLE
        + _rows(TableConfig)
        + _OF_A_PAYER
        + _rows(PayerConfig)
        + _EXAMPLE
    )


def _rows(model: type[BaseModel]) -> str:
    return "".join(
        f"| `{key}` | {(field.description or '').replace(chr(10), ' ').replace('|', BAR)} "
        f"| {_default(field)} |\n"
        for key, field in model.model_fields.items()
    )


def _default(field: FieldInfo) -> str:
    return f"`{json.dumps(field.default)}`" if field.default else "none"

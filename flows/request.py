"""What a person asks of a run: every option once, with its type, default and help.

The command line and the Prefect flows are generated from `RunRequest`. This module imports nothing
heavy, so the command line starts fast.
"""

from collections.abc import Callable
from dataclasses import MISSING, asdict, dataclass, field, fields
from datetime import date
from pathlib import Path
from typing import Any, ClassVar, Literal

from flows import clock
from flows.memory_limits import DEFAULT
from flows.privacy import FULL, Level

WAREHOUSE = "audit.duckdb"
"""The warehouse's file name in the output folder, if no other is named."""


def option(
    text: str,
    default: Any = MISSING,
    *,
    made_by: Callable[[], object] | None = None,
    in_run_id: bool = False,
) -> Any:
    """A field of `RunRequest`: its help text and default, or the function that makes the default.

    in_run_id   whether another value means other result files, so another run id. What config,
                policies, reference and extracts contain is part of the id anyway.
    """
    metadata = {"help": text, "description": text, "in_run_id": in_run_id}  # cyclopts, pydantic
    if made_by:
        return field(default_factory=made_by, metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """The options of a run. Paths are as given."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    input: Path | None = option(
        "folder with the extracts (if left out, the contents of the warehouse are judged again)",
        None,
    )
    output: Path = option("folder for reports; each run has its own folder run=ID in it")
    warehouse: Path | None = option(
        f"the warehouse to add to (default: {WAREHOUSE} in the output folder)", None
    )
    as_of: date = option("the as-of date, YYYY-MM-DD (default: today)", made_by=clock.today)
    allow_future: bool = option(
        "allow an as-of date after today: files of that run are unknown to every run before that "
        "date, and the ledger waits until then",
        False,
    )
    config: Path | None = option("a TOML file with settings", None)
    policies: Path | None = option("a folder with more policy files and code sets", None)
    law: Path | None = option(
        "a folder with more law files: until when an overpayment may be asked for", None
    )
    ndc_directory: Path | None = option(
        "a folder with the FDA NDC directory (product.txt, package.txt)", None
    )
    partition_by: Literal["payer"] | None = option(
        "also write the exceptions into a folder per payer: exceptions/payer=ID/part-0.parquet",
        None,
        in_run_id=True,
    )
    xlsx: bool | None = option(
        "write the work-paper exceptions.xlsx, or not (default: up to 5,000 exceptions)",
        None,
        in_run_id=True,
    )
    page: bool = option("write summary.html, the page of the run for people", True, in_run_id=True)
    privacy: Level = option(
        "what results show of persons: everything, keyed pseudonyms instead of identifiers, "
        "or counts and sums alone",
        FULL,
        in_run_id=True,
    )
    sign_key: Path | None = option(
        "a file with an Ed25519 private key (PEM) that signs the manifest; only its owner may be "
        "able to read it",
        None,
    )
    whole: bool = option(
        "judge everybody again, including persons unaffected by any change since the last run",
        False,
    )
    memory: float = option(
        "GiB of memory that all processes of the run together may take, about: 1 or more; less is "
        "slower. With over 150,000 exceptions 1 is too little. Results do not depend on it",
        DEFAULT,
    )
    buckets: int | None = option(
        "judge persons in so many buckets, one after the other (default: by the number of lines "
        "and --memory); results do not depend on it",
        None,
    )
    workers: int = option(
        "judge buckets in so many processes, each with its share of the processors and of --memory",
        1,
    )
    cluster: str | None = option(
        "read extracts and judge buckets on the workers of this scheduler of Dask's distributed: "
        "tls://HOST:PORT or tcp://HOST:PORT",
        None,
    )
    lake: Path | None = option(
        "the folder, the same for every worker of --cluster, in which rows that workers read stay, "
        "and buckets wait",
        None,
    )
    insecure_cluster: bool = option(
        "let --cluster be on another host without TLS, where anybody on the network can read rows "
        "and run programs",
        False,
    )

    @property
    def warehouse_file(self) -> Path:
        """The warehouse, named or not."""
        return self.warehouse or self.output / WAREHOUSE

    def run_id_parts(self) -> list[str]:
        """The options of the run id that differ from their default, as `name value`."""
        named = [(f.name, getattr(self, f.name), f) for f in fields(self)]
        return [f"{n} {v}" for n, v, f in named if f.metadata["in_run_id"] and v != f.default]

    def as_parameters(self, absolute: bool = False) -> dict[str, Any]:
        """Every option as JSON, for a deployment: paths and the date as text."""
        return {name: _as_json(value, absolute) for name, value in asdict(self).items()}


def _as_json(value: Path | date | str | bool | None, absolute: bool) -> str | bool | None:
    if isinstance(value, Path):
        return str(value.resolve() if absolute else value)
    return value.isoformat() if isinstance(value, date) else value

"""What a run needs before it starts: everything that can be refused without reading a row is refused here."""

import hashlib
from dataclasses import dataclass, fields, replace
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

from audit_rules.errors import PolicyRefused
from audit_rules.policy.library import PolicyLibrary, load_policies
from audit_rules.policy.terms.fills import SupplyWindow
from audit_rules.reference.codes import Reference, load_reference
from flows.errors import UsageError
from flows.intake.config import Config, read_config
from flows.intake.landing import ExtractFile, find_extracts
from flows.intake.ndc_directory import directory_hashes, read_ndc_directory
from flows.privacy import AGGREGATE, FULL, Level, Pseudonyms, read_pseudonyms
from flows.warehouse.connection import Workbench, workbench
from flows.warehouse.memory import program_digest


@dataclass(frozen=True)
class Request:
    """What the user asked for; paths as given. Without an input, what the warehouse holds is judged again.

    whole     everybody is judged again, whatever the warehouse remembers of the night before.
    xlsx      whether the work-paper is written too; None: where it is not too long.
    page      whether summary.html is written too.
    privacy   how much of a person the results may show; see flows/privacy.py.
    """

    input: Path | None
    output: Path
    warehouse: Path
    as_of: date
    config: Path | None = None
    policies: Path | None = None
    ndc_directory: Path | None = None
    partition_by: str | None = None
    xlsx: bool | None = False
    whole: bool = False
    page: bool = False
    privacy: Level = FULL

    def extras(self) -> list[str]:
        """What is asked for beside the results that every run has: a run with other files has another id."""
        asked = {
            "partition_by": self.partition_by,
            "xlsx": self.xlsx,
            "page": None if self.page else False,
            "privacy": None if self.privacy == FULL else self.privacy,
        }
        return [f"{option} {value}" for option, value in asked.items() if value is not None]

    def words(self, absolute: bool = False) -> dict[str, Any]:
        """Every field as the flow takes it: paths and the date as text; paths as given, or absolute."""
        return {f.name: _word(getattr(self, f.name), absolute) for f in fields(self)}


def _word(value: Path | date | str | bool | None, absolute: bool) -> str | bool | None:
    if isinstance(value, Path):
        return str(value.resolve() if absolute else value)
    return value.isoformat() if isinstance(value, date) else value


@dataclass(frozen=True)
class Plan:
    """A request with everything it names read and checked."""

    request: Request
    config: Config
    library: PolicyLibrary
    reference: Reference
    extracts: tuple[ExtractFile, ...]
    payer_names: dict[str, str]
    default_supply_days: int
    pseudonyms: Pseudonyms | None = None

    @property
    def bench(self) -> Workbench:
        """Where this run works."""
        return replace(
            workbench(self.request.warehouse, self.request.as_of), whole=self.request.whole
        )

    def run_id(self, file_hashes: list[str], purged_before: date | None = None) -> str:
        """16 hex digits of everything that a result depends on."""
        policies, reference, config = self._texts()
        purged = [f"purged before {purged_before}"] if purged_before else []
        rest = [self.request.as_of.isoformat(), program_version(), *self.request.extras()]
        rest += [self.pseudonyms.fingerprint] if self.pseudonyms else []
        parts = [*sorted(file_hashes), *purged, *policies, *reference, config, *rest]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]

    @property
    def texts(self) -> str:
        """A digest of everything that answers depend on beside the rows and the day, the program's own text included."""
        policies, reference, config = self._texts()
        return hashlib.sha256(
            "\n".join([*policies, *reference, config, program_digest()]).encode()
        ).hexdigest()

    def _texts(self) -> tuple[list[str], list[str], str]:
        reference = [f"{name} {sha256}" for name, sha256 in sorted(self.reference.hashes.items())]
        return [p.sha256 for p in self.library.policies], reference, self.config.model_dump_json()


def program_version() -> str:
    """The version of this program, as installed."""
    return version("claims-audit")


def plan(request: Request) -> Plan:
    """Read and check config, policies, reference tables and the landing folder. Raises AuditError."""
    pseudonyms = read_pseudonyms(request.privacy)
    if request.privacy == AGGREGATE and (request.xlsx or request.partition_by):
        raise UsageError(
            "--privacy aggregate leaves no lines to write. Leave --xlsx and --partition-by out."
        )
    config = read_config(request.config)
    for name, folder in (
        ("--policies", request.policies),
        ("--ndc-directory", request.ndc_directory),
    ):
        if folder is not None and not folder.is_dir():
            raise UsageError(
                f"{name} {folder.name!r} is not a folder. Give one, or leave the option out."
            )
    library = load_policies(request.policies)
    directory = read_ndc_directory(request.ndc_directory) if request.ndc_directory else None
    reference = load_reference(library, request.policies, directory)
    if request.ndc_directory:
        reference.hashes.update(directory_hashes(request.ndc_directory))
    extracts = _extracts(request)
    names, days = _payer_names(library, config), _supply_days(library)
    return Plan(request, config, library, reference, extracts, names, days, pseudonyms)


def _extracts(request: Request) -> tuple[ExtractFile, ...]:
    """The extracts of the landing folder. Raises UsageError and InputRefused where there is nothing to judge."""
    if request.input is None:
        if not request.warehouse.exists():
            raise UsageError(
                "There is no warehouse yet to judge again. Give the extracts with --input."
            )
        return ()
    return tuple(find_extracts(request.input, may_add=request.warehouse.exists()))


def _payer_names(library: PolicyLibrary, config: Config) -> dict[str, str]:
    """Every name under which a policy's payer may stand in an extract, in lower case -> payer id."""
    names = library.payer_names() | {
        p.document.payer: p.document.payer for p in library.policies if p.document.payer
    }
    aliases = {}
    for alias, payer in config.payer_aliases.items():
        target = names.get(payer.strip().lower())
        if target is None:
            raise UsageError(
                "Config: payer_aliases: an alias points to a payer that no policy document names. Correct it."
            )
        aliases[alias.strip().lower()] = target
    return names | aliases


def _supply_days(library: PolicyLibrary) -> int:
    found = [
        (policy, t.default_days)
        for policy, t in library.of_kind(SupplyWindow)
        if isinstance(t, SupplyWindow)
    ]
    if len({days for _, days in found}) != 1:
        raise PolicyRefused(
            f"{found[-1][0].file_name if found else 'policies'}: supply_window: there must be one default_days in all documents. "
            "Leave it to the general document."
        )
    return found[0][1]

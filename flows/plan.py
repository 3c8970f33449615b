"""What a run needs before it starts. What can be refused without reading a row is refused here."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from audit_rules.errors import PolicyRefused
from audit_rules.law.library import LawLibrary, load_law
from audit_rules.law.places import Place, Places
from audit_rules.policy.library import PolicyLibrary, load_policies
from audit_rules.policy.terms.fills import SupplyWindow
from audit_rules.reference.codes import Reference, load_reference
from flows.clock import today
from flows.cluster.address import refuse_unsafe
from flows.errors import UsageError
from flows.intake.config import OF_COLLECTING, Config, read_config
from flows.intake.landing import ExtractFile, find_extracts
from flows.intake.ndc_directory import directory_hashes, read_ndc_directory
from flows.memory_limits import LEAST, MOST, engine_bytes
from flows.privacy import AGGREGATE, Pseudonyms, read_pseudonyms
from flows.provenance import Texts
from flows.request import RunRequest
from flows.signing import Signer, read_sign_key
from flows.warehouse.connection import Workbench, workbench
from flows.warehouse.files import refuse_unwritable
from flows.warehouse.parquet import is_glob
from schemas.folding import folded


@dataclass(frozen=True)
class Plan:
    """A request with everything it names read and checked."""

    request: RunRequest
    config: Config
    library: PolicyLibrary
    reference: Reference
    extracts: tuple[ExtractFile, ...]
    payer_names: dict[str, str]
    default_supply_days: int
    law: LawLibrary = field(default_factory=LawLibrary)
    places: Places = field(default_factory=Places)
    pseudonyms: Pseudonyms | None = None
    signer: Signer | None = None

    @property
    def bench(self) -> Workbench:
        """Where this run works."""
        memory = engine_bytes(self.request.memory)
        return workbench(self.request.warehouse_file, self.request.as_of, memory)

    @property
    def texts(self) -> Texts:
        """What answers depend on besides the rows and the date."""
        policies = {p.document.id: p.sha256 for p in self.library.policies}
        config = self.config.model_dump_json(exclude={*OF_COLLECTING})
        law = {f"law {law.law.id}": law.sha256 for law in self.law.laws}
        law |= {"payers": self.config.model_dump_json(include={"payers"})}
        return Texts(policies, self.reference.hashes, config, law)

    def run_id(self, lineage: Mapping[str, object] | None = None) -> str:
        """16 hexadecimal digits of everything that results depend on.

        lineage   what the warehouse adds to the plan: its files, purges and earlier nights.
        """
        options = self.request.run_id_parts()
        options += [self.pseudonyms.fingerprint] if self.pseudonyms else []
        options += [f"policy {policy.file_name}" for policy in self.library.policies]
        return self.texts.run_id(self.request.as_of, options, lineage)


def plan_run(request: RunRequest) -> Plan:
    """The plan of a run that writes results. Raises AuditError, also if it could not write them."""
    refuse_unwritable(request.output, "--output")
    return plan(request)


def plan(request: RunRequest) -> Plan:
    """Read and check config, policies, reference and landing folder. Raises AuditError."""
    if request.as_of > today() and not request.allow_future:
        raise UsageError(
            f"--as-of {request.as_of} is after today: no earlier run would see the files of this "
            "one. Correct it, or give --allow-future."
        )
    for name, number in (("--buckets", request.buckets), ("--workers", request.workers)):
        if number is not None and number < 1:
            raise UsageError(f"{name} {number} is not a number of them. Give 1 or more.")
    if not LEAST <= request.memory <= MOST:
        raise UsageError(
            f"--memory {request.memory:g} is not a number of GiB from {LEAST:g} to {MOST:g}. "
            "Give one, such as 4."
        )
    _refuse_unfit_cluster(request)
    pseudonyms = read_pseudonyms(request.privacy)
    signer = read_sign_key(request.sign_key)
    if request.privacy == AGGREGATE and (request.xlsx or request.partition_by):
        raise UsageError(
            "--privacy aggregate leaves no lines to write. Leave --xlsx and --partition-by out."
        )
    config = read_config(request.config)
    for name, folder in (
        ("--policies", request.policies),
        ("--ndc-directory", request.ndc_directory),
        ("--law", request.law),
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
    extracts = _extracts(request, config)
    names, days = payer_names(library, config), _supply_days(library)
    return Plan(
        request,
        config,
        library,
        reference,
        extracts,
        names,
        days,
        law=load_law(request.law),
        places=places_of(config, names),
        pseudonyms=pseudonyms,
        signer=signer,
    )


def _refuse_unfit_cluster(request: RunRequest) -> None:
    """Raise UsageError or DiskTrouble for a scheduler or a lake that the run cannot use."""
    if request.cluster:
        refuse_unsafe(request.cluster, request.insecure_cluster)
        if request.lake is None:
            raise UsageError("--cluster needs --lake: a folder that every worker sees.")
    if request.lake is None:
        return
    if is_glob(request.lake.resolve()):
        raise UsageError(
            "The path of --lake contains *, ? or [, which DuckDB treats as a glob. Choose another."
        )
    if request.input and request.lake.resolve().is_relative_to(request.input.resolve()):
        raise UsageError(
            "--lake is in the folder of --input, whose files are extracts. Name another folder."
        )
    refuse_unwritable(request.lake, "--lake")


def _extracts(request: RunRequest, config: Config) -> tuple[ExtractFile, ...]:
    """The extracts of the landing folder.

    Raises UsageError and InputRefused if there is nothing to judge.
    """
    if request.input is None:
        if not request.warehouse_file.exists():
            raise UsageError(
                "There is no warehouse yet to judge again. Give the extracts with --input."
            )
        return ()
    return tuple(
        find_extracts(
            request.input,
            may_add=request.warehouse_file.exists(),
            patterns=config.patterns(),
        )
    )


def payer_names(library: PolicyLibrary, config: Config) -> dict[str, str]:
    """Every name that an extract may use for a policy's payer, folded -> payer id."""
    names = library.payer_names() | {payer: payer for payer in library.payer_ids()}
    aliases: dict[str, str] = {}
    for alias, payer in config.payer_aliases.items():
        target = names.get(folded(payer.strip()))
        if target is None:
            raise UsageError(
                "Config: payer_aliases: an alias points to a payer that no policy document names. "
                "Correct it."
            )
        if aliases.setdefault(folded(alias.strip()), target) != target:
            raise UsageError(
                "Config: payer_aliases: two aliases are one name in other letters, but of two "
                "payers. Keep one of them."
            )
    return names | aliases


def places_of(config: Config, names: dict[str, str]) -> Places:
    """Where each payer and plan of the config is. Raises UsageError if one is named twice."""
    payers: dict[str, Place] = {}
    plans: dict[tuple[str, str], Place] = {}
    known = Places(names)
    for name, payer in config.payers.items():
        payer_id = known.payer_id(name)
        if payer_id in payers:
            raise UsageError(
                "Config: payers: two entries are of one payer, after aliases. Keep one of them."
            )
        payers[payer_id] = Place(payer.jurisdiction, payer.line_of_business)
        for plan_name, own in payer.plans.items():
            key = (payer_id, folded(plan_name.strip()))
            if key in plans:
                raise UsageError(
                    "Config: payers: plans: two plans of a payer are one name in other letters. "
                    "Keep one of them."
                )
            plans[key] = Place(own.jurisdiction, own.line_of_business)
    return Places(names, payers, plans)


def _supply_days(library: PolicyLibrary) -> int:
    """The one default of days' supply. Raises PolicyRefused if the documents disagree."""
    terms = [
        (policy.file_name, term.default_days)
        for policy, term in library.of_kind(SupplyWindow)
        if isinstance(term, SupplyWindow)
    ]
    if len({days for _, days in terms}) != 1:
        raise PolicyRefused(
            f"{terms[-1][0] if terms else 'policies'}: supply_window: all documents must have one "
            "default_days. Leave it to the general document."
        )
    return terms[0][1]

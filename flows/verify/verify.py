"""Verify a packet, a run, a warehouse, or what ties them together."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from flows.errors import FileDamaged, InputRefused, UsageError, WriteCutShort
from flows.reports.packet.verify import verify as verify_packet
from flows.signing import SIGNATURE
from flows.verify.checks import Checks
from flows.verify.run_folder import check_run
from flows.verify.sources import check_inputs, check_law, check_policies, check_signature
from flows.verify.warehouse import check_ledger, check_recorded, check_warehouse
from flows.warehouse.connection import read_only


@dataclass(frozen=True)
class Evidence:
    """What to verify, and what to compare it with; paths as given."""

    packet: Path | None = None
    run: Path | None = None
    warehouse: Path | None = None
    ledger: Path | None = None
    input: Path | None = None
    policies: Path | None = None
    law: Path | None = None
    public_key: Path | None = None


def verify(given: Evidence) -> Checks:
    """Check everything that is given. Raises UsageError if there is nothing to check."""
    _refuse_incomplete(given)
    checks = Checks()
    if given.packet and given.run:
        try:
            checks.passed.append(verify_packet(given.packet, given.run))
        except InputRefused as refusal:
            checks.failed.append(str(refusal))
    manifest = check_run(checks, given.run) if given.run else None
    if given.run and manifest:
        if given.public_key:
            check_signature(checks, given.run, given.public_key)
        elif (given.run / SIGNATURE).exists():
            checks.left_out.append(f"The signature {SIGNATURE}; give --public-key to check it.")
        else:
            checks.left_out.append(f"Who made the results: the run has no {SIGNATURE}.")
        if given.input:
            check_inputs(checks, manifest, given.input)
        else:
            checks.left_out.append("The run's inputs; give --input to compare them.")
        check_policies(checks, manifest, given.policies)
        check_law(checks, manifest, given.law)
    if given.ledger:
        with _readable(checks, given.ledger), read_only(given.ledger) as connection:
            check_ledger(checks, connection, given.public_key)
        if not (given.run or given.warehouse):
            return checks
    if given.warehouse is None:
        checks.left_out.append("The warehouse's record of the run; give --warehouse to compare it.")
        return checks
    with _readable(checks, given.warehouse), read_only(given.warehouse) as connection:
        has_tables = check_warehouse(checks, connection, given.public_key)
        if given.run and manifest and has_tables:
            check_recorded(checks, connection, given.run, manifest)
    return checks


@contextmanager
def _readable(checks: Checks, warehouse: Path) -> Iterator[None]:
    """Report a warehouse that turns out to be damaged when it is opened or read."""
    try:
        yield
    except WriteCutShort as error:
        checks.failed.append(str(error))
    except (duckdb.Error, FileDamaged):
        checks.failed.append(
            f"The warehouse {warehouse.name} cannot be read in full: it is damaged."
        )


def _refuse_incomplete(given: Evidence) -> None:
    if not (given.packet or given.run or given.warehouse or given.ledger):
        raise UsageError(
            "Nothing to verify. Give a packet and --run, or --run, --warehouse or --ledger."
        )
    if given.packet and not given.run:
        raise UsageError("A packet is checked against its run. Give the folder with --run.")
    for option in ("input", "policies"):
        if getattr(given, option) and not given.run:
            raise UsageError(f"--{option} is compared with a run. Give its folder with --run.")
    if given.public_key and not (given.run or given.warehouse or given.ledger):
        raise UsageError("Nothing to verify. Give --run, --warehouse or --ledger.")
    for option in ("run", "input", "policies"):
        folder = getattr(given, option)
        if folder and not given.packet and not folder.is_dir():
            raise InputRefused(f"--{option} {folder.name!r} is not a folder. Give one.")
    for option in ("warehouse", "ledger"):
        file = getattr(given, option)
        if file and not file.is_file():
            raise UsageError(f"There is no such warehouse. Name that of a run with --{option}.")

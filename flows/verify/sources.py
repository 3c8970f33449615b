"""Check what a run was made from: its inputs, its policy files, and the key that signed it."""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from audit_rules.errors import PolicyRefused
from audit_rules.given_files import read_file
from audit_rules.law.library import load_law
from audit_rules.policy.library import load_policies
from audit_rules.reference.codes import load_reference
from flows.errors import InputRefused
from flows.intake.landing import find_extracts
from flows.intake.table_names import exactly
from flows.provenance import sha256_of
from flows.results.manifest import MANIFEST
from flows.signing import SIGNATURE, is_signed, read_public_key
from flows.verify.checks import Checks
from flows.verify.run_folder import names


def check_inputs(checks: Checks, manifest: Mapping[str, Any], landing: Path) -> None:
    """Compare the extracts of a landing folder with the hashes in a manifest.

    A landing folder may hold the files of one night only, and later ones.
    """
    try:
        patterns: dict[str, list[str]] = defaultdict(list)
        for file in manifest["files"]:  # whatever the config of the run was
            patterns[file["table"]].append(exactly(file["file"]))
        extracts = find_extracts(landing, may_add=True, patterns=patterns)
    except InputRefused as refusal:
        checks.failed.append(str(refusal))
        return
    stated: dict[str, set[str]] = defaultdict(set)
    for file in manifest["files"]:
        stated[file["file"]].add(file["sha256"])
    known = {sha256 for hashes in stated.values() for sha256 in hashes}
    found = {extract.name: sha256_of(extract.path) for extract in extracts}
    changed = [n for n, sha256 in found.items() if n in stated and sha256 not in known]
    same = [n for n, sha256 in found.items() if sha256 in known]
    checks.expect(
        not changed and bool(same),
        f"Files of the input folder that have the hashes of the run's inputs: {len(same)}.",
        f"Changed in the input folder since the run read it: {names(changed)}."
        if changed
        else "No file of the input folder is one that the run read. Give its own input folder.",
    )
    missing = sum(len(hashes - set(found.values())) for hashes in stated.values())
    if missing:
        checks.left_out.append(f"Inputs of the run that are not in the input folder: {missing}.")
    others = [n for n in found if n not in same and n not in changed]
    if others:
        checks.left_out.append(
            f"Files of the input folder that the run did not read: {names(others)}."
        )


def check_policies(checks: Checks, manifest: Mapping[str, Any], policies: Path | None) -> None:
    """Compare the shipped policy files and those of a folder with the hashes in a manifest.

    Without the folder, a file that is not as shipped may have been in it: that is not a failure.
    """
    try:
        library = load_policies(policies)
        reference = load_reference(library, policies).hashes
    except PolicyRefused as refusal:
        checks.failed.append(str(refusal))
        return
    now = {
        f"policy {p.document.id}": {"file": p.file_name, "sha256": p.sha256}
        for p in library.policies
    }
    then = {f"policy {name}": policy for name, policy in manifest["policies"].items()}
    of_codes = {name: sha256 for name, sha256 in manifest["reference"].items() if name in reference}
    different = [
        name for name in sorted(now.keys() | then.keys()) if now.get(name) != then.get(name)
    ]
    different += [name for name, sha256 in of_codes.items() if reference[name] != sha256]
    if different and policies is None:
        checks.left_out.append(
            f"Not as shipped with this version (give --policies to compare): {names(different)}."
        )
        return
    checks.expect(
        not different,
        f"All {len(then)} policy files and {len(of_codes)} code files have the hashes that "
        f"{MANIFEST} states.",
        f"Not as the run used it: {names(different)}.",
    )
    others = [name for name in manifest["reference"] if name not in reference]
    if others:
        checks.left_out.append(f"Code files that are not among the policies: {names(others)}.")


def check_law(checks: Checks, manifest: Mapping[str, Any], folder: Path | None) -> None:
    """Compare the shipped law files and those of a folder with the hashes in a manifest."""
    try:
        laws = load_law(folder).laws
    except PolicyRefused as refusal:
        checks.failed.append(str(refusal))
        return
    now = {law.law.id: {"file": law.file_name, "sha256": law.sha256} for law in laws}
    then = manifest.get("law", {})
    different = [
        name for name in sorted(now.keys() | then.keys()) if now.get(name) != then.get(name)
    ]
    if different and folder is None:
        checks.left_out.append(
            "Law files not as shipped with this version (give --law to compare): "
            f"{names(different)}."
        )
        return
    checks.expect(
        not different,
        f"All {len(then)} law files have the hashes that {MANIFEST} states.",
        f"Law files not as the run used them: {names(different)}.",
    )


def check_signature(checks: Checks, folder: Path, public_key: Path) -> None:
    """Check the signature of a folder's manifest. Raises UsageError if the key cannot be read."""
    key = read_public_key(public_key)
    try:
        envelope = read_file(folder / SIGNATURE)
    except OSError:
        envelope = b""
    if not envelope:
        checks.failed.append(f"{folder.name} has no {SIGNATURE}: the run was not signed.")
        return
    checks.expect(
        is_signed(envelope, read_file(folder / MANIFEST), key),
        f"{SIGNATURE} is a signature of {MANIFEST} by the owner of {public_key.name}.",
        f"{SIGNATURE} is not a signature of {MANIFEST} by the owner of {public_key.name}.",
    )

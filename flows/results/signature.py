"""The signature of a run's manifest, next to it; no part of the results that the manifest lists."""

from pathlib import Path

from flows.results.manifest import MANIFEST
from flows.signing import SIGNATURE, Signer
from flows.warehouse.files import replace_file


def sign_manifest(folder: Path, signer: Signer) -> None:
    """Write the signature of a folder's manifest."""
    (folder / SIGNATURE).write_bytes(signer.envelope((folder / MANIFEST).read_bytes()))


def add_signature(staging: Path, final: Path) -> str | None:
    """Give results that were published before the signature of this run, if it has one.

    Returns what the user must know if another signature was there.
    """
    fresh, standing = staging / SIGNATURE, final / SIGNATURE
    if not fresh.exists():
        return None
    before = standing.read_bytes() if standing.is_file() else None
    if before == fresh.read_bytes():
        return None
    replace_file(fresh, standing)
    return f"{SIGNATURE} was by another key, or damaged; it was written again." if before else None

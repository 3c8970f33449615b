"""Signatures: an Ed25519 key signs the manifest, which holds the hash of every result.

The signature is a DSSE envelope (https://github.com/secure-systems-lab/dsse) with the manifest as
its payload. Whoever has the public key can check it, without the warehouse. The same key signs the
warehouse's journal at the end of a run.
"""

import base64
import hashlib
import json
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    load_pem_private_key,
    load_pem_public_key,
)

from audit_rules.given_files import open_file
from flows.errors import UsageError

SIGNATURE = "manifest.sig.json"
PAYLOAD_TYPE = "application/vnd.claims-audit.manifest+json"
_LINK_TYPE = "application/vnd.claims-audit.journal-link"
PASSPHRASE = "CLAIMS_AUDIT_SIGN_PASSPHRASE"
_LARGEST_KEY_FILE = 100_000  # bytes; a PEM file has some hundred


@dataclass(frozen=True)
class Signer:
    """A private key that signs manifests."""

    key: Ed25519PrivateKey = field(repr=False)

    def envelope(self, payload: bytes) -> bytes:
        """The DSSE envelope of a payload, as JSON. The same key and payload give the same bytes."""
        signature = {
            "keyid": key_id(self.key.public_key()),
            "sig": _text(self.key.sign(_signed(PAYLOAD_TYPE, payload))),
        }
        envelope = {
            "payloadType": PAYLOAD_TYPE,
            "payload": _text(payload),
            "signatures": [signature],
        }
        return (json.dumps(envelope, indent=1) + "\n").encode()

    def sign_link(self, link: str) -> str:
        """The signature of a link of the warehouse's journal, as text."""
        return _text(self.key.sign(_signed(_LINK_TYPE, link.encode())))


def read_sign_key(path: Path | None) -> Signer | None:
    """Read a private key from a PEM file, with the passphrase of the environment if it has one.

    Raises UsageError if others may read the file, or if it holds no Ed25519 key.
    """
    if path is None:
        return None
    passphrase = os.environ.get(PASSPHRASE, "").encode() or None
    try:
        with open_file(path) as stream:
            _refuse_open_to_others(path, os.fstat(stream.fileno()))
            key = load_pem_private_key(stream.read(_LARGEST_KEY_FILE), passphrase)
    except OSError:
        raise _no_key("--sign-key", path, "cannot be read") from None
    except TypeError:
        problem = "has a passphrase" if passphrase is None else "has no passphrase"
        remedy = f"Set {PASSPHRASE}" if passphrase is None else f"Unset {PASSPHRASE}"
        raise UsageError(f"--sign-key: {path.name} {problem}. {remedy}.") from None
    except (ValueError, UnsupportedAlgorithm):
        raise _no_key("--sign-key", path, "holds no private key that can be read") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise _no_key("--sign-key", path, "holds a key of another kind")
    return Signer(key)


def read_public_key(path: Path) -> Ed25519PublicKey:
    """Read a public key from a PEM file. Raises UsageError if it holds no Ed25519 key."""
    try:
        with open_file(path) as stream:
            key = load_pem_public_key(stream.read(_LARGEST_KEY_FILE))
    except OSError:
        raise _no_key("--public-key", path, "cannot be read") from None
    except (ValueError, UnsupportedAlgorithm):
        raise _no_key("--public-key", path, "holds no public key that can be read") from None
    if not isinstance(key, Ed25519PublicKey):
        raise _no_key("--public-key", path, "holds a key of another kind")
    return key


def is_signed(envelope: bytes, payload: bytes, key: Ed25519PublicKey) -> bool:
    """Whether an envelope holds just this payload, and a signature of it by the key's owner."""
    try:
        stated = json.loads(envelope)
        if stated["payloadType"] != PAYLOAD_TYPE or _bytes(stated["payload"]) != payload:
            return False
        signatures = [_bytes(signature["sig"]) for signature in stated["signatures"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        return False
    signed = _signed(PAYLOAD_TYPE, payload)
    return any(_is_by(key, signature, signed) for signature in signatures)


def is_signed_link(signature: str, link: str, key: Ed25519PublicKey) -> bool:
    """Whether a text is a signature of a link of the journal by the key's owner."""
    try:
        return _is_by(key, _bytes(signature), _signed(_LINK_TYPE, link.encode()))
    except ValueError:
        return False


def key_id(key: Ed25519PublicKey) -> str:
    """A name for a public key: the SHA-256 of its 32 bytes."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()


def _is_by(key: Ed25519PublicKey, signature: bytes, signed: bytes) -> bool:
    try:
        key.verify(signature, signed)
    except InvalidSignature:
        return False
    return True


def _signed(payload_type: str, payload: bytes) -> bytes:
    """The bytes that are signed: DSSE's pre-authentication encoding of type and payload."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _bytes(text: str) -> bytes:
    """Raises ValueError if a text is not base64."""
    return base64.b64decode(text, validate=True)


def _refuse_open_to_others(path: Path, status: os.stat_result) -> None:
    """Raise UsageError unless the owner alone may read the file of a private key."""
    if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UsageError(
            f"--sign-key: others than its owner may read or change {path.name}. "
            f"Restrict it with chmod 600, or make a new key if somebody may have read it."
        )
    if status.st_uid not in (os.geteuid(), 0):
        raise UsageError(f"--sign-key: {path.name} belongs to another user. Give your own key.")


def _no_key(option: str, path: Path, problem: str) -> UsageError:
    return UsageError(f"{option}: {path.name} {problem}. Give an Ed25519 key as a PEM file.")

"""A signed run is checked with the public key alone."""

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from flows.cli.app import main
from flows.errors import UsageError
from flows.provenance import sha256_of
from flows.request import RunRequest
from flows.signing import PASSPHRASE, SIGNATURE, is_signed, read_public_key, read_sign_key
from flows.warehouse.journal import digests, seal
from tests.support.extracts import good, write
from tests.support.nights import night, notes_but_of_collecting, published
from tests.support.running import request_for


def _key_pair(folder: Path, name: str, key: Any = None, passphrase: bytes | None = None) -> None:
    key = key or Ed25519PrivateKey.generate()
    lock = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    path = folder / f"{name}.key"
    path.touch(mode=0o600)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock))
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (folder / f"{name}.pub").write_bytes(public)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key pairs: ours, another's, one of another kind, one with a passphrase."""
    folder = tmp_path_factory.mktemp("keys")
    _key_pair(folder, "ours")
    _key_pair(folder, "another")
    _key_pair(folder, "curve", generate_private_key(SECP256R1()))
    _key_pair(folder, "locked", passphrase=b"open sesame")
    return folder


def _request(home: Path, key: Path | None) -> RunRequest:
    return request_for(home / "in", home / "out", home / "audit.duckdb", sign_key=key)


@pytest.fixture(scope="module")
def signed(keys: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the output of a signed run."""
    home = tmp_path_factory.mktemp("signed")
    write(home / "in", {"pharmacy_claim.csv": [good("pharmacy_claim")]})
    night(_request(home, keys / "ours.key"))
    return home


@pytest.fixture
def home(signed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(signed, tmp_path / "home"))


def _run(home: Path) -> Path:
    (folder,) = (home / "out").glob("run=*")
    return folder


def _verified(home: Path, key: Path) -> int:
    return main(["verify", "--run", str(_run(home)), "--public-key", str(key)])


def test_a_signed_run_verifies_with_the_public_key_alone(signed: Path, keys: Path) -> None:
    assert _verified(signed, keys / "ours.pub") == 0
    assert _verified(signed, keys / "another.pub") == 3


def _forge(run: Path) -> Path:
    """Change a result and the manifest with it; returns the manifest."""
    path, manifest = run / "exceptions.parquet", run / "manifest.json"
    pl.read_parquet(path).with_columns(amount_at_risk=pl.col("paid_amount")).write_parquet(path)
    content = json.loads(manifest.read_text(encoding="utf-8"))
    content["results"]["exceptions.parquet"] = sha256_of(path)
    manifest.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return manifest


def test_b5_results_and_manifest_forged_together_lack_a_signature(
    home: Path, keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = _run(home)
    _forge(run)
    assert main(["verify", "--run", str(run)]) == 0
    assert "give --public-key" in capsys.readouterr().out
    assert _verified(home, keys / "ours.pub") == 3


def test_b5_a_forgery_signed_with_the_forgers_key_does_not_verify(home: Path, keys: Path) -> None:
    signer = read_sign_key(keys / "another.key")
    assert signer is not None
    manifest = _forge(_run(home))
    manifest.with_name(SIGNATURE).write_bytes(signer.envelope(manifest.read_bytes()))
    assert _verified(home, keys / "another.pub") == 0
    assert _verified(home, keys / "ours.pub") == 3


def _envelope(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], object]:
    def damage(path: Path) -> None:
        envelope = json.loads(path.read_bytes())
        change(envelope)
        path.write_text(json.dumps(envelope), encoding="utf-8")

    return damage


DAMAGES: dict[str, Callable[[Path], object]] = {
    "it is gone": lambda path: path.unlink(),
    "it is no JSON": lambda path: path.write_bytes(b"{"),
    "it is a list": lambda path: path.write_bytes(b"[]"),
    "it is deep": lambda path: path.write_bytes(b"[" * 100_000),
    "it has no signature": _envelope(lambda e: e.update(signatures=[])),
    "its signature is a text": _envelope(lambda e: e.update(signatures="x")),
    "its signature is not base64": _envelope(lambda e: e["signatures"][0].update(sig="?")),
    "its signature is short": _envelope(lambda e: e["signatures"][0].update(sig="AAAA")),
    "its payload is another": _envelope(
        lambda e: e.update(payload=base64.b64encode(b"{}").decode())
    ),
    "its type is another": _envelope(lambda e: e.update(payloadType="text/plain")),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_b5_a_damaged_signature_does_not_verify(damage: str, home: Path, keys: Path) -> None:
    DAMAGES[damage](_run(home) / SIGNATURE)
    assert _verified(home, keys / "ours.pub") == 3


def test_a_signature_of_another_type_of_document_does_not_count(keys: Path) -> None:
    """The type is signed along with the payload, as DSSE says."""
    signer = read_sign_key(keys / "ours.key")
    assert signer
    key, payload = read_public_key(keys / "ours.pub"), b"{}"
    assert is_signed(signer.envelope(payload), payload, key)
    envelope = json.loads(signer.envelope(payload))
    envelope["signatures"][0]["sig"] = base64.b64encode(signer.key.sign(payload)).decode()
    assert not is_signed(json.dumps(envelope).encode(), payload, key)


@pytest.mark.slow
def test_a_signature_changes_no_result_and_no_run_id(signed: Path, tmp_path: Path) -> None:
    shutil.copytree(signed / "in", tmp_path / "in")
    night(_request(tmp_path, None))
    files = published(signed / "out")
    assert files.pop(f"{_run(signed).name}/{SIGNATURE}")
    assert published(tmp_path / "out") == files


@pytest.mark.slow
def test_the_same_key_signs_with_the_same_bytes(signed: Path, keys: Path, tmp_path: Path) -> None:
    shutil.copytree(signed / "in", tmp_path / "in")
    night(_request(tmp_path, keys / "ours.key"))
    assert published(tmp_path / "out") == published(signed / "out")


@pytest.mark.slow
def test_a_later_run_of_the_night_adds_its_signature(home: Path, keys: Path) -> None:
    run = _run(home)
    (run / SIGNATURE).unlink()
    assert night(_request(home, keys / "ours.key")).was_there
    assert _verified(home, keys / "ours.pub") == 0
    assert (run / SIGNATURE).stat().st_mode & 0o777 == 0o600
    (note,) = notes_but_of_collecting(night(_request(home, keys / "another.key")))
    assert "another key" in note
    assert _verified(home, keys / "another.pub") == 0
    assert notes_but_of_collecting(night(_request(home, None))) == ()
    assert _verified(home, keys / "another.pub") == 0


def _forge_warehouse(home: Path) -> None:
    """Rewrite an amount, and all of the journal so that it agrees."""
    with duckdb.connect(str(home / "audit.duckdb")) as connection:
        connection.execute("UPDATE ledger_event SET amount_at_risk = 0")
        connection.execute("DELETE FROM journal")
        seal(connection, "run", digests(connection, "main"))


def test_b5_a_journal_that_was_made_anew_lacks_a_signature(home: Path, keys: Path) -> None:
    """Whoever knows the program can make a chain that agrees with what was forged."""
    against = ["--warehouse", str(home / "audit.duckdb"), "--public-key", str(keys / "ours.pub")]
    assert main(["verify", *against]) == 0
    assert main(["verify", "--run", str(_run(home)), *against]) == 0
    assert main(["verify", *against[:-1], str(keys / "another.pub")]) == 3
    _forge_warehouse(home)
    assert main(["verify", *against[:2]]) == 0
    assert main(["verify", *against]) == 3


@pytest.mark.parametrize("signature", ["NULL", "'x'", "''", "repeat('A', 88)", "link"])
def test_b5_a_journal_with_another_signature_does_not_verify(
    signature: str, home: Path, keys: Path
) -> None:
    with duckdb.connect(str(home / "audit.duckdb")) as connection:
        connection.execute(f"UPDATE journal SET signature = {signature}")
    against = ["--warehouse", str(home / "audit.duckdb"), "--public-key", str(keys / "ours.pub")]
    assert main(["verify", *against]) == 3


@pytest.mark.slow
def test_entries_after_the_last_signature_are_named(
    home: Path, keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    night(_request(home, None))
    against = ["--warehouse", str(home / "audit.duckdb"), "--public-key", str(keys / "ours.pub")]
    assert main(["verify", *against]) == 0
    assert "after the last signature" in capsys.readouterr().out


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o700 | 0o1, 0o644])
def test_a_private_key_that_others_may_read_is_refused(
    mode: int, keys: Path, tmp_path: Path
) -> None:
    path = Path(shutil.copy(keys / "ours.key", tmp_path))
    path.chmod(mode)
    with pytest.raises(UsageError, match="chmod 600"):
        read_sign_key(path)


@pytest.mark.parametrize("name", ["nowhere.key", "ours.pub", "curve.key", "locked.key"])
def test_what_is_not_a_private_key_is_refused_before_anything_is_read(
    name: str, home: Path, keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (keys / "ours.pub").chmod(0o600)
    arguments = ["--input", str(home / "in"), "--output", str(home / "new")]
    assert main(["run", *arguments, "--sign-key", str(keys / name)]) == 2
    assert f"--sign-key: {name}" in capsys.readouterr().err
    assert not (home / "new").exists()


@pytest.mark.parametrize("name", ["nowhere.pub", "ours.key", "curve.pub"])
def test_what_is_not_a_public_key_is_refused(name: str, signed: Path, keys: Path) -> None:
    assert _verified(signed, keys / name) == 2


def test_a_key_may_have_a_passphrase(keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSPHRASE, "open sesame")
    assert read_sign_key(keys / "locked.key")
    with pytest.raises(UsageError, match="Unset"):
        read_sign_key(keys / "ours.key")
    monkeypatch.setenv(PASSPHRASE, "wrong")
    with pytest.raises(UsageError, match="no private key that can be read"):
        read_sign_key(keys / "locked.key")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_openssl_makes_keys_and_checks_the_signature_as_documented(tmp_path: Path) -> None:
    for command in (
        "openssl genpkey -algorithm ed25519 -out sign.key",
        "openssl pkey -in sign.key -pubout -out sign.pub",
    ):
        subprocess.run(command.split(), cwd=tmp_path, check=True, capture_output=True)
    (tmp_path / "sign.key").chmod(0o600)
    signer = read_sign_key(tmp_path / "sign.key")
    assert signer
    assert is_signed(signer.envelope(b"x"), b"x", read_public_key(tmp_path / "sign.pub"))


def test_a_pipe_in_place_of_the_signature_is_not_waited_for(signed: Path, keys: Path) -> None:
    (_run(signed) / SIGNATURE).unlink()
    os.mkfifo(_run(signed) / SIGNATURE)
    assert _verified(signed, keys / "ours.pub") == 3

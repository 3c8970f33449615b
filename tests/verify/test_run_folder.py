"""A run's folder verifies as it was published, and in no other way."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from audit_rules.policy.library import SHIPPED_POLICIES
from flows.cli.app import main
from flows.privacy import AGGREGATE, KEY, PSEUDONYMISED, SHORTEST_KEY, Level
from flows.provenance import sha256_of
from flows.request import RunRequest
from flows.verify.checks import Checks
from flows.verify.sources import check_inputs
from tests.support.extracts import good, write
from tests.support.nights import night
from tests.support.running import ROOT, request_for

SAMPLE = ROOT / "data" / "sample"


@pytest.fixture
def run(sample_results: Path, tmp_path: Path) -> Path:
    """A copy of the results of the run on the sample."""
    return Path(shutil.copytree(sample_results, tmp_path / sample_results.name))


def _pipe_for_manifest(run: Path) -> None:
    (run / "manifest.json").unlink()
    os.mkfifo(run / "manifest.json")


def _change_manifest(run: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = run / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    change(manifest)
    path.write_text(json.dumps(manifest, indent=2), encoding="utf-8")


def _forge(run: Path) -> None:
    """Change an amount, and state the new hash in the manifest."""
    path = run / "exceptions.parquet"
    pl.read_parquet(path).with_columns(amount_at_risk=pl.col("paid_amount")).write_parquet(path)
    _change_manifest(run, lambda m: m["results"].update({"exceptions.parquet": sha256_of(path)}))


def test_a_run_as_it_was_published_verifies_and_says_what_was_not_checked(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / "my notes.txt").write_text("call the pharmacy", encoding="utf-8")
    assert main(["verify", "--run", str(run)]) == 0
    printed = capsys.readouterr().out
    for part in (
        "have the hashes that manifest.json states",
        "give --input",
        "give --warehouse",
        "the run has no manifest.sig.json",
        "my notes.txt",
    ):
        assert part in printed


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a result is changed": (
        lambda run: (run / "worklist.parquet").write_bytes(b"x"),
        "is not that of manifest.json: worklist.parquet",
    ),
    "a result is missing": (
        lambda run: (run / "changes.parquet").unlink(),
        "Missing, though manifest.json lists it: changes.parquet",
    ),
    "a result is a link": (
        lambda run: (
            (run / "changes.parquet").rename(run.parent / "elsewhere"),
            (run / "changes.parquet").symlink_to(run.parent / "elsewhere"),
        ),
        "which no run writes: changes.parquet",
    ),
    "a table is too many": (
        lambda run: (run / "more.csv").write_bytes(b"x"),
        "table that manifest.json does not list: more.csv",
    ),
    "a result is open": (
        lambda run: (run / "exceptions.csv").chmod(0o666),
        "Open to everybody: exceptions.csv",
    ),
    "the manifest is open": (
        lambda run: (run / "manifest.json").chmod(0o604),
        "Open to everybody: manifest.json",
    ),
    "the folder is open": (lambda run: run.chmod(0o701), "the folder itself"),
    "the manifest lists nothing": (
        lambda run: _change_manifest(run, lambda m: m.update(results={})),
        "manifest.json lists no result",
    ),
    "counts do not add up": (
        lambda run: _change_manifest(run, lambda m: m["files"][0].update(rows_read=10**6)),
        "the rows read from",
    ),
    "fates do not add up": (
        lambda run: _change_manifest(run, lambda m: m["tables"][0].update(history=10**6)),
        "do not all have one fate",
    ),
    "a count is missing": (
        lambda run: _change_manifest(run, lambda m: m["files"][0].pop("accepted")),
        "a count of rows is missing",
    ),
    "the manifest is of another run": (
        lambda run: _change_manifest(run, lambda m: m.update(run_id="0" * 16)),
        "but manifest.json is of run 0000000000000000",
    ),
    "the manifest lacks the policies": (
        lambda run: _change_manifest(run, lambda m: m.update(policies={})),
        "policies lacks",
    ),
    "the manifest lacks the files": (
        lambda run: _change_manifest(run, lambda m: m.update(files=[])),
        "files lacks",
    ),
    "the date of the manifest is none": (
        lambda run: _change_manifest(run, lambda m: m.update(as_of="zzz")),
        "as_of is not a date",
    ),
    "the manifest is a link": (
        lambda run: (
            (run / "manifest.json").rename(run.parent / "elsewhere"),
            (run / "manifest.json").symlink_to(run.parent / "elsewhere"),
        ),
        "manifest.json is a link, which no run writes",
    ),
    "the manifest is a pipe": (_pipe_for_manifest, "no manifest.json that can be read"),
    "a file of the manifest is a text": (
        lambda run: _change_manifest(run, lambda m: m["files"].append("x")),
        "no manifest.json that can be read",
    ),
    "a policy of the manifest is a number": (
        lambda run: _change_manifest(run, lambda m: m["policies"].update(x=1)),
        "no manifest.json that can be read",
    ),
    "a hash of the manifest is a list": (
        lambda run: _change_manifest(run, lambda m: m["results"].update(x=[])),
        "no manifest.json that can be read",
    ),
    "the manifest is no JSON": (
        lambda run: (run / "manifest.json").write_text("[", encoding="utf-8"),
        "no manifest.json that can be read",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_b5_a_run_that_was_changed_does_not_verify(
    damage: str, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only a packet was ever checked; a table too many and open permissions were never noticed."""
    change, said = DAMAGES[damage]
    change(run)
    assert main(["verify", "--run", str(run)]) == 3
    assert said in capsys.readouterr().err


def test_b5_each_check_that_fails_is_one_sentence(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / "worklist.parquet").write_bytes(b"x")
    (run / "more.csv").write_bytes(b"x")
    assert main(["verify", "--run", str(run)]) == 3
    assert len(capsys.readouterr().err.splitlines()) == 2


@pytest.mark.slow
@pytest.mark.parametrize("level", [PSEUDONYMISED, AGGREGATE])
def test_a_run_of_any_privacy_level_verifies(
    level: Level, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY, "k" * SHORTEST_KEY)
    landing = write(tmp_path / "in", {"pharmacy_claim.csv": [good("pharmacy_claim")]})
    warehouse = tmp_path / "audit.duckdb"
    folder = night(request_for(landing, tmp_path / "out", warehouse, privacy=level)).folder
    against = ["--warehouse", str(warehouse), "--input", str(landing)]
    assert main(["verify", "--run", str(folder), *against]) == 0
    path = landing / "pharmacy_claim.csv"
    path.write_bytes(path.read_bytes() + b"\n")
    assert main(["verify", "--run", str(folder), *against]) == 3


# ---------------------------------------------------------------- what the run was made from


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SAMPLE, tmp_path / "landing"))


def _largest(landing: Path) -> Path:
    return max((p for p in landing.rglob("*.csv")), key=lambda path: path.stat().st_size)


def test_the_inputs_of_a_run_verify(
    run: Path, landing: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", "--run", str(run), "--input", str(landing)]) == 0
    assert "that have the hashes of the run's inputs: 7" in capsys.readouterr().out


def test_b5_an_input_that_was_changed_does_not_verify(
    run: Path, landing: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _largest(landing)
    path.write_bytes(path.read_bytes() + b"\n")
    assert main(["verify", "--run", str(run), "--input", str(landing)]) == 3
    assert f"since the run read it: {path.name}" in capsys.readouterr().err


def test_inputs_of_other_nights_are_named_as_not_checked(
    run: Path, landing: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _largest(landing)
    path.rename(path.with_name(f"{path.stem}_2.csv"))
    (landing / "provider_later.csv").write_bytes(b"npi,taxonomy_code\n")
    next(p for p in landing.rglob("authorization*")).unlink()
    assert main(["verify", "--run", str(run), "--input", str(landing)]) == 0
    printed = capsys.readouterr().out
    assert "not in the input folder: 1" in printed
    assert "did not read: provider_later.csv" in printed


def test_inputs_are_found_by_the_names_that_the_run_gave_them(tmp_path: Path) -> None:
    name = "pbm/RX_[1]*.txt"
    write(tmp_path, {name: b"rx\n"})
    file = {"table": "pharmacy_claim", "file": name, "sha256": sha256_of(tmp_path / name)}
    checks = Checks()
    check_inputs(checks, {"files": [file]}, tmp_path)
    assert checks.failed == []
    (tmp_path / name).write_bytes(b"changed\n")
    check_inputs(checks, {"files": [file]}, tmp_path)
    assert len(checks.failed) == 1 and name in checks.failed[0]


def test_a_folder_with_no_input_of_the_run_does_not_verify(run: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    assert main(["verify", "--run", str(run), "--input", str(tmp_path / "other")]) == 3


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    """A folder with one of the shipped policy files, to be changed."""
    (tmp_path / "policies").mkdir()
    shutil.copy(next(SHIPPED_POLICIES.glob("cigna*.toml")), tmp_path / "policies")
    return tmp_path / "policies"


def test_the_policy_files_of_a_run_verify(
    run: Path, policies: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", "--run", str(run), "--policies", str(policies)]) == 0
    assert "policy files and" in capsys.readouterr().out


def test_b5_a_policy_file_that_was_changed_does_not_verify(
    run: Path, policies: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (path,) = policies.iterdir()
    path.write_bytes(path.read_bytes() + b"\n")
    assert main(["verify", "--run", str(run), "--policies", str(policies)]) == 3
    assert "Not as the run used it" in capsys.readouterr().err


def test_a_policy_of_another_folder_is_named_as_not_checked(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _change_manifest(run, lambda m: m["policies"].update(own={"file": "own.toml", "sha256": "0"}))
    assert main(["verify", "--run", str(run)]) == 0
    assert "(give --policies to compare): policy own" in capsys.readouterr().out


# ---------------------------------------------------------------- the warehouse's record


def test_b5_results_and_manifest_forged_together_are_not_what_the_warehouse_recorded(
    run: Path, sample_request: RunRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pair of results and manifest that agree with each other was never doubted."""
    against = ["--run", str(run), "--warehouse", str(sample_request.warehouse_file)]
    assert main(["verify", *against]) == 0
    _forge(run)
    assert main(["verify", "--run", str(run)]) == 0
    assert main(["verify", *against]) == 3
    assert "not the one that the warehouse recorded" in capsys.readouterr().err


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.update(as_of="2026-06-29"),
        lambda m: m["policies"].popitem(),
        lambda m: m["results"].popitem(),
        lambda m: m["files"][0].update(sha256="0" * 64),
        lambda m: m.update(run_id="0" * 16),
    ],
)
def test_b5_any_other_manifest_is_not_what_the_warehouse_recorded(
    change: Callable[[dict[str, Any]], object], run: Path, sample_request: RunRequest
) -> None:
    _change_manifest(run, change)
    against = ["--run", str(run), "--warehouse", str(sample_request.warehouse_file)]
    assert main(["verify", *against]) == 3


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["packet.html"],
        ["--input", "x"],
        ["--warehouse", "nowhere.duckdb"],
        ["--warehouse", "nowhere.duckdb", "--public-key", "x"],
    ],
)
def test_verify_says_what_it_needs(arguments: list[str]) -> None:
    assert main(["verify", *arguments]) == 2


def test_verify_leaves_everything_as_it_was(run: Path, sample_request: RunRequest) -> None:
    warehouse = sample_request.warehouse_file
    before = {p: (p.stat().st_mtime_ns, p.stat().st_mode) for p in run.rglob("*")}
    beside = sorted(warehouse.parent.iterdir()), sha256_of(warehouse)
    main(["verify", "--run", str(run), "--warehouse", str(warehouse)])
    assert {p: (p.stat().st_mtime_ns, p.stat().st_mode) for p in run.rglob("*")} == before
    assert (sorted(warehouse.parent.iterdir()), sha256_of(warehouse)) == beside


def test_a_pipe_in_place_of_a_result_is_not_waited_for(run: Path) -> None:
    """Nobody writes into it, so reading it would never end."""
    (run / "exceptions.csv").unlink()
    os.mkfifo(run / "exceptions.csv")
    assert main(["verify", "--run", str(run)]) == 3

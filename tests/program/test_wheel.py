"""The wheel: what it holds, and the program it installs, in an environment of its own."""

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from tests.support.running import ROOT

pytestmark = pytest.mark.slow
BIN = Path(sys.executable).parent
PACKAGES = ("audit_rules", "flows", "schemas")


def _run(*words: str | Path, cwd: Path = ROOT, home: Path | None = None) -> str:
    """What the program prints. Fails the test if it ends with another exit code than 0."""
    done = subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        env=os.environ
        | ({"HOME": str(home), "PREFECT_HOME": str(home / "prefect")} if home else {}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    _run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def program(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program as pipx installs it; its dependencies are those of this environment."""
    environment = tmp_path_factory.mktemp("installed") / "venv"
    _run(sys.executable, "-m", "venv", "--without-pip", environment)
    python = environment / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check")
    _run(*pip, "install", "--quiet", "--no-deps", "--no-index", wheel)
    (site,) = environment.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    where = _run(python, "-c", "import flows; print(flows.__file__)", cwd=environment)
    assert where.startswith(str(site))
    return environment / "bin" / "claims-audit"


def test_the_wheel_holds_every_file_of_the_packages_and_nothing_else(wheel: Path) -> None:
    held = {n for n in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in n}
    ours = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    sql = {f"flows/{path.relative_to(ROOT).as_posix()}" for path in (ROOT / "sql").rglob("*.sql")}
    assert held == ours | sql
    assert {f"{package}/py.typed" for package in PACKAGES} <= held
    _run(BIN / "check-wheel-contents", wheel)


def test_the_wheel_carries_the_licence_and_its_metadata(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        text = archive.read(metadata).decode()
        licence = archive.read(metadata.replace("METADATA", "licenses/LICENSE"))
    assert licence == (ROOT / "LICENSE").read_bytes()
    assert "License-Expression: Apache-2.0" in text and "Project-URL: Changelog" in text
    assert "# claims-audit" in text


def test_the_installed_program_audits_the_sample(program: Path, tmp_path: Path) -> None:
    """From another folder, with the policies, code sets, SQL and templates of the wheel."""
    words = ("run", "--input", ROOT / "data" / "sample", "--output", "out", "--json")
    printed = _run(program, *words, "--as-of", "2026-06-30", cwd=tmp_path, home=tmp_path)
    reported = json.loads(printed)
    assert reported["exit_code"] == 0 and reported["found"]["exceptions"] > 0
    assert (tmp_path / reported["folder"] / "summary.html").exists()


def test_the_installed_program_knows_its_policies_and_its_version(
    program: Path, tmp_path: Path
) -> None:
    assert "cigna-imatinib-quantity" in _run(program, "rules", "--coverage", cwd=tmp_path)
    version = _run(program, "--version", cwd=tmp_path)
    python = program.with_name("python")
    assert _run(python, "-m", "flows", "--version", cwd=tmp_path) == version


def test_the_installed_program_installs_its_completion(program: Path, tmp_path: Path) -> None:
    _run(program, "--install-completion", "--shell", "bash", cwd=tmp_path, home=tmp_path)
    assert "claims-audit" in (tmp_path / ".bashrc").read_text(encoding="utf-8")

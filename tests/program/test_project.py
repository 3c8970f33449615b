"""The files round the code agree with each other: requirements, versions, make targets, links."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.running import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "data").glob("*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")


def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def _anchors(page: Path) -> set[str]:
    """The anchors that a Markdown page gives its headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


def test_every_requirement_is_pinned_at_a_version_it_allows() -> None:
    pins = dict(re.findall(r"^([a-z0-9-]+)==([^ ;\\]+)", _text("requirements.lock"), re.MULTILINE))
    wanted = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]
    refused = [
        text
        for text, r in ((text, Requirement(text)) for text in wanted)
        if not r.specifier.contains(pins.get(canonicalize_name(r.name), "0"), prereleases=True)
        or canonicalize_name(r.name) not in pins
    ]
    assert refused == []


def test_every_place_names_the_same_version() -> None:
    version = PROJECT["version"]
    assert f"\nversion: {version}\n" in _text("CITATION.cff")
    assert re.findall(r"^## \[([0-9.]+)\]", _text("CHANGELOG.md"), re.MULTILINE)[0] == version


def test_every_target_of_the_makefile_is_explained_and_phony() -> None:
    makefile = _text("Makefile")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    phony = re.search(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
    assert phony and targets == set(phony[1].split())
    assert targets == set(re.findall(r"^# make ([a-z-]+)  ", makefile, re.MULTILINE))


def test_the_workflow_and_the_contributing_guide_use_targets_that_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", _text("Makefile"), re.MULTILINE))
    used = {
        target
        for name in (".github/workflows/ci.yml", "CONTRIBUTING.md", "README.md")
        for target in re.findall(r"(?:run: |`|^)make ([a-z-]+)", _text(name), re.MULTILINE)
    }
    assert "check" in used and used <= targets
    runs = re.findall(r"- run: (.+)", _text(".github/workflows/ci.yml"))
    installs = ">-"  # fonts and Pango
    assert {run for run in runs if run != installs} == {"make check", "make test", "make audit"}
    assert {"check: lint", "lint: $(READY)"} <= set(_text("Makefile").splitlines())


def test_the_licence_is_the_one_that_is_named() -> None:
    text = _text("LICENSE")
    assert (PROJECT["license"], PROJECT["license-files"]) == ("Apache-2.0", ["LICENSE"])
    assert "Apache License\n                           Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text and "\nlicense: Apache-2.0\n" in _text(
        "CITATION.cff"
    )


def test_a_package_index_shows_where_the_project_is_and_that_it_has_types() -> None:
    assert {"Homepage", "Documentation", "Changelog", "Issues", "Source"} <= PROJECT["urls"].keys()
    assert "Typing :: Typed" in PROJECT["classifiers"]
    assert all((ROOT / name / "py.typed").exists() for name in ("audit_rules", "flows", "schemas"))


def test_the_changelog_begins_with_what_is_unreleased_and_dates_the_rest() -> None:
    first, *rest = re.findall(r"^## (.+)$", _text("CHANGELOG.md"), re.MULTILINE)
    assert first == "[Unreleased]"
    assert [h for h in rest if not re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d{2}-\d{2}", h)] == []


def test_ruff_checks_and_formats_before_each_commit() -> None:
    entries = re.findall(r"entry: \.venv/bin/ruff (\w+)", _text(".pre-commit-config.yaml"))
    assert entries == ["check", "format"]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    broken = []
    for link in LINK.findall(
        re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)
    ):
        name, _, anchor = link.partition("#")
        target = (page.parent / name) if name else page
        if "://" in link:
            continue
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            broken.append(link)
    assert broken == []


def test_every_page_is_in_the_index() -> None:
    index = set(LINK.findall(_text("docs/index.md")))
    assert {p.name for p in (ROOT / "docs").glob("*.md")} - index == {"index.md"}


@pytest.mark.parametrize("package", ["audit_rules", "flows", "sql", "tests", "tools"])
def test_the_architecture_names_every_folder(package: str) -> None:
    """A folder of sql or tests that is also one of flows is named there."""
    text = _text("docs/architecture.md")
    folders = {
        p.name for p in (ROOT / package).iterdir() if p.is_dir() and not p.name.startswith("_")
    }
    known = set(re.findall(r"`(?:[a-z]+/)?([a-z_]+)/`", text))
    assert folders - known == set()


@pytest.mark.parametrize("package", ["audit_rules", "flows"])
def test_the_architecture_names_every_module_outside_the_folders(package: str) -> None:
    modules = {p.name for p in (ROOT / package).glob("*.py") if not p.name.startswith("_")}
    named = set(re.findall(r"`(?:[a-z]+/)?([a-z_]+\.py)`", _text("docs/architecture.md")))
    assert modules - named == set()

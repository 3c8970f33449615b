"""What the program is made of: installed without test tools, each package accounted for."""

import json
import re
import sys
from importlib.metadata import requires

from packaging.requirements import Requirement

from tests.support.running import ROOT
from tools import write_supply
from tools.write_supply import licence_table, pins, runtime_packages, sbom

TEST_TOOLS = {
    *("pytest", "pytest-xdist", "hypothesis", "playwright", "mypy", "ruff", "hatchling"),
    *("check-wheel-contents", "pandas", "editables"),
}
CLUSTER = {"distributed"}
WRITTEN_WITH = (3, 11)
"""The Python whose environment the bill of materials and the licences are written from."""


def test_installing_the_program_brings_no_test_tool() -> None:
    """They stood in the production environment."""
    needed = runtime_packages()
    assert needed & TEST_TOOLS == set()
    assert {"duckdb", "polars", "prefect", "weasyprint", "fonttools"} <= needed


def test_every_test_tool_is_asked_for_by_the_extra_of_developers_alone() -> None:
    stated = [Requirement(text) for text in requires("claims-audit") or ()]
    assert {r.name for r in stated if r.marker is not None} >= TEST_TOOLS
    asked_by = {r.name: str(r.marker) for r in stated if r.marker is not None}
    assert {asked_by.pop(name) for name in CLUSTER} == {'extra == "cluster"'}
    assert set(asked_by.values()) == {'extra == "dev"'}


def test_every_package_that_is_needed_is_pinned() -> None:
    """Those of another platform too, as far as an installed package names them."""
    absent = runtime_packages() - {pin.name for pin in pins()}
    installed = {name for name in absent if write_supply.licence_of(name) != write_supply._NOT_HERE}
    assert installed == set()


def test_the_bill_of_materials_lists_each_pin_of_the_lock() -> None:
    written = json.loads(write_supply.SBOM.read_text(encoding="utf-8"))
    assert (written["bomFormat"], written["specVersion"]) == ("CycloneDX", "1.6")
    listed = [(c["name"], c["version"]) for c in written["components"]]
    locked = re.findall(r"^([\w.\-]+)==(\S+)", write_supply.LOCK.read_text(), re.MULTILINE)
    assert sorted(listed) == sorted((n.lower(), v) for n, v in locked)
    references = [c["bom-ref"] for c in written["components"]]
    assert len(references) == len(set(references))
    assert set(written["dependencies"][0]["dependsOn"]) <= set(references)


def test_the_bill_of_materials_is_what_the_tool_writes() -> None:
    """With another Python, other packages are installed: then only what the lock says is equal."""
    written = json.loads(write_supply.SBOM.read_text(encoding="utf-8"))
    made = sbom()
    if sys.version_info[:2] != WRITTEN_WITH:
        for bill in (written, made):
            bill.pop("dependencies")
            for component in bill["components"]:
                component.pop("scope")
    assert written == made


def test_the_page_of_licences_says_what_the_packages_state() -> None:
    """Of a package that is not installed here, or was not there, nothing can be compared."""
    page = write_supply.LICENCES.read_text(encoding="utf-8")
    written = dict(
        re.findall(r"^\| ([\w.\-]+) \| (?:yes|development only) \| (.+) \|$", page, re.M)
    )
    here = licence_table()
    assert set(written) == set(here)
    unknown = write_supply._NOT_HERE
    both = {name for name in here if unknown not in (here[name], written[name])}
    assert {name: here[name] for name in both} == {name: written[name] for name in both}
    assert len(both) > 100
    assert "not stated" not in written.values()


def test_the_licence_of_the_program_goes_with_it() -> None:
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8")

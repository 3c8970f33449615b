"""What the program is made of: a bill of materials (CycloneDX) and the licences of every package.

`python -m tools.write_supply` writes both from requirements.lock and the metadata of the installed
packages; a test fails when one is stale.
"""

import json
import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution, metadata, requires, version
from typing import Any, NamedTuple

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.running import ROOT

PROJECT = "claims-audit"
LOCK = ROOT / "requirements.lock"
SBOM = ROOT / "sbom.cdx.json"
LICENCES = ROOT / "docs" / "licences.md"
_PIN = re.compile(
    r"^(?P<name>[\w.\-]+)==(?P<version>[^\s;]+)(?: ; (?P<marker>.+?))? \\$", re.MULTILINE
)
_OSI = "License :: OSI Approved :: "
_NOT_HERE = "not installed here"


class Pin(NamedTuple):
    """A pinned package; `marker`: the environments that it is for, empty if all."""

    name: str
    version: str
    marker: str


def pins() -> list[Pin]:
    """Every pin of the lock file, by name and version."""
    text = LOCK.read_text(encoding="utf-8")
    return sorted(
        Pin(canonicalize_name(m["name"]), m["version"], m["marker"] or "")
        for m in _PIN.finditer(text)
    )


def runtime_packages() -> set[str]:
    """Names of all packages that installing the wheel brings, on any platform."""
    found: set[tuple[str, str]] = set()
    wanted = [(PROJECT, "")]
    while wanted:
        package = wanted.pop()
        if package not in found:
            found.add(package)
            wanted += _needed_by(*package)
    return {name for name, _ in found} - {PROJECT}


def _needed_by(name: str, extra: str) -> Iterator[tuple[str, str]]:
    """Packages and extras that an extra of a package needs, or the package itself without one."""
    try:
        needed = [Requirement(text) for text in requires(name) or ()]
    except PackageNotFoundError:  # of another platform
        return
    for requirement in needed:
        if _is_asked_for(requirement.marker, extra):
            required = canonicalize_name(requirement.name)
            yield required, ""
            yield from ((required, e) for e in requirement.extras)


def _is_asked_for(marker: Marker | None, extra: str) -> bool:
    """Whether a requirement is of that extra; one of another platform counts too."""
    extras = re.findall(r'extra == "([^"]+)"', str(marker or ""))
    return extra in extras if extras else not extra


def sbom() -> dict[str, Any]:
    """The bill of materials: each pinned package, required at run time or for development only."""
    needed = runtime_packages()
    components = [
        {
            "type": "library",
            "bom-ref": (purl := f"pkg:pypi/{pin.name}@{pin.version}"),
            "name": pin.name,
            "version": pin.version,
            "scope": "required" if pin.name in needed else "excluded",
            "purl": purl,
            **(
                {"properties": [{"name": "python:marker", "value": pin.marker}]}
                if pin.marker
                else {}
            ),
        }
        for pin in pins()
    ]
    own = {
        "type": "application",
        "bom-ref": PROJECT,
        "name": PROJECT,
        "version": version(PROJECT),
        "licenses": [{"expression": "Apache-2.0"}],
    }
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": own},
        "components": components,
        "dependencies": [
            {
                "ref": PROJECT,
                "dependsOn": [c["bom-ref"] for c in components if c["scope"] == "required"],
            }
        ],
    }


def licence_of(name: str) -> str:
    """The licence that an installed package states; `not installed here` if it is not there."""
    try:
        stated = metadata(name)
    except PackageNotFoundError:
        return _NOT_HERE
    if expression := stated.get("License-Expression"):
        return str(expression)
    classified = [
        c.removeprefix(_OSI) for c in stated.get_all("Classifier", []) if c.startswith(_OSI)
    ]
    first = _first_line(str(stated.get("License") or "")) or _first_line(_licence_file(name))
    return "; ".join(sorted(set(classified))) or first or "not stated"


def _licence_file(name: str) -> str:
    """The licence file that the metadata of an installed package names; empty if there is none."""
    named = metadata(name).get_all("License-File", [])
    held = [f for f in distribution(name).files or () if f.name in named and "licenses" in f.parts]
    return held[0].read_text(encoding="utf-8") if held else ""


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0][:80]


def licence_table() -> dict[str, str]:
    """Name of each pinned package -> its licence."""
    return {pin.name: licence_of(pin.name) for pin in pins()}


def licences() -> str:
    """The page of licences."""
    needed = runtime_packages()
    rows = [
        f"| {name} | {'yes' if name in needed else 'development only'} | {licence} |"
        for name, licence in licence_table().items()
    ]
    head = (
        "# Licences\n\nGenerated from `requirements.lock` and the metadata of the installed"
        " packages. claims-audit itself is under Apache-2.0; it installs these packages and"
        f' contains none of them. A package for another platform or Python is "{_NOT_HERE}".\n\n'
        "| package | part of an installation | licence as its metadata states it |\n"
        "| --- | --- | --- |\n"
    )
    return head + "\n".join(rows) + "\n"


def main() -> None:
    """Write both."""
    SBOM.write_text(json.dumps(sbom(), indent=1) + "\n", encoding="utf-8")
    LICENCES.write_text(licences(), encoding="utf-8")


if __name__ == "__main__":
    main()

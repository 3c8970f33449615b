"""Policies and code sets that a process reads once, for tests that make hundreds of small runs."""

from pathlib import Path

import polars as pl

from audit_rules.policy.library import PolicyLibrary, load_policies
from audit_rules.reference.codes import Reference, load_reference

Content = tuple[tuple[str, bytes], ...]
_LIBRARIES: dict[Content, PolicyLibrary] = {}
_REFERENCES: dict[Content, Reference] = {}


def library_read_once(extra: Path | None = None) -> PolicyLibrary:
    """The policies, as load_policies gives them."""
    content = _content(extra)
    if content not in _LIBRARIES:
        _LIBRARIES[content] = load_policies(extra)
    return _LIBRARIES[content]


def reference_read_once(
    library: PolicyLibrary, extra: Path | None = None, ndc_directory: pl.DataFrame | None = None
) -> Reference:
    """The code sets, as load_reference gives them."""
    content = _content(extra)
    if content not in _REFERENCES:
        _REFERENCES[content] = load_reference(library, extra, ndc_directory)
    return _REFERENCES[content]


def _content(folder: Path | None) -> Content:
    if folder is None:
        return ()
    return tuple((path.name, path.read_bytes()) for path in sorted(folder.iterdir()))

"""The generated documents are those that the rules and policies give today."""

import pytest

from tools.write_docs import DOCS, PAGES


@pytest.mark.parametrize("name", PAGES)
def test_the_documents_are_current(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name](), (
        "run: python -m tools.write_docs"
    )

"""The generated documents match the current rules and policies."""

import pytest

from tools.write_docs import DOCS, PAGES


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_document_is_current(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name](), (
        "run: python -m tools.write_docs"
    )

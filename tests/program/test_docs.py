"""The generated documents match the code, the rules and the policies."""

import pytest

from tools.pages.run_picture import PictureError, draw
from tools.write_docs import DOCS, PAGES


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_document_is_current(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name](), (
        "run: python -m tools.write_docs"
    )


@pytest.mark.parametrize(
    "line",
    [
        "box a step 1",
        "box a circle 1 1 | title",
        "box a step one 1 | title",
        "arrow a nowhere",
        "arrow a far",
        "box a step 1 1 | a title that is much too long for one column",
    ],
)
def test_a_picture_that_cannot_be_drawn_is_refused(line: str) -> None:
    boxes = "box a step 1 1 | a\nbox far step 3 3 | far\n"
    assert draw(boxes).startswith("<svg")
    with pytest.raises(PictureError):
        draw(boxes + line)

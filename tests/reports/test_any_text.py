"""Identifiers of any characters: page, charts, work-paper, packet and explanation show them."""

import subprocess
import sys
import unicodedata
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import polars as pl
import pytest

from flows.cli.app import main
from flows.judging.frames import read_frames
from flows.replay.as_of import settled_as_of
from flows.replay.explain import claim_rows, explain, explain_rows
from flows.replay.explain_text import text_of
from flows.reports.packet.published import read_published_exception
from flows.reports.packet.write import as_html
from flows.reports.printable import printable
from flows.request import RunRequest
from tests.support.extracts import IMATINIB, good, write
from tests.support.nights import night, rerun_equals_standing
from tests.support.running import ROOT, request_for

pytestmark = pytest.mark.slow  # whole runs over hostile input

CONTROLS = [*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029]
NO_CHARACTERS = [0xFDD0, 0xFDEF, 0xFFFE, 0xFFFF, 0x1FFFE, 0x10FFFF]
ODD = [0x00AD, 0x0301, 0x200B, 0x200D, 0x202E, 0x2066, 0xD7FF, 0xE000, 0xFEFF, 0xFFFC, 0x1F600]
MARKUP = ("]]>", "<svg onload=x>", "&#1;", "\\u2028", "{{ x }}", "%s", "'\"`", "</script>", "=1+1")
TEXTS = [f"A{chr(n)}B" for n in (*CONTROLS, *NO_CHARACTERS, *ODD)] + [f"A{m}B" for m in MARKUP]
UNSHOWN = {chr(n) for n in (*CONTROLS, *NO_CHARACTERS)} - set("\t\n\r")

_DRAW = """
import json, sys
import polars as pl
from flows.reports.page.chart_style import drawn
from flows.reports.page.charts import figure_chart
from flows.reports.page.figures import Figure
labels = json.load(sys.stdin)
rows = pl.DataFrame({"label": labels, "outcome": None, "dollars": 1.0, "lines": 1},
                    schema={"label": pl.String, "outcome": pl.String,
                            "dollars": pl.Decimal(38, 2), "lines": pl.UInt32})
print(*drawn([figure_chart(Figure("provider", "By provider", "Provider", "", rows))]))
"""


def _drawn(labels: list[str]) -> str:
    """The chart with those labels, drawn by a program of its own: a renderer can abort it."""
    import json

    done = subprocess.run(
        [sys.executable, "-c", _DRAW],
        input=json.dumps(labels),
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-500:]
    return done.stdout


@pytest.mark.parametrize("labels", [TEXTS[i::3] for i in range(3)])
def test_d1_a_chart_holds_any_character(labels: list[str]) -> None:
    """A control character in a label made the renderer abort the whole program."""
    drawing = _drawn(labels)
    ElementTree.fromstring(drawing)
    assert not UNSHOWN & set(drawing)


@pytest.mark.slow
def test_d1_a_chart_holds_every_character_of_the_basic_plane() -> None:
    every = [chr(n) for n in range(1, 0x10000) if not 0xD800 <= n <= 0xDFFF]
    for start in range(0, len(every), 16384):  # the renderer refuses twice as many
        block = every[start : start + 16384]
        labels = ["".join(block[i : i + 16]) for i in range(0, len(block), 16)]
        ElementTree.fromstring(_drawn(labels))


def test_d1_what_cannot_be_shown_is_replaced_and_nothing_else() -> None:
    for n in range(0x110000):
        character = chr(n)
        shown = printable(character)
        category = unicodedata.category(character)
        if category in ("Zl", "Zp", "Cs") or (category == "Cc" and character not in "\t\n\r"):
            assert shown == "\ufffd"
        elif category != "Cn":
            assert shown == character


@pytest.fixture(scope="module")
def request_(tmp_path_factory: pytest.TempPathFactory) -> RunRequest:
    """A run over one fill per text, which is in each column that takes any text."""
    base = tmp_path_factory.mktemp("texts")
    rows = [
        good(
            "pharmacy_claim",
            claim_id=f"{i} {text}",
            member_id=f"{i} {text}",
            person_id=f"{i} {text}",
            plan=text,
            prescribing_provider_npi=text,
            dispensing_provider_npi=text,
            daw_code=text,
            ndc_code=IMATINIB,
            quantity="500",
            paid_amount=f"{90000 - i}.00",
        )
        for i, text in enumerate(TEXTS)
    ]
    twice = [
        good("pharmacy_claim", claim_id=f"{c}{i}", payer=f"P {text}", member_id=f"T{i}", plan=text)
        for i, text in enumerate(TEXTS)
        for c in "XY"
    ]
    extracts = write(base / "in", {"pharmacy_claim.parquet": pl.DataFrame([*rows, *twice])})
    output = base / "out"
    request = request_for(extracts, output, output / "audit.duckdb", page=True, xlsx=True)
    night(request)
    rerun_equals_standing(request)
    return request


@pytest.fixture(scope="module")
def run(request_: RunRequest) -> Path:
    (folder,) = request_.output.glob("run=*")
    return folder


def test_d1_the_page_holds_no_character_that_it_cannot_show(run: Path) -> None:
    page = (run / "summary.html").read_text(encoding="utf-8")
    assert "</html>" in page
    assert not UNSHOWN & set(page)


def test_d1_every_sheet_of_the_work_paper_is_well_formed(run: Path) -> None:
    book = zipfile.ZipFile(run / "exceptions.xlsx")
    for name in book.namelist():
        if name.endswith((".xml", ".rels")):
            ElementTree.fromstring(book.read(name))


def test_d1_every_exception_has_a_packet_that_verifies(run: Path, tmp_path: Path) -> None:
    ids = pl.read_parquet(run / "exceptions.parquet")["exception_id"].to_list()
    assert len(ids) > len(TEXTS)
    for exception_id in ids[::5]:
        html = as_html(read_published_exception(run, exception_id))
        assert not UNSHOWN & set(html)
        packet = tmp_path / "packet.html"
        packet.write_bytes(html.encode())
        assert main(["verify", str(packet), "--run", str(run)]) == 0


def test_d1_every_claim_is_explained(request_: RunRequest) -> None:
    claims = pl.read_parquet(next(request_.output.glob("run=*/exceptions.parquet")))["claim_id"]
    some = claims.unique().sort().to_list()[::9]
    with settled_as_of(request_) as (made, connection):
        frames = read_frames(connection, made.reference, request_.as_of)
        explained = [explain_rows(made, claim_rows(connection, c), frames) for c in some]
    for explanation in (explain(request_, some[0]), *explained):
        assert all(c.isprintable() or c == "\n" for c in text_of(explanation))

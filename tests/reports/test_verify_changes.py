"""A packet verifies only as it was written, and only against a run that is as it was published."""

import json
import random
import re
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flows.cli.app import main
from flows.errors import InputRefused
from flows.provenance import program_version
from flows.reports.packet.published import PublishedException, read_published_exception
from flows.reports.packet.verify import verify
from flows.reports.packet.write import as_html
from flows.results.manifest import is_complete

pytestmark = pytest.mark.slow  # whole runs over hostile input

CHANGES = 400


@pytest.fixture(scope="module")
def published(sample_results: Path) -> PublishedException:
    """An exception of the run on the sample with an amount."""
    exceptions = pl.read_parquet(sample_results / "exceptions.parquet")
    found = exceptions.filter(pl.col("claim_id") == "QTY-OVERRIDE-91")["exception_id"][0]
    return read_published_exception(sample_results, found)


@pytest.fixture(scope="module")
def packet(published: PublishedException) -> bytes:
    return as_html(published).encode()


def _refused(content: bytes, tmp_path: Path, run: Path) -> str:
    path = tmp_path / "packet.html"
    path.write_bytes(content)
    with pytest.raises(InputRefused) as refused:
        verify(path, run)
    return str(refused.value)


def test_b3_no_change_of_a_single_byte_verifies(
    packet: bytes,
    published: PublishedException,
    sample_results: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever is changed, removed or added anywhere, the identifiers and the receipt included."""
    own = published.row["exception_id"]

    def read(run: Path, exception_id: str) -> PublishedException:
        return published if exception_id == own else read_published_exception(run, exception_id)

    monkeypatch.setattr("flows.reports.packet.verify.read_published_exception", read)
    rnd = random.Random(3)
    ids = packet.index(b"claims-audit exception")
    receipt = packet.index(b'id="receipt"')
    places = [*rnd.sample(range(len(packet)), CHANGES), *range(ids, ids + 90, 5)]
    places += range(receipt, len(packet), 17)
    for place in places:
        other = bytes([packet[place] ^ (1 << rnd.randrange(7))])
        for changed in (other, b"", bytes([packet[place]]) * 2):
            content = packet[:place] + changed + packet[place + 1 :]
            _refused(content, tmp_path, sample_results)
    for content in (packet + b"\n", packet[:-1], b"\n" + packet, packet * 2):
        _refused(content, tmp_path, sample_results)


@pytest.mark.parametrize("version", ["0.0.9", "", "99"])
def test_b3_words_of_another_version_are_not_taken_on_trust(
    version: str, packet: bytes, sample_results: Path, tmp_path: Path
) -> None:
    """A packet that named another version was accepted, whatever its text said."""
    own = f'"packet_version": "{program_version()}"'
    text = packet.decode().replace(own, f'"packet_version": "{version}"')
    assert "another version" in _refused(text.encode(), tmp_path, sample_results)
    assert "another version" in _refused(
        packet.decode().replace(f",\n {own}", "").encode(), tmp_path, sample_results
    )


def test_b3_figures_are_compared_whichever_version_wrote_the_packet(
    packet: bytes, sample_results: Path, tmp_path: Path
) -> None:
    old = packet.decode().replace(f'"{program_version()}"\n', '"0.0.9"\n')
    assert old != packet.decode()
    for figure, column in (("$30.00", "amount_at_risk"), ("$2,730.00", "paid_amount")):
        said = _refused(old.replace(figure, "$9,730.00").encode(), tmp_path, sample_results)
        assert column in said


def test_b3_a_page_of_anything_with_a_right_receipt_is_refused(
    packet: bytes, sample_results: Path, tmp_path: Path
) -> None:
    text = packet.decode()
    ids = re.findall(r"claims-audit exception \w+ of run \w+", text)[0]
    script = text[text.index('<script type="application/json"') :]
    _refused(f"<h1>Anything at all</h1>{ids}{script}".encode(), tmp_path, sample_results)


def test_b3_a_packet_as_it_was_written_verifies(
    packet: bytes, sample_results: Path, tmp_path: Path
) -> None:
    path = tmp_path / "packet.html"
    path.write_bytes(packet)
    assert main(["verify", str(path), "--run", str(sample_results)]) == 0


# ---------------------------------------------------------------- the run


def _without(key: str) -> Any:
    return lambda manifest: {k: v for k, v in manifest.items() if k != key}


KEYS = ("run_id", "version", "as_of", "files", "tables", "policies", "reference", "results")
SHAPES: dict[str, Any] = {
    "a list": lambda _: [],
    "null": lambda _: None,
    "a text": lambda _: "x",
    "a number": lambda _: 1,
    "no results": lambda m: m | {"results": {}},
    "results of another shape": lambda m: m | {"results": list(m["results"])},
    "results null": lambda m: m | {"results": None},
    "a hash of another shape": lambda m: m | {"results": dict.fromkeys(m["results"], 1)},
    "a result that is not there": lambda m: m | {"results": m["results"] | {"x.csv": "0" * 64}},
    "a result outside": lambda m: m | {"results": {"../x": "0" * 64}},
    "one result too few": lambda m: m | {"results": dict(list(m["results"].items())[1:])},
    "policies of another shape": lambda m: m | {"policies": []},
    "law of another shape": lambda m: m | {"law": ["x"]},
    "a law file of another shape": lambda m: m | {"law": {"x": None}},
    "clauses of law of another shape": lambda m: m | {"clauses_of_law": ["x"]},
    **{f"no {key}": _without(key) for key in KEYS},
}


@pytest.fixture(scope="module")
def copy(sample_results: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("output") / sample_results.name
    shutil.copytree(sample_results, folder)
    return folder


@pytest.mark.parametrize("shape", SHAPES)
def test_e4_a_damaged_manifest_of_any_shape_is_damaged(shape: str, copy: Path) -> None:
    """JSON of another shape ended every later run of the night with an error of the program."""
    path = copy / "manifest.json"
    whole = path.read_bytes()
    assert is_complete(copy)
    path.write_text(json.dumps(SHAPES[shape](json.loads(whole))), encoding="utf-8")
    assert not is_complete(copy)
    path.write_bytes(whole)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000, b"NaN"])
def test_e4_a_manifest_that_is_not_json_is_damaged(content: bytes, copy: Path) -> None:
    path = copy / "manifest.json"
    whole = path.read_bytes()
    path.write_bytes(content)
    assert not is_complete(copy)
    path.write_bytes(whole)


@pytest.mark.parametrize("name", ["more.parquet", "exceptions/payer=x/part-0.parquet", "more.csv"])
def test_b5_a_table_that_the_manifest_does_not_name_is_found(name: str, copy: Path) -> None:
    path = copy / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"more")
    assert not is_complete(copy)
    path.unlink()
    assert is_complete(copy)


def test_b5_a_note_that_a_person_keeps_next_to_the_results_does_no_harm(copy: Path) -> None:
    (copy / "my notes.txt").write_text("call the pharmacy", encoding="utf-8")
    assert is_complete(copy)

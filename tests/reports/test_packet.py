"""Packets: what is in one, that it is reproducible, and that a changed one does not verify."""

import hashlib
import html
import os
import re
import shutil
import stat
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from flows.cli.app import main
from flows.provenance import program_version, sha256_of
from flows.reports.html import quantity
from flows.reports.packet.names import packet_name
from flows.reports.packet.published import PublishedException, read_published_exception
from flows.reports.packet.write import as_html, as_pdf
from flows.reports.wording import asked_once_text, figures_text
from flows.request import RunRequest
from schemas.outcomes import SETTLED_BY
from schemas.results import AGAINST, EVIDENCE_FIELDS, LEDGER, MORE
from tests.support.running import ROOT


@pytest.fixture(scope="module")
def run(sample_results: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the results of the run on the sample; packets are written next to it."""
    folder = tmp_path_factory.mktemp("output") / sample_results.name
    shutil.copytree(sample_results, folder)
    return folder


@pytest.fixture(scope="module")
def exceptions(run: Path) -> pl.DataFrame:
    return pl.read_parquet(run / "exceptions.parquet")


@pytest.fixture(scope="module")
def exception_id(exceptions: pl.DataFrame) -> str:
    """The id of an exception with a computed amount."""
    return str(exceptions.filter(pl.col("claim_id") == "QTY-OVERRIDE-91")["exception_id"][0])


@pytest.fixture(scope="module")
def written(run: Path, exception_id: str) -> dict[str, Path]:
    """The packet of that exception: html and pdf."""
    assert main(["packet", exception_id[:8], "--run", str(run)]) == 0
    name = read_published_exception(run, exception_id).name
    return {suffix: run.parent / "packets" / f"{name}.{suffix}" for suffix in ("html", "pdf")}


def _words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html.split("<body>")[1]).split())


def test_c7_no_file_name_gives_an_exception_id_back(
    run: Path, exceptions: pl.DataFrame, tmp_path: Path
) -> None:
    """An exception id in a file name gave the claim id back to whoever could guess claim ids.

    Nothing that can be computed from ids alone is in a name, and the packet itself has the id.
    """
    for exception_id in exceptions["exception_id"].head(4):
        to = ["--run", str(run), "--output", str(tmp_path), "--no-pdf"]
        assert main(["packet", exception_id, *to]) == 0
        (name,) = {path.stem for path in tmp_path.iterdir()}
        assert re.fullmatch("packet-[0-9a-f]{16}", name)
        digits = name.removeprefix("packet-")
        assert not any(digits[n : n + 6] in exception_id for n in range(11))
        assert digits not in hashlib.sha256(exception_id.encode()).hexdigest()
        for path in tmp_path.iterdir():
            assert exception_id.encode() in path.read_bytes()
            path.unlink()
    named = [path.relative_to(run.parent).as_posix() for path in run.parent.rglob("*")]
    assert not [n for n in named for i in exceptions["exception_id"] if i[:8] in n]


def test_c7_a_packet_has_a_name_of_its_own_in_every_run(
    run: Path, exceptions: pl.DataFrame, exception_id: str, tmp_path: Path
) -> None:
    """Names are keyed with the run's table, so those of another run do not give them away."""
    names = [packet_name(run / "exceptions.parquet", i) for i in exceptions["exception_id"]]
    assert len(set(names)) == exceptions["exception_id"].n_unique()
    exceptions.head(3).write_parquet(tmp_path / "exceptions.parquet")
    assert packet_name(tmp_path / "exceptions.parquet", exception_id) not in names


def test_a_packet_says_what_a_provider_needs_to_know(written: dict[str, Path]) -> None:
    words = _words(written["html"].read_text(encoding="utf-8"))
    for part in (
        "QTY01: Does one fill have more tablets than the payer&#39;s limit per prescription?",
        "91 tablets of 400 mg were paid on one fill of 30 days; the policy allows at most 90 per",
        "QTY-OVERRIDE-91, line 1 (pharmacy)",
        "Cigna, plan PPO",
        "2026-02-15",
        "Drug Quantity Limit(s), 400 mg tablets, retail",
        "version in force from 2023-12-13",
        "$30.00 at risk of $2,730.00 paid: 1 above the 90 allowed, at $30.00 each",
        "Found 91 tablets, allowed 90.",
        "authorization A0099, approved, from 2025-09-01",
        "What would settle it",
        "cigna-imatinib-quantity.toml",
    ):
        assert part in words, part


def _packet(run: Path, exceptions: pl.DataFrame, claim_id: str, rule_id: str) -> str:
    """The words of the packet of a rule's exception on a claim."""
    (found,) = exceptions.filter(claim_id=claim_id, rule_id=rule_id)["exception_id"]
    return html.unescape(_words(as_html(read_published_exception(run, found))))


def test_each_packet_of_a_line_names_the_other_rule_and_says_that_the_amount_is_asked_for_once(
    run: Path, exceptions: pl.DataFrame
) -> None:
    once = (
        "The amount of the line is asked for once, whatever the number of findings: together they "
        "put $9,300.00 of $9,300.00 at risk."
    )
    for rule, other in (
        ("GEN01", "AUTH01: Does an approved authorization cover the line? (records request,"),
        ("AUTH01", "GEN01: Was the brand paid without a trial of the generic? (recover,"),
    ):
        words = _packet(run, exceptions, "GEN-PHARMACY-CHOICE", rule)
        assert f"Another rule questions this line too: {other}" in words
        assert once in words


def test_a_line_that_one_rule_questions_has_no_such_sentence(
    run: Path, exceptions: pl.DataFrame
) -> None:
    words = _packet(run, exceptions, "QTY-OVERRIDE-91", "QTY01")
    assert "asked for once" not in words and "this line too" not in words


def test_a_packet_shows_the_prices_compared_and_where_they_are_on_file(
    run: Path, exceptions: pl.DataFrame
) -> None:
    words = _packet(run, exceptions, "GEN-PHARMACY-CHOICE", "GEN01")
    for part in (
        "unit price 310.00 of this fill, without the dispensing fee",
        "unit price 20.00 of the generic fill of 2025-02-10, NDC 47335047583 "
        "(claim GEN-GENERIC-M3020), without its fee",
        "a generic fill to compare with was looked for from 2024-11-05 to 2025-05-04",
        "Without dispensing fees a tablet cost $310.00, and $20.00 in the dearest generic fill of",
        "this strength that this payer has within 90 days before or after.",
    ):
        assert part in words, part


@pytest.mark.parametrize(
    ("own", "others", "line", "text"),
    [
        ("recover", 0, ("5.00", "0.00"), ""),
        ("recover", 1, None, ""),
        ("recover", 0, ("0.00", "0.00"), "on another line"),
        ("recover", 0, ("0.00", "5.00"), ""),
        ("advisory", 0, ("0.00", "0.00"), ""),
        ("advisory", 1, ("5.00", "0.00"), "together they put $5.00 of $9.00 at risk."),
        ("review", 2, ("5.00", "0.00"), "together they put $5.00 of $9.00 at risk."),
    ],
)
def test_it_says_that_dollars_are_asked_for_once_only_if_that_is_not_clear(
    own: str, others: int, line: tuple[str, str] | None, text: str
) -> None:
    names = ("amount_at_risk", "dismissed_amount")
    amounts = None if line is None else dict(zip(names, map(Decimal, line), strict=True))
    row = {
        "outcome": own,
        "amount_at_risk": Decimal(0 if own == "advisory" else 5),
        "paid_amount": Decimal(9),
    }
    said = asked_once_text(row, others, amounts)
    assert said.endswith(text) if text.endswith(".") else text in said
    assert bool(said) == bool(text)


@pytest.mark.parametrize(
    ("left", "text"),
    [("3.00", "$3.00 is asked for now."), ("0.00", "nothing is asked for now.")],
)
def test_it_says_what_came_back_of_the_line(left: str, text: str) -> None:
    row = {"outcome": "recover", "amount_at_risk": Decimal(5), "paid_amount": Decimal(9)}
    line = {"amount_at_risk": Decimal(left), "recovered_amount": Decimal(2)}
    assert asked_once_text(row, 0, line) == f"$2.00 came back for the line already; {text}"


@pytest.mark.parametrize(
    ("rule_id", "observed", "allowed", "text"),
    [
        ("QTY01", 91, 90, "Found 91 tablets, allowed 90."),
        ("UNIT01", 27.5, 18, "Found 27.5 units, allowed 18."),
        ("CYC04", 1, 6, "Found 1 day between, allowed 6."),
        ("DOSE01", 1100, 800, "Found 1100 mg a day, allowed 800."),
        ("PAY01", 45.125, 30, "Found 45.125 dollars for each, allowed 30."),
        ("UNIT02", 2, None, ""),
        ("a rule of another document", 4, 3, "Found 4, allowed 3."),
    ],
)
def test_a_packet_says_what_its_figures_count(
    rule_id: str, observed: float, allowed: float | None, text: str
) -> None:
    assert figures_text({"rule_id": rule_id, "observed": observed, "allowed": allowed}) == text


def test_every_rule_with_an_allowed_figure_says_what_it_counts() -> None:
    cases = (ROOT / "tests" / "cases").glob("*.md")
    rules = {p.stem for p in cases if re.search(r"allowed=\d", p.read_text(encoding="utf-8"))}
    said = {rule: figures_text({"rule_id": rule, "observed": 2, "allowed": 3}) for rule in rules}
    assert {rule for rule, text in said.items() if text == "Found 2, allowed 3."} == set()


def test_only_the_owner_may_read_a_packet_and_it_is_one_page(written: dict[str, Path]) -> None:
    assert {stat.S_IMODE(p.stat().st_mode) for p in written.values()} == {0o600}
    assert stat.S_IMODE(written["pdf"].parent.stat().st_mode) == 0o700
    assert len(re.findall(rb"/Type /Page\b", written["pdf"].read_bytes())) == 1


def test_every_exception_has_a_packet_on_one_page(run: Path, exceptions: pl.DataFrame) -> None:
    """For each rule and reason the exception with the most evidence: all work, the longest fits."""
    longest = exceptions.sort(pl.col("evidence").list.len(), descending=True).unique(
        ["rule_id", "reason"], keep="first"
    )
    cases = [
        as_html(read_published_exception(run, exception_id))
        for exception_id in longest["exception_id"]
    ]
    assert all("None</td>" not in html and "none</td>" not in html for html in cases)
    assert len(re.findall(rb"/Type /Page\b", as_pdf(max(cases, key=len)))) == 1


@pytest.mark.slow
def test_the_same_exception_gives_the_same_bytes_in_another_process(
    run: Path, exception_id: str, written: dict[str, Path], tmp_path: Path
) -> None:
    code = "import sys; from flows.cli.app import main; sys.exit(main(sys.argv[1:]))"
    arguments = [
        sys.executable,
        "-c",
        code,
        "packet",
        exception_id,
        "--run",
        str(run),
        "--output",
        str(tmp_path),
    ]
    subprocess.run(
        arguments, check=True, cwd=ROOT, env=os.environ | {"TZ": "Asia/Tokyo"}, capture_output=True
    )
    for path in written.values():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("suffix", ["html", "pdf"])
def test_a_packet_as_it_was_written_verifies(
    suffix: str,
    run: Path,
    written: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    renamed = shutil.copy(written[suffix], tmp_path / f"renamed.{suffix}")
    assert main(["verify", str(renamed), "--run", str(run)]) == 0
    assert "matches" in capsys.readouterr().out


@pytest.mark.parametrize("suffix", ["html", "pdf"])
def test_a_packet_has_paper_dates_and_amounts_as_asked_and_verifies(
    suffix: str, run: Path, exception_id: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--paper", "a4", "--dates", "day_first", "--money", "code", "--output", str(tmp_path)]
    assert main(["packet", exception_id, "--run", str(run), *asked]) == 0
    (path,) = tmp_path.glob(f"*.{suffix}")
    if suffix == "html":
        words = _words(path.read_text(encoding="utf-8").split("<h2>Receipt</h2>")[0])
        assert "USD 30.00 at risk of USD 2,730.00 paid" in words and "15 February 2026" in words
        assert "at USD 30.00 each" in words and "first found on 30 June 2026" in words
        assert "$" not in words
        assert not re.search(r"\d{4}-\d{2}-\d{2}", words), "every date is a long one"
    else:
        assert b"/MediaBox [0 0 595" in path.read_bytes()
    assert main(["verify", str(path), "--run", str(run)]) == 0
    other = path.read_bytes().replace(b"on a4 day_first code", b"on a4 day_first euro")
    path.write_bytes(other)
    assert main(["verify", str(path), "--run", str(run)]) == 3
    assert "names no form in which packets are written" in capsys.readouterr().err


CHANGES = [
    ("html", b"at risk of $2,730.00", b"at risk of $2,731.00", "the text was changed"),
    (
        "html",
        b'"program_version": "',
        b'"program_version": "9',
        "the receipt does not match the run: program_version",
    ),
    (
        "html",
        b'"inputs_sha256": "',
        b'"inputs_sha256": "0',
        "the receipt does not match the run: inputs_sha256",
    ),
    (
        "html",
        b'"policy_sha256": "',
        b'"policy_sha256": "0',
        "the receipt does not match the run: policy_sha256",
    ),
    ("html", b'{\n "exception_id"', b'"exception_id"', "receipt cannot be read"),
    ("html", b"claims-audit exception", b"another exception", "is not a packet"),
    ("pdf", b"%%EOF", b"%%EOF ", "differs from the PDF that this run gives here"),
]


@pytest.mark.parametrize(
    ("suffix", "before", "after", "said"), CHANGES, ids=lambda x: x if isinstance(x, str) else ""
)
def test_a_changed_packet_fails(
    suffix: str,
    before: bytes,
    after: bytes,
    said: str,
    run: Path,
    written: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    content = written[suffix].read_bytes()
    assert before in content
    (tmp_path / f"changed.{suffix}").write_bytes(content.replace(before, after))
    assert main(["verify", str(tmp_path / f"changed.{suffix}"), "--run", str(run)]) == 3
    assert said in capsys.readouterr().err


FORGERIES = {
    "the receipt that people see": ("<td>2026-06-30</td>", "<td>2026-06-29</td>"),
    "a hash that people see": ("(SHA-256)", "(SHA256)"),
    "an attribute": ("<body>", '<body title="paid in full">'),
    "a comment": ("</body>", "<!-- paid in full --></body>"),
    "an entity": ("&#39;", "&apos;"),
    "a space in the text": ("</body>", " </body>"),
    "a line break": ("\n", "\r\n"),
    "a byte order mark": ("<!", "\ufeff<!"),
    "an element that is hidden": ("</body>", "<p hidden>paid in full</p></body>"),
    "a style that hides text": ("</style>", "td { display: none }</style>"),
    "a style that adds text": ("</style>", "td::after { content: '0' }</style>"),
    "a second receipt": (
        "</body>",
        '<script type="application/json" id="receipt">{}</script></body>',
    ),
    "a receipt before the receipt": (
        "<body>",
        '<body><script type="application/json" id="receipt">{}</script>',
    ),
    "a script": ("</body>", "<script>document.body.innerHTML = 'paid in full'</script></body>"),
    "a page after the page": ("</html>", "</html><p>paid in full</p>"),
}
"""What is changed -> a part of the packet, and what is in its place."""


@pytest.mark.parametrize("forgery", FORGERIES)
def test_b3_a_packet_verifies_only_word_for_word(
    forgery: str, run: Path, written: dict[str, Path], tmp_path: Path
) -> None:
    """A page that named another version was accepted, whatever its text said."""
    before, after = FORGERIES[forgery]
    text = written["html"].read_bytes().decode()
    for version in (program_version(), "0.0.9"):
        stated = text.replace(f'"{program_version()}"\n', f'"{version}"\n')
        changed = stated.replace(before, after)
        assert before in text and changed != stated
        (tmp_path / "changed.html").write_bytes(changed.encode())
        assert main(["verify", str(tmp_path / "changed.html"), "--run", str(run)]) == 3


def test_b5_a_packet_of_a_forged_run_does_not_verify_against_its_warehouse(
    run: Path, sample_request: RunRequest, tmp_path: Path
) -> None:
    """Results, manifest and packet agreed with each other, and nothing else was asked."""
    forged = tmp_path / run.name
    shutil.copytree(run, forged)
    path, manifest = forged / "exceptions.parquet", forged / "manifest.json"
    before = sha256_of(path)
    frame = pl.read_parquet(path).with_columns(amount_at_risk=pl.col("paid_amount"))
    frame.write_parquet(path)
    text = manifest.read_text(encoding="utf-8").replace(before, sha256_of(path))
    manifest.write_text(text, encoding="utf-8")
    exception_id = frame.filter(pl.col("claim_id") == "QTY-OVERRIDE-91")["exception_id"][0]
    arguments = ["--run", str(forged), "--output", str(tmp_path), "--no-pdf"]
    assert main(["packet", exception_id, *arguments]) == 0
    (packet,) = tmp_path.glob("packet-*.html")
    warehouse = ["--warehouse", str(sample_request.warehouse_file)]
    assert main(["verify", str(packet), "--run", str(forged)]) == 0
    assert main(["verify", str(packet), "--run", str(forged), *warehouse]) == 3


def test_a_packet_of_another_version_is_refused_after_its_receipt_was_checked(
    run: Path, written: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = (
        written["html"]
        .read_text(encoding="utf-8")
        .replace('"packet_version": "', '"packet_version": "9.')
    )
    (tmp_path / "p.html").write_text(content, encoding="utf-8")
    assert main(["verify", str(tmp_path / "p.html"), "--run", str(run)]) == 3
    assert "could not be compared" in capsys.readouterr().err


def _changed_result(run: Path) -> None:
    path = run / "exceptions.parquet"
    frame = pl.read_parquet(path)
    frame.with_columns(amount_at_risk=pl.col("paid_amount")).write_parquet(path)


def _changed_manifest(run: Path) -> None:
    path = run / "manifest.json"
    path.write_text(
        path.read_text(encoding="utf-8").replace('"as_of": "2026-06-30"', '"as_of": "2026-06-29"'),
        encoding="utf-8",
    )


DAMAGES = [
    (_changed_result, "not a complete run"),
    (_changed_manifest, "as_of, manifest_sha256"),
    (shutil.rmtree, "not a complete run"),
]


@pytest.mark.parametrize(("damage", "said"), DAMAGES, ids=["result", "manifest", "gone"])
def test_a_changed_run_fails(
    damage: object,
    said: str,
    run: Path,
    written: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shutil.copytree(run, tmp_path / "run")
    damage(tmp_path / "run")  # type: ignore[operator]
    assert main(["verify", str(written["html"]), "--run", str(tmp_path / "run")]) == 3
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("exception_id", "said"),
    [("0" * 32, "no exception with that id"), ("87", "2 characters is too short")],
)
def test_an_unknown_exception_is_refused(
    exception_id: str, said: str, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["packet", exception_id, "--run", str(run)]) == 2
    assert said in capsys.readouterr().err


def test_without_pango_there_is_still_the_page(
    run: Path,
    exception_id: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Missing:
        def find_spec(self, name: str, *_rest: object) -> None:
            if name == "weasyprint":
                raise OSError("cannot load library")

    monkeypatch.delitem(sys.modules, "weasyprint", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Missing(), *sys.meta_path])
    arguments = [
        "packet",
        exception_id,
        "--run",
        str(run),
        "--output",
        str(tmp_path / "out"),
    ]
    assert main(arguments) == 2
    assert "--no-pdf" in capsys.readouterr().err and not (tmp_path / "out").exists()
    assert main([*arguments, "--no-pdf"]) == 0
    assert [p.suffix for p in (tmp_path / "out").iterdir()] == [".html"]


def test_d3_a_packet_says_how_many_facts_are_not_listed(run: Path, exception_id: str) -> None:
    published = read_published_exception(run, exception_id)
    fields = dict.fromkeys(EVIDENCE_FIELDS)
    more = fields | {"kind": MORE, "side": AGAINST, "value": "70"}
    dose = fields | {"kind": "dose", "side": AGAINST, "value": "course 1 cycle 1 to 1"}
    row = published.row | {"evidence": [*published.row["evidence"], dose, more]}

    words = _words(as_html(replace(published, row=row)))

    assert "Besides these, 70 facts no nearer to the service date are on file" in words
    assert "Besides these" not in _words(as_html(published))


def _with_status(published: PublishedException, **ledger: object) -> PublishedException:
    return replace(published, row=published.row | ledger)


def test_a_packet_of_a_dismissed_exception_is_stamped_and_asks_for_nothing(
    run: Path, exception_id: str
) -> None:
    live = read_published_exception(run, exception_id)
    assert "Status new, first found on 2026-06-30." in _words(as_html(live))
    assert 'class="stamp"' not in as_html(live)
    dismissed = _with_status(live, status="dismissed", decision="overturned")
    words = _words(as_html(dismissed))
    assert "latest decision: overturned" in words and "Dismissed" in words
    assert "Nothing is asked for" in words and "a person has set this finding aside" in words
    assert SETTLED_BY[live.row["outcome"]] not in words and " at risk of " not in words


def test_a_packet_of_a_dismissed_exception_is_written_only_if_asked_for(
    run: Path,
    exception_id: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    live = read_published_exception(run, exception_id)
    dismissed = _with_status(live, status="dismissed", decision="dismiss")
    place = "flows.reports.packet.published.read_published_exception"
    monkeypatch.setattr(place, lambda *_: dismissed)
    words = ["packet", exception_id, "--run", str(run), "--output", str(tmp_path), "--no-pdf"]
    assert main(words) == 2
    assert "--anyway" in capsys.readouterr().err and not list(tmp_path.iterdir())
    assert main([*words, "--anyway"]) == 0
    (written,) = tmp_path.iterdir()
    assert 'class="stamp"' in written.read_text(encoding="utf-8")


def test_a_run_of_an_earlier_version_has_packets_without_a_status(
    run: Path, exception_id: str
) -> None:
    live = read_published_exception(run, exception_id)
    row = {name: value for name, value in live.row.items() if name not in LEDGER}
    assert "Status" not in as_html(replace(live, row=row))


@pytest.mark.parametrize(
    ("value", "shown"), [("200.000", "200"), ("1234567.500", "1234567.5"), ("1000.125", "1000.125")]
)
def test_a_quantity_is_written_with_all_its_digits(value: str, shown: str) -> None:
    assert quantity(Decimal(value)) == shown
    assert quantity(None) == "unknown"

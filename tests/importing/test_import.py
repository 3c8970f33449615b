"""What every import does: the same bytes for the same releases, what is yours, and refusals."""

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import polars as pl
import pytest

from flows.cli.app import main
from tests.support.published import (
    LINE,
    NEXT,
    POLICY,
    RELEASE,
    articles_archive,
    bytes_of,
    crosswalk,
    imported,
    leie_table,
    mue_table,
    ptp_table,
)

MUE = mue_table([("J1000", 10, LINE), ("J2000", 4, POLICY)])
TABLES: dict[str, tuple[Mapping[str, bytes], Mapping[str, bytes]]] = {
    "mue": ({"m.csv": MUE}, {"m.csv": mue_table([("J1000", 10, LINE), ("J2000", 5, LINE)])}),
    "ptp": (
        {"p.txt": ptp_table([("96413", c, "20200101", "*", "0") for c in ("J1000", "J2000")])},
        {"p.txt": ptp_table([("96413", "J1000", "20200101", "20260331", "1")])},
    ),
    "mcd": (
        {"a.zip": articles_archive([("100", "1", "1", "C61"), ("200", "1", "1", "C61")])},
        {"a.zip": articles_archive([("100", "2", "1", "C61")], [("100", "2", "1", "C50.911")])},
    ),
    "asp-crosswalk": (
        {"c.csv": crosswalk([("J1000", "00001-0001-01"), ("J2000", "00001-0001-02")])},
        {"c.csv": crosswalk([("J1000", "00001-0001-02")])},
    ),
    "leie": (
        {"l.csv": leie_table([("1972902351", "20200101", "00000000")])},
        {"l.csv": leie_table([("1234567893", "20260201", "00000000")])},
    ),
}
TOML = "mue-acme.toml"


@pytest.mark.parametrize("table", TABLES)
def test_the_same_releases_give_the_same_bytes_in_any_order(table: str, tmp_path: Path) -> None:
    first, second = TABLES[table]
    states = []
    for order in ("1", "11", "12", "121", "122", "21"):
        folder = tmp_path / order
        folder.mkdir()
        for number in order:
            files, release = (first, RELEASE) if number == "1" else (second, NEXT)
            assert imported(table, files, folder, release=release) == 0
        states.append(bytes_of(folder))
    once, again, *both = states
    assert once == again != both[0]
    assert all(state == both[0] for state in both[1:])


@pytest.mark.parametrize("table", TABLES)
def test_what_an_import_writes_has_no_defect(table: str, tmp_path: Path) -> None:
    first, second = TABLES[table]
    imported(table, first, tmp_path)
    imported(table, second, tmp_path, release=NEXT)
    assert main(["lint", str(tmp_path / "policies")]) == 0


def test_a_file_is_read_in_every_form_in_which_it_is_published(tmp_path: Path) -> None:
    book, archive = BytesIO(), BytesIO()
    rows = [
        ["A notice", None, None, None],
        [
            "HCPCS/\nCPT Code",
            "Practitioner Services MUE Values",
            "MUE Adjudication Indicator",
            "MUE Rationale",
        ],
        ["J1000", "10", LINE, "Clinical: Society® Comment"],
        ["J2000", "4", POLICY, "Clinical: Society® Comment"],
    ]
    pl.DataFrame(rows, orient="row").write_excel(book, include_header=False)
    with ZipFile(archive, "w") as made:
        made.writestr("folder/m.csv", MUE)
        made.writestr("folder/m.xlsx", book.getvalue())
    forms = {
        "m.csv": MUE,
        "m.CSV": MUE.replace(b"\n", b"\r\n"),
        "m.xlsx": book.getvalue(),
        "m.zip": archive.getvalue(),
    }
    found = []
    for number, (name, content) in enumerate(forms.items()):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert imported("mue", {name: content}, folder) == 0
        rows_ = bytes_of(folder)
        found.append([rows_[f"mue-acme-mai-{mai}.csv"].lower() for mai in (1, 2)])
    plain = [[text.replace(b"m.xlsx", b"m.csv") for text in texts] for texts in found]
    assert all(texts == plain[0] for texts in plain)


@pytest.mark.parametrize(
    ("table", "option"),
    [
        ("mue", ["--only", "J9"]),
        ("ptp", ["--only", "J9"]),
        ("asp", ["--only", "J9"]),
        ("mcd", ["--article", "A9"]),
    ],
)
def test_a_choice_that_leaves_no_row_is_refused(
    table: str, option: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files, _ = TABLES["asp-crosswalk" if table == "asp" else table]
    assert imported(table, files, tmp_path, *option) == 6
    assert "no " in capsys.readouterr().err
    assert not (tmp_path / "policies").exists()


def test_what_is_yours_is_kept(tmp_path: Path) -> None:
    imported("mue", TABLES["mue"][0], tmp_path)
    policy = tmp_path / "policies" / TOML
    mine = '\n[[not_auditable]]\nclause = "our own"\nwhy = "for a test"\n'
    policy.write_text(policy.read_text() + mine)
    assert imported("mue", TABLES["mue"][1], tmp_path, release=NEXT) == 0
    assert policy.read_text().endswith(mine)


@pytest.mark.parametrize(
    ("old", "new"), [("everything = true", "everything = false"), ("# Yours", "# Ours")]
)
def test_a_file_that_somebody_changed_above_is_not_overwritten(
    old: str, new: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    imported("mue", TABLES["mue"][0], tmp_path)
    policy = tmp_path / "policies" / TOML
    changed = policy.read_text().replace(old, new)
    policy.write_text(changed)
    before = bytes_of(tmp_path)
    assert imported("mue", TABLES["mue"][1], tmp_path, release=NEXT) == 6
    assert "mue-acme.toml: it is not as an import wrote it" in capsys.readouterr().err
    assert bytes_of(tmp_path) == before


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("m.pdf", MUE, "m.pdf: no such form of table"),
        ("m.zip", MUE, "m.zip: no archive that can be read"),
        ("m.xlsx", MUE, "m.xlsx: no spreadsheet that can be read"),
        ("m.csv", b"", "m.csv: no MUE table"),
        ("m.csv", leie_table([]), "m.csv: no MUE table"),
    ],
)
def test_a_file_that_is_no_table_is_refused(
    name: str,
    content: bytes,
    words: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert imported("mue", {name: content}, tmp_path) == 6
    assert words in capsys.readouterr().err
    assert not (tmp_path / "policies").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["mue", "--payer", "acme"], "FILES is missing"),
        (["mue", "m.csv", "--payer", "Acme Inc"], "--payer is an id"),
        (["mue", "m.csv"], "--payer is missing"),
        (["cci", "m.csv", "--payer", "acme"], "mue"),
    ],
)
def test_wrong_usage_is_refused(
    arguments: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["policy", "import", *arguments, "--output", str(tmp_path), "--release", RELEASE]
    assert main(asked) == 2
    assert words in capsys.readouterr().err

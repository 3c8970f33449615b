"""Public tables in the layouts in which CMS and the OIG publish them, and what imports make of
them."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from zipfile import ZipFile

from audit_rules.policy.document import load_policy
from flows.cli.app import main
from tests.support.spoken import World, answers_of

RELEASE, NEXT = "2026-01-01", "2026-03-01"
LINE, POLICY, CLINICAL = (
    "1 Line Edit",
    "2 Date of Service Edit: Policy",
    "3 Date of Service Edit: Clinical",
)
_NOTICE = "Codes and descriptions are copyright, of their owners. \n\nAll rights  reserved."
_LEIE = (
    "LASTNAME,FIRSTNAME,MIDNAME,BUSNAME,GENERAL,SPECIALTY,UPIN,NPI,DOB,ADDRESS,CITY,STATE,ZIP,"
    "EXCLTYPE,EXCLDATE,REINDATE,WAIVERDATE,WVRSTATE"
)
_ARTICLE = (
    *("article_id", "article_version", "article_type", "title", "article_eff_date"),
    *("article_end_date", "description", "date_retired", "display_id"),
)
_ICD10 = ("article_id", "article_version", "icd10_code_id", "icd10_{}_group", "range", "asterisk")


def _csv(
    rows: Iterable[Sequence[object]], quoting: int = csv.QUOTE_MINIMAL, end: str = "\n"
) -> str:
    made = io.StringIO()
    csv.writer(made, quoting=quoting, lineterminator=end).writerows(rows)  # type: ignore[arg-type]
    return made.getvalue()


def mue_table(
    rows: Iterable[tuple[str, int, str]], setting: str = "Practitioner Services"
) -> bytes:
    """An MUE table: code, value, indicator; a notice of several lines before a wrapped header."""
    header = [
        "HCPCS/\nCPT Code",
        f"{setting} MUE Values",
        "MUE Adjudication Indicator",
        "MUE Rationale",
    ]
    body = [[*row, "Clinical: Society® Comment"] for row in rows]
    return _csv([[_NOTICE, "", "", ""], header, *body]).encode("latin-1")


def ptp_table(rows: Iterable[tuple[str, str, str, str, str]]) -> bytes:
    """PTP edits: columns 1 and 2, effective and deletion date, indicator; six lines before them."""
    lines = [
        "CPT only copyright.  All rights reserved.\t\t\t\t\t\t",
        "Column1/Column2 Edits\t\t\t\t\t\t",
        "Column 1\tColumn 2\t*=in existence\tEffective\tDeletion\tModifier\tPTP Edit Rationale",
        "\t\tprior to 1996\tDate\tDate\t0=not allowed\t",
        "\t\t\t\t*=no data\t1=allowed\t",
        "\t\t\t\t\t9=not applicable\t",
        *(f'{a}\t{b}\t\t{f}\t{t}\t{i}\tMisuse of "Column Two"' for a, b, f, t, i in rows),
    ]
    return ("\r\n".join(lines) + "\r\n").encode()


def crosswalk(rows: Iterable[tuple[str, str]], year: int = 2026, ndc: str = "NDC") -> bytes:
    """The ASP crosswalk: code and NDC, with hyphens; title lines above the header."""
    header = [f"_{year}_CODE", "Short Description", "LABELER NAME", ndc, "Drug Name", "PKG QTY"]
    body = [
        [code, "A drug\N{EN DASH}its name", "A labeler", of, "A name, with a comma", 1]
        for code, of in rows
    ]
    title = ["ASP NDC - HCPCS Crosswalk", *[""] * 5]
    return _csv([title, [""] * 6, header, *body]).encode("cp1252")


def leie_table(rows: Iterable[tuple[str, str, str]]) -> bytes:
    """The LEIE: NPI, exclusion and reinstatement date."""
    no_date = "00000000"
    place = ["", "1 A STREET, SUITE 2", "TOWN", "NY", "10000"]
    body = [
        ["", "", "", "A SHOP, INC", "", "", "", npi, *place, "1128a1", since, until, no_date, ""]
        for npi, since, until in rows
    ]
    header = _csv([_LEIE.split(",")], end="\r\n")
    return (header + _csv(body, csv.QUOTE_ALL, "\r\n")).encode()


def articles_archive(
    covered: Iterable[tuple[str, str, str, str]] = (),
    noncovered: Iterable[tuple[str, str, str, str]] = (),
    titles: Mapping[tuple[str, str], Mapping[str, str]] | None = None,
) -> bytes:
    """The Coverage Database, an archive in an archive: lists of article, version, group, code (an
    asterisk after it marks it), and other fields of articles by id and version."""
    members = {
        "article.csv": [
            _ARTICLE,
            *(
                [{"article_id": a, "article_version": v, **fields}.get(c, "") for c in _ARTICLE]
                for (a, v), fields in (titles or {}).items()
            ),
        ],
        "article_x_icd10_covered_group.csv": [
            ("article_id", "article_version", "icd10_covered_group", "paragraph"),
            *((a, v, g, f"<p>Group {g}\nis for <b>J1000</b></p>") for a, v, g, _ in covered),
        ],
        "article_x_hcpc_code.csv": [
            ("article_id", "article_version", "hcpc_code_id", "hcpc_code_group"),
            *((a, v, "J1000", "1") for a, v, _, _ in covered),
        ],
    }
    for word, rows in (("covered", covered), ("noncovered", noncovered)):
        body = [(a, v, c.rstrip("*"), g, "", "Y" if "*" in c else "N") for a, v, g, c in rows]
        members[f"article_x_icd10_{word}.csv"] = [[c.format(word) for c in _ICD10], *body]
    inner, outer = io.BytesIO(), io.BytesIO()
    with ZipFile(inner, "w") as archive:
        for name, table in members.items():
            archive.writestr(name, _csv(table, csv.QUOTE_ALL))
    with ZipFile(outer, "w") as archive:
        archive.writestr("current_article_csv.zip", inner.getvalue())
        archive.writestr("about.pdf", b"%PDF")
    return outer.getvalue()


def imported(
    table: str, files: Mapping[str, bytes], folder: Path, *options: str, release: str = RELEASE
) -> int:
    """The exit code of an import, for the payer acme, into the folder `policies`."""
    given = folder / f"{table}-{release}"
    given.mkdir(exist_ok=True)
    for name, content in files.items():
        (given / name).write_bytes(content)
    paths = [str(given / name) for name in files]
    output = ["--output", str(folder / "policies"), "--release", release, "--payer", "acme"]
    return main(["policy", "import", table, *paths, *output, *options])


def bytes_of(folder: Path) -> dict[str, bytes]:
    """Every file of the policies of a folder."""
    return {p.name: p.read_bytes() for p in sorted((folder / "policies").iterdir())}


def rows_of(folder: Path, name: str) -> list[dict[str, str]]:
    """The rows of a CSV of the policies of a folder."""
    text = (folder / "policies" / name).read_text(encoding="utf-8")
    return list(csv.DictReader(io.StringIO(text)))


def said(folder: Path, document: str, world: World) -> dict[str, str]:
    """What an imported document says of each claim line, and with several terms of each term."""
    return answers_of(load_policy(folder / "policies" / f"{document}.toml"), world)

"""The notes of a run on its files, its config and its lines: each kind has a test of its own."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from html import unescape
from pathlib import Path

import polars as pl
import pytest

from audit_rules.reference.product_sets import GovernedCodes
from flows.judging.population import population_facts
from flows.notes.payers import payers_without_policy
from flows.warehouse.connection import opened
from schemas import notes as kinds
from schemas.notes import NOTE_KINDS, OF_WARNINGS, Note, NoteKind, shown_payer
from schemas.row_warnings import COLUMN_OF, ROW_WARNINGS
from schemas.rows import warning_checks
from schemas.tables import TABLES
from tests.support.extracts import AS_OF, Content, Ran, Row, good, run, write
from tests.support.nights import night, published
from tests.support.running import request_for

CLAIM = "pharmacy_claim"
BEFORE = AS_OF - timedelta(days=1)
NPI = "1234567893"


def _said(ran: Ran, kind: NoteKind) -> list[str]:
    """The notes of one kind, without their code."""
    ending = f" ({kind.code})."
    return [note.removesuffix(ending) for note in ran.notes if note.endswith(ending)]


def _claims(count: int, **values: object) -> list[Row]:
    return [good(CLAIM, claim_id=str(n)) | values for n in range(count)]


def _run(folder: Path, config: str = "", **files: Content) -> Ran:
    """Run extracts by the names of their tables; claims of one member are always there."""
    given = {CLAIM: _claims(1)} | files
    return run(folder, {f"{name}.csv": rows for name, rows in given.items()}, config=config)


# ---------------------------------------------------------------- the config


def test_an_alias_that_is_not_a_payers_name_is_noted(tmp_path: Path) -> None:
    config = '[payer_aliases]\n"Cigna of Ohio" = "Cigna"\n" cigna WEST" = "Cigna"\n'
    ran = _run(tmp_path, config, pharmacy_claim=_claims(1, payer="Cigna West "))
    said = ["Config: payer_aliases: no row has the payer Cigna of Ohio"]
    assert _said(ran, kinds.CONFIG_ALIAS) == said


def test_a_column_a_pattern_and_an_expression_that_match_nothing_are_noted(tmp_path: Path) -> None:
    config = (
        '[columns.pharmacy_claim]\nInsurance = "plan"\n'
        '[tables.pharmacy_claim]\nfiles = ["RX_*.txt"]\n'
        "[tables.eligibility.columns]\npayer = \"'Cigna'\"\n"
    )
    ran = _run(tmp_path, config)
    assert _said(ran, kinds.CONFIG_COLUMN) == [
        "Config: columns.pharmacy_claim: no file has the column that is mapped to plan"
    ]
    assert _said(ran, kinds.CONFIG_FILES) == [
        "Config: tables.pharmacy_claim.files: RX_*.txt matches no file"
    ]
    assert _said(ran, kinds.CONFIG_EXPRESSION) == [
        "Config: tables.eligibility.columns.payer: no file of eligibility was read by it"
    ]


# ---------------------------------------------------------------- payers


def _audited(folder: Path, *claims: Row) -> pl.DataFrame:
    """Lines of audited drugs by payer_id and spelling."""
    ran = run(folder, {f"{CLAIM}.csv": [row | {"claim_id": n} for n, row in enumerate(claims)]})
    with opened(ran.plan.bench) as connection:
        return population_facts(connection, ran.plan.reference).audited


def test_a_payer_with_audited_drugs_that_no_policy_names_is_noted(tmp_path: Path) -> None:
    audited = _audited(
        tmp_path,
        good(CLAIM),
        *(good(CLAIM, payer=payer) for payer in ("Prairie Mutual", "prairie mutual ", "Acme")),
        good(CLAIM, payer="Prairie Mutual"),
        good(CLAIM, payer="Zenith", ndc_code="00093104801"),
        good(CLAIM, payer="Unpaid", paid_amount="0.00"),
    )
    named = set(audited["payer_id"]) - {"acme", "prairie mutual"}
    said = [str(note).partition(",")[0] for note in payers_without_policy(audited, named)]
    assert said == ["Prairie Mutual: 3 lines of audited drugs", "Acme: 1 line of audited drugs"]


def test_of_many_such_payers_those_with_most_lines_are_named_and_the_others_counted() -> None:
    audited = pl.DataFrame(
        [(name, name, lines) for lines, name in enumerate("abcdefghijkl", 1)],
        schema=["payer_id", "payer", "lines"],
        orient="row",
    )
    notes = [str(note) for note in payers_without_policy(audited, set())]
    assert notes[0].startswith("l: 12 lines") and len(notes) == 11
    assert notes[-1] == (
        "2 more payers with audited drugs that no policy names: 3 lines (payers_without_policy)."
    )


@pytest.mark.parametrize("name", ["M0012345", "2026-01-05", "12.50", "", "x" * 81])
def test_a_payer_that_looks_like_an_identifier_is_not_shown(name: str) -> None:
    """A shifted column would print a member's id on the screen."""
    note = Note(kinds.PAYER_WITHOUT_POLICY, {"payer": name, "lines": "1 line"})
    assert str(note).startswith("a payer whose name looks like an identifier: 1 line ")
    assert shown_payer("Plan 65 of Ohio\x1b[0m") == "Plan 65 of Ohio\N{REPLACEMENT CHARACTER}[0m"


def test_that_no_line_of_an_audited_drug_was_found_is_noted(tmp_path: Path) -> None:
    assert _audited(tmp_path, good(CLAIM, ndc_code="00093104801")).is_empty()


def test_a_line_of_a_set_of_a_document_is_audited(tmp_path: Path) -> None:
    """A run of documents alone said that nothing was audited, above its findings."""
    medical = [
        good("medical_claim", claim_id=f"A{n}", **values)
        for n, values in enumerate(
            (
                {"hcpcs_code": "J0897", "payer": "Acme"},
                {"hcpcs_code": "J0897", "payer": "Acme", "paid_amount": "0.00"},
                {"hcpcs_code": "99213", "payer": "Zenith"},
                {"hcpcs_code": "J9229", "payer": "MMM"},
            )
        )
    ]
    files = {
        "medical_claim.csv": medical,
        f"{CLAIM}.csv": [good(CLAIM, ndc_code="00093104801", payer="Prairie")],
    }
    ran = run(tmp_path, files)
    governed = GovernedCodes(frozenset({"J0897", "J9229"}), frozenset({"00093104801"}))
    reference = replace(ran.plan.reference, governed=governed)
    with opened(ran.plan.bench) as connection:
        audited = population_facts(connection, reference).audited
    assert audited.rows() == [("acme", "Acme", 1), ("mmm", "MMM", 1), ("prairie", "Prairie", 1)]


# ---------------------------------------------------------------- files and tables


@pytest.mark.parametrize(("malformed", "noted"), [(1, False), (2, True)])
def test_a_file_with_more_than_one_percent_of_malformed_codes_is_noted(
    tmp_path: Path, malformed: int, noted: bool
) -> None:
    """One of a hundred is not more than one percent; a blank is not a value."""
    claims = _claims(100 - malformed) + _claims(malformed, ndc_code="7335047281")
    ran = _run(tmp_path, pharmacy_claim=[*claims, *_claims(50, ndc_code=None, claim_id="x")])
    said = (
        "pharmacy_claim.csv: 2.0 % of the values in ndc_code (2 of 100) are malformed, and match "
        "nothing"
    )
    assert _said(ran, kinds.MANY_MALFORMED) == ([said] if noted else [])


def test_malformed_hcpcs_codes_and_npis_of_a_file_are_noted_by_column(tmp_path: Path) -> None:
    lines = [
        good("medical_claim", claim_id="1", hcpcs_code="J92", rendering_npi=NPI),
        good("medical_claim", claim_id="2", hcpcs_code="J9229", billing_npi="12"),
    ]
    ran = _run(tmp_path, medical_claim=lines, diagnosis=[good("diagnosis", diagnosis_code="?")])
    assert [note.split(" (")[0] for note in _said(ran, kinds.MANY_MALFORMED)] == [
        "medical_claim.csv: 100.0 % of the values in billing_npi",
        "medical_claim.csv: 50.0 % of the values in hcpcs_code",
    ]


def test_of_many_files_with_malformed_codes_the_latest_are_named(tmp_path: Path) -> None:
    files = {f"{CLAIM}_{n}.csv": _claims(1, claim_id=f"C{n}", ndc_code="12") for n in range(5)}
    ran = run(tmp_path, files)
    assert [note.split(":")[0] for note in _said(ran, kinds.MANY_MALFORMED)] == [
        f"{CLAIM}_{n}.csv" for n in (2, 3, 4)
    ]
    assert _said(ran, kinds.MANY_MALFORMED_ELSEWHERE) == [
        "pharmacy_claim.ndc_code: so are more than 1 % in 2 files loaded before these"
    ]


MEMBERS = {
    "another form of the id": ({"member_id": "000M"}, True),
    "the same id": ({"member_id": "M"}, False),
    "the same person": ({"member_id": "other", "person_id": "P"}, False),
}


@pytest.mark.parametrize("case", MEMBERS)
def test_a_table_whose_members_meet_none_of_the_claims_members_is_noted(
    case: str, tmp_path: Path
) -> None:
    values, noted = MEMBERS[case]
    rows = [good("eligibility", **values), good("eligibility", **values | {"payer": "Acme"})]
    claims = [good(CLAIM, person_id="P")]
    ran = _run(tmp_path, pharmacy_claim=claims, eligibility=rows, diagnosis=[good("diagnosis")])
    said = "eligibility: none of its 1 member is a member of the claims, so nothing in it was used"
    assert _said(ran, kinds.NO_MEMBER_IN_COMMON) == ([said] if noted else [])


def test_one_member_in_common_far_down_a_table_is_enough(tmp_path: Path) -> None:
    strangers = [good("eligibility", member_id=f"S{n}") for n in range(3_000)]
    ran = _run(tmp_path, eligibility=[*strangers, good("eligibility")])
    assert _said(ran, kinds.NO_MEMBER_IN_COMMON) == []


@pytest.mark.slow
def test_an_optional_column_that_files_of_an_earlier_night_had_is_noted(tmp_path: Path) -> None:
    first = {f"{CLAIM}_1.csv": _claims(1, daw_code="1", plan="PPO")}
    run(tmp_path, first, as_of=BEFORE).keep()
    then = run(tmp_path, {f"{CLAIM}_2.csv": _claims(2, plan="PPO")}, landing="then")
    assert _said(then, kinds.COLUMN_MISSING) == [
        "pharmacy_claim.daw_code: not in 1 file of this night, but in files of earlier nights"
    ]


@pytest.mark.slow
def test_a_column_that_one_of_two_senders_never_had_is_not_noted(tmp_path: Path) -> None:
    def files(number: int, daw: str | None) -> dict[str, Content]:
        has = good(CLAIM, claim_id=f"{number}") | ({"daw_code": daw} if daw else {})
        return {f"{CLAIM}_a{number}.csv": [has], f"{CLAIM}_b{number}.csv": _claims(number + 1)}

    run(tmp_path, files(1, "1"), as_of=BEFORE).keep()
    both = run(tmp_path, files(2, "1"), landing="both")
    assert _said(both, kinds.COLUMN_MISSING) == []
    neither = run(tmp_path, files(3, None), landing="neither")
    assert [note.partition(":")[0] for note in _said(neither, kinds.COLUMN_MISSING)] == [
        "pharmacy_claim.daw_code"
    ]


def test_a_word_that_no_drug_product_or_override_answers_to_is_noted(tmp_path: Path) -> None:
    decisions: list[Row] = [
        {"drug": "Gleevec", "product": "B"},
        {"drug": "imatinib mesylate", "product": "generic", "override": "CYP3A4_inducer"},
        {"drug": "J9229"},
        {"drug": "glevec", "product": "branded"},
        {"drug": "aspirin", "override": "yes"},
    ]
    rows = [good("authorization", authorization_id=n) | d for n, d in enumerate(decisions, 1)]
    ran = _run(tmp_path, authorization=rows)
    assert ran.warned("authorization") == [
        ("drug", "drug_unknown", 2, 4),
        ("override", "override_unknown", 1, 5),
        ("product", "product_unknown", 1, 4),
    ]
    assert [note.partition(" with")[0] for note in ran.notes if "authorization." in note] == [
        "authorization.drug: 2 rows",
        "authorization.product: 1 row",
        "authorization.override: 1 row",
    ]
    assert "glevec" not in str(ran.notes) and "aspirin" not in str(ran.notes)


# ---------------------------------------------------------------- warnings about rows


def test_each_warning_is_noted_with_its_rows_in_all_files(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        f"{CLAIM}_1.csv": _claims(2, person_id="unknown", claim_id="7.0"),
        f"{CLAIM}_2.csv": _claims(1, person_id="nan", claim_id="8"),
        "eligibility.csv": [good("eligibility", enrollment_end_date="1900-01-01")],
    }
    said = [note.partition(" with")[0] for note in run(tmp_path, files).notes]
    assert said == [
        "pharmacy_claim.claim_id: 2 rows",
        "pharmacy_claim.person_id: 3 rows",
        "eligibility.enrollment_end_date: 1 row",
    ]


def test_every_warning_that_a_row_can_get_has_a_kind_of_note() -> None:
    of_values = {check for table in TABLES.values() for _, check, _ in warning_checks(table)}
    assert of_values | COLUMN_OF.keys() <= ROW_WARNINGS.keys()
    assert ROW_WARNINGS.keys() == OF_WARNINGS.keys()
    codes = [kind.code for kind in NOTE_KINDS]
    assert len(set(codes)) == len(codes)


# ---------------------------------------------------------------- whole runs


CONFIG = '[payer_aliases]\n"Cigna of Ohio" = "Cigna"\n'
FILES: dict[str, Content] = {
    f"{CLAIM}.csv": [
        *_claims(3),
        good(CLAIM, claim_id="P1", payer="Prairie Mutual"),
        good(CLAIM, claim_id="7002.0", ndc_code="123"),
    ],
    "eligibility.csv": [good("eligibility", member_id="0M")],
    "authorization.csv": [good("authorization", drug="glevec")],
}
CODES = [
    "payer_without_policy",
    "payers_without_place",
    "no_member_in_common",
    "many_malformed",
    "config_alias_unmatched",
    "made_a_number",
    "ndc_malformed",
    "drug_unknown",
]


@pytest.mark.slow
def test_the_notes_are_on_the_screen_in_json_in_the_manifest_and_on_the_page(
    tmp_path: Path, standing_server: dict[str, str]
) -> None:
    landing = write(tmp_path / "in", FILES)
    (tmp_path / "config.toml").write_text(CONFIG, encoding="utf-8")
    command = [
        *(Path(sys.executable).parent / "claims-audit", "run", "--input", landing),
        *("--output", tmp_path / "out", "--config", tmp_path / "config.toml"),
        *("--as-of", AS_OF.isoformat()),
    ]
    environment = os.environ | standing_server
    screen, printed = (
        subprocess.run(
            [*command, *more], check=True, capture_output=True, text=True, env=environment
        ).stdout
        for more in ((), ("--json",))
    )
    answer = json.loads(printed)
    folder = Path(answer["folder"])
    notes = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["notes"]
    page = unescape((folder / "summary.html").read_text(encoding="utf-8"))
    assert [note.rpartition(" (")[2].removesuffix(").") for note in notes] == CODES
    assert "Prairie Mutual: 1 line" in notes[0]
    assert answer["was_complete"] and answer["notes"] == notes
    assert [note for note in notes if f"note       {note}\n" not in screen] == []
    assert [note for note in notes if f"<li>{note}</li>" not in page] == []


@pytest.mark.slow
def test_a_night_on_which_nothing_was_audited_has_a_state_of_its_own(tmp_path: Path) -> None:
    rows = [good(CLAIM, ndc_code="00093104801"), good(CLAIM, dispensing_date="soon", claim_id="2")]
    landing = write(tmp_path / "in", {f"{CLAIM}.csv": rows * 10})
    config = tmp_path / "config.toml"
    config.write_text("max_error_rate = 1.0\n", encoding="utf-8")
    for level in ("full", "aggregate"):
        out = tmp_path / level
        summary = night(
            request_for(landing, out, out / "w", config=config, page=True, privacy=level)
        )
        assert summary.state == "Completed, nothing audited"
        assert summary.notes[0].endswith("(nothing_audited).")
        page = (summary.folder / "summary.html").read_text(encoding="utf-8")
        assert "nothing was audited" in page


@pytest.mark.slow
def test_privacy_levels_hide_payers_that_nobody_names_and_counts_of_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAIMS_AUDIT_PSEUDONYM_KEY", "a secret of this test, long enough to be one")
    landing = write(tmp_path / "in", FILES)
    config = tmp_path / "config.toml"
    config.write_text(CONFIG, encoding="utf-8")
    said = {}
    for level in ("pseudonymised", "aggregate"):
        out = tmp_path / level
        request = request_for(landing, out, out / "w", config=config, page=True, privacy=level)
        summary = night(request)
        assert "Prairie" not in str(published(summary.folder)) + str(summary)
        manifest = json.loads((summary.folder / "manifest.json").read_text(encoding="utf-8"))
        said[level] = [note.rpartition(" (")[2].removesuffix(").") for note in manifest["notes"]]
    assert said == {"pseudonymised": CODES, "aggregate": ["config_alias_unmatched"]}


@pytest.mark.slow
def test_the_nights_that_decide_a_note_are_in_the_run_id(tmp_path: Path) -> None:
    """The files are the same; only in one warehouse is one of them of an earlier night."""
    old: dict[str, Content] = {f"{CLAIM}_1.csv": _claims(1, daw_code="1")}
    new: dict[str, Content] = {f"{CLAIM}_2.csv": _claims(1, claim_id="2")}
    found = {}
    for name, loads in {
        "nightly": [(old, BEFORE), (new, AS_OF)],
        "at once": [(old | new, AS_OF)],
    }.items():
        base = tmp_path / name
        for number, (files, day) in enumerate(loads):
            landing = write(base / f"in{number}", files)
            found[name] = night(request_for(landing, base / "out", base / "w", day))
    assert any("column_no_longer_sent" in note for note in found["nightly"].notes)
    assert not any("column_no_longer_sent" in note for note in found["at once"].notes)
    assert found["nightly"].run_id != found["at once"].run_id

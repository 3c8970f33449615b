"""Policy files: documents need no code, and mistakes are refused with file, term and remedy."""

import csv
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from audit_rules import catalogue
from audit_rules.errors import PolicyRefused
from audit_rules.policy.language.kinds import KINDS
from audit_rules.policy.library import SHIPPED_POLICIES, load_policies
from audit_rules.policy.terms import TERM_KINDS
from audit_rules.reference.codes import load_reference
from audit_rules.rules import RULES
from tests.support.running import judged, planned


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """Two documents of the older kinds of term, with their code sets, in a folder of the test."""
    return shutil.copytree(Path(__file__).parent / "older_kinds", tmp_path / "policies")


def _write(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.mark.slow
def test_two_policies_of_the_older_kinds_need_no_code(older: Path, tmp_path: Path) -> None:
    extracts = tmp_path / "in"
    extracts.mkdir()
    fill = {
        "member_id": "A",
        "payer": "LAKESIDE",
        "dispensing_date": "2026-02-01",
        "days_supply": "30",
        "paid_amount": "6200.00",
    }
    within = {
        "claim_id": "1",
        "ndc_code": "00003-0852-22",
        "quantity": "30",
        "dispensing_channel": "retail",
    }
    above = {
        "claim_id": "2",
        "ndc_code": "00003085299",
        "quantity": "31",
        "dispensing_channel": "retail",
    }
    early = {
        "claim_id": "3",
        "ndc_code": "00003085299",
        "quantity": "31",
        "dispensing_date": "2025-06-30",
    }
    _write(
        extracts / "pharmacy_claim.csv",
        [fill | within, fill | above, fill | {"dispensing_channel": "retail"} | early],
    )
    infusion = {
        "member_id": "B",
        "payer": "Lakeside Health",
        "claim_line_number": "1",
        "hcpcs_code": "J9039",
        "paid_amount": "900.00",
    }
    infusion |= {"service_unit_quantity": "35", "claim_start_date": "2026-02-01"}
    covered = infusion | {"claim_id": "4", "diagnosis_code_1": "C9100"}
    other = infusion | {"claim_id": "5", "member_id": "C", "diagnosis_code_1": "E119"}
    _write(extracts / "medical_claim.csv", [covered, other])
    found = judged(planned(extracts, tmp_path / "out", policies=older)).exceptions
    rows = (
        found.filter(pl.col("rule_id").is_in(["QTY01", "DX01"]))
        .select("rule_id", "claim_id", "outcome", "amount_at_risk")
        .rows()
    )
    assert [(r, c, o, str(a)) for r, c, o, a in rows] == [
        ("DX01", "5", "records_request", "900.00"),
        ("QTY01", "2", "recover", "200.00"),
    ]


def test_the_catalogue_accounts_for_every_term_and_clause() -> None:
    library = load_policies()
    text = catalogue.audited_clauses(library, RULES, load_reference(library).ndc)
    for policy in library.policies:
        assert all(t.cite in text for t in policy.terms) and all(
            n.clause in text for n in policy.not_auditable
        )
        if policy.document.payer:
            assert policy.not_auditable


def test_every_kind_of_term_is_in_the_library() -> None:
    """Kinds that rules read; those of the policy language need no shipped document."""
    kinds = {type(t) for p in load_policies().policies for t in p.terms}
    assert kinds - set(KINDS) == set(TERM_KINDS)


def _base() -> str:
    return (SHIPPED_POLICIES / "cigna-imatinib-quantity.toml").read_text(encoding="utf-8")


def _replaced(pattern: str, by: str) -> Callable[[], str]:
    def text() -> str:
        base = _base()
        assert re.search(pattern, base, re.M), pattern
        return re.sub(pattern, by, base, count=1, flags=re.M)

    return text


LIMIT_400 = "cigna-imatinib-quantity.limit.400mg.retail"
MISTAKES: dict[str, tuple[Callable[[], str], tuple[str, ...]]] = {
    "unknown key in a term": (
        _replaced(r"^standard_days = 30$", "standard_days = 30\nstandrd_days = 30"),
        ("quantity_limit", "standrd_days", "Remove it"),
    ),
    "unknown key in the document": (
        _replaced(r"^payer = ", 'publisher = "x"\npayer = '),
        ("document", "publisher", "Remove it"),
    ),
    "unknown section": (
        lambda: _base() + '\n[[maximum_refills]]\nterm_id = "x"\n',
        ("maximum_refills", "no rule knows", "Known:"),
    ),
    "code validity of an earlier version": (
        lambda: _base() + '\n[[hcpcs_validity]]\nterm_id = "x"\n',
        ("hcpcs_validity", "Write [[coding]] with code, first_day and last_day instead."),
    ),
    "tablet strength of an earlier version": (
        lambda: _base() + '\n[[tablet_strength]]\nterm_id = "x"\n',
        ("tablet_strength", 'Write [[quantity]] with measure = "mg", below and'),
    ),
    "monitoring of an earlier version": (
        lambda: _base() + '\n[[monitoring]]\nterm_id = "x"\n',
        ("monitoring", "Write [[on_file]] with require"),
    ),
    "age limit of an earlier version": (
        lambda: _base() + '\n[[age_limit]]\nterm_id = "x"\n',
        ("age_limit", "Write [[who]] with age"),
    ),
    "missing citation": (
        _replaced(r"^cite = .*400 mg.*$", ""),
        ("cite", "Field required", "Add it"),
    ),
    "empty citation": (
        _replaced(r"^cite = .*400 mg.*$", 'cite = ""'),
        ("cite", "Correct the value"),
    ),
    "unknown basis": (
        _replaced(r'^basis = "review_date"$', 'basis = "hearsay"'),
        ("basis", "Correct the value"),
    ),
    "impossible date": (
        _replaced(r"^effective_from = 2023-12-13$", "effective_from = 2023-02-30"),
        ("TOML", "Fix the file"),
    ),
    "end before start": (
        _replaced(
            r"^effective_from = 2023-12-13\n(?=cite = .*400 mg)",
            "effective_from = 2023-12-13\neffective_to = 2023-12-13\n",
        ),
        ("effective_to must be later",),
    ),
    "term before the document": (
        _replaced(
            r"^effective_from = 2023-12-13\n(?=cite = .*400 mg)", "effective_from = 2020-01-01\n"
        ),
        ("begins before the document",),
    ),
    "negative limit": (
        _replaced(r"^limit = 60$", "limit = -60"),
        ("limit", "greater than 0", "Correct the value"),
    ),
    "limit as text": (
        _replaced(r"^limit = 60$", 'limit = "sixty"'),
        ("limit", "Correct the value"),
    ),
    "unknown channel": (
        _replaced(r'^channel = "retail"$', 'channel = "drive_through"'),
        ("channel", "Correct the value"),
    ),
    "assumption about nothing": (
        _replaced(r"^limit = 60$", 'limit = 60\nassumed = { window = "ours" }'),
        ("assumed", "does not have"),
    ),
    "two terms of one id": (
        _replaced(
            r'term_id = "cigna-imatinib-quantity.limit.400mg.retail"',
            'term_id = "cigna-imatinib-quantity.limit.100mg.retail"',
        ),
        ("term_id is also in",),
    ),
    "overlapping intervals": (
        _replaced(r"^strength_mg = 400$", "strength_mg = 100"),
        ("overlaps", "effective_to"),
    ),
    "no version": (_replaced(r"^\[\[version\]\]\n(.+\n)+", ""), ("versions must be there",)),
    "payer without drug": (
        lambda: re.sub(r"\[\[(products|quantity)\]\]\n(.+\n)+", "", _base()).replace(
            'drug = "imatinib"\n', ""
        ),
        ("has a payer", "name its drug"),
    ),
    "no document": (_replaced(r"^\[document\]\n(.+\n)+", ""), ("document",)),
    "a table where an array belongs": (
        lambda: _base().replace("[[version]]", "[version]"),
        ("version", "array of tables"),
    ),
    "not TOML": (lambda: "document = [", ("not readable as TOML",)),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_bad_policy_file_is_refused_with_file_and_remedy(mistake: str, tmp_path: Path) -> None:
    text, words = MISTAKES[mistake]
    (tmp_path / "cigna-imatinib-quantity.toml").write_text(text(), encoding="utf-8")
    with pytest.raises(PolicyRefused) as refused:
        load_reference(load_policies(tmp_path), tmp_path)
    message = str(refused.value)
    assert message.startswith("cigna-imatinib-quantity.toml: ")
    for word in words:
        assert word in message, message
    assert refused.value.exit_code == 6


CODE_MISTAKES = {
    "impossible code": ('codes = ["C91.00"]', 'codes = ["91.00"]', "not an ICD-10-CM code"),
    "code without its dot": ('codes = ["C91.00"]', 'codes = ["C9100"]', "not an ICD-10-CM code"),
    "codes without standing": (
        'standing = "listed"\n',
        "",
        "either codes with a standing, or a code_set",
    ),
    "code set that is not there": (
        'standing = "listed"\ncodes = ["C91.00"]',
        'code_set = "nowhere.csv"',
        "no code set nowhere.csv",
    ),
    "unknown standing": ('standing = "listed"', 'standing = "likely"', "standing"),
}


@pytest.mark.parametrize("mistake", CODE_MISTAKES)
def test_a_bad_code_list_is_refused(mistake: str, tmp_path: Path) -> None:
    good = """[document]
id = "x-y"
title = "X on Y"
payer = "x"
drug = "y"
[[version]]
effective_from = 2025-01-01
basis = "stated"
cite = "page 1"
[[diagnosis_codes]]
term_id = "x-y.codes"
effective_from = 2025-01-01
cite = "page 2"
basis = "stated"
standing = "listed"
codes = ["C91.00"]
"""
    (tmp_path / "x.toml").write_text(good, encoding="utf-8")
    load_reference(load_policies(tmp_path), tmp_path)
    old, new, words = CODE_MISTAKES[mistake]
    assert old in good
    (tmp_path / "x.toml").write_text(good.replace(old, new), encoding="utf-8")
    with pytest.raises(PolicyRefused, match=re.escape(words)):
        load_reference(load_policies(tmp_path), tmp_path)


CSV_MISTAKES = {
    "ndc of ten digits": (
        "ndc_x.csv",
        "ndc11,ingredient,product,strength_mg,form,audited\n0000308522,x,brand,100,tablet,true\n",
        "11 digits",
    ),
    "ndc without a column": ("ndc_x.csv", "ndc11,ingredient\n00003085222,x\n", "no column product"),
    "unknown role": ("drug_codes_x.csv", "hcpcs,drug,role\nJ9039,x,hero\n", "unknown role"),
}


@pytest.mark.parametrize("mistake", CSV_MISTAKES)
def test_a_bad_code_set_is_refused(mistake: str, tmp_path: Path, older: Path) -> None:
    name, text, words = CSV_MISTAKES[mistake]
    (older / name).write_text(text, encoding="utf-8")
    with pytest.raises(PolicyRefused, match=words):
        load_reference(load_policies(older), older)


def test_a_payer_name_belongs_to_one_payer(older: Path) -> None:
    path = older / "lakeside-blinatumomab.toml"
    path.write_text(
        path.read_text().replace(
            'payer = "lakeside"', 'payer = "hillside"\npayer_names = ["LAKESIDE"]'
        )
    )
    with pytest.raises(PolicyRefused, match="belongs to two payers"):
        load_policies(older)

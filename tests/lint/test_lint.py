"""Lint: every check finds its defect in a tiny policy and nothing in its neighbour."""

import hashlib
import json
import tomllib
from datetime import date, timedelta
from pathlib import Path

import pytest

from audit_rules.errors import PolicyRefused
from audit_rules.lint.labels import Labels
from audit_rules.lint.run import CHECKS, Defect, as_json, as_text, has_errors, lint
from audit_rules.policy.document import read_policy_file
from audit_rules.policy.library import load_policies, read_policy_files
from audit_rules.policy.statements import written_codes
from audit_rules.reference.code_sets import SHIPPED_CODE_SETS as CODE_SETS
from audit_rules.reference.icd10cm import load_icd10cm
from tests.support.guide import guide_files
from tests.support.policy_schema import errors_of_text

TODAY = date(2026, 6, 30)

CLEAN = """
[document]
id = "lakeside-drug"
title = "Lakeside Health, Drug Coverage"
payer = "lakeside"
drug = "blinatumomab"
approved_on = 2025-06-15
next_review = 2026-07-01
sections = ["Coverage criteria", "Coding information"]

[[version]]
effective_from = 2025-07-01
basis = "stated"
cite = "Page 1, effective date"

[[diagnosis_coverage]]
term_id = "lakeside-drug.diagnosis"
effective_from = 2025-07-01
cite = "Section 3, covered diagnoses"
basis = "stated"
lookback_days = 180
lookahead_days = 0

[[diagnosis_codes]]
term_id = "lakeside-drug.codes"
effective_from = 2025-07-01
cite = "Section 3, table"
basis = "stated"
standing = "listed"
codes = ["C91.00", "C91.01", "C91.02"]
indication = "acute lymphoblastic leukemia"

[[who]]
term_id = "lakeside-drug.age"
effective_from = 2025-07-01
cite = "Section 2"
basis = "stated"
age = { from = "18 years" }
finding = { outcome = "review" }

[[coding]]
term_id = "lakeside-drug.hcpcs"
effective_from = 2025-07-01
cite = "Section 5"
basis = "stated"
code = "J9039"
first_day = 2016-01-01
finding = { outcome = "review" }

[[not_auditable]]
clause = "Section 2: a prescriber may ask for more"
why = "the request is not on claims"
"""

TABLE = """
[[coding_row]]
codes = "C91.00-C91.02"
label = "Acute lymphoblastic leukemia (ALL)"
cite = "Coding information, row 1"

[[coding_row]]
codes = "J9039"
system = "hcpcs"
cite = "Coding information, row 2"

[[indication]]
name = "relapsed or refractory B-cell precursor acute lymphoblastic leukemia"
minimum_age = 18
cite = "Coverage criteria, 1"

[[indication]]
name = "pediatric acute lymphoblastic leukemia"
minimum_age = 1
cite = "Coverage criteria, 2"

[[statement]]
subject = "Age"
says = "from 1 year"
cite = "Coverage criteria, 2"

[[statement]]
subject = "age"
says = "From 1 year."
cite = "Overview"

[[supply_statement]]
quantity = 60
strength_mg = 400
daily_mg = 800
days = 30
cite = "Footnote a"

[[inducer_statement]]
strength = "strong"
ingredients = ["rifampin", "phenytoin"]
cite = "Note"

[[cross_reference]]
to = "coding information"
kind = "section"
cite = "Instructions"

[[cross_reference]]
to = "Oncology - Imatinib Drug Quantity Management Policy"
kind = "document"
cite = "Instructions"
"""
LISTED = 'codes = ["C91.00", "C91.01", "C91.02"]'
INDICATION = 'indication = "acute lymphoblastic leukemia"'


def found(tmp_path: Path, text: str, today: date = TODAY) -> list[Defect]:
    path = tmp_path / "lakeside.toml"
    path.write_text(text, encoding="utf-8")
    return lint([read_policy_file(path)], today)


def changed(old: str, new: str, text: str = CLEAN) -> str:
    assert text.count(old) == 1, old
    return text.replace(old, new)


def codes_listed(codes: str, indication: str | None) -> str:
    """The clean policy with other codes."""
    text = changed(LISTED, f"codes = {json.dumps(codes.split())}")
    return changed(INDICATION, f'indication = "{indication}"' if indication else "", text)


def row(codes: str, label: str, more: str = "") -> str:
    """The clean policy with one row of a code table."""
    return (
        CLEAN
        + f'\n[[coding_row]]\ncodes = "{codes}"\nlabel = "{label}"\ncite = "Table, row 1"\n{more}\n'
    )


def indication(name: str, more: str = "") -> str:
    return f'\n[[indication]]\nname = "{name}"\ncite = "Criteria, 1"\n{more}\n'


# ---------------------------------------------------------------- clean files


def test_a_clean_policy_has_no_finding(tmp_path: Path) -> None:
    assert found(tmp_path, CLEAN) == []


def test_a_clean_policy_that_states_everything_has_no_finding(tmp_path: Path) -> None:
    assert found(tmp_path, CLEAN + TABLE) == []
    assert errors_of_text(CLEAN + TABLE) == []


def test_the_policies_of_the_guide_have_no_finding(tmp_path: Path) -> None:
    folders = guide_files(tmp_path)
    assert len(folders) == 5
    for folder in folders:
        assert lint(read_policy_files([folder]), TODAY) == []


SENSIBLE = [
    ("C34.90 C34.91 C34.92", "Non-small cell lung cancer (NSCLC)"),
    ("C50.911 C50.912 C50.919", "Metastatic breast cancer"),
    ("C83.30", "relapsed non-Hodgkin lymphoma, other than follicular"),
    ("C92.10 C92.11 C92.12", "Ph+ CML"),
    ("C49.A1 C49.A2 C49.A3 C49.A4 C49.A5 C49.A9 C49.A0", "GIST"),
    ("C44.09", "Dermatofibrosarcoma protuberans (DFSP)"),
    ("C83.390 C83.398", "DLBCL of the brain"),
    ("C81.90", "cHL"),
    ("D89.811", "Hematopoietic cell transplantation"),
    ("E11.65", "Type 2 diabetes mellitus with hyperglycemia"),
    ("L40.50", "psoriatic arthritis"),
    ("M05.79", "active RA"),
    ("D75.81", "Myelofibrosis"),
    ("K50.90", "IBD"),
    ("C22.0", "hepatocellular carcinoma"),
    ("D66", "Hemophilia A"),
    ("C09.9", "head and neck squamous cell carcinoma"),
    ("G12.0", "SMA"),
    ("H35.3210", "wet AMD"),
    ("M80.08XA", "osteoporosis"),
    ("J45.50", "severe eosinophilic asthma"),
    ("H30.001", "uveitis"),
    ("E78.010 E78.011", "familial hypercholesterolemia"),
    ("C50.911", "triple-negative breast cancer"),
    ("E85.81", "AL amyloidosis"),
    ("C18.9", "Colorectal cancer"),
    ("C90.00 C90.01 C90.02", "Multiple myeloma"),
    ("I27.20", "Pulmonary arterial hypertension"),
]


@pytest.mark.parametrize(("codes", "label"), SENSIBLE, ids=[label for _, label in SENSIBLE])
def test_a_sensible_label_is_not_a_mismatch(codes: str, label: str, tmp_path: Path) -> None:
    assert [
        f for f in found(tmp_path, codes_listed(codes, label)) if f.check == "label_mismatch"
    ] == []


# ---------------------------------------------------------------- one defect each, and a neighbour

CITED = '"Section 3, table"'
EARLIER = ("effective_from = 2025-07-01\nbasis", "effective_from = 2022-01-01\nbasis")
SECOND_ROW = '[[coding_row]]\ncodes = "C91.00-C91.02"\nlabel = "{}"\ncite = "Table, row 2"\n'
SECOND_VERSION = (
    '[[version]]\neffective_from = {}\nbasis = "stated"\ncite = "Page 2"\n\n[[diagnosis_coverage]]'
)
FULL = CLEAN + TABLE
ALL = "acute lymphoblastic leukemia"
LBL = "lymphoblastic lymphoma"
DIGITS = " ".join(f"C83.5{n}" for n in range(10))


def sooner(text: str) -> str:
    """A document of 2022."""
    return text.replace(*EARLIER, 1)


def leaves(headers: str) -> str:
    """Every billable code below some headers."""
    icd = load_icd10cm()
    return " ".join(c for h in headers.split() for c in icd.below(h) if icd.billable(c, TODAY))


def full(old: str, new: str) -> str:
    return changed(old, new, FULL)


Pair = tuple[str, str, str, str]
CODES: dict[str, Pair] = {
    # name: check, code, the policy with the defect, the neighbour without it
    "header": (
        "header_code",
        "C91.0",
        codes_listed("C91.0", ALL),
        changed(LISTED, 'codes = ["C91.0"]\nwith_children = true'),
    ),
    "header in a table": ("header_code", "C91.0", row("C91.0", "ALL"), row("C91.0-", "ALL")),
    "header at the head of a range": (
        "header_code",
        "C94.8",
        row("C94.8-C94.82", "leukemia"),
        row("C94.80-C94.82", "leukemia"),
    ),
    "header since a year": (
        "header_code",
        "D48.1",
        row("D48.1", "desmoid tumor"),
        sooner(
            row("D48.1", "desmoid tumor", "effective_from = 2023-01-01\neffective_to = 2023-10-01")
        ),
    ),
    "header in a range of leaves": (
        "header_code",
        "C91.0",
        row("C91.0-C91.02", "ALL"),
        row("C91.0-C91.1", "lymphoid leukemia"),
    ),
    "unknown code": (
        "unknown_code",
        "C91.07",
        row("C91.00-C91.02, C91.07", "ALL"),
        row("C91.00-C91.02", "ALL"),
    ),
    "unknown code of a term": (
        "unknown_code",
        "C91.07",
        codes_listed("C91.00 C91.01 C91.02 C91.07", ALL),
        codes_listed("C91.00 C91.01 C91.02", ALL),
    ),
    "range backwards": (
        "range_reversed",
        "C91.02-C91.00",
        row("C91.02-C91.00", "ALL"),
        row("C91.00 - C91.02", "ALL"),
    ),
    "deleted code": (
        "code_not_in_force",
        "T40.4X1A",
        row("T40.4X1A", "poisoning by narcotics"),
        row("T40.411A", "poisoning by fentanyl"),
    ),
    "code younger than its document": (
        "code_younger_than_document",
        "C83.5A",
        sooner(row("C83.5A", LBL, "effective_from = 2024-09-30")),
        sooner(row("C83.5A", LBL, "effective_from = 2024-10-01")),
    ),
    "range before a letter": (
        "range_stops_before_letter",
        "C81.10\N{EN DASH}C81.19",
        row("C81.10\N{EN DASH}C81.19", "Nodular sclerosis"),
        row("C81.10-C81.19, C81.1A", "Nodular sclerosis"),
    ),
    "listed codes before a letter": (
        "range_stops_before_letter",
        "C83.50-C83.59",
        codes_listed(DIGITS, LBL),
        codes_listed(f"{DIGITS} C83.5A", LBL),
    ),
    "letter of another kind": (
        "range_stops_before_letter",
        "E11.0-E11.9",
        row("E11.0-E11.9", "Type 2 diabetes"),
        row("C49.0-C49.9", "soft tissue sarcoma"),
    ),
    "letters only": (
        "range_stops_before_letter",
        "C82.00-C82.09",
        row("C82.00-C82.09", "follicular lymphoma"),
        codes_listed("G35.A", "relapsing-remitting multiple sclerosis"),
    ),
    "one sibling left out": (
        "siblings_left_out",
        "C91.00",
        codes_listed("C91.00 C91.02", ALL),
        codes_listed("C91.02", f"{ALL} in relapse"),
    ),
    "only the unspecified code": (
        "siblings_left_out",
        "C46.9",
        codes_listed("C46.9", "Kaposi sarcoma"),
        codes_listed("C46.0", "Kaposi's sarcoma of the skin"),
    ),
    "all but other kinds": (
        "siblings_left_out",
        "C90.00",
        codes_listed("C90.00 C90.02", "Multiple myeloma"),
        codes_listed("G12.0 G12.1", "spinal muscular atrophy"),
    ),
    "one kind among others": (
        "siblings_left_out",
        "M06.9",
        codes_listed("M06.9", "rheumatoid arthritis"),
        codes_listed("C22.0", "hepatocellular carcinoma"),
    ),
    "one side of two": (
        "siblings_left_out",
        "C50.911",
        codes_listed("C50.911", "breast cancer"),
        codes_listed("M80.08XA", "age-related osteoporosis"),
    ),
    "one form of several": (
        "siblings_left_out",
        "D57.1",
        codes_listed(leaves("D57.0 D57.1 D57.2 D57.8"), "sickle cell disease"),
        codes_listed(leaves("D57.0 D57.1 D57.2 D57.4 D57.8"), "sickle cell disease"),
    ),
    "siblings without their header": (
        "siblings_left_out",
        "C91.00",
        codes_listed("C91.00 C91.02", ALL),
        codes_listed("C91.0 C91.00 C91.02", ALL),
    ),
    "unspecified, no label": (
        "siblings_left_out",
        "C43.9",
        codes_listed("C43.9", None),
        codes_listed("C43.4", None),
    ),
    "label of another disease": (
        "label_mismatch",
        "D47.2",
        codes_listed("D47.2", "systemic mastocytosis"),
        codes_listed("D47.02", "systemic mastocytosis"),
    ),
    "label of a neighbour": (
        "label_mismatch",
        "C83.50-C83.5A",
        row("C83.50-C83.5A", "Diffuse large B-cell lymphoma (DLBCL)"),
        row("C83.30-C83.3A", "Diffuse large B-cell lymphoma (DLBCL)"),
    ),
    "label of a code in its category": (
        "label_mismatch",
        "C92.00",
        codes_listed("C92.00", "chronic myeloid leukemia"),
        codes_listed("C92.10", "chronic myeloid leukemia"),
    ),
    "acronym of another disease": (
        "label_mismatch",
        "C91.10-C91.12",
        row("C91.10-C91.12", "CML"),
        row("C92.10-C92.12", "CML"),
    ),
    "one code under two labels": (
        "code_under_two_indications",
        "C91.00-C91.02",
        row("C91.0-", "ALL") + SECOND_ROW.format("tyrosine kinase fusions"),
        row("C91.0-", "ALL") + SECOND_ROW.format("pediatric ALL"),
    ),
    "one code that means both": (
        "code_under_two_indications",
        "C91.00-C91.02",
        row("C91.0-", "ALL") + SECOND_ROW.format("myelofibrosis"),
        row("C91.0-", "ALL") + SECOND_ROW.format("lymphoid leukemia"),
    ),
    "one code under two labels at one time": (
        "code_under_two_indications",
        "C91.00-C91.02",
        row("C91.0-", "ALL") + SECOND_ROW.format("myelofibrosis"),
        row("C91.0-", "ALL", "effective_to = 2025-12-01")
        + SECOND_ROW.format("myelofibrosis")
        + "effective_from = 2025-12-01\n",
    ),
    "no criterion": (
        "code_without_criterion",
        "C92.00-C92.02",
        row("C92.00-C92.02", "Acute myeloid leukemia") + indication(ALL),
        row("C90.00-C90.02", "Multiple myeloma", 'serves = ["plasma cell disease"]')
        + indication("plasma cell disease"),
    ),
    "criterion that is not there": (
        "code_without_criterion",
        "C91.00-C91.02",
        row("C91.00-C91.02", "ALL", 'serves = ["lymphoma"]') + indication(ALL),
        row("C91.00-C91.02", "ALL")
        + indication("CD22-positive B-cell precursor acute lymphoblastic leukemia"),
    ),
    "no code": (
        "indication_without_code",
        "chronic myeloid leukemia",
        CLEAN + indication("chronic myeloid leukemia") + indication(ALL),
        CLEAN + indication(ALL),
    ),
    "criteria without codes": (
        "criteria_without_codes",
        "",
        changed('standing = "listed"', 'standing = "criteria"'),
        CLEAN,
    ),
}
TEXTS: dict[str, Pair] = {
    "children as adults": (
        "adult_age_for_children",
        "18",
        CLEAN + indication("pediatric ALL", "minimum_age = 18"),
        CLEAN + indication("adult ALL", "minimum_age = 18"),
    ),
    "contradiction": ("contradiction", "", full("From 1 year.", "adults only"), FULL),
    "days that do not follow": ("days_do_not_follow", "60", full("days = 30", "days = 90"), FULL),
    "a day too many": (
        "days_do_not_follow",
        "60",
        full("days = 30", "days = 31"),
        full("days = 30", "days = 30.5"),
    ),
    "inducers of another class": (
        "inducer_class",
        "phenobarbital",
        full('"phenytoin"', '"phenobarbital"'),
        full('"phenytoin"', '"an unheard-of one"'),
    ),
    "section that is not there": (
        "reference_not_there",
        "Dosage",
        full('to = "coding information"', 'to = "Dosage"'),
        FULL,
    ),
    "section, and headings known": (
        "reference_not_there",
        "Dosage",
        full('to = "coding information"', 'to = "Dosage"'),
        changed(
            'sections = ["Coverage criteria", "Coding information"]',
            "",
            full('to = "coding information"', 'to = "Dosage"'),
        ),
    ),
    "document that is not available": (
        "reference_not_there",
        "Prior Authorization",
        full("Oncology - Imatinib Drug Quantity Management Policy", "Prior Authorization"),
        FULL,
    ),
    "planning code": (
        "planning_code",
        "S0353",
        full('codes = "J9039"', 'codes = "J9039, S0353"'),
        FULL,
    ),
    "review passed": (
        "review_passed",
        "2026-06-29",
        changed("next_review = 2026-07-01", "next_review = 2026-06-29"),
        changed("next_review = 2026-07-01", "next_review = 2026-06-30"),
    ),
    "review of the version passed": (
        "review_passed",
        "2026-01-31",
        changed("next_review = 2026-07-01\n", "").replace(
            'date"\n', 'date"\nreviewed_through = 2026-01-31\n', 1
        ),
        changed("next_review = 2026-07-01\n", "").replace(
            'date"\n', 'date"\nreviewed_through = 2027-01-31\n', 1
        ),
    ),
    "only review dates": (
        "only_review_dates",
        "",
        CLEAN.replace('"stated"', '"review_date"', 1),
        CLEAN,
    ),
    "no citation": ("term_without_citation", "", changed(f"cite = {CITED}\n", ""), CLEAN),
    "empty citation": ("term_without_citation", "", changed(CITED, '"   "'), CLEAN),
    "citation to come": ("term_without_citation", "", changed(CITED, '"T.B.D."'), CLEAN),
    "clause left out": (
        "term_without_citation",
        "",
        changed('clause = "Section 2: a prescriber may ask for more"\n', ""),
        CLEAN,
    ),
    "version without citation": (
        "term_without_citation",
        "",
        changed('cite = "Page 1, effective date"\n', ""),
        CLEAN,
    ),
    "row without citation": (
        "term_without_citation",
        "",
        full('cite = "Coding information, row 1"\n', ""),
        FULL,
    ),
    "approved after it took effect": (
        "dates_out_of_order",
        "2025-07-02",
        changed("approved_on = 2025-06-15", "approved_on = 2025-07-02"),
        changed("approved_on = 2025-06-15", "approved_on = 2025-07-01"),
    ),
    "review before it took effect": (
        "dates_out_of_order",
        "2024-07-01",
        changed("next_review = 2026-07-01", "next_review = 2024-07-01"),
        changed("next_review = 2026-07-01", "next_review = 2025-07-01"),
    ),
    "ends before it begins": (
        "dates_out_of_order",
        "2025-07-01",
        changed(f"cite = {CITED}", f"effective_to = 2025-07-01\ncite = {CITED}"),
        changed(f"cite = {CITED}", f"effective_to = 2026-07-01\ncite = {CITED}"),
    ),
    "code ends before it begins": (
        "dates_out_of_order",
        "2015-12-31",
        changed("first_day = 2016-01-01", "first_day = 2016-01-01\nlast_day = 2015-12-31"),
        changed("first_day = 2016-01-01", "first_day = 2016-01-01\nlast_day = 2026-12-31"),
    ),
    "code that ends the day before": (
        "dates_out_of_order",
        "2015-12-31",
        changed("first_day = 2016-01-01", "first_day = 2016-01-01\nlast_day = 2015-12-31"),
        changed("first_day = 2016-01-01", "first_day = 2016-01-01\nlast_day = 2016-01-01"),
    ),
    "term before the document": (
        "dates_out_of_order",
        "2025-06-30",
        changed(
            f"effective_from = 2025-07-01\ncite = {CITED}",
            f"effective_from = 2025-06-30\ncite = {CITED}",
        ),
        CLEAN,
    ),
    "two versions of one day": (
        "dates_out_of_order",
        "2025-07-01",
        changed("[[diagnosis_coverage]]", SECOND_VERSION.format("2025-07-01")),
        CLEAN,
    ),
    "versions in the wrong order": (
        "dates_out_of_order",
        "2025-01-01",
        changed("[[diagnosis_coverage]]", SECOND_VERSION.format("2025-01-01")),
        changed("[[diagnosis_coverage]]", SECOND_VERSION.format("2026-01-01")),
    ),
}
DEFECTS = CODES | TEXTS


@pytest.mark.parametrize("name", DEFECTS)
def test_a_defect_is_found_and_its_neighbour_left_alone(name: str, tmp_path: Path) -> None:
    check, code, bad, good = DEFECTS[name]
    finding, *more = [f for f in found(tmp_path, bad) if f.check == check]
    assert (finding.code, more) == (code, [])
    assert (finding.file, finding.document) == ("lakeside.toml", "lakeside-drug")
    assert finding.cite and finding.message.endswith(".") and finding.remedy.endswith(".")
    assert [f for f in found(tmp_path, good) if f.check == check] == []


def test_every_check_has_a_defect_that_shows_it() -> None:
    shown = {check for check, *_ in DEFECTS.values()}
    assert {c.__name__ for c in CHECKS} <= shown


def test_a_review_before_the_document_is_reported_once(tmp_path: Path) -> None:
    text = changed("next_review = 2026-07-01", "next_review = 2024-07-01")
    assert [f.check for f in found(tmp_path, text)] == ["dates_out_of_order"]


def test_two_dates_and_a_citation_are_reported_together(tmp_path: Path) -> None:
    text = changed("approved_on = 2025-06-15", "approved_on = 2025-07-02")
    text = changed(f"cite = {CITED}", "effective_to = 2024-07-01", text)
    assert sorted(f.check for f in found(tmp_path, text)) == [
        "dates_out_of_order",
        "dates_out_of_order",
        "term_without_citation",
    ]


REFUSED = {
    "no TOML": "document = [",
    "unknown basis": changed('basis = "stated"\nlookback_days', 'basis = "hearsay"\nlookback_days'),
    "unknown section": CLEAN + "[[maximum_refills]]\n",
    "no code": CLEAN + '[[coding_row]]\ncodes = "leukemia"\ncite = "row 1"\n',
    "code set that is not there": (
        changed(LISTED, 'code_set = "nowhere.csv"').replace('standing = "listed"\n', "")
    ),
    "two terms of one id": changed('"lakeside-drug.age"', '"lakeside-drug.codes"'),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_cannot_be_loaded_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(PolicyRefused, match=r"^lakeside\.toml: "):
        found(tmp_path, REFUSED[name])


# ---------------------------------------------------------------- the shipped documents

EXPECTED = {
    ("bcbsnc-besponsa", "review_passed", "2021-11-30"),
    ("bcbsnc-besponsa", "criteria_without_codes", ""),
    ("bcbsnc-besponsa", "planning_code", "S0353, S0354"),
    ("bcbsnc-besponsa", "reference_not_there", "Investigational (Experimental) Services"),
    ("cigna-imatinib-brand", "only_review_dates", ""),
    (
        "cigna-imatinib-brand",
        "reference_not_there",
        "Oncology - Imatinib Products Prior Authorization Policy",
    ),
    ("cigna-imatinib-brand", "reference_not_there", "Coding information"),
    ("cigna-imatinib-quantity", "only_review_dates", ""),
    ("cigna-imatinib-quantity", "days_do_not_follow", "180"),
    ("cigna-imatinib-quantity", "days_do_not_follow", "60"),
    ("cigna-imatinib-quantity", "inducer_class", "dexamethasone, phenobarbital, rifabutin"),
    ("cigna-imatinib-quantity", "reference_not_there", "Coding information"),
    ("mmm-besponsa", "label_mismatch", "C83.50-C83.59"),
    ("mmm-besponsa", "range_stops_before_letter", "C83.50-C83.59"),
    ("mmm-besponsa", "code_without_criterion", "D46.A"),
    ("mmm-besponsa", "contradiction", ""),
    ("mmm-besponsa", "reference_not_there", "Dosage: Hepatic Function Impairment"),
    ("nanthealth-imatinib", "dates_out_of_order", "2024-12-21"),
    ("nanthealth-imatinib", "header_code", "C91.0"),
    ("nanthealth-imatinib", "header_code", "C94.8"),
    ("nanthealth-imatinib", "header_code", "C95.1"),
    ("nanthealth-imatinib", "header_code", "C49.2"),
    ("nanthealth-imatinib", "siblings_left_out", "C43.9"),
    ("nanthealth-imatinib", "siblings_left_out", "C46.9"),
    ("nanthealth-imatinib", "siblings_left_out", "C49.A0"),
    ("nanthealth-imatinib", "siblings_left_out", "D72.118"),
    ("nanthealth-imatinib", "label_mismatch", "D47.2"),
    ("nanthealth-imatinib", "label_mismatch", "C49.10-C49.12, C49.20-C49.22, C49.8-C49.9"),
    ("nanthealth-imatinib", "code_under_two_indications", "C94.8"),
    ("nanthealth-imatinib", "code_under_two_indications", "C49.20-C49.22"),
    ("nanthealth-imatinib", "indication_without_code", "chronic myeloid leukemia"),
    ("nanthealth-imatinib", "adult_age_for_children", "18"),
    ("nanthealth-imatinib", "contradiction", ""),
    ("nanthealth-imatinib", "silence_taken_as_absence", "acute lymphoblastic leukemia"),
}


@pytest.fixture(scope="module")
def shipped() -> list[Defect]:
    return lint(read_policy_files([]), TODAY)


def test_the_shipped_documents_have_these_defects_and_no_others(shipped: list[Defect]) -> None:
    assert {(f.document, f.check, f.code) for f in shipped} == EXPECTED
    assert has_errors(shipped)


def test_findings_come_in_one_order(shipped: list[Defect]) -> None:
    assert lint(read_policy_files([]), TODAY) == shipped
    assert list(dict.fromkeys(f.file for f in shipped)) == sorted({f.file for f in shipped})


def test_findings_can_be_read_by_people_and_programs(shipped: list[Defect]) -> None:
    assert [Defect(**row) for row in json.loads(as_json(shipped))] == shipped
    text = as_text(shipped)
    assert all(f.message in text and f.remedy in text and f.cite in text for f in shipped)
    assert as_text([]) == "No defects found." and json.loads(as_json([])) == []


def test_before_its_review_a_document_is_not_overdue() -> None:
    assert "review_passed" not in {f.check for f in lint(read_policy_files([]), date(2021, 11, 30))}


def test_every_row_and_indication_of_the_shipped_documents_is_cited() -> None:
    assert all(s.cite for p in load_policies().policies for s in p.stated)


# ---------------------------------------------------------------- what the checks rest on


def test_the_table_knows_headers_years_and_the_official_order() -> None:
    icd = load_icd10cm()
    assert icd.children("C83.5")[-2:] == ["C83.59", "C83.5A"]
    assert icd.between("C91.00", "C91.02") == ["C91.00", "C91.01", "C91.02"]
    assert icd.between("C94.8", "C94.8") == ["C94.8", "C94.80", "C94.81", "C94.82"]
    assert icd.between("C43", "C4A")[0] == "C43" and "C44" not in icd.between("C43", "C4A")
    assert icd.lineage("M80.08XA") == ["M80.08XA", "M80.08", "M80.0", "M80", "M80-M85"]
    assert icd.billable("B20", TODAY) and icd.lineage("C7A.00") == ["C7A.00", "C7A.0", "C7A"]
    assert [icd.there("C83.5A", d) for d in (date(2024, 9, 30), date(2024, 10, 1))] == [False, True]
    assert [icd.billable("D48.1", d) for d in (date(2023, 9, 30), date(2023, 10, 1))] == [
        True,
        False,
    ]
    assert not icd.billable("C91.0", TODAY) and all(
        icd.billable("C91.00", date(y, 1, 1)) for y in (1999, 2040)
    )


@pytest.mark.parametrize(
    ("code", "before", "since"),
    [
        ("C78.31", False, date(2026, 10, 1)),
        ("D69.1", True, date(2026, 10, 1)),
        ("Z68.19", False, date(2026, 10, 1)),
        ("Z28.3", True, date(2022, 4, 1)),
        ("Z28.310", False, date(2022, 4, 1)),
        ("U07.1", False, date(2020, 4, 1)),
        ("D48.19", False, date(2023, 10, 1)),
        ("A04.7", True, date(2017, 10, 1)),
    ],
)
def test_a_code_may_be_billed_on_the_days_of_its_releases_april_and_october_alike(
    code: str, before: bool, since: date
) -> None:
    icd = load_icd10cm()
    assert icd.billable(code, since - timedelta(1)) is before
    assert icd.billable(code, since) is not before
    if before:
        assert icd.header_since(code, since) == since
    else:
        assert [icd.there(code, d) for d in (since - timedelta(1), since)] == [False, True]


def test_a_change_of_an_edit_alone_ends_no_code() -> None:
    assert load_icd10cm().entries["F07.81"].billable == ((date.min, date.max),)


def test_the_october_2026_release_has_as_many_codes_as_its_addenda_count() -> None:
    icd = load_icd10cm()
    days = (date(2026, 9, 30), date(2026, 10, 1))
    assert [sum(icd.billable(c, d) for c in icd.entries) for d in days] == [74_719, 74_879]
    assert icd.title("D69.11") == "Glanzmann thrombasthenia" and icd.parent("D69.11") == "D69.1"
    assert icd.children("Z68.1") == ["Z68.18", "Z68.19"]


def test_a_table_cell_is_read_as_documents_write_it() -> None:
    cell = written_codes(
        "C83.50\N{EN DASH}C83.59, C9100; C95.10- C95.12, C50.-, E11* ,J45.2 to J45.3,"
    )
    assert [(w.first, w.last, w.with_children) for w in cell] == [
        ("C83.50", "C83.59", False),
        ("C91.00", "C91.00", False),
        ("C95.10", "C95.12", False),
        ("C50", "C50", True),
        ("E11", "E11", True),
        ("J45.2", "J45.3", False),
    ]
    for bad in ("", "leukemia", "C91.00-C91.01-C91.02", "C91.00000"):
        with pytest.raises(ValueError, match="neither a code"):
            written_codes(bad)


def test_a_title_always_fits_its_own_code() -> None:
    icd = load_icd10cm()
    labels = Labels(icd)
    some = [c for c in icd.entries if not icd.entries[c].is_block and c[0] in "CDL"][::37]
    assert len(some) > 100
    assert {
        c: labels.judge(icd.title(c), c).fit
        for c in some
        if labels.judge(icd.title(c), c).fit == "elsewhere"
    } == {}


def test_every_code_set_is_the_one_its_source_describes() -> None:
    sources = tomllib.loads((CODE_SETS / "SOURCES.toml").read_text(encoding="utf-8"))["source"]
    assert {s["file"] for s in sources} == {
        p.name for p in CODE_SETS.iterdir() if p.name != "SOURCES.toml"
    }
    for source in sources:
        assert (
            hashlib.sha256((CODE_SETS / source["file"]).read_bytes()).hexdigest()
            == source["sha256"]
        ), source["file"]

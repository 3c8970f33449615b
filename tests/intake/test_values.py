"""Real-life values: what each text is stored as, which are refused, which only get a warning.

A file has the texts of one column, one per row; all columns are read in one run.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from audit_rules.engine.dossier import compile_dossier
from schemas.formats import ICD9_TYPE
from tests.support.extracts import ANY_ERROR_RATE, IMATINIB, Ran, Row, good, run

NBSP = "\u00a0"
NOTHING = ("", " ", "\t", NBSP, f" {NBSP} ", "NULL", "null", "Null", " nULL ", f"{NBSP}NULL{NBSP}")
"""Texts that mean no value, in every column."""

DATES = {
    **{
        text: date(2026, 2, 8)
        for text in (
            "2026-02-08",
            "20260208",
            "20260208.0",
            " 2026-02-08 ",
            f"{NBSP}2026-02-08",
            "2026-02-08\t",
            "02/08/2026",
            "2/8/2026",
            "08-Feb-2026",
            "08-FEB-2026",  # a format listed in this run's config
        )
    },
    "2024-02-29": date(2024, 2, 29),
    "20240229": date(2024, 2, 29),
    "1900-01-02": date(1900, 1, 2),
    "2026-02-08 00:00:00": date(2026, 2, 8),
    "2026-02-08T23:30": date(2026, 2, 8),
    "2026-02-08 23:59:59.999999": date(2026, 2, 8),
    "2026-02-08T23:30:00Z": date(2026, 2, 8),
    "2026-02-08T00:30:00+05:30": date(2026, 2, 8),  # the day that it shows in its own zone
    "2026-02-08 23:30:00-0500": date(2026, 2, 8),
    "2026-02-08 23:30:00 UTC": date(2026, 2, 8),
    "2026-12-31": date(2026, 12, 31),
    "02/29/2024": date(2024, 2, 29),
}
NO_DATES = (
    "infinity",
    "-infinity",
    "Infinity",
    "epoch",
    "today",
    "now",
    "2026-02-30",
    "20260230",
    "2023-02-29",
    "20230229",
    "2026-13-01",
    "2026-00-10",
    "2026-01-00",
    "20261301",
    "2026-1-05",
    "2026-01-5",
    "2026-1-5",
    "2026-1-055",
    "2026-001-5",
    "26-01-05",
    "2026-01-05 24:00:00",
    "2026-01-05 10:60",
    "2026-01-05 10",
    "2026-02-30T00:00:00",
    "2026-01-05T00:00:00 noon",
    "2026-01-05Z",
    "2026/01/05",
    "2026.01.05",
    "05.01.2026",
    "2026 01 05",
    "13/01/2026",
    "02/30/2026",
    "02/08/26",
    "02/08/2026 10:00",
    "08-Foo-2026",
    "2026010",
    "202601051",
    "260105",
    "46027",
    "46027.0",
    "0",
    "-",
    "2026-01-05 BC",
    "10000-01-01",
    "2026-01-0a",
    "\uff12\uff10\uff12\uff16-01-05",
    "Jan 5, 2026",
)

AMOUNTS = {
    "10": "10.00",
    "10.": "10.00",
    "10.0": "10.00",
    "10.00": "10.00",
    "10.1": "10.10",
    "+10.00": "10.00",
    "-10.00": "-10.00",
    "-0.01": "-0.01",
    "0": "0.00",
    ".5": "0.50",
    "-.5": "-0.50",
    "0010.00": "10.00",
    " 10.00 ": "10.00",
    f"10.00{NBSP}": "10.00",
    "10.000": "10.00",
    "10.1000000": "10.10",
    "1e2": "100.00",
    "1.25E1": "12.50",
    "9999999999999.99": "9999999999999.99",
}
DUSTY_AMOUNTS = {
    "1018.0999999999999": "1018.10",
    "-1018.0999999999999": "-1018.10",
    "0.30000000000000004": "0.30",
    "10.0001": "10.00",
    "10.0099": "10.01",
    "9.9999": "10.00",
    "1e-5": "0.00",
    "2.67500000000001e2": "267.50",
}
"""Within 0.0001 of a whole cent: rounded, and counted."""
NO_AMOUNTS = (
    "10.005",
    "10.001",
    "10.004",
    "10.009",
    "-10.005",
    "10.00011",
    "10.0098",
    "1e-3",
    "1_000",
    "1,000",
    "1,000.00",
    "10,00",
    "1 000",
    "inf",
    "-inf",
    "Infinity",
    "nan",
    "NaN",
    "$10.00",
    "10.00 USD",
    "10.00-",
    "(10.00)",
    "--10",
    "+-1",
    "1e",
    "e2",
    "1e1.5",
    "0x10",
    "ten",
    "10.0.0",
    ".",
    "-",
    "+",
    "\uff11\uff10",
    "123456789012345678901",
    "1e30",
    "1e99",
    "1e999",
)

QUANTITIES = {
    "30": "30.000",
    "30.5": "30.500",
    "30.125": "30.125",
    "-30": "-30.000",
    "0": "0.000",
    ".5": "0.500",
    "30.": "30.000",
    "30.0000": "30.000",
    "1e1": "10.000",
    "29.999999999999996": "30.000",
    " 30 ": "30.000",
}
NO_QUANTITIES = (
    "1,5",
    "1_000",
    "1,000",
    "inf",
    "nan",
    "NaN",
    "thirty",
    "30 tablets",
    "30x",
    "0x1E",
    "1e30",
    "1/2",
    "½",
    ".",
)

INTEGERS = {
    "1": 1,
    "01": 1,
    "1.0": 1,
    "1.000": 1,
    "1.": 1,
    " 2 ": 2,
    "+3": 3,
    "1234567890123": 1234567890123,
}
NO_INTEGERS = (
    "1.5",
    "1.05",
    "0.9",
    "A",
    "1a",
    "1_0",
    "1,0",
    "1-2",
    "inf",
    "nan",
    "99999999999999999999",
    "0x1",
    ".",
)

NDCS = {
    "47335047281": "47335047281",
    "00078043815": "00078043815",
    "0078-0438-15": "00078043815",
    "47335-472-81": "47335047281",
    "00008-100-01": "00008010001",
    "47335-4728-1": "47335472801",
    "47335-0472-81": "47335047281",
    " 47335-472-81 ": "47335047281",
    "00000-0000-00": "00000000000",
}
MALFORMED_NDCS = (
    "4733504728",
    "473350472811",
    "0",
    "473350472AB",
    "ABCDEFGHIJK",
    "47335-472-8A",
    "0078-438-15",
    "47335-0472-8-1",
    "47335--47281",
    "47335-47281",
    "4733-50472-81",
    "47335-0472-81-",
    "-47335047281",
    "47335 0472 81",
)

ICDS = {
    "C92.10": "C92.10",
    "C9210": "C92.10",
    "c92.10": "C92.10",
    "c9210": "C92.10",
    "C92": "C92",
    "c92": "C92",
    "C910": "C91.0",
    "C83.5A": "C83.5A",
    "C835A": "C83.5A",
    "c835a": "C83.5A",
    "C7A00": "C7A.00",
    "c7a.00": "C7A.00",
    "D72118": "D72.118",
    "S72001A": "S72.001A",
    "s72.001a": "S72.001A",
    "U071": "U07.1",
    " C92.10 ": "C92.10",
    f"{NBSP}C9210": "C92.10",
}
MALFORMED_ICDS = (
    "92.10",
    "9210",
    "C9",
    "C",
    "C92.",
    "C92..1",
    "C921.0",
    "C92.1.0",
    "CC2.10",
    "C92.10000",
    "C92100000",
    "C92-10",
    "C92 10",
    "C92.1*",
    ".C92",
    "none",
    "not a code",
    "C92.10, C92.11",
)

NPIS = ("1234567893", "1003000126", " 1234567893 ")
MALFORMED_NPIS = (
    *(f"123456789{digit}" for digit in "012456789"),
    "2234567893",
    "0234567893",
    "9234567893",
    "123456789",
    "12345678933",
    "123456789X",
    "1234-567893",
)

HCPCS = {
    "J9229": "J9229",
    "j9229": "J9229",
    "99213": "99213",
    "0001t": "0001T",
    "38240": "38240",
    " s0088 ": "S0088",
}
MALFORMED_HCPCS = ("J922", "J92299", "JJ229", "9921", "992134", "J-9229", "J9229-JW", "99-13")
MODIFIERS = {"JW": "JW", "jz": "JZ", "25": "25", "x1": "X1", " jw ": "JW"}
MALFORMED_MODIFIERS = ("J", "JW1", "J-", "JW,JZ", "5")
TAXONOMIES = {"207RH0003X": "207RH0003X", "207rh0003x": "207RH0003X", "364SX0200X": "364SX0200X"}
MALFORMED_TAXONOMIES = ("207RH0003", "207RH0003Y", "207RH-003X", "oncology")

STATUSES = {
    "paid": "paid",
    "PAID": "paid",
    "Paid": "paid",
    "p": "paid",
    "P": "paid",
    "denied": "denied",
    "DENIED": "denied",
    "d": "denied",
    "D": "denied",
    "reversed": "reversed",
    "Reversed": "reversed",
    "r": "reversed",
    "R": "reversed",
    "x": "reversed",
    "X": "reversed",
    " R ": "reversed",
}
NO_STATUSES = ("void", "voided", "reversal", "pended", "1", "PD", "paid.", "A")
DECISIONS = {
    "approved": "approved",
    "APPROVED": "approved",
    "Denied": "denied",
    " pended ": "pended",
}
NO_DECISIONS = ("A", "approve", "cancelled", "pending", "void")
CHANNELS = {
    "retail": "retail",
    "RETAIL": "retail",
    "Home_Delivery": "home_delivery",
    " retail ": "retail",
}
OTHER_CHANNELS = ("mail", "home delivery", "home-delivery", "R", "specialty")
"""Any other word is unknown: null, with a warning."""

EVIDENCE_CODES = {
    text: text.strip().lower()
    for text in ("mrd", "MRD", "Mrd", " mrd ", "philadelphia", "PHILADELPHIA")
}
NO_EVIDENCE_CODES = ("remission", "bsa", "bcr_abl", "mrd.", "1")
EVIDENCE_VALUES = {
    ("response", "CR"): "CR",
    ("response", "cr"): "CR",
    ("response", "CRi"): "CRi",
    ("response", "CRI"): "CRi",
    ("response", "pr"): "PR",
    ("response", " NR "): "NR",
    ("RESPONSE", "Cr"): "CR",
    ("mrd", "Negative"): "negative",
    ("mrd", "POSITIVE"): "positive",
    ("philadelphia", "positive"): "positive",
    ("philadelphia", "Negative"): "negative",
    ("generic_trial", "Documented"): "documented",
    ("generic_trial", "ATTESTED"): "attested",
    ("formulation_intolerance", "documented"): "documented",
    ("formulation_intolerance", "attested"): "attested",
    ("hsct_planned", "YES"): "yes",
    ("hsct_planned", "no"): "no",
    ("relapsed_refractory", "Yes"): "yes",
    ("relapsed_refractory", "NO"): "no",
}
NO_EVIDENCE_VALUES = (
    ("response", "SD"),
    ("response", "complete"),
    ("response", "1"),
    ("mrd", "neg"),
    ("philadelphia", "+"),
    ("generic_trial", "yes"),
    ("formulation_intolerance", "yes"),
    ("hsct_planned", "Y"),
    ("relapsed_refractory", "true"),
    ("bsa_m2", "0"),
    ("bsa_m2", "0.0"),
    ("bsa_m2", "-1.8"),
    ("bsa_m2", "1,8"),
    ("bsa_m2", "1.8 m2"),
    ("bsa_m2", "inf"),
    ("bsa_m2", "nan"),
)

TEXTS = {
    "PPO": "PPO",
    " PPO ": "PPO",
    f"{NBSP}PPO{NBSP} ": "PPO",
    "\tPPO": "PPO",
    "PPO\n": "PPO",
    "a  b": "a  b",
    f"a{NBSP}b": f"a{NBSP}b",
    "nullable": "nullable",
    "nul": "nul",
    "N/A": "N/A",
    "None": "None",
    "0": "0",
    "007": "007",
    "1.0": "1.0",
    "-": "-",
    "'quoted'": "'quoted'",
    'in "quotes"': 'in "quotes"',
    "a,b": "a,b",
    "a\nb": "a\nb",
    "Größe": "Größe",
    "=1+1": "=1+1",
}
"""Free text stays as it is, without the whitespace around it."""
OPEN_WORDS = {
    "imatinib": "imatinib",
    "IMATINIB": "imatinib",
    " Inotuzumab ": "inotuzumab",
    "Aspirin": "aspirin",
}


@dataclass(frozen=True)
class Example:
    """One text in one column: what it is stored as, and the check it fails."""

    table: str
    column: str
    text: str
    stored: object = None
    error: str | None = None
    warning: str | None = None
    others: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return f"{self.table}.{self.column} = {self.text!r}"


def accepted(
    table: str, column: str, texts: dict[str, str], warning: str | None = None
) -> list[Example]:
    return [Example(table, column, text, stored, warning=warning) for text, stored in texts.items()]


def numbers(
    table: str, column: str, texts: dict[str, str], warning: str | None = None
) -> list[Example]:
    return [
        Example(table, column, text, Decimal(stored), warning=warning)
        for text, stored in texts.items()
    ]


def refused(table: str, column: str, texts: tuple[str, ...], check: str) -> list[Example]:
    return [Example(table, column, text, error=check) for text in texts]


def kept(table: str, column: str, texts: tuple[str, ...], check: str) -> list[Example]:
    """Malformed codes: accepted unchanged (in upper case), with a warning."""
    return [Example(table, column, text, text.upper(), warning=check) for text in texts]


EXAMPLES = (
    *[Example("eligibility", "birth_date", text, day) for text, day in DATES.items()],
    *refused("eligibility", "birth_date", NO_DATES, "date_does_not_parse"),
    *numbers("pharmacy_claim", "paid_amount", AMOUNTS),
    *numbers("pharmacy_claim", "paid_amount", DUSTY_AMOUNTS, "float_dust_rounded"),
    *refused("pharmacy_claim", "paid_amount", NO_AMOUNTS, "amount_does_not_parse"),
    *numbers("pharmacy_claim", "quantity", QUANTITIES),
    *refused("pharmacy_claim", "quantity", NO_QUANTITIES, "number_does_not_parse"),
    *[Example("medical_claim", "claim_line_number", text, n) for text, n in INTEGERS.items()],
    *refused("medical_claim", "claim_line_number", NO_INTEGERS, "number_does_not_parse"),
    *accepted("pharmacy_claim", "ndc_code", NDCS),
    *kept("pharmacy_claim", "ndc_code", MALFORMED_NDCS, "ndc_malformed"),
    *accepted("diagnosis", "diagnosis_code", ICDS),
    *kept("diagnosis", "diagnosis_code", MALFORMED_ICDS, "icd10cm_malformed"),
    *[Example("medical_claim", "rendering_npi", text, text.strip()) for text in NPIS],
    *kept("medical_claim", "rendering_npi", MALFORMED_NPIS, "npi_malformed"),
    *accepted("medical_claim", "hcpcs_code", HCPCS),
    *kept("medical_claim", "hcpcs_code", MALFORMED_HCPCS, "hcpcs_malformed"),
    *accepted("medical_claim", "hcpcs_modifier_5", MODIFIERS),
    *kept("medical_claim", "hcpcs_modifier_5", MALFORMED_MODIFIERS, "modifier_malformed"),
    *accepted("provider", "taxonomy_code", TAXONOMIES),
    *kept("provider", "taxonomy_code", MALFORMED_TAXONOMIES, "taxonomy_malformed"),
    *accepted("pharmacy_claim", "claim_status", STATUSES),
    *refused("pharmacy_claim", "claim_status", NO_STATUSES, "value_unknown"),
    *accepted("authorization", "status", DECISIONS),
    *refused("authorization", "status", NO_DECISIONS, "value_unknown"),
    *accepted("pharmacy_claim", "dispensing_channel", CHANNELS),
    *[
        Example("pharmacy_claim", "dispensing_channel", text, warning="value_unknown")
        for text in OTHER_CHANNELS
    ],
    *[
        Example(
            "clinical_evidence",
            "evidence_code",
            text,
            code,
            others=(("evidence_value", "positive"),),
        )
        for text, code in EVIDENCE_CODES.items()
    ],
    *[
        Example("clinical_evidence", "evidence_code", text, text, warning="value_unknown")
        for text in NO_EVIDENCE_CODES
    ],
    *[
        Example(
            "clinical_evidence", "evidence_value", text, stored, others=(("evidence_code", code),)
        )
        for (code, text), stored in EVIDENCE_VALUES.items()
    ],
    *[
        Example(
            "clinical_evidence",
            "evidence_value",
            text,
            error="value_unknown",
            others=(("evidence_code", code),),
        )
        for code, text in NO_EVIDENCE_VALUES
    ],
    *accepted("pharmacy_claim", "plan", TEXTS),
    *accepted("authorization", "drug", OPEN_WORDS),
    *accepted(
        "authorization", "product", {"Brand": "brand", "GENERIC": "generic", "other": "other"}
    ),
    *accepted("authorization", "override", {"CYP3A4_Inducer": "cyp3a4_inducer", "other": "other"}),
    *accepted(
        "pharmacy_claim",
        "payer",
        {" Cigna ": "Cigna", "CIGNA": "CIGNA", f"{NBSP}cigna": "cigna", "Nobody": "Nobody"},
    ),
    *[
        Example(table, column, text)
        for text in NOTHING
        for table, column in (
            ("eligibility", "birth_date"),
            ("pharmacy_claim", "paid_amount"),
            ("pharmacy_claim", "quantity"),
            ("pharmacy_claim", "ndc_code"),
            ("medical_claim", "hcpcs_code"),
            ("medical_claim", "diagnosis_code_1"),
            ("pharmacy_claim", "claim_status"),
            ("pharmacy_claim", "dispensing_channel"),
            ("pharmacy_claim", "plan"),
            ("medical_claim", "rendering_npi"),
            ("authorization", "product"),
            ("authorization", "override"),
        )
    ],
    *[
        a
        for text in NOTHING
        for a in (
            *refused("pharmacy_claim", "claim_id", (text,), "value_missing"),
            *refused("pharmacy_claim", "payer", (text,), "value_missing"),
            *refused("pharmacy_claim", "dispensing_date", (text,), "value_missing"),
            *refused("authorization", "end_date", (text,), "value_missing"),
            *refused("clinical_evidence", "evidence_value", (text,), "value_missing"),
        )
    ],
    *[Example("pharmacy_claim", "claim_line_number", text, 1) for text in NOTHING],
)
OF_REVERSALS = ("matched_by_content", "unmatched_reversal")
"""Warnings of final action about rows here that are reversals."""
OF_WORDS = ("drug_unknown", "product_unknown", "override_unknown")
"""Warnings about words of authorizations, which any text here is."""
DATE_FORMATS = 'date_formats = ["%m/%d/%Y", "%d-%b-%Y"]\n'


def file_of(example: Example) -> str:
    """Texts with a warning have a file of their own, so that the warnings can be counted."""
    return f"{example.table}_{example.column}{'_' + example.warning if example.warning else ''}.csv"


@dataclass(frozen=True)
class Together:
    """Every text in one run."""

    ran: Ran
    stored: dict[tuple[str, str, int], Row]
    failed: dict[tuple[str, int], set[tuple[str | None, str]]]
    places: dict[Example, tuple[str, int]]


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> Together:
    files: dict[str, list[Row]] = {}
    places = {}
    for example in EXAMPLES:
        rows = files.setdefault(file_of(example), [])
        row = good(example.table, **dict(example.others)) | {example.column: example.text}
        if "claim_id" in row and example.column != "claim_id":
            row["claim_id"] = f"{file_of(example)} {len(rows)}"
        rows.append(row)
        places[example] = (file_of(example), len(rows))
    ran = run(tmp_path_factory.mktemp("values"), files, config=ANY_ERROR_RATE + DATE_FORMATS)
    tables = {example.table for example in EXAMPLES}
    stored = {
        (t, str(row["file"]), int(str(row["row_number"]))): row
        for t in tables
        for row in ran.rows(t)
    }
    failed: dict[tuple[str, int], set[tuple[str | None, str]]] = {}
    for f in ran.quarantine:
        failed.setdefault((f.file, f.row_number), set()).add((f.column, f.check))
    return Together(ran, stored, failed, places)


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_a_text_is_stored_as_its_value_or_refused(together: Together, example: Example) -> None:
    place = together.places[example]
    found = together.failed.get(place, set())

    if example.error:
        assert (example.column, example.error) in found
    else:
        assert found == set()
        assert together.stored[example.table, *place][example.column] == example.stored


@pytest.mark.parametrize("file", sorted({file_of(a) for a in EXAMPLES}))
def test_every_warning_is_counted_and_nothing_else(together: Together, file: str) -> None:
    warned = [a for a in EXAMPLES if file_of(a) == file and a.warning]
    expected = [(warned[0].column, warned[0].warning, len(warned), 1)] if warned else []

    assert [
        (w.column, w.check, w.rows, w.first_row_number)
        for w in together.ran.warnings
        if w.file == file and w.check not in (*OF_REVERSALS, *OF_WORDS)
    ] == expected


def birth_dates(folder: Path, texts: list[str], config: str) -> list[object]:
    """What each text becomes; None if its row is quarantined."""
    rows = [good("eligibility", birth_date=text) for text in texts]
    ran = run(
        folder,
        {"pharmacy_claim.csv": [good("pharmacy_claim")], "eligibility.csv": rows},
        config=ANY_ERROR_RATE + config,
    )
    read = {row["row_number"]: row["birth_date"] for row in ran.rows("eligibility")}
    return [read.get(n) for n in range(1, len(texts) + 1)]


def test_without_a_config_two_date_formats_are_accepted(tmp_path: Path) -> None:
    assert birth_dates(tmp_path, ["2026-02-08", "20260208", "02/08/2026", "08-Feb-2026"], "") == [
        date(2026, 2, 8),
        date(2026, 2, 8),
        None,
        None,
    ]


def test_a_date_format_of_the_config_is_tried_after_the_two_default_ones(tmp_path: Path) -> None:
    """Even if a text looks like YYYYMMDD (02282026) or YYYY-MM-DD (2026-28-02) but is neither."""
    config = 'date_formats = ["%m%d%Y", "%Y-%d-%m", "%Y-%m-%d %H:%M:%S"]\n'

    assert (
        birth_dates(
            tmp_path,
            ["02282026", "2026-28-02", "2026-02-28 10:30:00", "2026-02-28", "20260228"],
            config,
        )
        == [date(2026, 2, 28)] * 5
    )


@pytest.mark.parametrize(
    "text",
    [
        "icd-9-cm",
        "ICD-9-CM",
        "ICD-9",
        "ICD9",
        "icd9cm",
        "ICD 9",
        "ICD_9",
        "ICD.9",
        "ICD-09",
        "ICD09",
        "9",
        "09",
        "9-CM",
        "ICD-IX",
        "ICD-9-PCS",
        "International Classification of Diseases, Ninth Revision",
        "ICD v9",
        "ICD version 9",
        "ICD-CM-9",
        "9th revision",
        "ICD nine",
    ],
)
def test_icd_9_is_recognised_in_any_spelling(text: str) -> None:
    assert pl.Series([text]).str.contains(ICD9_TYPE).all()


@pytest.mark.parametrize(
    "text",
    [
        "icd-10-cm",
        "ICD-10-CM",
        "ICD10",
        "icd-10-pcs",
        "ICD 10",
        "10",
        "0",
        "ABK",
        "ICD-X",
        "Tenth revision",
        "snomed",
        "unknown",
        "ICD-10-CM 2019",
        "ICD-10-CM FY19",
        "19",
    ],
)
def test_any_other_code_type_counts_as_icd_10_cm(text: str) -> None:
    assert not pl.Series([text]).str.contains(ICD9_TYPE).any()


def test_an_icd_9_diagnosis_is_not_evidence(tmp_path: Path) -> None:
    kinds = {"C92.10": "ICD-9-CM", "C92.11": "icd-10-pcs", "C92.12": ""}
    ran = run(
        tmp_path,
        {
            "pharmacy_claim.csv": [good("pharmacy_claim", ndc_code=IMATINIB)],
            "diagnosis.csv": [
                good("diagnosis", diagnosis_code=c, diagnosis_code_type=k) for c, k in kinds.items()
            ],
        },
    )
    dossier = compile_dossier(
        ran.extracted(), ran.plan.reference, ran.plan.default_supply_days, ran.plan.request.as_of
    )

    assert dossier.diagnoses.collect()["code"].to_list() == ["C92.11", "C92.12"]

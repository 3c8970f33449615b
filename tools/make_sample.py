"""Write the synthetic sample extracts: planted cases as literal rows, and clean rows around them.

Usage: python tools/make_sample.py [FOLDER]        (default: data/sample)

Nobody in these files exists. The same seed gives the same bytes. A claim id names its case;
data/README.md says what each case proves, and data/expected_exceptions.csv what four of the rules
must answer as of 2026-06-30.

Prices are planned, because a brand fill is priced by everyone's generic fills within 90 days: only
planted fills before 2025-07-01 are of generic tablets, and afterwards Cigna's 400 mg tablets cost
at most 30.00.
"""

import csv
import random
import sys
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

SEED = 20260630
DEFAULT = Path(__file__).resolve().parent.parent / "data" / "sample"

Row = dict[str, str]

COLUMNS: dict[str, list[str]] = {
    "medical_claim": [
        "claim_id",
        "claim_line_number",
        "person_id",
        "member_id",
        "payer",
        "plan",
        "claim_start_date",
        "claim_line_start_date",
        "hcpcs_code",
        "hcpcs_modifier_1",
        "ndc_code",
        "service_unit_quantity",
        "rendering_npi",
        "billing_npi",
        "place_of_service_code",
        "paid_amount",
        "paid_date",
        "diagnosis_code_type",
        "diagnosis_code_1",
        "diagnosis_code_2",
        "diagnosis_code_3",
        "diagnosis_code_12",
        "claim_status",
        "claim_frequency_code",
        "original_claim_id",
    ],
    "pharmacy_claim": [
        "claim_id",
        "claim_line_number",
        "person_id",
        "member_id",
        "payer",
        "plan",
        "prescribing_provider_npi",
        "dispensing_provider_npi",
        "dispensing_date",
        "ndc_code",
        "quantity",
        "days_supply",
        "paid_amount",
        "paid_date",
        "dispensing_fee",
        "dispensing_channel",
        "daw_code",
        "diagnosis_code",
        "claim_status",
        "claim_frequency_code",
        "original_claim_id",
    ],
    "diagnosis": [
        "claim_id",
        "person_id",
        "member_id",
        "diagnosis_code",
        "diagnosis_code_type",
        "diagnosis_rank",
        "diagnosis_date",
    ],
    "eligibility": [
        "person_id",
        "member_id",
        "birth_date",
        "death_date",
        "payer",
        "payer_type",
        "plan",
        "enrollment_start_date",
        "enrollment_end_date",
    ],
    "authorization": [
        "authorization_id",
        "person_id",
        "member_id",
        "payer",
        "drug",
        "product",
        "status",
        "start_date",
        "end_date",
        "override",
    ],
    "clinical_evidence": [
        "person_id",
        "member_id",
        "evidence_date",
        "evidence_code",
        "evidence_value",
        "source",
    ],
    "provider": [
        "npi",
        "taxonomy_code",
    ],
}

NANT, CIGNA, MMM, BCBSNC, PRAIRIE = (
    "NantHealth",
    "Cigna",
    "MMM",
    "BCBSNC",
    "Prairie Mutual",
)  # Prairie has no policy
RETAIL, HOME, UNKNOWN = "retail", "home_delivery", ""

GLEEVEC_400, GLEEVEC_100, GLEEVEC_CAPSULE = "00078064930", "00078040134", "00078037366"
GENERIC_400, GENERIC_100 = "47335047583", "47335047281"
BESPONSA, IMATINIB_SOLUTION = "00008-0100-01", "81927-201-01"
RIFAMPIN, TALICIA, HOMEOPATHIC_HYPERICUM = "68180065806", "57841115002", "37662169101"
METFORMIN = "00093104801"
OTHER_DRUGS = [METFORMIN, "68180098103", "00378395077", "16729-0044-10"]

ONCOLOGIST, HEMATOLOGIST, INTERNIST = "1000000012", "1000000020", "1000000038"
PHARMACY, MAIL_PHARMACY, HOSPITAL = "1000000046", "1000000053", "1000000061"
WRONG_CHECK_DIGIT = "1000000088"
TAXONOMIES = [
    (ONCOLOGIST, "207RX0202X"),
    (HEMATOLOGIST, "207R00000X"),
    (HEMATOLOGIST, "207RH0003X"),
    (INTERNIST, "207R00000X"),
    (PHARMACY, "3336C0003X"),
    (MAIL_PHARMACY, "3336M0002X"),
    (HOSPITAL, "282N00000X"),
]

NOT_IN_ELIGIBILITY = {"M3007"}


def later(day: str, days: int) -> str:
    """The date a number of days after an ISO date (with or without hyphens)."""
    return (date.fromisoformat(day) + timedelta(days=days)).isoformat()


def usual_name(payer: str) -> str:
    """The payer's name in the eligibility extract, whatever spelling a claim uses."""
    if payer.startswith("Blue Cross"):
        return BCBSNC
    return next(
        name
        for name in (NANT, CIGNA, MMM, BCBSNC, PRAIRIE)
        if payer.strip().lower().startswith(name.lower())
    )


@dataclass
class Sample:
    """The rows of the seven extracts, in the order they were planted."""

    tables: dict[str, list[Row]] = field(default_factory=lambda: {name: [] for name in COLUMNS})

    def add(self, table: str, **values: str) -> None:
        """Add a row; columns not given are empty."""
        self.tables[table].append({column: values.pop(column, "") for column in COLUMNS[table]})
        if values:
            raise KeyError(f"{table} has no columns {sorted(values)}")

    def repeat(self, table: str) -> None:
        """Add the last row once more: an exact duplicate."""
        self.tables[table].append(dict(self.tables[table][-1]))

    def fill(
        self,
        claim: str,
        member: str,
        payer: str,
        on: str,
        ndc: str,
        quantity: str,
        days: str,
        paid: str,
        channel: str = RETAIL,
        **more: str,
    ) -> None:
        """Add a pharmacy claim line, paid two weeks later unless `paid_date` says otherwise."""
        values = {
            "claim_id": claim,
            "claim_line_number": "1",
            "member_id": member,
            "payer": payer,
            "plan": "PPO",
            "prescribing_provider_npi": ONCOLOGIST,
            "dispensing_provider_npi": MAIL_PHARMACY if channel == HOME else PHARMACY,
            "dispensing_date": on,
            "ndc_code": ndc,
            "quantity": quantity,
            "days_supply": days,
            "paid_amount": paid,
            "paid_date": more["paid_date"] if "paid_date" in more else later(on, 14),
            "dispensing_channel": channel,
        }
        self.add("pharmacy_claim", **(values | more))

    def line(
        self,
        claim: str,
        member: str,
        payer: str,
        on: str,
        hcpcs: str,
        units: str,
        paid: str,
        number: int = 1,
        **more: str,
    ) -> None:
        """Add a medical claim line, paid four weeks later unless `paid_date` says otherwise."""
        values = {
            "claim_id": claim,
            "claim_line_number": str(number),
            "member_id": member,
            "payer": payer,
            "plan": "PPO",
            "claim_start_date": on,
            "hcpcs_code": hcpcs,
            "service_unit_quantity": units,
            "rendering_npi": HEMATOLOGIST,
            "billing_npi": HOSPITAL,
            "place_of_service_code": "22",
            "paid_amount": paid,
            "paid_date": more["paid_date"] if "paid_date" in more else later(on, 28),
        }
        self.add("medical_claim", **(values | more))

    def infusion(
        self,
        claim: str,
        member: str,
        on: str,
        paid: str = "19800.00",
        payer: str = MMM,
        hcpcs: str = "J9229",
        units: str = "9",
        number: int = 1,
        code: str = "C91.00",
        **more: str,
    ) -> None:
        """Add an inotuzumab line with its diagnosis, and for MMM a 28-day authorization for it."""
        coded = {"diagnosis_code_type": "ICD-10-CM", "diagnosis_code_1": code} if code else {}
        self.line(claim, member, payer, on, hcpcs, units, paid, number, **(coded | more))
        if payer.upper().startswith("MMM"):
            self.authorized(member, MMM, "inotuzumab", more.get("claim_line_start_date", on))

    def course(
        self,
        claim: str,
        member: str,
        dates: list[str],
        paid: str = "19800.00",
        payer: str = MMM,
        code: str = "C91.00",
    ) -> None:
        """Add one dose per date, each on its own claim: CLAIM-1, CLAIM-2, ..."""
        for number, on in enumerate(dates, start=1):
            self.infusion(f"{claim}-{number}", member, on, paid, payer, code=code)

    def monitoring(self, member: str, on: str) -> None:
        """Add blood count, electrolytes and ECG: MMM's monitoring for a dose of that week."""
        for number, hcpcs in enumerate(["85025", "80053", "93000"], start=1):
            self.line(f"MON-{member}", member, MMM, on, hcpcs, "1", "24.00", number)

    def diagnosed(
        self, member: str, code: str, on: str, claim: str = "", kind: str = "ICD-10-CM"
    ) -> None:
        """Add a row of the diagnosis table."""
        self.add(
            "diagnosis",
            claim_id=claim,
            member_id=member,
            diagnosis_code=code,
            diagnosis_code_type=kind,
            diagnosis_rank="1",
            diagnosis_date=on,
        )

    def enrolled(
        self, member: str, payer: str, start: str = "2017-01-01", end: str = "", person: str = ""
    ) -> None:
        """Add an eligibility span of an adult."""
        born = date(1950, 1, 1) + timedelta(days=int(member[1:]) * 37 % 12_000)
        self.add(
            "eligibility",
            person_id=person,
            member_id=member,
            birth_date=born.isoformat(),
            payer=payer,
            payer_type="medicaid" if payer == MMM else "commercial",
            plan="PPO",
            enrollment_start_date=start,
            enrollment_end_date=end,
        )

    def authorized(
        self,
        member: str,
        payer: str,
        drug: str,
        start: str,
        end: str = "",
        product: str = "",
        status: str = "approved",
        override: str = "",
    ) -> None:
        """Add an authorization; it lasts 28 days unless `end` says otherwise."""
        self.add(
            "authorization",
            authorization_id=f"A{len(self.tables['authorization']) + 1:04d}",
            member_id=member,
            payer=payer,
            drug=drug,
            product=product,
            status=status,
            start_date=start,
            end_date=end or later(start, 27),
            override=override,
        )

    def covered(self, member: str, payer: str, product: str = "") -> None:
        """Approve imatinib for a year from 2025-09-01, unless the member has an authorization."""
        if all(row["member_id"] != member for row in self.tables["authorization"]):
            self.authorized(member, payer, "imatinib", "2025-09-01", "2026-08-31", product)

    def evidence(self, member: str, on: str, code: str, value: str) -> None:
        """Add a row of clinical evidence."""
        self.add(
            "clinical_evidence",
            member_id=member,
            evidence_date=on,
            evidence_code=code,
            evidence_value=value,
            source="chart",
        )

    def enrol_everyone_else(self) -> None:
        """Enrol each claim's member with its payer, unless an eligibility row was planted."""
        planted = {row["member_id"] for row in self.tables["eligibility"]} | NOT_IN_ELIGIBILITY
        claims = self.tables["medical_claim"] + self.tables["pharmacy_claim"]
        spans = {(row["member_id"], usual_name(row["payer"])) for row in claims}
        for member, payer in sorted(span for span in spans if span[0] not in planted):
            self.enrolled(member, payer)

    def write(self, folder: Path) -> None:
        """Write the seven files."""
        folder.mkdir(parents=True, exist_ok=True)
        for table, rows in self.tables.items():
            with (folder / f"{table}.csv").open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, COLUMNS[table], lineterminator="\n")
                writer.writeheader()
                writer.writerows(rows)


# ---------------------------------------------------------------- DX01


def nanthealth_fill(
    s: Sample, claim: str, member: str, on: str = "2026-03-02", paid: str = "900.00", **more: str
) -> None:
    """Add a NantHealth fill; by default 30 tablets of 400 mg for 900.00 on 2026-03-02."""
    s.covered(member, NANT)
    quantity, ndc = more.pop("quantity", "30"), more.pop("ndc_code", GENERIC_400)
    s.fill(claim, member, more.pop("payer", NANT), on, ndc, quantity, "30", paid, **more)


def plant_codes(s: Sample) -> None:
    """DX01: which codes are on file. Members M10xx, up to the medical lines."""
    nanthealth_fill(s, "DX-LISTED", "M1001", diagnosis_code="c49a0")
    nanthealth_fill(s, "DX-CRITERIA", "M1002")
    s.diagnosed("M1002", "C92.10", "2026-02-10")
    nanthealth_fill(s, "DX-HEADER-LISTED", "M1003", diagnosis_code="C49.2")
    nanthealth_fill(s, "DX-HEADER-UNLISTED", "M1004", diagnosis_code="C92.1")
    nanthealth_fill(
        s, "DX-NONE", "M1005", paid="9123.45", ndc_code=GLEEVEC_400, payer="NANTHEALTH "
    )
    nanthealth_fill(s, "DX-NOT-LISTED", "M1006", diagnosis_code="E11.9", payer="nanthealth")
    nanthealth_fill(s, "DX-CONFLICT", "M1007", diagnosis_code="D472")
    nanthealth_fill(s, "DX-CONFLICT-FIRST", "M1008", diagnosis_code="D47.2")
    s.diagnosed("M1008", "C92.20", "2026-01-15")
    nanthealth_fill(s, "DX-BCR-ABL-NEGATIVE", "M1009", diagnosis_code="C92.22")
    nanthealth_fill(s, "DX-BCR-ABL-BOTH", "M1010", diagnosis_code="C92.20")
    s.diagnosed("M1010", "c9211", "2026-01-15")


def plant_evidence_dates(s: Sample) -> None:
    """DX01: the edges of the evidence window."""
    nanthealth_fill(s, "DX-D-MINUS-365", "M1011")
    s.diagnosed("M1011", "C92.10", "2025-03-02")
    nanthealth_fill(s, "DX-D-MINUS-366", "M1012")
    s.diagnosed("M1012", "C92.10", "2025-03-01")
    nanthealth_fill(s, "DX-D-PLUS-30", "M1013", on="20260302")
    s.diagnosed("M1013", "C92.10", "20260401")
    nanthealth_fill(s, "DX-D-PLUS-31", "M1014")
    s.diagnosed("M1014", "C92.10", "2026-04-02")
    nanthealth_fill(s, "DX-AFTER-AS-OF", "M1015", on="2026-06-10")
    s.diagnosed("M1015", "C92.10", "2026-07-01")


def plant_evidence_sources(s: Sample) -> None:
    """DX01: what counts as a diagnosis, and whose."""
    nanthealth_fill(s, "DX-ICD9", "M1016")
    s.diagnosed("M1016", "V10.62", "2026-02-10", kind="ICD-9-CM")
    s.diagnosed("M1016", "C92.10", "2026-02-10", kind="icd9")
    nanthealth_fill(s, "DX-MALFORMED", "M1017")
    s.diagnosed("M1017", "C92-10", "2026-02-10")
    nanthealth_fill(s, "DX-SAME-CLAIM", "M1018")
    s.diagnosed("M1018", "C92.10", "2024-06-01", claim="DX-SAME-CLAIM")
    nanthealth_fill(s, "DX-DENIED-VISIT", "M1019")
    s.line(
        "DX-DENIED-VISIT-1",
        "M1019",
        NANT,
        "2026-02-12",
        "99214",
        "1",
        "0.00",
        rendering_npi=ONCOLOGIST,
        diagnosis_code_type="icd-10-cm",
        diagnosis_code_2="C92.10",
        claim_status="Denied",
    )
    nanthealth_fill(s, "DX-QUARANTINED-VISIT", "M1020")
    s.line(
        "DX-QUARANTINED-VISIT-1",
        "M1020",
        NANT,
        "2026-13-02",
        "99214",
        "1",
        "120.00",
        paid_date="2026-03-01",
        diagnosis_code_type="ICD-10-CM",
        diagnosis_code_1="C92.10",
    )
    nanthealth_fill(s, "DX-LINKED", "M1021")
    s.enrolled("M1021", NANT, person="P1021")
    s.enrolled("M1921", PRAIRIE, person="P1021")
    s.line(
        "DX-LINKED-VISIT",
        "M1921",
        PRAIRIE,
        "2026-02-12",
        "99214",
        "1",
        "120.00",
        diagnosis_code_1="C92.10",
    )
    nanthealth_fill(s, "DX-UNDATED", "M1022")
    s.line("DX-UNDATED-VISIT", "M1022", NANT, "2026-02-20", "99214", "1", "120.00")
    s.diagnosed("M1022", "C92.10", "", claim="DX-UNDATED-VISIT")
    nanthealth_fill(s, "DX-UNDATED-OLD", "M1023")
    s.line("DX-UNDATED-OLD-VISIT", "M1023", NANT, "2024-10-01", "99214", "1", "120.00")
    s.diagnosed("M1023", "C92.10", "", claim="DX-UNDATED-OLD-VISIT")


def plant_unjudged_diagnoses(s: Sample) -> None:
    """DX01: which lines are judged."""
    s.authorized("M1024", NANT, "imatinib", "2024-11-01", "2025-10-31")
    nanthealth_fill(s, "DX-START-BEFORE", "M1024", on="2024-11-30")
    s.authorized("M1025", NANT, "imatinib", "2024-11-01", "2025-10-31")
    nanthealth_fill(s, "DX-START-DAY", "M1025", on="2024-12-01")
    nanthealth_fill(s, "DX-OTHER-PAYER", "M1026", payer=PRAIRIE)
    nanthealth_fill(s, "DX-DENIED", "M1027", claim_status="denied")
    nanthealth_fill(s, "DX-ZERO-PAID", "M1028", paid="0.00")
    nanthealth_fill(s, "DX-UNPRICED", "M1029", paid="")
    nanthealth_fill(s, "DX-NO-QUANTITY", "M1030", quantity="")
    nanthealth_fill(s, "DX-AFTER", "M1031", on="2026-07-01")
    nanthealth_fill(s, "DX-NDC-MALFORMED", "M1032", ndc_code="47335-4758-3-0")
    nanthealth_fill(s, "DX-SOLUTION", "M1033", ndc_code=IMATINIB_SOLUTION)


def plant_netted_diagnoses(s: Sample) -> None:
    """DX01: final action."""
    nanthealth_fill(s, "DX-VOIDED", "M1034")
    nanthealth_fill(
        s, "DX-VOIDED-8", "M1034", claim_frequency_code="8", original_claim_id="DX-VOIDED"
    )
    nanthealth_fill(s, "DX-NETTED", "M1035")
    nanthealth_fill(s, "DX-NETTED", "M1035", paid="-900.00", quantity="-30", paid_date="2026-04-10")
    nanthealth_fill(s, "DX-PARTLY-NETTED", "M1036")
    nanthealth_fill(
        s, "DX-PARTLY-NETTED", "M1036", paid="-300.00", quantity="-10", paid_date="2026-04-10"
    )
    nanthealth_fill(s, "DX-TWICE", "M1037", paid="911.00")
    s.repeat("pharmacy_claim")
    nanthealth_fill(s, "DX-VERSIONS", "M1038", paid_date="2026-03-20")
    nanthealth_fill(s, "DX-VERSIONS", "M1038", paid="870.00", paid_date="2026-04-20")
    nanthealth_fill(s, "DX-REPLACED", "M1039")
    nanthealth_fill(
        s,
        "DX-REPLACED-7",
        "M1039",
        paid="850.00",
        claim_frequency_code="7",
        original_claim_id="DX-REPLACED",
    )


def plant_medical_imatinib(s: Sample) -> None:
    """DX01: imatinib on medical lines."""
    for member in ("M1040", "M1041", "M1042", "M1043"):
        s.covered(member, NANT)
    s.line("DX-S0088", "M1040", NANT, "2026-03-02", "S0088", "120", "1210.00")
    s.line(
        "DX-J3490-NDC",
        "M1041",
        NANT,
        "2026-03-02",
        "J3490",
        "30",
        "920.00",
        ndc_code="0093-7630-56",
    )
    s.line(
        "DX-S0353-NDC", "M1042", NANT, "2026-03-02", "S0353", "1", "150.00", ndc_code=GENERIC_400
    )
    s.line("DX-OTHER-LINE", "M1043", NANT, "2026-03-02", "s0088", "120", "1200.00")
    s.line(
        "DX-OTHER-LINE",
        "M1043",
        NANT,
        "2026-03-02",
        "99214",
        "1",
        "120.00",
        2,
        diagnosis_code_1="Z51.11",
        diagnosis_code_12="C49.A3",
    )


def plant_diagnoses_inotuzumab(s: Sample) -> None:
    """MMM (members M11xx) and BCBSNC (M12xx) inotuzumab."""
    s.infusion("DXM-LISTED", "M1101", "2026-03-10", code="c9102")
    s.infusion("DXM-CONFLICT", "M1102", "2026-03-10", "18101.00", code="D46.A")
    s.infusion("DXM-NONE", "M1103", "2026-03-10", "18102.00", code="")
    s.infusion("DXM-NOT-LISTED", "M1104", "2026-03-10", "18103.00", "MMM Healthcare", code="E11.9")
    s.infusion("DXM-C8350-BEFORE", "M1105", "2026-03-23", "18104.00", code="C83.50")
    s.infusion("DXM-C8350-DAY", "M1106", "2026-03-24", code="C83.50")
    s.infusion("DXM-C835A-BEFORE", "M1107", "2026-03-23", "18105.00", code="C83.5A")
    s.infusion("DXM-C835A-DAY", "M1108", "2026-03-24", code="C83.5A")
    s.infusion("DXM-C8330-BEFORE", "M1109", "2026-03-23", "18106.00", code="C83.30")
    s.infusion("DXM-C8330-DAY", "M1110", "2026-03-24", "18107.00", code="C83.30")
    s.infusion("DXM-C83390", "M1111", "2026-03-24", "18108.00", code="C83390")
    for member in ("M1106", "M1108", "M1110", "M1111"):
        s.monitoring(member, "2026-03-24")
    s.infusion("DXM-START-BEFORE", "M1112", "2023-11-29", code="")
    s.infusion("DXM-START-DAY", "M1113", "2023-11-30", "18109.00", code="")
    s.infusion(
        "DXM-J9999-NDC",
        "M1114",
        "2026-03-10",
        "18110.00",
        hcpcs="J9999",
        units="1",
        code="",
        ndc_code=BESPONSA,
    )
    s.infusion("DXM-J9999-NO-NDC", "M1115", "2026-03-10", hcpcs="J9999", units="1", code="")

    def bcbsnc(claim: str, member: str, on: str, paid: str, code: str, **more: str) -> None:
        payer = more.pop("payer", BCBSNC)
        hcpcs, units = more.pop("hcpcs", "J9229"), more.pop("units", "9")
        s.infusion(claim, member, on, paid, payer, hcpcs, units, 1, code, **more)

    bcbsnc("DXB-C9028", "M1201", "2018-06-05", "17000.00", "C91.00", hcpcs="C9028")
    bcbsnc("DXB-HEADER", "M1202", "2020-06-02", "17000.00", "C91.0", payer="Blue Cross NC")
    bcbsnc("DXB-C8359", "M1203", "2020-06-02", "17000.00", "C8359")
    bcbsnc("DXB-OTHER-CANCER", "M1204", "2020-06-02", "17001.00", "C50.911")
    bcbsnc(
        "DXB-D49",
        "M1205",
        "2020-06-02",
        "17002.00",
        "D49.9",
        payer="Blue Cross and Blue Shield of North Carolina",
    )
    bcbsnc("DXB-D50", "M1206", "2020-06-02", "17003.00", "D50.9")
    bcbsnc("DXB-MIXED", "M1207", "2020-06-02", "17004.00", "E11.9", diagnosis_code_2="D46.A")
    bcbsnc("DXB-NONE", "M1208", "2020-06-02", "17005.00", "")
    bcbsnc("DXB-ICD9", "M1209", "2020-06-02", "17006.00", "V10.61", diagnosis_code_type="ICD-9-CM")
    bcbsnc("DXB-PAST-REVIEW", "M1210", "2021-12-01", "17007.00", "D50.9")
    bcbsnc(
        "DXB-START-BEFORE",
        "M1211",
        "2017-09-28",
        "17000.00",
        "",
        hcpcs="J9999",
        ndc_code=BESPONSA,
        units="1",
    )
    bcbsnc(
        "DXB-START-DAY",
        "M1212",
        "2017-09-29",
        "17008.00",
        "",
        hcpcs="J9999",
        ndc_code=BESPONSA,
        units="1",
    )
    s.fill("DXB-PHARMACY", "M1213", BCBSNC, "2026-03-02", "00008010001", "1", "7", "19000.00")


# ---------------------------------------------------------------- QTY01


def tablets(
    s: Sample,
    claim: str,
    member: str,
    ndc: str,
    quantity: str,
    days: str,
    paid: str,
    channel: str = RETAIL,
    **more: str,
) -> None:
    """Add an imatinib fill; by default of Cigna, on 2026-02-15."""
    s.covered(member, CIGNA)
    payer, on = more.pop("payer", CIGNA), more.pop("on", "2026-02-15")
    s.fill(claim, member, payer, on, ndc, quantity, days, paid, channel, **more)


def undoing(frequency: str, claim: str) -> Row:
    """The columns of a row that voids (8) or replaces (7) another claim."""
    return {"claim_frequency_code": frequency, "original_claim_id": claim}


def inducer(
    s: Sample, member: str, on: str, days: str, ndc: str = RIFAMPIN, payer: str = CIGNA, **more: str
) -> None:
    """Add a fill of 60 inducer tablets."""
    s.fill(
        f"QTY-INDUCER-{member}",
        member,
        payer,
        on,
        ndc,
        "60",
        days,
        more.pop("paid", "40.00"),
        **more,
    )


def plant_ceilings(s: Sample) -> None:
    """QTY01: both sides of the four limits."""
    tablets(s, "QTY-100-RETAIL-180", "M2001", "47335-472-81", "180", "30", "1800.00")
    tablets(s, "QTY-100-RETAIL-181", "M2002", GENERIC_100, "181", "30", "1810.00", payer="CIGNA")
    tablets(s, "QTY-100-HOME-540", "M2003", GENERIC_100, "540", "90", "5400.00", HOME)
    tablets(s, "QTY-100-HOME-541", "M2004", GENERIC_100, "541", "90", "5410.00", "Home_Delivery")
    tablets(s, "QTY-400-RETAIL-60", "M2005", GENERIC_400, "60", "30", "1800.00")
    tablets(s, "QTY-400-RETAIL-60.5", "M2006", GENERIC_400, "60.5", "30", "1815.00", "RETAIL")
    tablets(
        s,
        "QTY-400-RETAIL-61",
        "M2007",
        "0093-7630-56",
        "61",
        "30",
        "1830.00",
        payer="Cigna Healthcare",
    )
    tablets(s, "QTY-400-HOME-180", "M2008", GENERIC_400, "180", "90", "5400.00", HOME)
    tablets(s, "QTY-400-HOME-181", "M2009", GENERIC_400, "181", "90", "5430.00", HOME)


def plant_unknown_channels(s: Sample) -> None:
    """QTY01: the channel is unknown."""
    tablets(s, "QTY-UNKNOWN-60", "M2011", GENERIC_400, "60", "30", "1800.00", UNKNOWN)
    tablets(s, "QTY-UNKNOWN-61", "M2012", GENERIC_400, "61", "30", "1830.00", UNKNOWN)
    tablets(s, "QTY-UNKNOWN-180", "M2013", GENERIC_400, "180", "90", "5400.00", UNKNOWN)
    tablets(s, "QTY-UNKNOWN-181", "M2014", GENERIC_400, "181", "90", "5430.00", UNKNOWN)
    tablets(s, "QTY-UNKNOWN-WORD", "M2015", GENERIC_400, "90", "45", "2700.00", "specialty")
    tablets(s, "QTY-UNKNOWN-NO-DAYS", "M2016", GENERIC_400, "200", "", "6000.00", UNKNOWN)
    tablets(s, "QTY-UNKNOWN-EXTENDED", "M2017", GENERIC_400, "200", "120", "6000.00", UNKNOWN)


def plant_days_supplies(s: Sample) -> None:
    """QTY01: the days' supply is missing, or explains the quantity."""
    tablets(s, "QTY-NO-DAYS", "M2021", GENERIC_100, "200", "", "2000.00")
    tablets(s, "QTY-ZERO-DAYS", "M2022", GENERIC_400, "70", "0", "2100.00")
    tablets(s, "QTY-EXTENDED-270", "M2023", GENERIC_100, "270", "45", "2700.00")
    tablets(s, "QTY-EXTENDED-271", "M2024", GENERIC_100, "271", "45", "2710.00")
    tablets(s, "QTY-EXTENDED-HOME-200", "M2025", GENERIC_400, "200", "100", "6000.00", HOME)
    tablets(s, "QTY-EXTENDED-HOME-201", "M2026", GENERIC_400, "201", "100", "6030.00", HOME)


def plant_inducers(s: Sample) -> None:
    """QTY01: an inducer on file; the window around the fill is 2026-02-08 to 2026-02-22."""
    tablets(s, "QTY-INDUCED-90", "M2031", GENERIC_400, "90", "30", "2700.00")
    inducer(s, "M2031", "2026-02-10", "30")
    tablets(s, "QTY-INDUCED-91", "M2032", GENERIC_400, "91", "30", "2730.00")
    inducer(s, "M2032", "2026-02-10", "30")
    tablets(s, "QTY-INDUCED-HOME-270", "M2033", GENERIC_400, "270", "90", "8100.00", HOME)
    inducer(s, "M2033", "2026-02-15", "30")
    tablets(s, "QTY-INDUCED-HOME-271", "M2034", GENERIC_400, "271", "90", "8130.00", HOME)
    inducer(s, "M2034", "2026-02-15", "30")
    tablets(s, "QTY-INDUCED-UNKNOWN-90", "M2035", GENERIC_400, "90", "30", "2700.00", UNKNOWN)
    inducer(s, "M2035", "2026-02-10", "30")
    tablets(s, "QTY-INDUCED-UNKNOWN-91", "M2036", GENERIC_400, "91", "30", "2730.00", UNKNOWN)
    inducer(s, "M2036", "2026-02-10", "30")
    tablets(s, "QTY-INDUCED-100", "M2037", GENERIC_100, "181", "30", "1810.00")
    inducer(s, "M2037", "2026-02-10", "30")
    tablets(s, "QTY-INDUCER-D-PLUS-7", "M2038", GENERIC_400, "62", "30", "1860.00")
    inducer(s, "M2038", "2026-02-22", "30")
    tablets(s, "QTY-INDUCER-D-PLUS-8", "M2039", GENERIC_400, "62", "30", "1860.00")
    inducer(s, "M2039", "2026-02-23", "30")
    tablets(s, "QTY-INDUCER-D-MINUS-7", "M2040", GENERIC_400, "62", "30", "1860.00")
    inducer(s, "M2040", "2026-01-10", "30")
    tablets(s, "QTY-INDUCER-D-MINUS-8", "M2041", GENERIC_400, "62", "30", "1860.00")
    inducer(s, "M2041", "2026-01-09", "30")
    tablets(s, "QTY-INDUCER-NO-DAYS", "M2042", GENERIC_400, "62", "30", "1860.00")
    inducer(s, "M2042", "2026-01-10", "")
    tablets(s, "QTY-INDUCER-REVERSED", "M2043", GENERIC_400, "62", "30", "1860.00")
    inducer(s, "M2043", "2026-02-10", "30")
    inducer(s, "M2043", "2026-02-10", "30", paid="-40.00", claim_status="R", paid_date="2026-03-10")
    tablets(s, "QTY-INDUCER-OTHER-PAYER", "M2044", GENERIC_400, "62", "30", "1860.00")
    s.enrolled("M2044", CIGNA)
    inducer(s, "M2044", "2026-02-10", "30", payer=PRAIRIE, paid="0.00")
    tablets(s, "QTY-INDUCER-TALICIA", "M2045", GENERIC_400, "62", "30", "1860.00")
    inducer(s, "M2045", "2026-02-10", "14", TALICIA)
    tablets(s, "QTY-INDUCER-HOMEOPATHIC", "M2046", GENERIC_400, "62", "30", "1860.00")
    inducer(s, "M2046", "2026-02-10", "30", HOMEOPATHIC_HYPERICUM)
    tablets(
        s, "QTY-INDUCER-AFTER-AS-OF", "M2047", GENERIC_400, "62", "30", "1860.00", on="2026-06-28"
    )
    inducer(s, "M2047", "2026-07-01", "30")


def plant_overrides(s: Sample) -> None:
    """QTY01: an override on an authorization."""
    s.authorized("M2051", CIGNA, "imatinib", "2025-09-01", "2026-08-31", override="CYP3A4_INDUCER")
    tablets(s, "QTY-OVERRIDE-90", "M2051", GENERIC_400, "90", "30", "2700.00")
    s.authorized("M2052", CIGNA, "imatinib", "2025-09-01", "2026-08-31", override="cyp3a4_inducer")
    tablets(s, "QTY-OVERRIDE-91", "M2052", GENERIC_400, "91", "30", "2730.00")
    s.authorized("M2053", CIGNA, "imatinib", "2025-09-01", "2026-02-15", override="cyp3a4_inducer")
    tablets(s, "QTY-OVERRIDE-LAST-DAY", "M2053", GENERIC_400, "62", "30", "1860.00")
    s.authorized("M2054", CIGNA, "imatinib", "2025-09-01", "2026-08-31")
    s.authorized("M2054", CIGNA, "imatinib", "2025-09-01", "2026-02-14", override="cyp3a4_inducer")
    tablets(s, "QTY-OVERRIDE-ENDED", "M2054", GENERIC_400, "62", "30", "1860.00")
    s.authorized("M2055", CIGNA, "imatinib", "2025-09-01", "2026-08-31")
    s.authorized(
        "M2055",
        CIGNA,
        "imatinib",
        "2026-01-01",
        "2026-08-31",
        status="denied",
        override="cyp3a4_inducer",
    )
    tablets(s, "QTY-OVERRIDE-DENIED", "M2055", GENERIC_400, "62", "30", "1860.00")


def plant_unjudged_quantities(s: Sample) -> None:
    """QTY01: which lines are judged."""
    for member, claim, on in (
        ("M2061", "QTY-START-BEFORE", "2023-12-12"),
        ("M2062", "QTY-START-DAY", "2023-12-13"),
    ):
        s.authorized(member, CIGNA, "imatinib", "2023-07-01", "2024-06-30")
        tablets(s, claim, member, GENERIC_100, "200", "30", "2000.00", on=on)
    tablets(s, "QTY-AS-OF-DAY", "M2063", GENERIC_100, "181", "30", "1810.00", on="2026-06-30")
    tablets(s, "QTY-AFTER", "M2064", GENERIC_100, "200", "30", "2000.00", on="2026-07-01")
    tablets(s, "QTY-OTHER-PAYER", "M2065", GENERIC_400, "120", "30", "3600.00", payer=PRAIRIE)
    s.authorized("M2066", NANT, "imatinib", "2025-09-01", "2026-08-31")
    tablets(
        s,
        "QTY-NANTHEALTH",
        "M2066",
        GENERIC_400,
        "120",
        "30",
        "3600.00",
        payer=NANT,
        diagnosis_code="C92.10",
    )
    s.line("QTY-S0088", "M2067", CIGNA, "2026-02-15", "S0088", "240", "2400.00")
    s.covered("M2067", CIGNA)
    tablets(s, "QTY-NO-QUANTITY", "M2068", GENERIC_400, "", "30", "3600.00")
    tablets(s, "QTY-ZERO-PAID", "M2069", GENERIC_400, "90", "30", "0.00")
    tablets(s, "QTY-UNPRICED", "M2070", GENERIC_400, "90", "30", "")
    tablets(s, "QTY-NDC-MALFORMED", "M2071", "47335-0472-813", "400", "30", "4000.00")
    tablets(
        s,
        "QTY-QUARANTINED",
        "M2072",
        GENERIC_100,
        "500",
        "30",
        "5000.00",
        on="2026-02-30",
        paid_date="2026-03-15",
    )


def plant_excess_prices(s: Sample) -> None:
    """QTY01: what the excess costs."""
    tablets(s, "QTY-FEE", "M2073", GENERIC_400, "62", "30", "1872.50", dispensing_fee="12.50")
    tablets(s, "QTY-HALF-CENT", "M2074", GENERIC_100, "200", "30", "2000.05", payer=" cigna")
    tablets(
        s, "QTY-FEE-OVER-PAID", "M2075", GENERIC_100, "181", "30", "5.00", dispensing_fee="10.00"
    )
    s.authorized("M2076", CIGNA, "imatinib", "2025-09-01", "2026-08-31", "brand")
    s.evidence("M2076", "2026-01-15", "generic_trial", "documented")
    tablets(s, "QTY-BRAND", "M2076", GLEEVEC_400, "61", "30", "18910.00")
    s.evidence("M2076", "2026-01-15", "formulation_intolerance", "documented")


def plant_netted_quantities(s: Sample) -> None:
    """QTY01: final action."""
    tablets(s, "QTY-DENIED", "M2081", GENERIC_100, "200", "30", "2000.00", claim_status="D")
    tablets(s, "QTY-VOIDED", "M2082", GENERIC_100, "240", "30", "2400.00")
    tablets(
        s,
        "QTY-VOIDED-8",
        "M2082",
        GENERIC_100,
        "240",
        "30",
        "2400.00",
        **undoing("8", "QTY-VOIDED"),
    )
    tablets(s, "QTY-SELF-VOIDED", "M2083", GENERIC_100, "240", "30", "2400.00")
    tablets(
        s,
        "QTY-SELF-VOIDED",
        "M2083",
        GENERIC_100,
        "240",
        "30",
        "2400.00",
        claim_frequency_code="8",
        paid_date="2026-03-20",
    )
    tablets(s, "QTY-REVERSED", "M2084", GENERIC_100, "240", "30", "2400.00", claim_status="P")
    tablets(
        s,
        "QTY-REVERSED-X",
        "M2084",
        GENERIC_100,
        "-240",
        "30",
        "-2400.00",
        claim_status="X",
        original_claim_id="QTY-REVERSED",
    )
    tablets(s, "QTY-NETTED", "M2085", GENERIC_100, "240", "30", "2400.00")
    tablets(s, "QTY-NETTED", "M2085", GENERIC_100, "-240", "30", "-2400.00", paid_date="2026-03-20")
    tablets(s, "QTY-NETTED-TO-170", "M2086", GENERIC_100, "200", "30", "2000.00")
    tablets(
        s, "QTY-NETTED-TO-170", "M2086", GENERIC_100, "-30", "30", "-300.00", paid_date="2026-03-20"
    )
    tablets(s, "QTY-NETTED-TO-200", "M2087", GENERIC_100, "240", "30", "2400.00")
    tablets(
        s, "QTY-NETTED-TO-200", "M2087", GENERIC_100, "-40", "30", "-400.00", paid_date="2026-03-20"
    )
    tablets(
        s,
        "QTY-LONE-REVERSAL",
        "M2088",
        GENERIC_100,
        "-200",
        "30",
        "-2000.00",
        original_claim_id="QTY-NOT-HERE",
    )
    tablets(s, "QTY-REPLACED", "M2089", GENERIC_100, "240", "30", "2400.00")
    tablets(
        s,
        "QTY-REPLACED-7",
        "M2089",
        GENERIC_100,
        "180",
        "30",
        "1800.00",
        **undoing("7", "QTY-REPLACED"),
    )
    tablets(s, "QTY-RAISED", "M2090", GENERIC_100, "180", "30", "1800.00")
    tablets(
        s,
        "QTY-RAISED-7",
        "M2090",
        GENERIC_100,
        "200",
        "30",
        "2000.00",
        **undoing("7", "QTY-RAISED"),
    )
    tablets(s, "QTY-CHAIN", "M2091", GENERIC_100, "240", "30", "2400.00")
    tablets(
        s, "QTY-CHAIN-7", "M2091", GENERIC_100, "200", "30", "2000.00", **undoing("7", "QTY-CHAIN")
    )
    tablets(
        s,
        "QTY-CHAIN-8",
        "M2091",
        GENERIC_100,
        "200",
        "30",
        "2000.00",
        **undoing("8", "QTY-CHAIN-7"),
    )
    tablets(s, "QTY-DENIED-7", "M2092", GENERIC_100, "181", "30", "1810.00")
    refused = undoing("7", "QTY-DENIED-7") | {"claim_status": "denied"}
    tablets(s, "QTY-DENIED-7-REPLACEMENT", "M2092", GENERIC_100, "180", "30", "0.00", **refused)
    tablets(s, "QTY-LOWERED", "M2093", GENERIC_100, "240", "30", "2400.00", paid_date="2026-03-01")
    tablets(s, "QTY-LOWERED", "M2093", GENERIC_100, "180", "30", "1800.00", paid_date="2026-03-20")
    tablets(
        s, "QTY-LATER-FIRST", "M2094", GENERIC_100, "200", "30", "2000.00", paid_date="2026-03-20"
    )
    tablets(
        s, "QTY-LATER-FIRST", "M2094", GENERIC_100, "180", "30", "1800.00", paid_date="2026-03-01"
    )
    tablets(s, "QTY-TWICE", "M2095", GENERIC_100, "182", "30", "1820.00")
    s.repeat("pharmacy_claim")


# ---------------------------------------------------------------- GEN01


def brand(s: Sample, claim: str, member: str, on: str = "2025-02-03", **more: str) -> None:
    """Add a Gleevec fill; by default 30 tablets of 400 mg for 9300.00 on 2025-02-03."""
    payer, ndc = more.pop("payer", CIGNA), more.pop("ndc", GLEEVEC_400)
    quantity, paid = more.pop("quantity", "30"), more.pop("paid", "9300.00")
    s.fill(claim, member, payer, on, ndc, quantity, "30", paid, **more)


def generic_fill(
    s: Sample,
    claim: str,
    member: str,
    on: str,
    quantity: str,
    paid: str,
    ndc: str = GENERIC_400,
    **more: str,
) -> None:
    """Add a Cigna fill of generic tablets with its authorization."""
    s.authorized(member, CIGNA, "imatinib", later(on, -10), later(on, 300), "generic")
    s.fill(claim, member, CIGNA, on, ndc, quantity, "30", paid, **more)


def plant_prices_2023(s: Sample) -> None:
    """GEN01 in 2023, when a generic tablet costs 20.00: the first day, the first data."""
    s.fill(
        "GEN-FIRST-CIGNA",
        "M3090",
        CIGNA,
        "2022-12-20",
        METFORMIN,
        "60",
        "30",
        "12.00",
        claim_status="denied",
    )
    s.fill("GEN-FIRST-PRAIRIE", "M3091", PRAIRIE, "2021-01-05", METFORMIN, "60", "30", "12.00")
    generic_fill(s, "GEN-PRICE-2023", "M3001", "2023-06-01", "30", "602.00", dispensing_fee="2.00")
    for member, claim, on in (
        ("M3002", "GEN-START-BEFORE", "2023-05-30"),
        ("M3003", "GEN-START-DAY", "2023-05-31"),
    ):
        s.enrolled(member, PRAIRIE, "2021-01-01", "2022-12-31")
        s.enrolled(member, CIGNA, "2023-01-01")
        brand(s, claim, member, on)
    brand(s, "GEN-DATA-179-DAYS", "M3004", "2023-06-17")
    brand(s, "GEN-DATA-180-DAYS", "M3005", "2023-06-18")
    brand(s, "GEN-CHEAPER-BRAND", "M3006", "2023-07-03", paid="450.00")
    brand(s, "GEN-NOT-IN-ELIGIBILITY", "M3007", "2023-07-10")
    brand(s, "GEN-OTHER-PAYER", "M3008", "2023-07-11", payer=PRAIRIE)


def plant_prices_2024(s: Sample) -> None:
    """GEN01 in 2024: which generic fills set the price."""
    generic_fill(s, "GEN-PRICE-D-MINUS-91", "M3010", "2023-12-01", "30", "2970.00")
    generic_fill(s, "GEN-PRICE-D-MINUS-90", "M3011", "2023-12-02", "30", "750.00")
    brand(s, "GEN-PRICE-WINDOW", "M3014", "2024-03-01")
    generic_fill(s, "GEN-PRICE-D-PLUS-90", "M3012", "2024-05-30", "30", "840.00")
    generic_fill(s, "GEN-PRICE-D-PLUS-91", "M3013", "2024-05-31", "30", "2970.00")
    brand(s, "GEN-PRICE-90-DAYS-AGO", "M3015", "2024-08-29")
    brand(s, "GEN-PRICE-OTHER-PAYER", "M3016", "2024-08-30")
    s.fill("GEN-PRICE-PRAIRIE", "M3017", PRAIRIE, "2024-09-15", GENERIC_400, "30", "30", "3600.00")
    s.fill("GEN-PRICE-UNKNOWN", "M3018", CIGNA, "2024-08-01", GLEEVEC_100, "90", "30", "6000.00")
    generic_fill(s, "GEN-PRICE-ZERO-PAID", "M3019", "2024-07-15", "90", "0.00", GENERIC_100)
    generic_fill(s, "GEN-PRICE-REVERSED", "M3022", "2024-08-10", "90", "720.00", GENERIC_100)
    s.fill(
        "GEN-PRICE-REVERSED-8",
        "M3022",
        CIGNA,
        "2024-08-10",
        GENERIC_100,
        "90",
        "30",
        "720.00",
        claim_frequency_code="8",
        original_claim_id="GEN-PRICE-REVERSED",
    )
    generic_fill(s, "GEN-PRICE-NO-QUANTITY", "M3023", "2024-08-20", "", "720.00", GENERIC_100)


def trial(
    s: Sample,
    member: str,
    on: str,
    paid: str = "540.00",
    ndc: str = GENERIC_400,
    quantity: str = "30",
    **more: str,
) -> None:
    """Add an authorized generic fill before a brand fill."""
    s.authorized(member, CIGNA, "imatinib", "2024-12-01", "2025-11-30", "generic")
    s.fill(f"GEN-GENERIC-{member}", member, CIGNA, on, ndc, quantity, "30", paid, **more)


def approved(
    s: Sample,
    member: str,
    product: str,
    end: str = "2025-12-31",
    payer: str = CIGNA,
    status: str = "approved",
) -> None:
    """Add an imatinib authorization from 2025-01-01."""
    s.authorized(member, payer, "imatinib", "2025-01-01", end, product, status)


def plant_trials(s: Sample) -> None:
    """GEN01 in 2025, when a generic tablet costs 20.00: what counts as a trial."""
    trial(s, "M3020", "2025-02-10", "600.00")
    trial(s, "M3021", "2025-02-10", "720.00", GENERIC_100, "90")
    brand(s, "GEN-NO-TRIAL", "M3030", paid="9310.00", dispensing_fee="10.00", daw_code="1")
    approved(s, "M3030", "generic")
    brand(s, "GEN-PHARMACY-CHOICE", "M3066", daw_code="3")
    approved(s, "M3066", "generic")
    s.fill("GEN-SOLUTION", "M3030", CIGNA, "2025-01-06", IMATINIB_SOLUTION, "140", "28", "3000.00")
    brand(s, "GEN-TRIAL-DAY-BEFORE", "M3031")
    trial(s, "M3031", "2025-02-02")
    brand(s, "GEN-TRIAL-SAME-DAY", "M3032")
    trial(s, "M3032", "2025-02-03")
    brand(s, "GEN-TRIAL-NETTED", "M3033")
    trial(s, "M3033", "2025-01-03")
    s.fill(
        "GEN-GENERIC-M3033",
        "M3033",
        CIGNA,
        "2025-01-03",
        GENERIC_400,
        "-30",
        "30",
        "-540.00",
        paid_date="2025-02-01",
    )
    brand(s, "GEN-TRIAL-VOIDED", "M3034")
    trial(s, "M3034", "2025-01-03")
    s.fill(
        "GEN-GENERIC-M3034-X",
        "M3034",
        CIGNA,
        "2025-01-03",
        GENERIC_400,
        "-30",
        "30",
        "-540.00",
        claim_status="reversed",
        original_claim_id="GEN-GENERIC-M3034",
    )
    brand(s, "GEN-TRIAL-DENIED", "M3035")
    trial(s, "M3035", "2025-01-03", claim_status="denied")
    brand(s, "GEN-TRIAL-ZERO-PAID", "M3036")
    trial(s, "M3036", "2025-01-03", "0.00")
    brand(s, "GEN-TRIAL-NO-QUANTITY", "M3037")
    trial(s, "M3037", "2025-01-03", "630.00", "00378-2245-77", "")
    brand(s, "GEN-TRIAL-OTHER-PAYER", "M3038")
    s.enrolled("M3038", CIGNA, person="P3038")
    s.enrolled("M3938", PRAIRIE, person="P3038")
    s.fill("GEN-GENERIC-M3938", "M3938", PRAIRIE, "2025-01-03", GENERIC_400, "30", "30", "1500.00")
    brand(s, "GEN-TRIAL-MEDICAL", "M3039")
    approved(s, "M3039", "generic")
    s.line("GEN-GENERIC-M3039", "M3039", CIGNA, "2025-01-10", "S0088", "120", "700.00")
    brand(s, "GEN-DOCUMENTED", "M3040")
    s.evidence("M3040", "2025-02-03", "generic_trial", "documented")
    brand(s, "GEN-DOCUMENTED-LATE", "M3041")
    s.evidence("M3041", "2025-02-04", "generic_trial", "documented")


def plant_intolerances(s: Sample) -> None:
    """GEN01: the intolerance."""
    for member, claim, on, value in (
        ("M3042", "GEN-INTOLERANT", "2025-02-03", "documented"),
        ("M3043", "GEN-INTOLERANT-LATE", "2025-02-04", "documented"),
        ("M3044", "GEN-INTOLERANT-ATTESTED", "2025-02-03", "attested"),
    ):
        brand(s, claim, member)
        trial(s, member, "2025-01-03")
        s.evidence(member, on, "formulation_intolerance", value)


def plant_brand_authorizations(s: Sample) -> None:
    """GEN01: the brand authorization."""
    brand(s, "GEN-TRIAL-AND-BRAND-AUTH", "M3045")
    trial(s, "M3045", "2025-01-03")
    approved(s, "M3045", "brand")
    brand(s, "GEN-AUTH-BRAND", "M3046")
    approved(s, "M3046", "brand")
    brand(s, "GEN-AUTH-ANY-PRODUCT", "M3047")
    approved(s, "M3047", "")
    brand(s, "GEN-AUTH-LAST-DAY", "M3048")
    approved(s, "M3048", "Brand", end="2025-02-03")
    brand(s, "GEN-AUTH-ENDED", "M3049")
    approved(s, "M3049", "brand", end="2025-02-02")
    brand(s, "GEN-AUTH-DENIED", "M3050")
    approved(s, "M3050", "brand", status="denied")
    brand(s, "GEN-AUTH-OTHER-PAYER", "M3051")
    approved(s, "M3051", "brand", payer=PRAIRIE)


def plant_enrollments(s: Sample) -> None:
    """GEN01: how long the person was observed."""
    brand(s, "GEN-ENROLLED-179-DAYS", "M3052")
    s.enrolled("M3052", CIGNA, "2024-08-08")
    brand(s, "GEN-ENROLLED-180-DAYS", "M3053")
    s.enrolled("M3053", CIGNA, "2024-08-07")
    brand(s, "GEN-ENROLLED-AGAIN", "M3054")
    s.enrolled("M3054", CIGNA, "2021-01-01", "2023-12-31")
    s.enrolled("M3054", CIGNA, "2024-12-01")
    brand(s, "GEN-ENROLLED-ELSEWHERE", "M3055")
    s.enrolled("M3055", PRAIRIE, "2022-01-01", "2024-12-14")
    s.enrolled("M3055", "Cigna Healthcare", "2024-12-15")
    brand(s, "GEN-ENROLLED-UNSEEN", "M3056")
    s.enrolled("M3056", MMM, "2020-01-01", "2024-12-14")
    s.enrolled("M3056", CIGNA, "2024-12-15")
    brand(s, "GEN-ENROLLED-NOWHERE", "M3057")
    s.enrolled("M3057", MMM, "2020-01-01")


def plant_unjudged_brands(s: Sample) -> None:
    """GEN01: which lines are judged."""
    brand(
        s,
        "GEN-REPACKAGED",
        "M3058",
        "2025-02-20",
        ndc="54868-5289-0",
        quantity="60",
        paid="4080.00",
    )
    brand(s, "GEN-NO-QUANTITY", "M3059", quantity="")
    brand(s, "GEN-CAPSULE", "M3060", ndc=GLEEVEC_CAPSULE)
    approved(s, "M3060", "brand")
    brand(s, "GEN-NDC-MALFORMED", "M3061", ndc="0078-0649")
    brand(s, "GEN-ZERO-PAID", "M3062", paid="0.00")
    brand(s, "GEN-UNPRICED", "M3063", paid="")
    brand(s, "GEN-NANTHEALTH", "M3064", payer=NANT, diagnosis_code="C92.10")
    s.authorized("M3064", NANT, "imatinib", "2025-01-01", "2025-12-31")
    brand(s, "GEN-REVERSED", "M3065")
    brand(
        s,
        "GEN-REVERSED-X",
        "M3065",
        quantity="-30",
        paid="-9300.00",
        claim_status="X",
        original_claim_id="GEN-REVERSED",
    )


def plant_brand_revision(s: Sample) -> None:
    """GEN01: the revision of 2026-03-25; the 400 mg fills for QTY01 set the price, 30.00."""
    brand(s, "GEN-ATTESTED-BEFORE", "M3070", "2026-03-24")
    s.evidence("M3070", "2026-02-01", "generic_trial", "attested")
    brand(s, "GEN-ATTESTED-DAY", "M3071", "2026-03-25")
    s.evidence("M3071", "2026-02-01", "generic_trial", "attested")
    brand(s, "GEN-DOCUMENTED-DAY", "M3072", "2026-03-25")
    s.evidence("M3072", "2026-02-01", "generic_trial", "documented")
    brand(s, "GEN-AFTER", "M3073", "2026-07-01")


# ---------------------------------------------------------------- CYC01


def plant_responses(s: Sample) -> None:
    """CYC01: which response is on file; doses 28 days apart are a cycle each. Members M40xx."""
    weekly = [
        "2026-01-05",
        "2026-01-12",
        "2026-01-19",
        "2026-01-26",
        "2026-02-02",
        "2026-02-09",
        "2026-02-16",
    ]
    s.course(
        "CYC-NOTHING", "M4001", [*weekly, "2026-02-23", "2026-03-02", "2026-03-09"], "19101.00"
    )
    s.repeat("medical_claim")
    s.course(
        "CYC-NR", "M4002", ["2026-01-12", "2026-02-09", "2026-03-09", "2026-04-06"], "19102.00"
    )
    s.evidence("M4002", "2026-04-01", "response", "NR")
    s.monitoring("M4002", "2026-04-06")
    s.course(
        "CYC-CAP",
        "M4003",
        ["2025-12-29", "2026-01-26", "2026-02-23", "2026-03-23", "2026-04-20"],
        "19103.00",
    )
    s.evidence("M4003", "2026-03-16", "response", "nr")
    s.monitoring("M4003", "2026-04-20")
    s.course(
        "CYC-REVISED", "M4004", ["2025-12-30", "2026-01-27", "2026-02-24", "2026-03-24"], "19104.00"
    )
    s.evidence("M4004", "2026-03-24", "response", "PR")
    s.monitoring("M4004", "2026-03-24")
    s.course("CYC-NOT-APPROVED", "M4040", ["2026-01-13", "2026-02-10", "2026-03-10"], "19140.00")
    s.line(
        "CYC-NOT-APPROVED-4",
        "M4040",
        MMM,
        "2026-04-07",
        "J9229",
        "9",
        "19140.00",
        diagnosis_code_type="ICD-10-CM",
        diagnosis_code_1="C91.00",
    )
    s.evidence("M4040", "2026-04-01", "response", "NR")
    s.monitoring("M4040", "2026-04-07")
    s.course("CYC-CR", "M4005", ["2025-03-10", "2025-04-07", "2025-05-05", "2025-06-02"])
    s.evidence("M4005", "2025-04-21", "response", "CR")
    s.evidence("M4005", "2025-05-30", "response", "NR")
    s.course("CYC-CRI", "M4006", ["2025-03-10", "2025-04-07", "2025-05-05", "2025-06-02"])
    s.evidence("M4006", "2025-03-10", "response", "cri")
    s.course(
        "CYC-CR-OUTSIDE",
        "M4007",
        ["2025-03-10", "2025-04-07", "2025-05-05", "2025-06-02"],
        "19107.00",
    )
    s.evidence("M4007", "2025-03-09", "response", "CR")
    s.evidence("M4007", "2025-06-03", "response", "CR")
    s.course("CYC-REMISSION", "M4008", ["2025-04-07", "2025-05-05"])
    s.infusion("CYC-REMISSION-3", "M4008", "2025-06-02", diagnosis_code_2="c9101")
    s.infusion("CYC-REMISSION-4", "M4008", "2025-06-30")
    s.course(
        "CYC-REMISSION-OUTSIDE",
        "M4009",
        ["2025-04-07", "2025-05-05", "2025-06-02", "2025-06-30"],
        "19109.00",
    )
    s.diagnosed("M4009", "C91.01", "2025-04-07")
    s.diagnosed("M4009", "C91.01", "2025-07-01")
    s.course(
        "CYC-REMISSION-C835A", "M4010", ["2025-04-07", "2025-05-05", "2025-06-02", "2025-06-30"]
    )
    s.diagnosed("M4010", "C83.5A", "2025-06-30")


def plant_cycle_counts(s: Sample) -> None:
    """CYC01: how cycles are counted."""
    skipped = [
        "2025-03-03",
        "2025-03-10",
        "2025-03-24",
        "2025-03-31",
        "2025-04-14",
        "2025-04-21",
        "2025-05-05",
    ]
    s.course(
        "CYC-SKIPPED", "M4011", [*skipped, "2025-05-12", "2025-05-26", "2025-06-02"], "19111.00"
    )
    s.course(
        "CYC-27-DAYS", "M4012", ["2025-06-09", "2025-07-06", "2025-08-02", "2025-08-29"], "19112.00"
    )
    twenty = ["2025-05-12", "2025-06-01", "2025-06-22", "2025-07-12", "2025-08-02", "2025-08-22"]
    s.course("CYC-20-DAYS", "M4013", twenty)
    s.course("CYC-GAP-90", "M4014", ["2025-02-03", "2025-03-03", "2025-03-31"])
    s.infusion("CYC-GAP-90-4", "M4014", "2025-06-29", "19999.00", paid_date="2025-07-10")
    s.infusion("CYC-GAP-90-4", "M4014", "2025-06-29", "19114.00", paid_date="2025-08-10")
    s.course("CYC-GAP-91", "M4015", ["2025-02-04", "2025-03-04", "2025-04-01", "2025-07-01"])
    s.course(
        "CYC-SECOND",
        "M4016",
        ["2025-01-06", "2025-04-16", "2025-05-14", "2025-06-11", "2025-07-09"],
        "19116.00",
    )
    s.evidence("M4016", "2025-01-20", "response", "CR")
    s.evidence("M4016", "2025-03-01", "response", "NR")


def plant_doses(s: Sample) -> None:
    """CYC01: what counts as a dose."""
    s.enrolled("M4017", MMM, person="P4017")
    s.enrolled("M4917", PRAIRIE, person="P4017")
    s.infusion("CYC-OTHER-PAYER-1", "M4917", "2025-05-05", payer=PRAIRIE, person_id="P4017")
    s.infusion(
        "CYC-OTHER-PAYER-2",
        "M4917",
        "2025-06-02",
        payer=PRAIRIE,
        hcpcs="J9999",
        units="1",
        ndc_code=BESPONSA,
    )
    s.infusion("CYC-OTHER-PAYER-3", "M4017", "2025-06-30", payer="mmm multihealth")
    s.infusion("CYC-OTHER-PAYER-4", "M4017", "2025-07-28", "19117.00", payer="MMM Healthcare")
    s.infusion("CYC-CODES-1", "M4018", "2025-05-05")
    s.infusion("CYC-CODES-2", "M4018", "2025-06-02", hcpcs="C9028")
    s.infusion(
        "CYC-CODES-3", "M4018", "2025-06-30", hcpcs="J9999", units="1", ndc_code="0008-0100-01"
    )
    s.infusion("CYC-CODES-4", "M4018", "2025-07-28", "19118.00", hcpcs="j9229")
    s.infusion("CYC-NO-DOSE-1", "M4019", "2025-05-05")
    s.infusion("CYC-NO-DOSE-2", "M4019", "2025-06-02", hcpcs="J9999", ndc_code=METFORMIN)
    s.infusion("CYC-NO-DOSE-3", "M4019", "2025-06-03", hcpcs="S0353", units="1", ndc_code=BESPONSA)
    s.infusion("CYC-NO-DOSE-4", "M4019", "2025-06-30")
    s.infusion("CYC-NO-DOSE-5", "M4019", "2025-07-28")
    s.infusion("CYC-NO-UNITS-1", "M4020", "2025-06-02")
    s.infusion("CYC-NO-UNITS-2", "M4020", "2025-06-30", units="")
    s.infusion("CYC-NO-UNITS-3", "M4020", "2025-07-28")
    s.infusion("CYC-NO-UNITS-4", "M4020", "2025-08-25")
    s.infusion("CYC-NO-UNITS-5", "M4020", "2025-09-22", units="")
    s.course("CYC-UNDONE", "M4021", ["2025-06-02", "2025-06-30"])
    s.infusion(
        "CYC-UNDONE-2-8",
        "M4021",
        "2025-06-30",
        claim_frequency_code="8",
        original_claim_id="CYC-UNDONE-2",
    )
    s.infusion("CYC-UNDONE-3", "M4021", "2025-07-28", claim_status="d")
    s.infusion("CYC-UNDONE-4", "M4021", "2025-08-25")
    s.infusion("CYC-UNDONE-5", "M4021", "2025-09-22")
    s.course("CYC-REPLACED", "M4022", ["2025-06-02", "2025-06-30", "2025-07-28", "2025-08-25"])
    replacing = {"claim_frequency_code": "7", "original_claim_id": "CYC-REPLACED-4"}
    s.infusion("CYC-REPLACED-4-7", "M4022", "2025-08-25", "19122.00", number=1, **replacing)
    s.course("CYC-UNPAID", "M4023", ["2025-07-07", "2025-08-04", "2025-09-01"])
    s.infusion("CYC-UNPAID-4", "M4023", "2025-09-29", "0.00")
    s.infusion("CYC-UNPAID-5", "M4023", "2025-10-06", "")
    s.infusion("CYC-UNPAID-6", "M4023", "2025-10-13", "19123.00")
    s.course("CYC-SAME-DAY", "M4024", ["2025-08-04", "2025-09-01", "2025-09-29"])
    s.infusion("CYC-SAME-DAY-4", "M4024", "2025-09-29", "39600.00", units="18")
    s.course("CYC-QUARANTINED", "M4025", ["2025-12-01", "2025-12-29", "2026-01-26"])
    s.line(
        "CYC-QUARANTINED-4",
        "M4025",
        MMM,
        "2026-02-30",
        "J9229",
        "9",
        "19800.00",
        paid_date="2026-03-25",
        diagnosis_code_1="C91.00",
    )
    s.course("CYC-WASTE", "M4026", ["2025-09-01", "2025-09-29", "2025-10-27"])
    s.infusion("CYC-WASTE-4", "M4026", "2025-11-24", "35200.00", units="16")
    s.infusion(
        "CYC-WASTE-4", "M4026", "2025-11-24", "4400.00", units="2", number=2, hcpcs_modifier_1="JW"
    )
    s.infusion("CYC-WASTE-5", "M4026", "2025-11-26", "4400.00", units="2", hcpcs_modifier_1="jw")
    for number, on in enumerate(["2025-08-04", "2025-09-01", "2025-09-29", "2025-10-27"], start=1):
        dated = {"claim_line_start_date": on, "paid_date": "2025-11-24"}
        s.infusion(
            "CYC-ONE-CLAIM", "M4027", "2025-08-04", f"1912{number}.50", number=number, **dated
        )


def plant_unjudged_cycles(s: Sample) -> None:
    """CYC01: which lines are judged."""
    s.course("CYC-START-BEFORE", "M4028", ["2023-09-06", "2023-10-04", "2023-11-01", "2023-11-29"])
    s.course(
        "CYC-START-DAY",
        "M4029",
        ["2023-09-07", "2023-10-05", "2023-11-02", "2023-11-30"],
        "19129.00",
    )
    s.course(
        "CYC-BCBSNC",
        "M4030",
        ["2024-03-04", "2024-04-01", "2024-04-29", "2024-05-27"],
        payer=BCBSNC,
    )
    s.course(
        "CYC-AS-OF-DAY",
        "M4031",
        ["2026-02-10", "2026-03-10", "2026-04-07", "2026-06-30"],
        "19131.00",
    )
    s.monitoring("M4031", "2026-04-07")
    s.course("CYC-AFTER", "M4032", ["2026-02-10", "2026-03-10", "2026-04-07", "2026-07-01"])
    s.monitoring("M4032", "2026-04-07")


# ---------------------------------------------------------------- values and versions to warn about


def plant_warnings_about_values(s: Sample) -> None:
    """Values as senders write them, on claims of other drugs of a payer without a policy."""

    def fill(claim: str, member: str, **more: str) -> None:
        s.fill(claim, member, PRAIRIE, "2025-09-01", METFORMIN, "60", "30", "12.00", **more)

    def line(claim: str, member: str, hcpcs: str = "99213", **more: str) -> None:
        s.line(claim, member, PRAIRIE, "2025-09-01", hcpcs, "1", "80.00", **more)

    fill("WARN-NUMBER", "M8001", dispensing_provider_npi=f"{PHARMACY}.0")
    fill("WARN-DIGITS-LOST", "M8002", original_claim_id="2.02603E+11")
    fill("WARN-PLACEHOLDER", "M8003", person_id="unknown")
    fill("WARN-SENTINEL-DATE", "M8004", paid_date="9999-12-31")
    fill("WARN-FREQUENCY", "M8005", claim_frequency_code="A")
    fill("WARN-NEGATIVE-DAYS", "M8006", days_supply="-30")
    fill("WARN-OUT-OF-ORDER", "M8007", paid_date="2025-08-31")
    fill("WARN-FLOAT-DUST", "M8008", paid_amount="12.000000000000002")
    line("WARN-MODIFIERS-JOINED", "M8009", hcpcs_modifier_1="JWRT")
    line("WARN-MODIFIER", "M8010", hcpcs_modifier_1="R")
    line("WARN-HCPCS", "M8011", hcpcs="9921")
    line("WARN-NDC", "M8012", ndc_code="0093-1048")
    s.add("provider", npi=INTERNIST, taxonomy_code="207R")
    for number in range(1, 27):
        s.enrolled(f"M81{number:02d}", PRAIRIE, "2024-01-01", person="P8100")
    s.authorized("M8001", PRAIRIE, "gliveck", "2025-09-01")
    s.authorized("M8002", PRAIRIE, "imatinib", "2025-09-01", product="branded")
    s.authorized("M8003", PRAIRIE, "imatinib", "2025-09-01", override="inducer")


def plant_warnings_about_versions(s: Sample) -> None:
    """Corrections that final action cannot place, or places by an assumption."""

    def fill(claim: str, member: str, on: str = "2025-09-01", **more: str) -> None:
        ndc = more.pop("ndc", METFORMIN)
        s.fill(claim, member, PRAIRIE, on, ndc, "60", "30", more.pop("paid", "12.00"), **more)

    def replacing(claim: str) -> Row:
        return {"claim_frequency_code": "7", "original_claim_id": claim}

    fill("WARN-CIRCLE-A", "M8201", **replacing("WARN-CIRCLE-B"))
    fill("WARN-CIRCLE-B", "M8201", **replacing("WARN-CIRCLE-A"))
    fill("WARN-UNMATCHED-7", "M8202", **replacing("WARN-NOT-THERE"))
    fill("WARN-CONTENT", "M8203", paid="13.40")
    fill("WARN-CONTENT-X", "M8203", paid="-13.40", claim_status="reversed")
    for member in ("M8204", "M8205"):
        fill("WARN-PERSONS", member)
    for on in ("2025-09-01", "2025-10-01"):
        fill("WARN-DATES", "M8206", on)
    for ndc in OTHER_DRUGS[:2]:
        fill("WARN-PRODUCTS", "M8207", ndc=ndc)


# ---------------------------------------------------------------- background


def add_background(s: Sample, rng: random.Random) -> None:
    """Add clean lines for members M9xxx, to whom nothing is dispensed before 2025-07-01."""

    def any_day(start: str, days: int) -> str:
        return later(start, rng.randrange(days))

    generics = ["47335047583", "00093763056", "60505290103", "67877-634-30"]
    for n in range(1, 6):
        member, first = f"M90{n:02d}", any_day("2026-01-05", 60)
        s.covered(member, NANT, rng.choice(["", "generic"]))
        s.diagnosed(
            member, rng.choice(["C92.10", "c9211", "C49.A2", "D48.115"]), any_day("2025-10-01", 80)
        )
        for month in range(3):
            payer, ndc = rng.choice([NANT, "NANTHEALTH"]), rng.choice(generics)
            paid = f"{rng.randrange(85_000, 99_900) / 100:.2f}"
            claim, on = f"BG-N{n:02d}-{month + 1}", later(first, 30 * month)
            s.fill(claim, member, payer, on, ndc, "30", "30", paid)
    for n in range(1, 5):
        member, first = f"M91{n:02d}", any_day("2025-10-06", 60)
        s.covered(member, CIGNA, "generic")
        for month in range(3):
            payer, ndc = rng.choice([CIGNA, "CIGNA", "Cigna Healthcare"]), rng.choice(generics)
            claim, on = f"BG-C{n:02d}-{month + 1}", later(first, 30 * month)
            s.fill(claim, member, payer, on, ndc, "30", "30", "870.00")
    for n in range(1, 4):
        member, first = f"M92{n:02d}", any_day("2025-08-01", 60)
        for month in range(2):
            ndc = rng.choice([*generics, GLEEVEC_400])
            claim, on = f"BG-P{n:02d}-{month + 1}", later(first, 30 * month)
            s.fill(claim, member, PRAIRIE, on, ndc, "30", "30", "2400.00")
    for n in range(1, 3):
        first = any_day("2019-03-01", 600)
        dates = [later(first, 7 * dose) for dose in range(3)]
        s.course(f"BG-B{n:02d}", f"M93{n:02d}", dates, payer=BCBSNC, code="C91.02")
    for n in range(1, 3):
        first = any_day("2025-07-01", 100)
        dates = [later(first, 7 * dose) for dose in range(5)]
        s.course(f"BG-M{n:02d}", f"M94{n:02d}", dates, code="C91.02")
    for n in range(1, 13):
        payer, on = rng.choice([CIGNA, NANT, PRAIRIE]), any_day("2025-07-01", 360)
        ndc, paid = rng.choice(OTHER_DRUGS), f"{rng.randrange(400, 9_000) / 100:.2f}"
        more = {"prescribing_provider_npi": WRONG_CHECK_DIGIT if n == 1 else INTERNIST}
        s.fill(f"BG-R{n:02d}", f"M95{n:02d}", payer, on, ndc, "60", "30", paid, **more)
    for n in range(1, 9):
        payer, on = rng.choice([CIGNA, NANT, PRAIRIE, MMM, BCBSNC]), any_day("2025-07-01", 360)
        hcpcs = rng.choice(["99213", "99214", "85025", "J1100", "96413"])
        paid = f"{rng.randrange(2_000, 18_000) / 100:.2f}"
        diagnosis = rng.choice(["E11.9", "I10", "Z00.00", "M54.50"])
        more = {"rendering_npi": INTERNIST, "diagnosis_code_1": diagnosis}
        s.line(f"BG-V{n:02d}", f"M96{n:02d}", payer, on, hcpcs, "1", paid, 1, **more)


PLANTERS = [
    plant_codes,
    plant_evidence_dates,
    plant_evidence_sources,
    plant_unjudged_diagnoses,
    plant_netted_diagnoses,
    plant_medical_imatinib,
    plant_diagnoses_inotuzumab,
    plant_ceilings,
    plant_unknown_channels,
    plant_days_supplies,
    plant_inducers,
    plant_overrides,
    plant_unjudged_quantities,
    plant_excess_prices,
    plant_netted_quantities,
    plant_prices_2023,
    plant_prices_2024,
    plant_trials,
    plant_intolerances,
    plant_brand_authorizations,
    plant_enrollments,
    plant_unjudged_brands,
    plant_brand_revision,
    plant_responses,
    plant_cycle_counts,
    plant_doses,
    plant_unjudged_cycles,
]


def main(folder: Path) -> None:
    """Write the sample into the folder."""
    sample = Sample()
    for plant in PLANTERS:
        plant(sample)
    add_background(sample, random.Random(SEED))
    plant_warnings_about_values(sample)
    plant_warnings_about_versions(sample)
    sample.enrol_everyone_else()
    for npi, taxonomy in TAXONOMIES:
        sample.add("provider", npi=npi, taxonomy_code=taxonomy)
    sample.write(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT)

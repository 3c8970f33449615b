"""Recipes of docs/input.md: layouts that senders write, and the config that reads each of them."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """A layout: its files, the config that reads them, and what to know about it.

    join       a statement in DuckDB's SQL that makes one file of several beforehand.
    accepted   claim, quantity and paid amount of every row that is accepted, and its status.
    standing   claim, quantity and paid amount of the lines that are history after final action.
    """

    title: str
    says: str
    files: Mapping[str, str]
    config: str
    accepted: tuple[tuple[str, str, str, str | None], ...]
    standing: tuple[tuple[str, str, str], ...]
    join: str = ""


ONE_PAYER = Recipe(
    "A pharmacy benefit manager's export for one payer",
    "Title and trailer, a prescription and a fill number instead of a claim id, amounts with signs "
    "and in parentheses, and no payer. A prescription number alone is not a claim id: its fills "
    "would be versions of one line. `R` means rejected here, so it is a denial.",
    {
        "RX_EXPORT_202604.txt": """\
PBM CLAIM EXTRACT 2026-04
RX_NBR|FILL_NBR|FILL_DT|MBR_ID|NDC|QTY|DS|AMT_PAID|PAID_DT|STAT|CHAN
8100001|00|04/02/2026|A10|00078-0649-30|30|30|$9,310.00|04/16/2026|P|R
8100001|01|05/01/2026|A10|00078-0649-30|30|30|$9,310.00|05/15/2026|P|R
8100001|01|05/01/2026|A10|00078-0649-30|-30|30|($9,310.00)|05/20/2026|X|R
8100002|00|04/05/2026|A11|47335047283|180|30|1,800.00|04/19/2026|P|M
8100003|00|04/05/2026|A12|47335047283|30|30|0.00|04/05/2026|R|R
TRAILER|5
""",
    },
    """\
[tables.pharmacy_claim]
files = ["RX_EXPORT_*.txt"]
delimiter = "|"
date_formats = ["%m/%d/%Y"]
skip_lines = 1
footer = "TRAILER"

[tables.pharmacy_claim.columns]
claim_id = "RX_NBR || '-' || FILL_NBR"
payer = "'Cigna'"
member_id = "MBR_ID"
dispensing_date = "FILL_DT"
ndc_code = "NDC"
quantity = "QTY"
days_supply = "DS"
paid_amount = '''
    CASE WHEN AMT_PAID LIKE '(%' THEN '-' ELSE '' END
    || regexp_replace(AMT_PAID, '[$,()]', '', 'g')'''
paid_date = "PAID_DT"
claim_status = "CASE STAT WHEN 'R' THEN 'denied' ELSE STAT END"
dispensing_channel = "CASE CHAN WHEN 'R' THEN 'retail' WHEN 'M' THEN 'home_delivery' ELSE CHAN END"
""",
    (
        ("8100001-00", "30", "9310.00", "paid"),
        ("8100001-01", "30", "9310.00", "paid"),
        ("8100001-01", "-30", "-9310.00", "reversed"),
        ("8100002-00", "180", "1800.00", "paid"),
        ("8100003-00", "30", "0.00", "denied"),
    ),
    (("8100001-00", "30", "9310.00"), ("8100002-00", "180", "1800.00")),
)

HEADER_AND_LINES = Recipe(
    "Claim headers and claim lines in two files",
    "Join them before, in any tool. In DuckDB's, a left join keeps a line without a header: it is "
    "quarantined then, and not lost. The status is a claim frequency code: 7 replaces a claim.",
    {
        "claim_header.csv": """\
claim_no,member_no,health_plan,service_from,status,replaces_claim_no
91001,B1,MMM,2026-03-02,1,
91002,B1,MMM,2026-03-02,7,91001
""",
        "claim_line.csv": """\
claim_no,line,proc,mod1,units,ndc,paid,paid_on
91001,1,J9229,JZ,27,00008010001,54000.00,2026-03-20
91001,2,96413,,1,,310.00,2026-03-20
91002,1,J9229,JZ,18,00008010001,36000.00,2026-04-11
91002,2,96413,,1,,310.00,2026-04-11
""",
    },
    """\
[columns.medical_claim]
claim_no = "claim_id"
line = "claim_line_number"
member_no = "member_id"
health_plan = "payer"
service_from = "claim_start_date"
proc = "hcpcs_code"
mod1 = "hcpcs_modifier_1"
units = "service_unit_quantity"
ndc = "ndc_code"
paid = "paid_amount"
paid_on = "paid_date"
status = "claim_frequency_code"
replaces_claim_no = "original_claim_id"
""",
    (
        ("91001", "27", "54000.00", None),
        ("91001", "1", "310.00", None),
        ("91002", "18", "36000.00", None),
        ("91002", "1", "310.00", None),
    ),
    (("91002", "18", "36000.00"), ("91002", "1", "310.00")),
    """\
COPY (
    SELECT l.*, h.* EXCLUDE (claim_no)
    FROM read_csv('claim_line.csv', all_varchar = true) l
    LEFT JOIN read_csv('claim_header.csv', all_varchar = true) h USING (claim_no)
) TO 'medical_claim.csv' (HEADER);
""",
)

CENTS = Recipe(
    "Amounts in cents",
    "An amount that is not a number passes through as it is, and half a cent stays half a cent, so "
    "that such rows are quarantined. D-3 takes D-1 back without naming it: one line alone has its "
    "person, date, product and amount.",
    {
        "pharmacy_claims.csv": """\
claim,line,member,carrier,filled,ndc,qty,days,paid_cents,paid
D-1,1,C10,Cigna,20260402,0078-0649-30,30,30,931000,20260416
D-2,1,C11,Cigna,20260403,47335-472-83,180,30,180005,20260417
D-3,1,C10,Cigna,20260402,0078-0649-30,-30,30,-931000,20260501
""",
    },
    """\
[tables.pharmacy_claim]
files = ["pharmacy_claims.csv"]

[columns.pharmacy_claim]
claim = "claim_id"
line = "claim_line_number"
member = "member_id"
carrier = "payer"
filled = "dispensing_date"
ndc = "ndc_code"
qty = "quantity"
days = "days_supply"
paid = "paid_date"

[tables.pharmacy_claim.columns]
paid_amount = "coalesce(CAST(TRY_CAST(paid_cents AS DECIMAL(17, 2)) * 0.01 AS VARCHAR), paid_cents)"
""",
    (
        ("D-1", "30", "9310.00", None),
        ("D-2", "180", "1800.05", None),
        ("D-3", "-30", "-9310.00", None),
    ),
    (("D-2", "180", "1800.05"),),
)

REMITTANCE = Recipe(
    "The lines of an 835",
    "A remittance flattened to a row per service line. CLP02 says what a row is: 1 to 3 and 19 to "
    "21 paid, 4, 23 and 25 not paid, 22 a reversal. Rows of one claim and line number are versions "
    "of one line. If a claim can have several services, take the line item control number (REF 6R) "
    "as claim_line_number. If the file has none, make the claim id of claim and service: "
    "`claim_id = \"clp01 || '-' || split_part(svc_code, ':', 2)\"`.",
    {
        "service_lines.csv": """\
clp01,clp02,payer,patient_id,svc_code,svc_mods,svc_units,svc_paid,svc_date,rendering_npi,payment_date
P-61,1,Blue Cross NC,S1,HC:J9229,JZ,18,36000.00,20260310,1000000020,20260324
P-61,22,Blue Cross NC,S1,HC:J9229,JZ,18,-36000.00,20260310,1000000020,20260415
P-61,1,Blue Cross NC,S1,HC:J9229,JZ,9,18000.00,20260310,1000000020,20260415
P-62,4,Blue Cross NC,S2,HC:J9229,JZ,18,0,20260311,1000000020,20260324
P-63,19,Blue Cross NC,S3,HC:C9399,,1,900.00,20260312,1000000020,20260324
""",
    },
    """\
[tables.medical_claim]
files = ["service_lines.csv"]

[columns.medical_claim]
clp01 = "claim_id"
patient_id = "member_id"
svc_units = "service_unit_quantity"
svc_paid = "paid_amount"
svc_date = "claim_line_start_date"
payment_date = "paid_date"

[tables.medical_claim.columns]
claim_line_number = "'1'"
hcpcs_code = "split_part(svc_code, ':', 2)"
hcpcs_modifier_1 = "split_part(svc_mods, ':', 1)"
hcpcs_modifier_2 = "split_part(svc_mods, ':', 2)"
claim_status = '''
    CASE WHEN clp02 IN ('1', '2', '3', '19', '20', '21') THEN 'paid'
         WHEN clp02 IN ('4', '23', '25') THEN 'denied'
         WHEN clp02 = '22' THEN 'reversed' ELSE clp02 END'''
""",
    (
        ("P-61", "18", "36000.00", "paid"),
        ("P-61", "18", "-36000.00", "reversed"),
        ("P-61", "9", "18000.00", "paid"),
        ("P-62", "18", "0.00", "denied"),
        ("P-63", "1", "900.00", "paid"),
    ),
    (("P-61", "9", "18000.00"), ("P-63", "1", "900.00")),
)

SYNPUF = Recipe(
    "CMS synthetic prescription events (SynPUF)",
    "No payer, no claim line and no channel. What the plan paid is the total cost less what the "
    "patient paid. If either is missing or no number, the row is quarantined.",
    {
        "PDE_SAMPLE.csv": """\
DESYNPUF_ID,PDE_ID,SRVC_DT,PROD_SRVC_ID,QTY_DSPNSD_NUM,DAYS_SUPLY_NUM,PTNT_PAY_AMT,TOT_RX_CST_AMT
00013D2EFD8E45D1,233974489153345,20260108,00078064930,30.000,30,10.00,9310.00
00013D2EFD8E45D1,233314486952301,20260207,47335047283,30.000,30,0.00,620.00
00016F745862898F,233234489104982,20260301,68180065906,60.000,30,20.00,1240.00
""",
    },
    """\
[tables.pharmacy_claim]
files = ["PDE_*.csv"]

[tables.pharmacy_claim.columns]
claim_id = "PDE_ID"
member_id = "DESYNPUF_ID"
payer = "'Cigna'"
dispensing_date = "SRVC_DT"
ndc_code = "PROD_SRVC_ID"
quantity = "QTY_DSPNSD_NUM"
days_supply = "DAYS_SUPLY_NUM"
paid_amount = '''
    coalesce(CAST(TRY_CAST(TOT_RX_CST_AMT AS DECIMAL(17, 4))
                  - TRY_CAST(PTNT_PAY_AMT AS DECIMAL(17, 4)) AS VARCHAR),
             concat(TOT_RX_CST_AMT, ' less ', PTNT_PAY_AMT))'''
""",
    (
        ("233974489153345", "30", "9300.00", None),
        ("233314486952301", "30", "620.00", None),
        ("233234489104982", "60", "1220.00", None),
    ),
    (
        ("233974489153345", "30", "9300.00"),
        ("233314486952301", "30", "620.00"),
        ("233234489104982", "60", "1220.00"),
    ),
)

RECIPES = (ONE_PAYER, HEADER_AND_LINES, CENTS, REMITTANCE, SYNPUF)


_JOIN = """
Without DuckDB's own command line, save the statement as `join.sql` and run, in the folder of both
files:

```
.venv/bin/python -c "import duckdb; duckdb.sql(open('join.sql').read())"
```

Then move `medical_claim.csv` into the landing folder, without the two files that it is made of.
"""


def recipes() -> str:
    """The section of the page, one heading per recipe."""
    return "\n## Recipes\n" + "".join(map(_recipe, RECIPES))


def _recipe(recipe: Recipe) -> str:
    files = "".join(f"\n`{name}`:\n\n```\n{text}```\n" for name, text in recipe.files.items())
    join = (
        f"\nMake `medical_claim.csv` of them:\n\n```sql\n{recipe.join}```\n{_JOIN}"
        if recipe.join
        else ""
    )
    config = f"\nThe config:\n\n```toml\n{recipe.config}```\n"
    lines = ", ".join(
        f"{claim} ({quantity} for {paid})" for claim, quantity, paid in recipe.standing
    )
    return (
        f"\n### {recipe.title}\n\n{recipe.says}\n{files}{join}{config}\n"
        f"{len(recipe.accepted)} rows are accepted. What remains after final action: {lines}.\n"
    )

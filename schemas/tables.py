"""The extracts: every table of the contract, its columns, and what kind of value each column holds.

One vocabulary drives the parsing (SQL), the checks (Pandera) and the documentation, so that they
cannot drift apart. Column names follow the Tuva input layer; `ours=True` marks the few that Tuva
does not have.
"""

from schemas.table import Column, Kind, Table


def _key(name: str, kind: Kind = Kind.IDENTIFIER, nothing: bool = False, opens: str = "") -> Column:
    return Column(name, kind, required=True, nullable=False, nothing=nothing, opens=opens)


_PERSON_ID = Column("person_id", Kind.IDENTIFIER, nothing=True)
_MEMBER_ID = _key("member_id", nothing=True)


def _spelt(*values: str) -> dict[str, str]:
    return {value.lower(): value for value in values}


CLAIM_STATUS = {
    "paid": "paid",
    "p": "paid",
    "denied": "denied",
    "d": "denied",
    "reversed": "reversed",
    "r": "reversed",
    "x": "reversed",
}

EVIDENCE_VALUES: dict[str, dict[str, str]] = {
    "response": _spelt("CR", "CRi", "PR", "NR"),
    "mrd": _spelt("negative", "positive"),
    "philadelphia": _spelt("positive", "negative"),
    "generic_trial": _spelt("documented", "attested"),
    "formulation_intolerance": _spelt("documented", "attested"),
    "hsct_planned": _spelt("yes", "no"),
    "relapsed_refractory": _spelt("yes", "no"),
}
"""Evidence codes with enumerated values; only `bsa_m2` has a number."""

MEASURED_EVIDENCE = "bsa_m2"

_FINAL_ACTION = (
    Column("claim_status", Kind.WORD, spellings=CLAIM_STATUS, strict=True, ours=True),
    Column("claim_frequency_code", Kind.CODE, ours=True),
    Column("original_claim_id", Kind.IDENTIFIER, ours=True, nothing=True),
)

MEDICAL_CLAIM = Table(
    "medical_claim",
    "one row per claim line",
    (
        _key("claim_id"),
        _key("claim_line_number", Kind.INTEGER),
        _PERSON_ID,
        _MEMBER_ID,
        _key("payer", Kind.PAYER),
        Column("plan"),
        Column("claim_start_date", Kind.DATE),
        Column("claim_line_start_date", Kind.DATE),
        Column("hcpcs_code", Kind.HCPCS),
        *(Column(f"hcpcs_modifier_{n}", Kind.MODIFIER) for n in range(1, 6)),
        Column("ndc_code", Kind.NDC, ours=True),
        Column("service_unit_quantity", Kind.QUANTITY, required=True),
        Column("rendering_npi", Kind.NPI),
        Column("billing_npi", Kind.NPI),
        Column("place_of_service_code", Kind.CODE),
        Column("paid_amount", Kind.AMOUNT, required=True),
        Column("paid_date", Kind.DATE),
        Column("diagnosis_code_type", Kind.CODE),
        *(Column(f"diagnosis_code_{n}", Kind.ICD10CM) for n in range(1, 26)),
        *_FINAL_ACTION,
    ),
    one_of=(("claim_line_start_date", "claim_start_date"),),
    in_order=(("claim_start_date", "claim_line_start_date"), ("claim_start_date", "paid_date")),
    service_dates=("claim_line_start_date", "claim_start_date"),
    quantity="service_unit_quantity",
)

PHARMACY_CLAIM = Table(
    "pharmacy_claim",
    "one row per claim line (a fill)",
    (
        _key("claim_id"),
        Column("claim_line_number", Kind.INTEGER, default="1"),
        _PERSON_ID,
        _MEMBER_ID,
        _key("payer", Kind.PAYER),
        Column("plan"),
        Column("prescribing_provider_npi", Kind.NPI),
        Column("dispensing_provider_npi", Kind.NPI),
        _key("dispensing_date", Kind.DATE),
        Column("ndc_code", Kind.NDC, required=True),
        Column("quantity", Kind.QUANTITY, required=True),
        Column("days_supply", Kind.QUANTITY),
        Column("paid_amount", Kind.AMOUNT, required=True),
        Column("paid_date", Kind.DATE),
        Column("dispensing_fee", Kind.AMOUNT, ours=True),
        Column(
            "dispensing_channel", Kind.WORD, spellings=_spelt("retail", "home_delivery"), ours=True
        ),
        Column("daw_code", Kind.CODE, ours=True),
        Column("diagnosis_code", Kind.ICD10CM, ours=True),
        *_FINAL_ACTION,
    ),
    in_order=(("dispensing_date", "paid_date"),),
    service_dates=("dispensing_date",),
    quantity="quantity",
    fee="dispensing_fee",
)

DIAGNOSIS = Table(
    "diagnosis",
    "one row per code on a claim or of a person",
    (
        Column("claim_id", Kind.IDENTIFIER),
        _PERSON_ID,
        _MEMBER_ID,
        _key("diagnosis_code", Kind.ICD10CM),
        Column("diagnosis_code_type", Kind.CODE),
        Column("diagnosis_rank", Kind.CODE),
        Column("diagnosis_date", Kind.DATE),
    ),
    one_of=(("claim_id", "diagnosis_date"),),
)

ELIGIBILITY = Table(
    "eligibility",
    "one row per member and enrollment span",
    (
        _PERSON_ID,
        _MEMBER_ID,
        Column("gender", Kind.WORD, spellings=_spelt("female", "male")),
        Column("birth_date", Kind.DATE),
        Column("death_date", Kind.DATE),
        _key("payer", Kind.PAYER),
        Column("payer_type"),
        Column("plan"),
        _key("enrollment_start_date", Kind.DATE, opens="start"),
        Column("enrollment_end_date", Kind.DATE, opens="end"),
    ),
    in_order=(("birth_date", "death_date"),),
    spans=(("enrollment_start_date", "enrollment_end_date"),),
)

AUTHORIZATION = Table(
    "authorization",
    "one row per authorization decision",
    (
        _key("authorization_id", nothing=True),
        _PERSON_ID,
        _MEMBER_ID,
        _key("payer", Kind.PAYER),
        Column("drug", Kind.WORD, required=True, nullable=False),
        Column("product", Kind.WORD),
        Column(
            "status",
            Kind.WORD,
            required=True,
            nullable=False,
            spellings=_spelt("approved", "denied", "pended"),
            strict=True,
        ),
        _key("start_date", Kind.DATE, opens="start"),
        _key("end_date", Kind.DATE, opens="end"),
        Column("override", Kind.WORD),
        Column("units", Kind.QUANTITY, ours=True),
    ),
    spans=(("start_date", "end_date"),),
)

CLINICAL_EVIDENCE = Table(
    "clinical_evidence",
    "one row per clinical fact",
    (
        _PERSON_ID,
        _MEMBER_ID,
        _key("evidence_date", Kind.DATE),
        Column(
            "evidence_code",
            Kind.WORD,
            required=True,
            nullable=False,
            spellings=_spelt(*EVIDENCE_VALUES, MEASURED_EVIDENCE),
            is_open=True,
        ),
        Column("evidence_value", nullable=False),
        Column("source"),
    ),
)

PROVIDER = Table(
    "provider",
    "one row per NPI and taxonomy",
    (_key("npi", Kind.NPI), _key("taxonomy_code", Kind.TAXONOMY)),
)

TABLES: dict[str, Table] = {
    t.name: t
    for t in (
        MEDICAL_CLAIM,
        PHARMACY_CLAIM,
        DIAGNOSIS,
        ELIGIBILITY,
        AUTHORIZATION,
        CLINICAL_EVIDENCE,
        PROVIDER,
    )
}
CLAIM_TABLES = tuple(t.name for t in TABLES.values() if t.is_claim)

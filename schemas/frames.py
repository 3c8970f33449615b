"""What a rule reads: columns, units and grain of the warehouse's frames and of the dossier's.

The warehouse's frames come out of SQL and are checked against this vocabulary; the dossier's frames
are what the rules get. All hold affected persons only, except `priced_lines`,
`payer_start`, `authorization_start` and the providers. Null means unknown or none, never zero and
never false. In a join on a null key, nothing is found.
"""

import polars as pl

from schemas.frame import Columns, Frame, FrameColumn
from schemas.frame_columns import (
    AMOUNTS,
    AUTHORIZATION_ROW,
    CLAIM,
    ENROLLMENT,
    EVIDENCE,
    FATE,
    NDC,
    NETTED,
    PAYER_ID,
    PERSON,
    SHARES_KEY,
    TAXONOMY,
    extracted,
)
from schemas.results import CLAIM_LINE
from schemas.tables import (
    AUTHORIZATION,
    DIAGNOSIS,
    MEDICAL_CLAIM,
    PHARMACY_CLAIM,
)

_CLAIM_ROW = (
    "One row per claim row dated up to the as-of date, whatever final action made of it; "
    "exact duplicates are left out."
)
_SPAN = "One row per person, payer and enrollment span, as last loaded."
_DECISION = "One row per authorization decision, as last loaded."
_FACT = "One row per clinical fact, as last loaded"
_TAXONOMY = "One row per NPI and taxonomy"
_PAYER_START = Frame(
    "payer_start",
    "One row per payer.",
    {
        "payer_id": PAYER_ID,
        "first_dispensing_date": FrameColumn(
            pl.Date(), "first fill of anyone at the payer, but not before the last purge"
        ),
        "first_service_date": FrameColumn(
            pl.Date(), "first medical line of anyone at the payer, but not before the last purge"
        ),
    },
    keys=(("payer_id",),),
)
_AUTHORIZATION_START = Frame(
    "authorization_start",
    "One row per payer and drug with an authorization of anyone, whatever its status.",
    {
        "payer_id": PAYER_ID,
        **extracted(AUTHORIZATION, "drug"),
        "first_start_date": FrameColumn(pl.Date(), "the earliest start of such an authorization"),
    },
    keys=(("payer_id", "drug"),),
)
_PRICED_LINES = Frame(
    "priced_lines",
    "One row per history line that may be of an audited drug, of every person, for what it cost.",
    {
        "claim_source": FrameColumn(pl.String(), "`medical` or `pharmacy`"),
        "claim_id": FrameColumn(pl.String(), "as in the extract"),
        "claim_line_number": FrameColumn(pl.Int64(), "as in the extract"),
        "person": PERSON,
        "payer_id": PAYER_ID,
        "hcpcs_code": FrameColumn(pl.String(), "as in the extract; null for a fill"),
        **extracted(PHARMACY_CLAIM, "ndc_code"),
        "service_date": CLAIM["service_date"],
        **AMOUNTS,
    },
)
WAREHOUSE_FRAMES: dict[str, Frame] = {
    frame.name: frame
    for frame in (
        Frame(
            "medical",
            _CLAIM_ROW,
            extracted(MEDICAL_CLAIM, without=("person_id", "service_unit_quantity", "paid_amount"))
            | CLAIM
            | {"fate": FATE, "shares_key": SHARES_KEY, "is_netted": NETTED},
        ),
        Frame(
            "pharmacy",
            _CLAIM_ROW,
            extracted(PHARMACY_CLAIM, without=("person_id", "quantity", "paid_amount"))
            | CLAIM
            | {"fate": FATE, "shares_key": SHARES_KEY, "is_netted": NETTED},
        ),
        Frame(
            "diagnosis",
            "One row per row of the extract; an undated diagnosis has the date of its claim.",
            {
                "person": PERSON,
                **extracted(
                    DIAGNOSIS,
                    "claim_id",
                    "diagnosis_code",
                    "diagnosis_code_type",
                    "diagnosis_date",
                ),
            },
        ),
        Frame("eligibility", _SPAN, ENROLLMENT),
        Frame("authorization", _DECISION, AUTHORIZATION_ROW),
        Frame("clinical_evidence", f"{_FACT}.", EVIDENCE),
        _PRICED_LINES,
        _AUTHORIZATION_START,
        Frame("provider", f"{_TAXONOMY}.", TAXONOMY, keys=(("npi", "taxonomy_code"),)),
        _PAYER_START,
    )
}
"""What the warehouse hands over, by the names of `WarehouseFrames`."""

LINE: Columns = {
    "row_id": FrameColumn(pl.UInt32(), "number of the line among all history lines"),
    "claim_source": FrameColumn(pl.String(), "`medical` or `pharmacy`"),
    "claim_id": FrameColumn(pl.String(), "as in the extract"),
    "claim_line_number": FrameColumn(pl.Int64(), "as in the extract"),
    "payer": FrameColumn(pl.String(), "as in the extract"),
    "plan": FrameColumn(pl.String(), "as in the extract"),
    "member_id": FrameColumn(pl.String(), "as in the extract"),
    **CLAIM,
    "shares_key": SHARES_KEY,
    "paid_date": FrameColumn(pl.Date(), "day on which the line was paid"),
    "provider_npi": FrameColumn(pl.String(), "prescriber of a fill, rendering provider else"),
    "billing_npi": FrameColumn(pl.String(), "pharmacy of a fill, billing provider else"),
    "hcpcs_code": FrameColumn(pl.String(), "as in the extract; null for a fill"),
    "place_of_service_code": FrameColumn(pl.String(), "as in the extract; null for a fill"),
    "is_netted": NETTED,
    "ndc_code": FrameColumn(pl.String(), "11 digits if well formed"),
    "modifiers": FrameColumn(
        pl.List(pl.String()), "HCPCS modifiers in alphabetical order; null for a fill"
    ),
    "days_supply": FrameColumn(
        pl.Decimal(18, 3), "as in the extract; null for a medical line", "days"
    ),
    "supply_end": FrameColumn(
        pl.Date(), "first day not supplied: the service date plus the days' supply, or the default"
    ),
    "channel": FrameColumn(pl.String(), "`retail` or `home_delivery`; null for a medical line"),
    "daw_code": FrameColumn(pl.String(), "product selection code of a fill"),
    "birth_date": FrameColumn(pl.Date(), "of the person; null if the spans disagree"),
    "death_date": FrameColumn(pl.Date(), "of the person, the latest on file"),
    "age": FrameColumn(pl.Int32(), "completed on the service date", "years"),
    "drug": FrameColumn(pl.String(), "the audited drug; null if the line is of none"),
    "product_code": FrameColumn(pl.String(), "HCPCS code, or the NDC if there is none"),
    **NDC,
}
"""A history line of either claim table, with what its codes and its person's enrollment say."""

PAYER_LINE = (*CLAIM_LINE, "payer_id")
"""A line as its payer numbers it."""

HISTORY_LINE = (*PAYER_LINE, "person")
"""Identifies a history line: two members may have claims with the same id."""

JUDGED_LINE = (
    *PAYER_LINE,
    "payer",
    "plan",
    "person",
    "shares_key",
    "member_id",
    "service_date",
    "paid_date",
    "provider_npi",
    "billing_npi",
    "quantity",
    "drug",
    "product_code",
    "paid_amount",
    "paid_cents",
)
"""What results say of a judged line."""

DENIED_SERVICE = (
    "claim_source",
    "person",
    "payer_id",
    "claim_id",
    "claim_line_number",
    "service_date",
    "billing_npi",
    "hcpcs_code",
)
"""What rules read of a denied medical line."""

_LINE_KEYS = (("row_id",), HISTORY_LINE)
_PLACE: Columns = {
    "person": PERSON,
    "claim_source": FrameColumn(
        pl.String(), "claim table of the code; null for the diagnosis table"
    ),
    "payer_id": PAYER_ID._replace(meaning="payer of that claim; null for the diagnosis table"),
    "claim_id": FrameColumn(pl.String(), "claim of the code; null if none is named"),
    "claim_line_number": FrameColumn(pl.Int64(), "line of that claim; null if none is named"),
    "place": FrameColumn(pl.String(), "column of the claim, or `diagnosis` for the table"),
    "code": FrameColumn(pl.String(), "well-formed ICD-10-CM code"),
    "date": FrameColumn(pl.Date(), "service date of the claim, or date of the diagnosis"),
}
_NUMBER = FrameColumn(pl.UInt32(), "number of the decision in the frame")

DOSSIER_FRAMES: dict[str, Frame] = {
    frame.name: frame
    for frame in (
        Frame("lines", "One row per audited drug line to judge: paid history.", LINE, _LINE_KEYS),
        Frame("fills", "One row per pharmacy history line, audited or not.", LINE, _LINE_KEYS),
        Frame("services", "One row per medical history line, audited or not.", LINE, _LINE_KEYS),
        Frame(
            "miscoded",
            "One row per paid medical line under another code with the NDC of an infused drug.",
            LINE,
            _LINE_KEYS,
        ),
        Frame(
            "denied_services",
            "One row per denied medical line: what was billed, though not paid.",
            {name: LINE[name] for name in DENIED_SERVICE},
        ),
        Frame(
            "repeats",
            "One row per audited line that is, or may be, a duplicate of an earlier one.",
            {"row_id": LINE["row_id"]},
            keys=(("row_id",),),
        ),
        Frame(
            "claim_links",
            "One row per claim and other claim that one of its rows names as its original.",
            {
                "claim_source": LINE["claim_source"],
                "person": PERSON,
                "payer_id": PAYER_ID,
                "claim_id": LINE["claim_id"],
                "named_claim_id": FrameColumn(pl.String(), "the other claim"),
            },
        ),
        Frame(
            "diagnoses",
            "One row per code, person and place on file, dated up to the as-of date.",
            _PLACE,
            keys=(tuple(_PLACE),),
        ),
        Frame("enrollment", _SPAN, ENROLLMENT),
        Frame(
            "authorizations",
            _DECISION,
            {"authorization_no": _NUMBER, **AUTHORIZATION_ROW},
            keys=(("authorization_no",),),
        ),
        Frame("evidence", f"{_FACT}, dated up to the as-of date.", EVIDENCE),
        Frame(
            "taxonomies",
            f"{_TAXONOMY}, of well-formed NPIs.",
            TAXONOMY,
            keys=(("npi", "taxonomy_code"),),
        ),
        _PAYER_START,
        _AUTHORIZATION_START,
        Frame(
            "priced_lines",
            "One row per history line of an audited drug, of every person, for what it cost.",
            {
                **_PRICED_LINES.columns,
                "drug": LINE["drug"],
                "product_code": LINE["product_code"],
                **NDC,
            },
        ),
    )
}
"""What rules read, by the names of `Dossier`."""

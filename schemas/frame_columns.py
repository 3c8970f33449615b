"""Columns that several frames have, each described once."""

import polars as pl

from schemas.describe import DOLLARS
from schemas.frame import Columns, FrameColumn
from schemas.table import Kind, Table
from schemas.tables import AUTHORIZATION, CLINICAL_EVIDENCE, ELIGIBILITY, PROVIDER

_STORED: dict[Kind, pl.DataType] = {
    Kind.DATE: pl.Date(),
    Kind.AMOUNT: pl.Decimal(18, 2),
    Kind.QUANTITY: pl.Decimal(18, 3),
    Kind.INTEGER: pl.Int64(),
}
"""The type of a column of the contract by its kind; every other kind is text."""


def extracted(table: Table, *names: str, without: tuple[str, ...] = ()) -> Columns:
    """Columns of an extract as they were parsed: those named, or all but some."""
    chosen = [c for c in table.columns if (c.name in names or not names) and c.name not in without]
    return {
        c.name: FrameColumn(
            _STORED.get(c.kind, pl.String()),
            f"as in the extract {table.name}",
            "days" if c.name == "days_supply" else DOLLARS if c.kind == Kind.AMOUNT else "",
        )
        for c in chosen
    }


PERSON = FrameColumn(
    pl.String(), "the person: person_id if the extracts link one, else the member_id"
)
PAYER_ID = FrameColumn(
    pl.String(), "the payer as the policies name it, else its name in lower case"
)
AMOUNTS: Columns = {
    "quantity_milli": FrameColumn(
        pl.Int64(), "quantity as an integer, so that products stay exact", "thousandths"
    ),
    "paid_cents": FrameColumn(pl.Int64(), "paid amount as an integer", "US cents"),
    "fee_cents": FrameColumn(
        pl.Int64(), "dispensing fee after final action; null for a medical line", "US cents"
    ),
}
CLAIM: Columns = {
    "person": PERSON,
    "payer_id": PAYER_ID,
    "service_date": FrameColumn(pl.Date(), "date of service; of a fill the dispensing date"),
    "quantity": FrameColumn(
        pl.Decimal(38, 3), "quantity billed, after final action", "tablets or HCPCS units"
    ),
    "paid_amount": FrameColumn(pl.Decimal(38, 2), "paid, after final action", DOLLARS),
    **AMOUNTS,
}
FATE = FrameColumn(
    pl.String(), "what final action made of the row: history, superseded, reversed or denied"
)
SHARES_KEY = FrameColumn(pl.Boolean(), "whether its claim id and line go with several persons")
NETTED = FrameColumn(pl.Boolean(), "whether a reversal took back a part of the row")
ENROLLMENT: Columns = {
    "person": PERSON,
    "payer_id": PAYER_ID,
    **extracted(
        ELIGIBILITY,
        "birth_date",
        "death_date",
        "gender",
        "payer_type",
        "plan",
        "enrollment_start_date",
        "enrollment_end_date",
    ),
}
AUTHORIZATION_ROW: Columns = {
    "person": PERSON,
    "payer_id": PAYER_ID,
    **extracted(AUTHORIZATION, without=("person_id", "member_id", "payer")),
    "drug_word": FrameColumn(pl.String(), "the drug as the sender calls it"),
    "product_word": FrameColumn(pl.String(), "the product as the sender calls it"),
}
EVIDENCE: Columns = {
    "person": PERSON,
    **extracted(CLINICAL_EVIDENCE, "evidence_date", "evidence_code", "evidence_value"),
}
TAXONOMY = extracted(PROVIDER)
NDC: Columns = {
    "ingredient": FrameColumn(pl.String(), "ingredient of the NDC; null if the NDC is not known"),
    "product": FrameColumn(
        pl.String(), "`brand` or `generic`; null if unknown, or if the line is of another drug"
    ),
    "strength_mg": FrameColumn(pl.Float64(), "strength of one unit of that product", "mg"),
    "form": FrameColumn(pl.String(), "form of that product, such as tablet"),
}

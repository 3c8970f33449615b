"""Texts of every kind of column, sound and spoiled."""

from schemas.table import Kind
from schemas.tables import EVIDENCE_VALUES, MEASURED_EVIDENCE

_NAMES = ("C1", " C2 ", "", "1003.0", "1003.00", "1.003E3", "2.02603E+11", "9007199254740993.0")
_NAMES += ("7E10", "12.5", "0", "0.0", "nan", "None", "N/A", "na", r"\N", ".", "-", "unknown")

TEXTS: dict[Kind, tuple[str | None, ...]] = {
    Kind.TEXT: ("PPO", " HMO ", "NULL", "nan", "5.0", "Größe", None),
    Kind.IDENTIFIER: (*_NAMES, "NULL", None),
    Kind.CODE: ("11", "11.0", "02", "07", "7.0", "x", "1E+05", "0", None),
    Kind.PAYER: ("Cigna", " CIGNA ", "Aetna", "null", "1.0", None),
    Kind.DATE: (
        *("2026-01-05", "20260105", "20260105.0", "2026-01-05T23:00:00-05:00", "05/01/58"),
        *("1900-01-01", "1753-01-01", "0001-01-01", "9999-12-31", "12/31/9999", "2026-12-31"),
        *("05/01/25", "2026-02-30", "soon", None),
    ),
    Kind.AMOUNT: ("10", "10.00", "0", "1018.0999999999999", "1.005", "-3", "$5", "nan", None),
    Kind.QUANTITY: ("9", "9.0", "1e1", "-9", "0", "many", None),
    Kind.INTEGER: ("1", "2.0", "1.5", "x", None),
    Kind.WORD: ("R", "paid", "X", "D", "brand", "b", "retail", "mail", "imatinib", "Gleevec", None),
    Kind.NDC: ("47335047281", "47335047281.0", "78043815", "4.7335E+10", "0078-0649-30", None),
    Kind.ICD10CM: ("C92.10", "c9210", "250.0", "C9", "", None),
    Kind.HCPCS: ("J9229", "j9229", "99213.0", "9.9E+04", "nan", None),
    Kind.MODIFIER: ("JW", "jw", "JWRT", "JW1", "59.0", "25 ", None),
    Kind.TAXONOMY: ("207RH0003X", "207rh0003x", "207.0", "oncology", None),
    Kind.NPI: ("1234567893", "1234567893.0", "1.23E+09", "1234567890", "0", None),
}
"""Texts of each kind of column, sound and spoiled."""
OF_COLUMN: dict[str, tuple[str | None, ...]] = {
    "evidence_code": (*EVIDENCE_VALUES, MEASURED_EVIDENCE, "weight", None),
    "evidence_value": ("CR", "cr", "positive", "yes", "1.73", "1.0", "0", "NULL", None),
    "status": ("approved", "Denied", "pended", "closed", None),
}

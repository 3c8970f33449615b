"""A package code that is inferred or from memory recognises a drug, and proves nothing."""

from pathlib import Path

import polars as pl
import pytest

from audit_rules.policy.library import load_policies
from audit_rules.reference.code_sets import SHIPPED_CODE_SETS
from audit_rules.reference.codes import load_reference
from flows.intake.ndc_directory import read_ndc_directory
from tests.support.extracts import Row, as_csv, good
from tests.support.running import judged, planned

INFERRED_GLEEVEC, GLEEVEC = "00078043815", "00078064930"
INFERRED_DASATINIB, DASATINIB = "60505381703", "00003085722"
DIRECTORY_PRODUCT = (
    "PRODUCTID\tPROPRIETARYNAME\tDOSAGEFORMNAME\tROUTENAME\tMARKETINGCATEGORYNAME\tSUBSTANCENAME"
    "\tACTIVE_NUMERATOR_STRENGTH\tACTIVE_INGRED_UNIT\n"
    "1\tGleevec\tTABLET\tORAL\tNDA\tIMATINIB MESYLATE\t400\tmg/1\n"
)
DIRECTORY_PACKAGE = "PRODUCTID\tNDCPACKAGECODE\n1\t0078-0438-15\n"


def _finding(folder: Path, rule: str, **tables: list[Row]) -> Row:
    """The only exception of a rule."""
    folder.mkdir()
    for table, rows in tables.items():
        (folder / f"{table}.csv").write_text(as_csv(rows), encoding="utf-8")
    found = judged(planned(folder, folder.parent / f"out-{folder.name}")).exceptions
    (row,) = found.filter(pl.col("rule_id") == rule).iter_rows(named=True)
    return dict(row)


@pytest.mark.slow
def test_a_finding_on_such_a_code_is_a_review_of_the_same_reason_and_amount(
    tmp_path: Path,
) -> None:
    """Brand without a trial; the other package is verified."""
    sure, unsure = (
        _finding(
            tmp_path / ndc,
            "GEN01",
            pharmacy_claim=[good("pharmacy_claim", ndc_code=ndc, paid_amount="9000.00")],
        )
        for ndc in (GLEEVEC, INFERRED_GLEEVEC)
    )
    assert sure["outcome"] in ("recover", "records_request") and unsure["outcome"] == "review"
    for same in ("reason", "observed", "allowed", "amount_at_risk", "amount_basis"):
        assert sure[same] == unsure[same]
    assert str(unsure["rationale"]).startswith(str(sure["rationale"]))
    assert "not verified" in str(unsure["rationale"])


@pytest.mark.slow
def test_a_finding_that_rests_on_a_fill_of_such_a_code_is_a_review(tmp_path: Path) -> None:
    """Dasatinib in supply on the day of the infusion, and no Philadelphia status."""
    dose = good(
        "medical_claim", payer="MMM", claim_line_start_date="2026-04-06", hcpcs_code="J9229"
    )
    outcomes = [
        _finding(
            tmp_path / ndc,
            "REG01",
            medical_claim=[dose],
            pharmacy_claim=[
                good(
                    "pharmacy_claim",
                    payer="Aetna",
                    dispensing_date="2026-04-01",
                    days_supply=30,
                    ndc_code=ndc,
                )
            ],
        )["outcome"]
        for ndc in (DASATINIB, INFERRED_DASATINIB)
    ]
    assert outcomes == ["records_request", "review"]


def test_a_row_of_the_user_and_one_of_the_directory_are_verified(tmp_path: Path) -> None:
    library = load_policies()
    assert INFERRED_GLEEVEC in load_reference(library).inferred_ndcs
    own = f"{INFERRED_GLEEVEC},imatinib,brand,400,tablet,true\n"
    header = "ndc11,ingredient,product,strength_mg,form,audited\n"
    (tmp_path / "ndc_own.csv").write_text(header + own, encoding="utf-8")
    assert INFERRED_GLEEVEC not in load_reference(library, tmp_path).inferred_ndcs
    (tmp_path / "product.txt").write_text(DIRECTORY_PRODUCT, encoding="utf-8")
    (tmp_path / "package.txt").write_text(DIRECTORY_PACKAGE, encoding="utf-8")
    directory = read_ndc_directory(tmp_path)
    assert directory["ndc11"].to_list() == [INFERRED_GLEEVEC]
    inferred = load_reference(library, ndc_directory=directory).inferred_ndcs
    assert INFERRED_GLEEVEC not in inferred and INFERRED_DASATINIB in inferred


@pytest.mark.parametrize("name", sorted(p.name for p in SHIPPED_CODE_SETS.glob("ndc*.csv")))
def test_every_shipped_package_states_its_certainty_and_source(name: str) -> None:
    rows = pl.read_csv(SHIPPED_CODE_SETS / name, infer_schema=False)
    known = {"verified_2plus", "verified_1", "inferred_1", "memory_only"}
    assert set(rows["certainty"]) <= known and rows["source"].null_count() == 0


def test_imatinib_is_known_by_all_its_labelers_with_a_strength() -> None:
    ndc = load_reference(load_policies()).ndc
    tablets = ndc.filter(pl.col("ingredient") == "imatinib", pl.col("form") == "tablet")
    assert tablets.height > 100 and set(tablets["strength_mg"]) == {100.0, 400.0}
    assert tablets["audited"].all()


@pytest.mark.parametrize(
    "ingredient",
    [
        *("dasatinib", "nilotinib", "bosutinib", "ponatinib", "asciminib", "sunitinib"),
        *("regorafenib", "ripretinib", "avapritinib", "ketoconazole", "itraconazole"),
        *("posaconazole", "voriconazole", "clarithromycin", "ritonavir", "cobicistat"),
    ],
)
def test_kinase_inhibitors_and_inhibitors_of_cyp3a4_are_recognised(ingredient: str) -> None:
    ndc = load_reference(load_policies()).ndc.filter(pl.col("ingredient") == ingredient)
    assert ndc.height > 0 and not ndc["audited"].any()

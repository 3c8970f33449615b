"""Code sets of a user: one code has one set of facts, and a strength is a strength."""

from pathlib import Path

import pytest

from audit_rules.errors import PolicyRefused
from audit_rules.policy.library import load_policies
from audit_rules.reference.codes import load_reference

NDC = "ndc11,ingredient,product,strength_mg,form,audited\n"
ROW = "00003085222,imatinib,generic,100,tablet,true\n"
HCPCS = "hcpcs,drug,role\n"


def _load(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    load_reference(load_policies(), folder)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ("00003085222,imatinib,brand,100,tablet,true\n", "product"),
        ("00003085222,imatinib,generic,400,tablet,true\n", "strength_mg"),
        ("00003085222,imatinib,generic,,tablet,true\n", "strength_mg"),
        ("00003085222,dasatinib,generic,100,tablet,true\n", "ingredient"),
        ("00003085222,imatinib,generic,100,capsule,true\n", "form"),
        ("00003085222,imatinib,generic,100,tablet,false\n", "audited"),
    ],
)
def test_b9_an_ndc_with_two_sets_of_facts_is_refused(
    changed: str, field: str, tmp_path: Path
) -> None:
    """The later row counted without a word."""
    with pytest.raises(PolicyRefused, match=rf"ndc_x.csv, line 3: {field}: the same ndc11"):
        _load(tmp_path, ndc_x=NDC + ROW + changed)


def test_b9_two_files_of_one_folder_must_agree(tmp_path: Path) -> None:
    with pytest.raises(PolicyRefused, match=r"ndc_b.csv, line 2: product"):
        _load(tmp_path, ndc_a=NDC + ROW, ndc_b=NDC + ROW.replace("generic", "brand"))


def test_b9_the_same_facts_twice_do_no_harm_and_a_shipped_ndc_may_be_replaced(
    tmp_path: Path,
) -> None:
    shipped = ROW.replace("00003085222", "00078040105")
    _load(tmp_path, ndc_x=NDC + ROW + ROW.replace("100", "100.0") + shipped)


@pytest.mark.parametrize("strength", ["0", "-1", "-0.5", "nan", "inf", "1e300", "100mg", "10001"])
def test_b9_a_strength_is_a_number_above_zero(strength: str, tmp_path: Path) -> None:
    """A negative strength was accepted, and what is not a number counted as unknown."""
    with pytest.raises(PolicyRefused, match=r"ndc_x.csv, line 2: strength_mg: the strength"):
        _load(tmp_path, ndc_x=NDC + ROW.replace("100", strength))


@pytest.mark.parametrize("changed", ["J9039,other,drug\n", "J9039,blinatumomab,never\n"])
def test_b9_a_hcpcs_code_with_two_sets_of_facts_is_refused(changed: str, tmp_path: Path) -> None:
    with pytest.raises(PolicyRefused, match=r"drug_codes_x.csv, line 3: (drug|role): the same"):
        _load(tmp_path, drug_codes_x=HCPCS + "J9039,blinatumomab,drug\n" + changed)

"""What `validate` prints of columns that no file has."""

import pytest

from flows.cli.columns import series_folded, show_columns
from flows.intake.origins import ABSENT, ColumnOrigin
from schemas.tables import TABLES


def test_the_absent_columns_of_a_claim_fit_into_a_line_that_a_person_reads(
    capsys: pytest.CaptureFixture[str],
) -> None:
    table = TABLES["medical_claim"]
    show_columns(
        [
            ColumnOrigin(table.name, c.name, {"same name" if c.required else ABSENT: 1}, 0, 0)
            for c in table.columns
        ]
    )
    (absent,) = [p for p in capsys.readouterr().out.splitlines() if p.startswith("absent: ")]
    assert "hcpcs_modifier_1 to hcpcs_modifier_5" in absent
    assert "diagnosis_code_1 to diagnosis_code_25" in absent
    assert "diagnosis_code_2," not in absent


def test_numbers_are_folded_only_if_they_follow_each_other() -> None:
    names = ["plan", "code_1", "code_2", "code_4", "code_12", "code_13", "note_14", "daw"]
    assert list(series_folded(names)) == [
        "plan",
        "code_1 to code_2",
        "code_4",
        "code_12 to code_13",
        "note_14",
        "daw",
    ]

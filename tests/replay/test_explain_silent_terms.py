"""`explain` shows a document whose terms do not apply to a line, says why, and what would change
it: the date, the case of the clause, or the case and what it tests."""

from datetime import date
from pathlib import Path

import pytest

from flows.replay.explain import explain
from flows.replay.explain_text import text_of
from tests.support.extracts import as_csv, good, write
from tests.support.nights import night
from tests.support.running import request_for

pytestmark = pytest.mark.slow

POLICY = """
[document]
id = "two-payers"
title = "Two payers"

[[payer]]
id = "acme"
names = ["Acme"]

[[payer]]
id = "bolt"
names = ["Bolt"]

[[version]]
effective_from = 2026-01-01
basis = "stated"
cite = "first version"

[[products]]
name = "drug"
hcpcs = ["J1000"]

[[quantity]]
term_id = "two-payers.units"
of = "drug"
effective_from = 2026-01-01
effective_to = 2026-05-01
cite = "ten units"
basis = "stated"
measure = "units"
most = 10
per = "line"
applies_to = { age = { from = "18 years" } }
unless = { sex = "female" }
finding = { outcome = "review" }

[[products]]
name = "other drug"
hcpcs = ["J2000"]

[[coding]]
term_id = "two-payers.waste"
of = "other drug"
effective_from = 2026-01-01
cite = "modifier on a date"
basis = "stated"
alternatives = "waste"
modifiers = { any = ["JW"] }
finding = { outcome = "advisory", once = "date" }

[[who]]
term_id = "two-payers.age"
of = "other drug"
effective_from = 2026-01-01
cite = "or an adult"
basis = "stated"
alternatives = "waste"
applies_to = { sex = "female" }
age = { from = "18 years" }
finding = { outcome = "advisory" }
"""
BORN = {
    "MAN": ("1970-05-05", "male"),
    "BOY": ("2015-05-05", "male"),
    "SHE": ("1970-05-05", "female"),
}
LINES = {
    "early": ("MAN", 1, "Acme", "2025-12-31", "J1000", "12"),
    "late": ("MAN", 2, "Acme", "2026-05-01", "J1000", "12"),
    "once": ("MAN", 3, "Acme", "2026-03-03", "J2000", "1"),
    "twice": ("MAN", 4, "Acme", "2026-03-03", "J2000", "2"),
    "boy": ("BOY", 1, "Bolt", "2026-02-02", "J1000", "12"),
    "boy-5": ("BOY", 2, "Bolt", "2026-02-03", "J1000", "5"),
    "she": ("SHE", 1, "Bolt", "2026-02-02", "J1000", "12"),
    "she-5": ("SHE", 2, "Bolt", "2026-02-03", "J1000", "5"),
    "either": ("SHE", 3, "Bolt", "2026-03-03", "J2000", "1"),
}
"""Name -> member and claim, line, payer, service date, code and units."""
EXPECTED = {
    "early": (
        "the first took effect on 2026-01-01",
        "had the service date been 2026-01-01 (the first day of a clause of two-payers) instead",
    ),
    "late": (
        "the clause ended on 2026-05-01",
        "2026-04-30 (the last day before a clause of two-payers) instead of 2026-05-01",
    ),
    "boy": ("the person was born on 2015-05-05", "had the person been born on 2008-02-02"),
    "boy-5": ("had the person been born on 2008-02-03, and had the line been of 11 units",),
    "she": ("the sex on file is female", "had the sex on file been male"),
    "she-5": ("had the sex on file been male, and had the line been of 11 units instead of 5",),
    "once": ("1 advisory, 1 not applicable",),
    "twice": ("the clause answers once a date, on another line",),
    "either": ("of the clauses of which one is enough, another answers",),
}


@pytest.fixture(scope="module")
def explained(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, int], str]:
    """The text about each line of each claim."""
    folder: Path = tmp_path_factory.mktemp("silent")
    (folder / "policies").mkdir()
    (folder / "policies" / "two.toml").write_text(POLICY, encoding="utf-8")
    lines = [
        good(
            "medical_claim",
            claim_id=member,
            claim_line_number=str(number),
            member_id=member,
            payer=payer,
            claim_start_date=day,
            claim_line_start_date=day,
            hcpcs_code=code,
            service_unit_quantity=units,
        )
        for member, number, payer, day, code, units in LINES.values()
    ]
    spans = [
        good("eligibility", member_id=member, payer="Acme", birth_date=born, gender=sex)
        for member, (born, sex) in BORN.items()
    ]
    extracts = write(
        folder / "in",
        {"medical_claim.csv": as_csv(lines), "eligibility.csv": as_csv(spans)},
    )
    request = request_for(
        extracts,
        folder / "out",
        folder / "audit.duckdb",
        date(2026, 6, 30),
        policies=folder / "policies",
    )
    night(request)
    found = {}
    for member in BORN:
        _, *lines_of = text_of(explain(request, member)).split("MEDICAL LINE ")
        found |= {(member, int(text[0])): " ".join(text.split()) for text in lines_of}
    return found


@pytest.mark.parametrize("name", list(LINES))
def test_a_silent_term_is_shown_with_its_reason_and_what_would_make_it_fire(
    name: str, explained: dict[tuple[str, int], str]
) -> None:
    text = explained[LINES[name][:2]]
    assert "- two-payers: Two payers" in text
    assert [words for words in EXPECTED[name] if words not in text] == [], text

"""`explain` says what every term of a document of the language answers on a line, and a later run
asks a window again that was open."""

from datetime import date
from pathlib import Path

import pytest

from flows.replay.explain import explain
from flows.replay.explain_text import text_of
from tests.support.extracts import as_csv, good, write
from tests.support.nights import night
from tests.support.running import request_for
from tests.support.spoken import ACME, LIMIT

pytestmark = pytest.mark.slow

POLICY = f"""{ACME}{LIMIT}
[[on_file]]
term_id = "acme-drug.2"
effective_from = 2020-01-01
cite = "no visit after"
basis = "stated"
forbid = [{{ service = "99213", window = [1, 14] }}]
finding = {{ outcome = "review" }}
"""


def test_explain_names_every_term_and_a_later_run_closes_an_open_window(tmp_path: Path) -> None:
    policies = tmp_path / "policies"
    policies.mkdir()
    (policies / "acme.toml").write_text(POLICY)
    own = {
        "payer": "Acme",
        "hcpcs_code": "J1000",
        "claim_start_date": "2026-03-02",
        "claim_line_start_date": "2026-03-02",
        "service_unit_quantity": "12",
    }
    extracts = write(tmp_path / "in", {"medical_claim.csv": as_csv([good("medical_claim", **own)])})
    found = {}
    for day in (date(2026, 3, 15), date(2026, 3, 16)):
        request = request_for(
            extracts if day.day == 15 else None,
            tmp_path / "out",
            tmp_path / "audit.duckdb",
            day,
            policies=policies,
        )
        night(request)
        found[day.day] = text_of(explain(request, "1"))
    first, later = (" ".join(text.split()) for text in found.values())
    assert "QTY10 quantity.in_period: recover (quantity_over_limit)" in first
    assert "FILE10 file.required_or_excluded: not evaluable (window_open)" in first
    assert "FILE10 file.required_or_excluded: pass" in later
    assert "acme-drug: units a date" in later
